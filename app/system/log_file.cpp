#include "app/system/log_file.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QRegularExpression>
#include <atomic>

#include "kernels/base/log.h"

namespace pio {

// Off where nobody keeps a file: in errands and tests.
Q_LOGGING_CATEGORY(programLog, "pio.program", QtFatalMsg)
Q_LOGGING_CATEGORY(modelLog, "pio.model", QtFatalMsg)
Q_LOGGING_CATEGORY(answerLog, "pio.answer", QtFatalMsg)
Q_LOGGING_CATEGORY(engineLog, "pio.engine", QtFatalMsg)

namespace {

constexpr std::size_t kMostWaiting = 2000;  // lines; more are dropped, so that a disk that hangs costs no memory

// For the handler, which Qt calls on any thread. Taken away before the object goes.
std::mutex currentMutex;
LogFile* current = nullptr;
std::atomic<QtMessageHandler> handlerBefore = nullptr;

const char* nameOf(QtMsgType type) {
  switch (type) {
    case QtDebugMsg: return "debug";
    case QtInfoMsg: return "info";
    case QtWarningMsg: return "warning";
    case QtCriticalMsg: return "error";
    case QtFatalMsg: return "fatal";
  }
  return "";
}

bool isOwn(const QString& category) { return category.startsWith(QLatin1String("pio.")); }

QString withoutQuotes(QString words) {
  static const QRegularExpression quoted(QStringLiteral("\"[^\"]*\"?|“[^”]*”?|'[^']*'"));
  return words.replace(quoted, QStringLiteral("\"…\""));
}

void onEngineMessage(LogLevel level, std::string_view text) {
  const QString words = QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
  if (level == LogLevel::warning) qCWarning(engineLog).noquote() << words;
  else qCInfo(engineLog).noquote() << words;
}

}  // namespace

QByteArray LogFile::line(QtMsgType type, const QString& category, const QString& words) {
  QString text = (isOwn(category) ? words : withoutQuotes(words)).simplified();
  if (text.size() > kLongestLine) text = text.left(kLongestLine) + QStringLiteral("…");
  return QStringLiteral("%1 %2 %3: %4\n")
      .arg(QDateTime::currentDateTime().toString(Qt::ISODateWithMs), QLatin1String(nameOf(type)), category, text)
      .toUtf8();
}

LogFile::LogFile(QString folder) : m_folder(std::move(folder)), m_thread([this](std::stop_token stop) { work(stop); }) {
  {
    const std::lock_guard lock(currentMutex);
    current = this;
  }
  m_before = qInstallMessageHandler(&LogFile::onMessage);
  handlerBefore = m_before;
  QLoggingCategory::setFilterRules(QStringLiteral("pio.*=true"));
  set_log_sink(onEngineMessage);
}

LogFile::~LogFile() {
  set_log_sink(nullptr);
  QLoggingCategory::setFilterRules({});
  qInstallMessageHandler(m_before);
  {
    const std::lock_guard lock(currentMutex);
    current = nullptr;
  }
  m_thread.request_stop();
  m_thread.join();
}

void LogFile::onMessage(QtMsgType type, const QMessageLogContext& context, const QString& words) {
  const QString category = QString::fromLatin1(context.category != nullptr ? context.category : "");
  const QByteArray text = line(type, category, words);  // before the lock: what it calls may have something to say, too
  {
    const std::lock_guard lock(currentMutex);
    if (current != nullptr && type == QtFatalMsg) current->write(text);  // Qt ends the program next
    else if (current != nullptr) current->add(text);
  }
  if (isOwn(category)) return;  // for the file alone
  if (const QtMessageHandler before = handlerBefore; before != nullptr) before(type, context, words);
  else std::fprintf(stderr, "%s\n", qFormatLogMessage(type, context, words).toLocal8Bit().constData());
}

void LogFile::add(QByteArray line) {
  {
    const std::lock_guard lock(m_mutex);
    if (m_lines.size() >= kMostWaiting) return;
    m_lines.push_back(std::move(line));
  }
  m_changed.notify_one();
}

void LogFile::work(std::stop_token stop) {
  std::unique_lock lock(m_mutex);
  for (;;) {
    m_changed.wait(lock, stop, [this] { return !m_lines.empty(); });
    if (m_lines.empty()) return;  // and it is to stop
    QByteArray lines;
    for (const QByteArray& waiting : m_lines) lines += waiting;
    m_lines.clear();
    lock.unlock();
    write(lines);
    lock.lock();
  }
}

// Where it cannot be written it is not: there is nobody to tell.
void LogFile::write(const QByteArray& lines) {
  const QString path = pathIn(m_folder);
  QDir().mkpath(m_folder);
  if (QFile(path).size() + lines.size() > kMostBytes) {
    QFile::remove(pathBefore(m_folder));
    QFile::rename(path, pathBefore(m_folder));
  }
  QFile file(path);
  const bool isNew = !file.exists();
  if (!file.open(QIODevice::WriteOnly | QIODevice::Append)) return;
  if (isNew) file.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
  file.write(lines);
}

}  // namespace pio
