#pragma once

#include <QStringList>

// The schema's history: statements that lead from version i to i + 1. What has been released is never changed.

namespace pio {

QStringList migrationFrom(int version);

// Makes the search index of the current schema, empty; fills it from the chats and messages, which are all that it says.
QString makeIndex();
QStringList fillIndex();

}  // namespace pio
