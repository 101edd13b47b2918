#pragma once

#include <QByteArray>
#include <QJsonDocument>
#include <QString>
#include <optional>

// Whose conversations a file holds that is no export of ours. No more than a look: nothing of it is read.

namespace pio {

// "ChatGPT", "Claude", "LM Studio", "Jan", "Open WebUI"; "" for JSON of anything else; unset for an export of ours, sound or not.
std::optional<QString> foreignProgram(const QJsonDocument& document);

// The same for a file of a JSON document a line, which is no JSON as a whole.
std::optional<QString> foreignProgramOfLines(const QByteArray& bytes);

}  // namespace pio
