#include "app/network/download_command.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>
#include <QSocketNotifier>
#include <csignal>
#include <cstdio>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

#include "app/error_text.h"
#include "app/network/downloader.h"
#include "app/network/network_ledger.h"
#include "app/network/orders.h"
#include "app/program.h"
#include "engine/catalogue/catalogue.h"

namespace pio {
namespace {

constexpr int kInterrupted = 130;

int complain(const QString& words) {
  std::fprintf(stderr, "inference-pio: %s\n", words.toUtf8().replace('\n', ' ').constData());
  return 1;
}

void print(const QJsonObject& object) {
  std::printf("%s\n", QJsonDocument(object).toJson(QJsonDocument::Compact).constData());
  std::fflush(stdout);
}

int stopPipe[2] = {-1, -1};

void onStopSignal(int) {
  const char byte = 1;
  [[maybe_unused]] const ssize_t written = ::write(stopPipe[0], &byte, 1);
}

struct Wanted {
  PublishedModel model;
  PublishedFile file;
};

// NAME or NAME:QUANTIZATION, in upper or lower case.
std::optional<Wanted> find(const std::vector<PublishedModel>& catalogue, const QString& typed, QString& problem) {
  const auto same = [](const std::string& a, const QString& b) { return QString::fromStdString(a).compare(b, Qt::CaseInsensitive) == 0; };
  QStringList names;
  for (const PublishedModel& model : catalogue) {
    const QString name = QString::fromStdString(model.name);
    names.append(name);
    const bool isWhole = same(model.name, typed);
    if (!isWhole && !typed.startsWith(name + u':', Qt::CaseInsensitive)) continue;
    const QString quantization = isWhole ? QString() : typed.mid(name.size() + 1);
    QStringList kinds;
    for (const PublishedFile& file : model.files) {
      if (quantization.isEmpty() || same(file.quantization, quantization)) return Wanted{model, file};
      kinds.append(QString::fromStdString(file.quantization));
    }
    problem = QStringLiteral("%1: a published file of %2: expected %3, found %4")
                  .arg(typed, name, kinds.isEmpty() ? QStringLiteral("one in the catalogue") : kinds.join(", "), quantization);
    return std::nullopt;
  }
  problem = QStringLiteral("%1: a model of the catalogue: expected %2, found none of them").arg(typed, names.join(", "));
  return std::nullopt;
}

}  // namespace

int runDownload(const DownloadCommand& command) {
  const QFile settingsFile(command.dataFolder + QStringLiteral("/settings.json"));
  QJsonObject settings;
  if (QFile file(settingsFile.fileName()); file.open(QIODevice::ReadOnly)) settings = QJsonDocument::fromJson(file.readAll()).object();
  const auto chosen = [&](const QString& option, const char* key, const QString& usual) {
    return !option.isEmpty() ? option : settings.value(QLatin1String(key)).toString(usual);
  };
  QString base = chosen(command.base, "download_base", {});
  if (base.isEmpty()) base = usualBase();
  if (!isBaseAddress(base))
    return complain(QStringLiteral("--base-url: an address that begins with https:// or http://: expected, found %1").arg(base));

  std::vector<PublishedModel> catalogue = built_in_catalogue();
  if (!command.catalogue.isEmpty()) {
    Result<std::vector<PublishedModel>> read = read_catalogue(QFile::encodeName(command.catalogue).toStdString());
    if (!read) return complain(QString::fromStdString(read.error().message));
    catalogue = std::move(*read);
  }
  QString problem;
  const std::optional<Wanted> wanted = find(catalogue, command.name, problem);
  if (!wanted) return complain(problem);

  const QString folder = chosen(command.to, "models_folder", command.dataFolder + QStringLiteral("/models"));
  Downloader downloader(command.dataFolder);
  downloader.choose(command.isOffline || settings.value("offline").toBool(), chosen(command.proxy, "proxy", {}));
  int status = 1;
  bool hasToldStall = false;
  QObject::connect(&downloader, &Downloader::fileDone, &downloader, [&](const QString&, const FileDone& file) {
    if (command.isJson) return print({{"path", file.path}, {"sha256", file.sha256}, {"verified", nameIn(kVerifiedNames, file.verified)}});
    std::printf("%s\n", QFile::encodeName(file.path).constData());
    std::fflush(stdout);
    std::fprintf(stderr, "inference-pio: %s: %s\n", qUtf8Printable(QFileInfo(file.path).fileName()), qUtf8Printable(checkText(file)));
  });
  QObject::connect(&downloader, &Downloader::changed, &downloader, [&](const DownloadState& state) {
    switch (state.phase) {
      case DownloadState::Phase::running:
      case DownloadState::Phase::checking: {
        if (command.isJson)
          print({{"bytes", state.bytes},
                 {"total", state.total < 0 ? QJsonValue() : QJsonValue(state.total)},
                 {"bytes_per_second", state.bytesPerSecond}});
        if (state.isStalled && !std::exchange(hasToldStall, true))
          std::fprintf(stderr, "inference-pio: no bytes from %s for 10 s\n", qUtf8Printable(state.host));
        if (!state.isStalled) hasToldStall = false;
        if (state.secondsToTry > 0) std::fprintf(stderr, "inference-pio: %s: next try in %d s\n", qUtf8Printable(state.host), state.secondsToTry);
        break;
      }
      case DownloadState::Phase::failed: {
        const UserError words = userErrorOf(state.problem);
        complain(words.details.isEmpty() ? QStringLiteral("%1: %2 %3").arg(state.id, words.title + u'.', words.explanation)
                                         : QStringLiteral("%1: %2 %3 (%4)").arg(state.id, words.title + u'.', words.explanation, words.details));
        QCoreApplication::exit(1);
        break;
      }
      case DownloadState::Phase::done:
        status = 0;
        QCoreApplication::exit(0);
        break;
      case DownloadState::Phase::waiting:
      case DownloadState::Phase::paused:
      case DownloadState::Phase::cancelled: break;
    }
  });
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, stopPipe) == 0) {
    auto* notifier = new QSocketNotifier(stopPipe[1], QSocketNotifier::Read, &downloader);
    QObject::connect(notifier, &QSocketNotifier::activated, &downloader, [&] {
      downloader.stop();
      status = kInterrupted;
      QCoreApplication::exit(kInterrupted);
    });
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, onStopSignal);
  }
  const DownloadOrder order = orderOf(wanted->model, wanted->file, base, folder);
  QMetaObject::invokeMethod(
      &downloader, [&] { downloader.fetch(order); }, Qt::QueuedConnection);
  const int ended = QCoreApplication::exec();
  return ended != 0 ? ended : status;
}

int printLedger(const QString& dataFolder) {
  std::printf("%s", NetworkLedger(dataFolder).json().constData());
  return 0;
}

}  // namespace pio
