#pragma once

#include <QString>

#include "app/network/downloader.h"
#include "engine/catalogue/catalogue.h"

// From what the catalogue says of a model to what is to be fetched.

namespace pio {

// Where files come from unless somebody chose otherwise.
QString usualBase();
// The disk of the history stays writable: so much of it is left free when both lie on one. For a thread that may wait.
qint64 historyReserve(const QString& dataFolder, const QString& folder);
// A model's file with its mmproj, which comes first: a model without it would not see.
DownloadOrder orderOf(const PublishedModel& model, const PublishedFile& file, const QString& base, const QString& folder);
// The same of its mmproj alone, which it must have.
DownloadOrder halfOrderOf(const PublishedModel& model, const PublishedFile& file, const QString& base, const QString& folder);

}  // namespace pio
