#pragma once

#include <QAbstractListModel>
#include <QUrl>
#include <QtQml/qqmlregistration.h>
#include <memory>

// The model files that the chooser offers: the starter model when it is there, and the ones opened before, newest first.

namespace pio {

// "SmolLM2-135M-Instruct" of ".../SmolLM2-135M-Instruct.Q4_1.gguf". People know a model by its file; the name inside is often one of its maker's
// build ("Smollm2 135M 8k Lc100K Mix1 Ep2" in this one).
QString modelNameOf(const QString& path);

class ModelLibrary : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(int count READ count NOTIFY countChanged)
  Q_PROPERTY(bool hasStarter READ hasStarter NOTIFY countChanged)            // SmolLM2-135M-Instruct lies in the data folder
  Q_PROPERTY(QString starterPath READ starterPath NOTIFY countChanged)
  Q_PROPERTY(QString starterCommand READ starterCommand CONSTANT)            // the command that fetches it

 public:
  enum Roles {
    NameRole = Qt::UserRole + 1,  // name: "SmolLM2-135M-Instruct"
    FileRole,       // file: its file name
    FolderRole,     // folder
    PathRole,       // path
    BytesRole,      // bytes
    AvailableRole,  // available: the file is still there
    CurrentRole,    // current: loaded or being loaded
    SpeedRole,      // tokensPerSecond measured on this computer; 0 never
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

  // For the program and the chat controller.
  QString lastUsed() const;   // what to load at the start; "" nothing
  bool everChosen() const;    // somebody opened or closed a model before
  void refresh();             // looks at the files again
  void setCurrent(const QString& path);
  void noteLoaded(const QString& path);
  void noteUnloaded();        // by the person: the next start loads nothing
  void noteSpeed(const QString& path, double tokensPerSecond);

 public slots:
  void choose(const QString& path);      // loads it
  void openFile(const QUrl& file);       // adds it to the list and loads it
  void forget(const QString& path);      // off the list; the file stays

 signals:
  void countChanged();
  void loadRequested(const QString& path);
  void searched();            // the starter model was looked for

 private:
  std::unique_ptr<Private> d;
};

}  // namespace pio
