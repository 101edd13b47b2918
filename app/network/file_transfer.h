#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QPointer>
#include <QTimer>
#include <QUrl>

#include "app/network/part_file.h"
#include "app/network/transfer_order.h"
#include "app/network/transfer_problem.h"

class QNetworkReply;

// One file from its address to its final name: asked for with what is still missing, taken up again at the byte where a connection breaks,
// checked by its SHA-256. Everything a server can do wrong ends in a TransferProblem.

namespace pio {

class RequestMaker;

class FileTransfer : public QObject {
  Q_OBJECT

 public:
  FileTransfer(RequestMaker* requests, const FileOrder& order, const TransferPace& pace, QObject* parent = nullptr);
  ~FileTransfer() override;
  void start();
  // What came stays. Nothing is said any more.
  void stop();
  qint64 bytes() const;
  qint64 total() const;

 signals:
  void progressed();
  void checking(bool is);     // reads what is there
  void stalled(bool is);      // no bytes for a while
  void waiting(int seconds);  // before the next try; 0: it goes on
  void done(const pio::FileDone& file);
  void failed(const pio::TransferProblem& problem);

 private:
  void later(void (FileTransfer::*step)());
  void readExisting();
  void openPart();
  void step();
  void ask(const QUrl& url);
  void answered();
  void redirected(const QUrl& from, int status);
  bool takePart();
  bool takeWhole();
  bool begin(qint64 length);
  bool hasRoom(qint64 missing);
  void read(bool isLast);
  void ended();
  void leave();  // the reply
  void tryAgain(TransferProblem::Kind why, const QString& details);
  void asksAnew();
  bool changed();
  void finish();
  void readBackNext();
  void fail(TransferProblem problem);
  TransferProblem problem(TransferProblem::Kind kind, const QString& details = {}) const;
  QString wantedHash() const { return m_order.sha256.isEmpty() ? m_stated : m_order.sha256; }

  RequestMaker* m_requests;
  FileOrder m_order;
  TransferPace m_pace;
  PartFile m_part;
  QPointer<QNetworkReply> m_reply;
  QUrl m_url;  // of the reply
  int m_hops = 0;
  bool m_isHeaded = false;  // its headers were read
  bool m_hasEnd = false;    // the answer says where it ends
  bool m_isPlain = false;   // ranges are not asked for: the server lies about them
  bool m_isStopped = false;
  qint64 m_skip = 0;   // of the answer's body: bytes that are there
  qint64 m_until = 0;  // the answer's bytes go so far
  QString m_stated;
  qint64 m_most = 0;  // at() was so far: less is no progress
  int m_failures = 0, m_changes = 0, m_mismatches = 0, m_rewinds = 0;
  TransferProblem m_last;  // why the last try ended
  qint64 m_backAt = 0;     // next part to read back
  std::unique_ptr<QFile> m_existing;
  std::unique_ptr<QCryptographicHash> m_existingHash;
  QTimer m_stall, m_silence, m_wait;
};

// Never to less than what it comes from: https stays https, and nothing but http(s) is followed.
bool mayFollow(const QUrl& from, const QUrl& to);

}  // namespace pio
