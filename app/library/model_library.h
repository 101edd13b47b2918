#pragma once

#include <QAbstractListModel>
#include <QUrl>
#include <QtQml/qqmlregistration.h>
#include <memory>

// What the chooser offers: the four models that the program is made for, each with its file or without one yet; below them the other files,
// the starter model and the ones opened before, newest first, then what else lies in the models folder.

namespace pio {

// "SmolLM2-135M-Instruct" of ".../SmolLM2-135M-Instruct.Q4_1.gguf". People know a model by its file; the name inside is often one of its maker's
// build ("Smollm2 135M 8k Lc100K Mix1 Ep2" in this one).
QString modelNameOf(const QString& path);

class ModelLibrary : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(int count READ count NOTIFY countChanged)
  Q_PROPERTY(bool hasStarter READ hasStarter NOTIFY countChanged)  // SmolLM2-135M-Instruct lies in the data folder
  Q_PROPERTY(QString starterPath READ starterPath NOTIFY countChanged)
  Q_PROPERTY(QString starterCommand READ starterCommand CONSTANT)      // the command that fetches it
  Q_PROPERTY(QString modelsFolder READ modelsFolder CONSTANT)          // where model files are looked for
  Q_PROPERTY(QVariantList folders READ folders NOTIFY foldersChanged)  // that somebody chose: {path, isThere, kind}; FolderKind
  Q_PROPERTY(QString starterName READ starterName CONSTANT)            // "SmolLM2-135M-Instruct"
  Q_PROPERTY(QString seeingName READ seeingName CONSTANT)              // of the model that sees pictures: "Qwen3-VL-2B"
  Q_PROPERTY(QString seeingPath READ seeingPath NOTIFY countChanged)   // the file of the model that sees pictures; "" none yet

 public:
  enum Task { Reasoning, Code, Images, Chat };  // as CatalogueModel's
  Q_ENUM(Task)
  enum FolderKind { AnyFolder, LmStudio, HuggingFace };  // as FileFact's
  Q_ENUM(FolderKind)
  enum Roles {
    NameRole = Qt::UserRole + 1,  // name: "SmolLM2-135M-Instruct"
    FileRole,                     // file: its file name
    FolderRole,                   // folder
    PathRole,                     // path
    BytesRole,                    // bytes
    AvailableRole,                // available: the file is still there
    CurrentRole,                  // current: loaded or being loaded
    WaitingRole,                  // waiting: in memory, for its next turn
    KnownRole,                    // known: which of the four, 0 … 3; -1 another file
    TaskRole,                     // task: Task of one of the four; -1
    QuantizationRole,             // quantization: "Q4_K"; "" unknown
    AwayRole,                     // away: its folder is gone with it
    SpeedRole,                    // tokensPerSecond measured on this computer; 0 never
  };
  struct Private;
  explicit ModelLibrary(std::unique_ptr<Private> d, QObject* parent = nullptr);
  ~ModelLibrary() override;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  bool hasStarter() const;
  QString starterPath() const;
  QString starterCommand() const;
  QString modelsFolder() const;
  Q_INVOKABLE QString quantizationOf(const QString& path) const;  // "Q4_K"; "" unknown yet
  QString starterName() const;
  QVariantList folders() const;
  QString seeingName() const;
  QString seeingPath() const;

  Q_INVOKABLE QString localPath(const QUrl& url) const { return url.toLocalFile(); }

  // For the program and the chat controller.
  struct KnownFile {
    QString path;  // "" none
    bool isThere = false;
    bool isAway = false;  // its folder is gone with it: a drive that is not connected
  };
  KnownFile fileNamed(const QString& fileName) const;
  QString currentPath() const;
  void setFolders(const QStringList& folders);         // that somebody chose, beside the program's own
  void moved(const QString& from, const QString& to);  // "": it is gone
  QStringList places() const;                          // all folders that files are looked for in
  QString lastUsed() const;                            // what to load at the start; "" nothing
  bool everChosen() const;                             // somebody opened or closed a model before
  void setCurrent(const QString& path);
  void setWaiting(const QStringList& paths);
  void noteLoaded(const QString& path);
  void noteUnloaded();  // by the person: the next start loads nothing
  void noteSpeed(const QString& path, double tokensPerSecond);
  // What a fetched file was held to, as FileDone::Verified is named; it goes along when the file is moved.
  void noteCheck(const QString& path, const QString& how);
  QString checkOf(const QString& path) const;  // "" nothing: it was not fetched here

 public slots:
  void refresh();  // looks at the files again
  // Picked by hand for one of the four: loads it when its header says that it can be it, else wrongFile.
  void chooseFor(int known, const QUrl& file);
  void choose(const QString& path);  // loads it
  void openFile(const QUrl& file);   // adds it to the list and loads it
  void forget(const QString& path);  // off the list; the file stays

 signals:
  void countChanged();
  void foldersChanged();
  void loadRequested(const QString& path);
  void searched();  // the starter model was looked for
  void wrongFile(const QString& wanted, const QString& path, const QString& architecture);

 public:
  // How to get one of the four: {name, task, repository, files, bytes}.
  Q_INVOKABLE QVariantMap source(int known) const;

 private:
  std::unique_ptr<Private> d;
};

}  // namespace pio
