#pragma once

#include <QString>
#include <QStringList>

// `--download NAME[:QUANTIZATION]` and `--network-ledger`, without a window and without a display.

namespace pio {

struct DownloadCommand {
  QString name;
  QString dataFolder;
  QString catalogue;        // a file; "" the program's own
  QString base, proxy, to;  // "" as the settings say
  bool isJson = false;
  bool isOffline = false;
};

// Each gives the exit status. The first runs an event loop: there is a QCoreApplication.
int runDownload(const DownloadCommand& command);
int printLedger(const QString& dataFolder);

}  // namespace pio
