#pragma once

#include <QStringList>

// The schema's history: statements that lead from version i to i + 1. What has been released is never changed.

namespace pio {

QStringList migrationFrom(int version);

}  // namespace pio
