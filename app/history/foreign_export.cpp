#include "app/history/foreign_export.h"

#include <QJsonArray>
#include <QJsonObject>

namespace pio {
namespace {

QString programOf(const QJsonObject& first) {
  if (first.value("mapping").isObject()) return QStringLiteral("ChatGPT");
  if (first.value("chat_messages").isArray()) return QStringLiteral("Claude");
  if (first.value("chat").isObject()) return QStringLiteral("Open WebUI");
  const QJsonArray messages = first.value("messages").toArray();
  if (messages.first().toObject().value("versions").isArray()) return QStringLiteral("LM Studio");
  if (first.value("object").toString().startsWith(QLatin1String("thread")) || first.value("assistants").isArray()) return QStringLiteral("Jan");
  return {};
}

}  // namespace

std::optional<QString> foreignProgram(const QJsonDocument& document) {
  const QJsonObject object = document.isArray() ? document.array().first().toObject() : document.object();
  const bool isOurs =
      document.isObject() && (object.contains(QLatin1String("version")) || object.contains(QLatin1String("chats"))) && programOf(object).isEmpty();
  if (isOurs) return std::nullopt;
  return programOf(object);
}

std::optional<QString> foreignProgramOfLines(const QByteArray& bytes) {
  const qsizetype end = bytes.indexOf('\n');
  const QJsonDocument first = end < 0 ? QJsonDocument() : QJsonDocument::fromJson(bytes.first(end));
  if (!first.isObject()) return std::nullopt;
  return programOf(first.object());
}

}  // namespace pio
