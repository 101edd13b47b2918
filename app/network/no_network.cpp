#include "app/network/downloader.h"

#include <QThread>
#include <QUrl>

#include "app/network/qml_files_only.h"

// A build with PIO_NETWORK=OFF: nothing of QtNetwork is in the program, and each download says so.

namespace pio {

class RequestMaker {};
class FileTransfer {};

bool Downloader::isBuiltIn() { return false; }
Downloader::Downloader(const QString& dataFolder, const TransferPace& pace, QObject* parent)
    : QObject(parent), m_dataFolder(dataFolder), m_pace(pace) {}
Downloader::~Downloader() = default;
void Downloader::choose(bool, const QString&) {}
void Downloader::fetch(const DownloadOrder& order) {
  DownloadState state{order.id};
  state.phase = DownloadState::Phase::failed;
  state.problem.kind = TransferProblem::Kind::no_network;
  Q_EMIT changed(state);
}
void Downloader::pause(const QString&) {}
void Downloader::cancel(const DownloadOrder&) {}
void Downloader::lookForParts(const QList<DownloadOrder>&) {}
void Downloader::readLedger() { Q_EMIT ledgerRead(NetworkLedger(m_dataFolder).entries()); }
void Downloader::stop() {}
void Downloader::close() { QThread::currentThread()->quit(); }

QString addressOf(const FileOrder& order) { return QStringLiteral("%1/resolve/%2/%3").arg(order.repository, order.revision, order.path); }

bool isBaseAddress(const QString& base) { return QUrl(base).scheme().startsWith(QLatin1String("http")); }

void fetchFilesOnly(QQmlEngine& engine) { interceptAddresses(engine); }

}  // namespace pio
