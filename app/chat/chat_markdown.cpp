#include "app/chat/chat_markdown.h"

#include <QCoreApplication>
#include <QUrl>
#include <algorithm>

namespace pio {
namespace {

// At namespace scope lupdate takes the namespace for the context.
QString tr(const char* text) { return QCoreApplication::translate("pio", text); }

QString quoted(const QString& text) { return QStringLiteral("> ") + QString(text).replace(u'\n', QStringLiteral("\n> ")); }

// A fence longer than any within the text.
QString fenced(const QString& text, const QString& language) {
  qsizetype longest = 2, run = 0;
  for (const QChar c : text) longest = std::max(longest, run = c == u'`' ? run + 1 : 0);
  const QString fence(longest + 1, u'`');
  return fence + language + u'\n' + text + u'\n' + fence;
}

QString nameOf(const Message& message) {
  switch (message.role) {
    case Message::Role::System: return tr("System prompt");
    case Message::Role::User: return tr("You");
    case Message::Role::Tool: return tr("Result of a function");
    case Message::Role::Assistant: break;
  }
  return message.modelName.isEmpty() ? tr("Answer") : message.modelName;
}

QString endOf(const Message& message) {
  switch (message.state) {
    case Message::State::Stopped: return tr("Stopped.");
    case Message::State::Unfinished: return tr("Not finished.");
    case Message::State::Failed: return message.error.title;
    case Message::State::Complete:
    case Message::State::Streaming: break;
  }
  return {};
}

}  // namespace

QString markdownOf(const QString& title, const QList<Message>& messages) {
  QStringList parts;
  if (!title.isEmpty()) parts.append(QStringLiteral("# ") + title.simplified());
  for (const Message& message : messages) {
    parts.append(QStringLiteral("## ") + nameOf(message));
    for (const QString& picture : message.pictures())
      parts.append(QStringLiteral("![](<%1>)").arg(QUrl::fromLocalFile(picture).toString(QUrl::FullyEncoded)));
    if (const QString thought = message.reasoning().trimmed(); !thought.isEmpty()) parts.append(quoted(thought));
    if (const QString text = message.text().trimmed(); !text.isEmpty()) parts.append(text);
    for (const ToolUse& call : message.toolCalls())
      parts.append(tr("Asked for `%1`:").arg(call.name) + u'\n' + fenced(call.arguments, QStringLiteral("json")));
    if (const QString end = endOf(message); !end.isEmpty()) parts.append(u'*' + end + u'*');
  }
  return parts.join(QStringLiteral("\n\n")) + u'\n';
}

}  // namespace pio
