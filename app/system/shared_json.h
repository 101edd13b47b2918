#pragma once

#include <QHash>
#include <QJsonObject>
#include <QObject>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <functional>

class QFileSystemWatcher;

// JSON files that all windows of a data folder share: settings and the list of models. A window writes only the values that it changed,
// into what the file holds by then, and learns of what others changed.

namespace pio {

// What turns `before` into `after`, as a JSON merge patch (RFC 7396): null for a key that went.
QJsonObject mergePatch(const QJsonObject& before, const QJsonObject& after);
QJsonObject merged(QJsonObject content, const QJsonObject& patch);

// Reads and writes them. Lives on the files thread.
class SharedJsonFiles : public QObject {
  Q_OBJECT

 public slots:
  // A file that is no JSON object is copied at once: what stands in for it may be saved at any time.
  void watch(const QString& path);
  // Under a lock that other processes respect.
  void merge(const QString& path, const QJsonObject& patch);

 signals:
  void mergeDone(const QString& path, const QJsonObject& content);  // each merge ends with this or mergeFailed
  void mergeFailed(const QString& path, const QString& details);    // the file is as it was
  void changedOutside(const QString& path, const QJsonObject& content);
  void savingFailed(const QString& path, const QString& details);  // the first merge of several that fail
  void savingRecovered();                                          // nothing waits for a merge any more
  void copyKept(const QString& path, const QString& copy);         // once for each copy

 private:
  void lookAgain();
  bool keepCopy(const QString& path, const QByteArray& bytes);

  QFileSystemWatcher* m_watcher = nullptr;
  QHash<QString, QByteArray> m_known;  // what each watched file held last
  QStringList m_failing;               // files whose last merge failed
  QStringList m_copies;                // that were told of
};

// One such file as its owner sees it. Lives on the owner's thread.
class SharedJson : public QObject {
  Q_OBJECT

 public:
  // `write` gives the owner's values as JSON; `read` takes them, with what cannot be read left at its default.
  SharedJson(QString path, SharedJsonFiles* files, std::function<QJsonObject()> write, std::function<void(const QJsonObject&)> read);
  const QString& path() const { return m_path; }
  // Before the window is there: the one read on the caller's thread.
  QJsonObject start();
  // What changed since the last save, on its way to the file; a save that failed is tried again every three seconds.
  void save();
  void saveAll();  // every value, when the file holds them in an older form

 signals:
  void changedOutside();  // the owner has read new values

 private:
  void adopt(const QJsonObject& content);

  QString m_path;
  SharedJsonFiles* m_files;
  std::function<QJsonObject()> m_write;
  std::function<void(const QJsonObject&)> m_read;
  QJsonObject m_onDisk;  // the values when the file was read last
  QJsonObject m_sent;    // the values when they were saved last
  int m_underWay = 0;    // merges that have not ended
  bool m_hasFailed = false;
  QTimer m_again;
};

}  // namespace pio
