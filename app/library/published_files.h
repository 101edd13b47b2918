#pragma once

#include <QAbstractListModel>
#include <QUrl>
#include <QtQml/qqmlregistration.h>
#include <memory>

#include "app/error_text.h"

// The library: every published file of the catalogue with what it takes, whether this computer has room for it, and how far it is on its way
// here. What it would take is planned from its computed tensors, when somebody looks. Nothing is asked of the network before fetch().

namespace pio {

class PublishedFiles : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(int count READ count CONSTANT)
  Q_PROPERTY(bool canFetch READ canFetch CONSTANT)                // false: a build without network code
  Q_PROPERTY(bool isOffline READ isOffline NOTIFY choiceChanged)  // the switch, or --offline
  Q_PROPERTY(bool isOfflineForced READ isOfflineForced CONSTANT)  // --offline
  Q_PROPERTY(QString base READ base NOTIFY choiceChanged)         // where files come from
  Q_PROPERTY(QString host READ host NOTIFY choiceChanged)         // of it, for sentences
  Q_PROPERTY(QString folder READ folder NOTIFY choiceChanged)     // where they go
  Q_PROPERTY(double freeBytes READ freeBytes NOTIFY diskChanged)  // of that disk; 0 not known
  Q_PROPERTY(int smallest READ smallest NOTIFY plansChanged)      // the row of the smallest model that fits; -1 none, or not known yet
  Q_PROPERTY(bool planning READ planning NOTIFY plansChanged)
  Q_PROPERTY(bool currentHasHalf READ currentHasHalf NOTIFY halvesChanged)  // the loaded file is one of these, and its vision half is here

 public:
  enum State { NotHere, Waiting, Running, Checking, Paused, Failed, Here, Away };  // Away: the drive of the file is gone
  Q_ENUM(State)
  enum Roles {
    NameRole = Qt::UserRole + 1,  // name
    QuantizationRole,             // quantization
    TaskRole,                     // task: ModelLibrary.Task; -1
    FileRole,                     // file: its name
    RepositoryRole,               // repository
    LicenceRole,                  // licence: "Apache-2.0"
    LicenceUrlRole,               // licenceUrl
    SeesRole,                     // sees: it is of two files, the model's and its vision half
    HalfMissingRole,              // halfMissing: the model's file is here without the other
    HalfFileRole,                 // halfFile: its name
    HalfRepositoryRole,           // halfRepository
    ToFetchRole,                  // toFetch: bytes that fetch() would bring
    BytesRole,                    // bytes, with those of the vision half; computed where the catalogue has none
    IsComputedRole,               // isComputed: the bytes are
    HasHashRole,                  // hasHash: the catalogue knows the SHA-256
    CheckRole,                    // check: what the file that is here was held to when it was fetched, in words; "" it was not fetched here
    IsPlannedRole,                // isPlanned
    FitsRole,                     // fits: memory
    NeedsRole,                    // needs: bytes of memory
    ShareRole,                    // share: of a mixture's experts that have room in memory; 1 all
    SpeedRole,                    // tokensPerSecond predicted; 0 not known
    StateRole,                    // state
    DoneRole,                     // done: bytes
    TotalRole,                    // total
    RateRole,                     // rate: bytes per second; 0 not known
    SecondsLeftRole,              // secondsLeft; 0 not known
    StalledRole,                  // stalled: no bytes for 10 s
    SecondsToTryRole,             // secondsToTry
    ProblemRole,                  // problem: UserError
    PathRole,                     // path: of the file that is here
    CurrentRole,                  // current: loaded
  };
  struct Private;
  explicit PublishedFiles(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~PublishedFiles() override;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  bool canFetch() const;
  bool isOffline() const;
  bool isOfflineForced() const;
  QString base() const;
  QString host() const;
  QString folder() const;
  double freeBytes() const;
  int smallest() const;
  bool planning() const;
  bool currentHasHalf() const;
  // For a row that is not in view: {name, bytes, licence, licenceUrl, tokensPerSecond, state, …} by the roles' names.
  Q_INVOKABLE QVariantMap row(int index) const;
  // The file of one of the four that wants its vision half, else the first; -1 none.
  Q_INVOKABLE int rowOfTask(int task) const;
  // Bytes of the disk that remove() gives back: with the vision half, where it goes too.
  Q_INVOKABLE double freedBy(int row) const;

 public slots:
  void look();                 // what is here, how much room there is, and what each would take
  void fetch(int row);         // of a model that is here its vision half alone, which goes where files go: nothing is written to the model's folder
  void fetchAndLoad(int row);  // it is loaded when it is here, unless another model is by then
  void pause(int row);
  void cancel(int row);  // what came goes, a vision half that nothing else needs too
  void load(int row);
  void remove(int row);                      // the file that is here; its vision half as with cancel()
  void moveTo(int row, const QUrl& folder);  // with its vision half
  void showInFolder(int row);
  void chooseFolder(const QUrl& folder);  // where files go
  void tellAgain();                       // its words, in another language

 signals:
  void choiceChanged();
  void diskChanged();
  void plansChanged();
  void halvesChanged();
  void fetched(const QString& path);         // a model is here
  void failed(const pio::UserError& words);  // of a move or a removal

 private:
  std::unique_ptr<Private> d;
};

}  // namespace pio
