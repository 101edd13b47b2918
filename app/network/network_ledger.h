#pragma once

#include <QByteArray>
#include <QDateTime>
#include <QList>
#include <QMetaType>
#include <QString>

// DATA/network.jsonl: every request that this program made, noted before it leaves. Lines are appended, so that windows and commands share it.

namespace pio {

struct LedgerEntry {
  QString id;
  QDateTime at;
  QString host;      // "huggingface.co", with its port where that is not the usual one
  QString path;      // without the query, which may hold keys
  QString proxy;     // the host that carried it; "" none
  QString why;       // "download"
  QString what;      // "Qwen3-4B-Instruct-2507:Q4_K_M"
  int status = 0;    // 0: no answer, or the program died before it was noted
  qint64 bytes = 0;  // of the answer's body; of a request that the program did not outlive, as far as it was noted
};

class NetworkLedger {
 public:
  static constexpr qint64 kMostBytes = 4 << 20;  // of the file; then its older half goes

  explicit NetworkLedger(QString dataFolder);
  // False when it cannot be written: then nothing may be asked. Gives the entry its id and time.
  bool begin(LedgerEntry& entry);
  void update(const LedgerEntry& entry);
  // Oldest first. Lines that cannot be read are passed over.
  QList<LedgerEntry> entries() const;
  QByteArray json() const;  // {"requests":[…]}
  const QString& path() const { return m_path; }

 private:
  bool append(const QByteArray& line);
  void shorten();

  QString m_path;
  QString m_session;
  int m_count = 0;
};

}  // namespace pio

Q_DECLARE_METATYPE(pio::LedgerEntry)
