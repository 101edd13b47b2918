#include "app/application.h"

#include <QDir>
#include <QFileInfo>

#include "app/chat/chat_markdown.h"
#include "app/text/language.h"
#include "app/history/history_writer.h"
#include "app/system/background_files.h"

namespace pio {
namespace {

// Qt's own dialog gives what was typed as a path without a scheme.
QString targetOf(const QUrl& file) { return file.scheme().isEmpty() ? file.path() : file.toLocalFile(); }

}  // namespace

void Application::wire(HistoryWriter* writer, BackgroundFiles* files) {
  m_writer = writer;
  m_files = files;
  connect(files, &BackgroundFiles::textSaved, this, [this](const QString& path) { Q_EMIT chatSaved(QUrl::fromLocalFile(path)); });
  connect(files, &BackgroundFiles::textNotSaved, this, [this](const QString& path, const QString& details) {
    notices->show(Notices::Chats, fileNotice(FileNotice::export_failed, path, details));
  });
  connect(writer, &HistoryWriter::exported, this, [this](const QString& path) { Q_EMIT exported(QUrl::fromLocalFile(path)); });
  connect(writer, &HistoryWriter::exportFailed, this, [this](const QString& path, const QString& details) {
    notices->show(Notices::Chats, fileNotice(FileNotice::export_failed, path, details));
  });
  connect(writer, &HistoryWriter::imported, this, [this](const ImportReport& report) {
    if (report.isDone()) Q_EMIT imported(importText(report));
    else notices->show(Notices::Chats, importNotice(report));
  });
  connect(history, &HistoryModel::openRequested, this, &Application::openChat);
  connect(code, &CodeController::fileMissing, this, [this](const QString& chatId, const UserError& words) {
    m_chatWithoutFile = chatId;
    notices->show(Notices::ChatFile, words);
    Q_EMIT paneRequested(ChatPane);
    chat->openChat(chatId);
  });
  connect(chat, &ChatController::chatChanged, this, [this] {
    if (chat->chatId() != m_chatWithoutFile) notices->clear(Notices::ChatFile);
  });
}

void Application::openChat(const QString& chatId, const QString& messageId) {
  const ChatRecord record = history->record(chatId);
  const bool isCode = record.kind == ChatRecord::Kind::Code;
  notices->clear(Notices::ChatFile);
  Q_EMIT paneRequested(isCode ? CodePane : record.kind == ChatRecord::Kind::Image ? ImagePane : ChatPane);
  if (isCode) code->openChat(chatId, record.file);
  else chat->openChat(chatId, messageId);
}

Application::FileKind Application::kindOf(const QUrl& file, Pane shown) const {
  if (!file.isLocalFile()) return OtherFile;
  const QString path = QDir::cleanPath(file.toLocalFile());
  const QFileInfo info(path);
  const QString suffix = info.suffix().toLower();
  if (suffix == QLatin1String("gguf") || (info.isDir() && QFileInfo::exists(path + QStringLiteral("/config.json")))) return ModelFile;
  if (isPictureName(path)) return PictureFile;
  if (suffix == QLatin1String("json") && shown != CodePane) return ChatsFile;
  return isSourceFile(path) || (shown == CodePane && info.isFile()) ? SourceFile : OtherFile;
}

void Application::openFiles(const QList<QUrl>& files, Pane shown) {
  QList<QUrl> pictures;
  for (const QUrl& file : files) {
    switch (kindOf(file, shown)) {
      case ModelFile: models->choose(QDir::cleanPath(file.toLocalFile())); break;
      case PictureFile: pictures.append(file); break;
      case ChatsFile: Q_EMIT importOffered(file); break;
      case SourceFile:
        code->open(file);
        Q_EMIT paneRequested(CodePane);
        break;
      case OtherFile: Q_EMIT unsupportedFile(file); break;
    }
  }
  if (pictures.isEmpty()) return;
  if (chat->chatId().isEmpty() && !chat->isImage()) chat->newImageChat();
  chat->tray()->add(pictures);
  Q_EMIT paneRequested(ImagePane);
}

void Application::importFile(const QUrl& file) {
  QMetaObject::invokeMethod(m_writer, [writer = m_writer, path = file.toLocalFile()] { writer->importFrom(path); });
}

void Application::exportTo(const QUrl& file) {
  QMetaObject::invokeMethod(m_writer, [writer = m_writer, path = targetOf(file)] { writer->exportTo(path); });
}

void Application::saveChat(const QUrl& file) {
  QMetaObject::invokeMethod(m_files, [files = m_files, path = targetOf(file), title = chat->title(), messages = chat->messages()->messages()] {
    files->saveText(path, markdownOf(title, messages).toUtf8());
  });
}

}  // namespace pio
