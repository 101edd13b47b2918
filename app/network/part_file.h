#pragma once

#include <QCryptographicHash>
#include <QFile>
#include <QHash>
#include <QString>
#include <memory>

// A file on its way: TARGET.part, and TARGET.part.notes with the XXH3 of what was written. What a killed program, a full disk or a hand left
// wrong in a part is found by them, and that part alone is fetched again. SHA-256 of the whole runs along.
//
// Bytes are taken in order: at() is how many are there, sound and counted in the SHA-256. Behind at() noted parts may lie that were not
// looked at yet.

namespace pio {

class PartFile {
 public:
  static constexpr qint64 kPartBytes = 16 << 20;
  static constexpr qint64 kNoteBytes = 1 << 20;  // so far a killed program loses

  // Whose bytes they are.
  struct Origin {
    QString address;    // repository/resolve/revision/path
    QString name;       // what was asked for: "Qwen3-4B-Instruct-2507:Q4_K_M"
    QString validator;  // for If-Range: the ETag of the answer they came with, or its date; "" none
    QString stated;     // the server's SHA-256; "" none
    qint64 total = -1;
  };
  enum class Opened { yes, busy, failed };
  enum class Check { sound, damaged, nothing };

  explicit PartFile(const QString& target);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  // Locks it against other programs until it is closed. `error()` says why it failed.
  Opened open();
  void close();
  bool isOpen() const { return m_data.isOpen(); }
  QString error() const { return m_data.errorString(); }
  bool isDiskFull() const { return m_data.error() == QFile::ResourceError || m_noteFile.error() == QFile::ResourceError; }

  const Origin& origin() const { return m_origin; }
  bool holdsAnything() const { return m_at > 0 || !m_notes.isEmpty(); }
  qint64 at() const { return m_at; }
  qint64 total() const { return m_origin.total; }
  qint64 size() const { return m_data.size(); }  // on the disk, sound or not
  bool isComplete() const { return m_origin.total >= 0 && m_at == m_origin.total; }
  // Where the next noted part begins; -1: none lies ahead.
  qint64 gapEnd() const;
  qint64 notedBytes() const;  // of all parts

  // Reads what is noted at at(): sound bytes count from then on.
  Check checkNext();
  // From the start, of another origin; what was there is gone.
  bool begin(const Origin& origin);
  bool write(const char* bytes, qint64 n);
  // What is there of an unfinished part counts for the next run.
  void noteRest();

  QByteArray sha256() const;  // of the bytes up to at(), hexadecimal
  // Reads part `index` back from the disk; false: it is not what was written, and its note is gone.
  bool readBack(qint64 index);
  qint64 parts() const { return (m_origin.total + kPartBytes - 1) / kPartBytes; }
  void rewind();  // at() is 0 again, for checkNext

  // Its final name, when what was written is on the disk.
  bool commit();
  void discard();

  static QString partPath(const QString& target) { return target + QStringLiteral(".part"); }
  static QString notesPath(const QString& target) { return target + QStringLiteral(".part.notes"); }
  // What lies there of a target, for who shows it: nothing is opened for writing and nothing locked.
  static Origin originOf(const QString& notesPath, qint64* notedBytes = nullptr);

 private:
  struct Note {
    qint64 bytes = 0;
    quint64 hash = 0;
  };
  struct Notes {
    Origin origin;
    QHash<qint64, Note> parts;
  };
  static Notes read(const QString& path);
  bool startNotes();
  bool note(qint64 index, const Note& note);
  quint64 hashNow() const;
  void restartPart();

  QString m_target;
  QFile m_data, m_noteFile;
  Origin m_origin;
  QHash<qint64, Note> m_notes;
  qint64 m_at = 0;
  std::unique_ptr<QCryptographicHash> m_sha;
  struct PartHash;
  std::unique_ptr<PartHash> m_part;  // of the bytes of the part at at()
};

}  // namespace pio
