#pragma once

#include <QList>
#include <QString>

#include "app/chat/conversation_model.h"

namespace pio {

// One chat as Markdown for other programs: its title, then each message under the name of who wrote it. Pure.
QString markdownOf(const QString& title, const QList<Message>& messages);

}  // namespace pio
