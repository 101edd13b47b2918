#pragma once

#include <QByteArray>
#include <QLoggingCategory>
#include <QString>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

// What the program did and what went wrong, for a report of a fault: FOLDER/inference-pio.log and the file before it.
//
// Never a word of a conversation. What the program itself writes (categories "pio.…") is made of numbers, names of files and errors of the engine;
// of what Qt says, whatever stands between quotation marks is left out, because nobody knows what it quotes.

namespace pio {

Q_DECLARE_LOGGING_CATEGORY(programLog)  // "pio.program"
Q_DECLARE_LOGGING_CATEGORY(modelLog)    // "pio.model"
Q_DECLARE_LOGGING_CATEGORY(answerLog)   // "pio.answer"
Q_DECLARE_LOGGING_CATEGORY(engineLog)   // "pio.engine"

class LogFile {
 public:
  static constexpr qint64 kMostBytes = 256 * 1024;  // of a file; then it becomes the one before
  static constexpr qsizetype kLongestLine = 500;    // characters

  // Takes over Qt's messages and the engine's from now on, and passes Qt's on to where they went before. One at a time.
  explicit LogFile(QString folder);
  // Writes what waits and gives the messages back.
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  static QString pathIn(const QString& folder) { return folder + QStringLiteral("/inference-pio.log"); }
  static QString pathBefore(const QString& folder) { return folder + QStringLiteral("/inference-pio.1.log"); }
  // One line: when, how bad, of what, the words.
  static QByteArray line(QtMsgType type, const QString& category, const QString& words);

 private:
  static void onMessage(QtMsgType type, const QMessageLogContext& context, const QString& words);
  void add(QByteArray line);
  void work(std::stop_token stop);
  void write(const QByteArray& lines);

  QString m_folder;
  QtMessageHandler m_before = nullptr;
  std::mutex m_mutex;
  std::condition_variable_any m_changed;
  std::deque<QByteArray> m_lines;  // that wait
  std::jthread m_thread;           // the disk is waited for here alone
};

}  // namespace pio
