#pragma once

#include <QList>
#include <QMetaType>
#include <QString>

#include "app/system/value_names.h"

// What is to be fetched, and what came. Values: they go between threads.

namespace pio {

struct FileOrder {
  QString base;        // "https://huggingface.co"
  QString repository;  // "owner/name"
  QString revision = QStringLiteral("main");
  QString path;        // there
  QString target;      // here, with its final name
  QString name;        // what was asked for: "Qwen3-4B-Instruct-2507:Q4_K_M"
  qint64 bytes = -1;   // of the catalogue; -1 not known
  QString sha256;      // of the catalogue; "" not known
  qint64 reserve = 0;  // bytes of the disk that stay free, if historyReserve() is not more
};

struct FileDone {
  enum class Verified { pinned, stated, size };  // by the catalogue's hash, by the server's, by the length alone: each says less
  QString path;
  QString sha256;
  Verified verified = Verified::size;
};

// As files and --json have it.
inline constexpr ValueName<FileDone::Verified> kVerifiedNames[] = {
    {FileDone::Verified::pinned, "pinned"}, {FileDone::Verified::stated, "stated"}, {FileDone::Verified::size, "size"}};

// How long what does not come is waited for. Tests are in a hurry.
struct TransferPace {
  int retryMs = 1000;      // before the first try again without progress; each later one waits twice as long
  int stallMs = 10'000;    // without bytes: then it is said
  int silenceMs = 15'000;  // then the connection is given up
};

// "repository/resolve/revision/path"
QString addressOf(const FileOrder& order);
// Whether the base is http(s) with a host and no more than a path.
bool isBaseAddress(const QString& base);

}  // namespace pio

Q_DECLARE_METATYPE(pio::FileDone)
