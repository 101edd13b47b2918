#pragma once

#include <functional>

#include "app/library/published_files.h"
#include "app/network/downloader.h"
#include "app/system/background_files.h"
#include "engine/catalogue/catalogue.h"
#include "engine/engine.h"

// What PublishedFiles is made of; for the program, not for QML.

namespace pio {

class EngineQueue;
class ModelLibrary;
class Settings;

struct PublishedFiles::Private {
  struct Wiring {
    EngineQueue* queue = nullptr;
    ModelLibrary* models = nullptr;
    Settings* settings = nullptr;
    BackgroundFiles* files = nullptr;
    Downloader* downloader = nullptr;  // on its own thread
    QString dataFolder;
    bool isOffline = false;  // whatever the settings say
  };
  struct Row {
    PublishedModel model;
    PublishedFile file;
    QString id;        // "NAME:QUANTIZATION"
    qint64 bytes = 0;  // with the vision half
    bool isPlanned = false, isRefused = false;
    LoadPlan plan = {};
    bool isContextChosen = false;  // of the plan
    quint64 serial = 0;            // of the plan that is asked for
    DownloadState download = {};
    bool isDownloadKnown = false;
    QString path = {};         // of the file that is known
    QString fetchedPath = {};  // it came just now: the list of models hears of it later
    bool isThere = false, isAway = false;
    bool isHalfKnown = false;                                   // whether there is one, and where
    FileDone::Verified halfCheck = FileDone::Verified::pinned;  // of the half that came with the model
    QString half = {};                                          // the path of the vision half that this file is used with; "" none
    bool isHalfMissing() const { return file.mmproj && isThere && isHalfKnown && half.isEmpty(); }
    qint64 toFetch() const { return isHalfMissing() ? static_cast<qint64>(file.mmproj->bytes.value_or(0)) : bytes; }
    // Of memory, with the vision half, which the plan does not know: a context that nobody chose takes what is free, and gives way to it.
    std::uint64_t needs() const;
    bool fits() const;
    bool isComputed() const { return !file.bytes; }
    // The name that the vision half has beside the model; "" none.
    QString halfName() const { return file.mmproj ? QString::fromStdString(file.mmproj->path).section(u'/', -1) : QString(); }
  };

  Private(const Wiring& wiring, const std::vector<PublishedModel>& catalogue);
  Row* find(const QString& id);
  void changed(const Row& row);
  DownloadOrder orderOf(const Row& row) const;     // what fetch() brings
  DownloadOrder wholeOrder(const Row& row) const;  // both files, whatever is here
  QStringList places() const;                      // all folders that a vision half is looked for in
  void askHalves();
  void takeHalves(const QList<HalfFact>& facts);
  // Runs at once, or when it is known of every file that is here which vision half it is used with: another file may share it.
  void whenHalvesAreKnown(std::function<void()> step);
  bool areHalvesKnown() const;
  QString halfOf(const Row& row) const;  // where it is not known yet, the place beside the model
  bool isHalfShared(const Row& row) const;
  void move(const Row& row, const QString& target, const QString& half);  // "" deletes
  // The half that goes with this file when it is deleted; "" none: one under another name is the person's own.
  QString halfToRemove(const Row& row) const;
  State stateOf(const Row& row) const;
  void match();  // the rows with the files that the library knows
  void planNext();
  void tellChoice();  // to the network's thread

  Wiring w;
  PublishedFiles* q = nullptr;
  std::vector<PublishedModel> catalogue;
  QList<Row> rows;
  double freeBytes = 0;
  QList<std::function<void()>> steps;  // that wait for halves
  QString wanted;                      // id of the one that is loaded when it is here
};

}  // namespace pio
