#pragma once

#include <QElapsedTimer>
#include <QList>
#include <QObject>
#include <QTimer>
#include <memory>

#include "app/network/network_ledger.h"
#include "app/network/transfer_order.h"
#include "app/network/transfer_problem.h"

// The queue of downloads, one file at a time. Lives on the network thread, or on the only one of a command.

namespace pio {

class FileTransfer;
class RequestMaker;

// A model's files, the model's own last.
struct DownloadOrder {
  QString id;  // "Qwen3-VL-2B-Instruct:Q8_0"
  QList<FileOrder> files;
};

struct DownloadState {
  enum class Phase { waiting, running, checking, paused, failed, done, cancelled };
  QString id;
  Phase phase = Phase::waiting;
  qint64 bytes = 0, total = -1;  // of all its files; -1 not known
  double bytesPerSecond = 0;     // of the last seconds; 0 not known yet
  int secondsToTry = 0;          // of a try that waits
  bool isStalled = false;        // no bytes for 10 s
  QString host = {};             // that is asked
  TransferProblem problem = {};
  bool operator==(const DownloadState&) const = default;
};

class Downloader : public QObject {
  Q_OBJECT

 public:
  explicit Downloader(const QString& dataFolder, const TransferPace& pace = {}, QObject* parent = nullptr);
  ~Downloader() override;
  static bool isBuiltIn();  // false: a build without network code, every download fails

 public slots:
  void choose(bool isOffline, const QString& proxy);
  // Behind those that wait; one that was paused or failed goes on.
  void fetch(const pio::DownloadOrder& order);
  void pause(const QString& id);
  // What came is removed.
  void cancel(const pio::DownloadOrder& order);
  // Those of the orders of which something lies on the disk are told of as paused. Nothing is asked of anybody.
  void lookForParts(const QList<pio::DownloadOrder>& orders);
  void readLedger();
  // What came stays; nothing is said any more.
  void stop();
  // Last of all: ends this thread's event loop.
  void close();

 signals:
  void changed(const pio::DownloadState& state);
  void fileDone(const QString& id, const pio::FileDone& file);
  void recorded();                                          // a request: the ledger has something new
  void ledgerRead(const QList<pio::LedgerEntry>& entries);  // oldest first

 private:
  struct Entry {
    DownloadOrder order;
    DownloadState state;
    qsizetype file = 0;
    qint64 doneBytes = 0;  // of the files before it
  };
  Entry* find(const QString& id);
  RequestMaker* requests();  // made with the first download
  void next();
  void startFile();
  void fileEnded(const FileDone& file);
  void fail(const TransferProblem& problem);
  void leave();  // the running one
  void tell();
  void measure();
  void addTotals(Entry& entry) const;

  QString m_dataFolder;
  TransferPace m_pace;
  RequestMaker* m_requests = nullptr;
  QList<Entry> m_entries;
  QString m_running;
  FileTransfer* m_transfer = nullptr;
  bool m_isOffline = false, m_isProxyRight = true;
  QString m_proxy;
  QTimer m_tick;  // figures are told four times a second
  bool m_isUntold = false;
  struct Sample {
    qint64 ms, bytes;
  };
  QList<Sample> m_samples;
  QElapsedTimer m_clock;
};

}  // namespace pio

Q_DECLARE_METATYPE(pio::DownloadOrder)
Q_DECLARE_METATYPE(pio::DownloadState)
