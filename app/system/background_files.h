#pragma once

#include <QByteArray>
#include <QImage>
#include <QList>
#include <QObject>
#include <QRectF>
#include <QString>
#include <QStringList>
#include <atomic>
#include <memory>

#include "app/library/catalogue.h"
#include "kernels/base/result.h"

// Files that the window needs now and then, read and written on a thread of their own: models, pictures, this computer's memory.

namespace pio {

struct FileFact {
  QString path;
  bool isThere = false;
  qint64 bytes = 0;           // of a folder: of the files right in it
  bool isFolderGone = false;  // with it
  enum class Kind { any, lm_studio, hugging_face };
  Kind kind = Kind::any;  // of a folder: whose layout it has
};
// A model that sees, and where its vision half may lie: beside it, or at one of the places elsewhere.
struct HalfQuestion {
  QString model;
  QString name;           // of the published half
  QStringList elsewhere;  // paths
};
struct HalfFact {
  QString model;
  QString half;  // "" none
};

// What lies there now. For a thread that may wait.
FileFact factOf(const QString& path);

enum class PictureProblem { none, missing, unknown_kind, empty, too_large, too_long, not_saved };
struct PictureFact {
  QString path;
  PictureProblem problem = PictureProblem::none;
  int width = 0, height = 0;  // pixels, upright
};

// By its ending: what the command line and a drop take for a picture, before anybody has looked into it.
bool isPictureName(const QString& fileName);

// What is under that name stays until all is written.
Result<void> replaceFile(const QString& path, const QByteArray& bytes);

class BackgroundFiles : public QObject {
  Q_OBJECT

 public:
  static constexpr int kMostModels = 200;
  static constexpr qint64 kMostPixels = 100'000'000;  // of a picture: 400 MB when it is decoded
  static constexpr int kMostLength = 200;             // times its width: the model takes no longer ones

 public slots:
  void removeFile(const QString& path);
  void saveText(const QString& path, const QByteArray& bytes);     // what is there is replaced when all is written
  void saveQuietly(const QString& path, const QByteArray& bytes);  // its folder made when it is not there; what cannot be saved is not
  void look(const QStringList& paths);
  // The first SmolLM2-135M-Instruct*.gguf below one of the folders; Q4_1 before others.
  void findStarter(const QStringList& folders);
  // The headers of `paths` and of the models below the folders: .gguf files (of a split one the first part) and Hugging Face folders, at most
  // kMostModels; vision towers are none.
  void findModels(const QStringList& folders, const QStringList& paths);
  // The vision halves that the engine would take. Of a model that cannot be read names decide.
  void findHalves(const QList<pio::HalfQuestion>& questions);
  // The header of one file, for whoever asks with `serial`.
  void inspectModel(quint64 serial, const QString& path);
  // The header of a picture; its pixels are not read.
  void lookAtPicture(quint64 serial, const QString& path);
  // As PNG, its folder made when it is not there; then looks at it.
  void savePicture(quint64 serial, const QString& path, const QImage& image);
  // The same with a part of another picture: `part` in parts of its width and height, 0 … 1.
  void savePart(quint64 serial, const QString& path, const QString& source, const QRectF& part);
  void readMemory();
  void readRoom(const QString& folder);  // of its disk, also of a folder that is not made yet
  // A model's file goes to another name, to another disk too; "": it goes away. What stands at the new name stays. Its vision half, the file
  // `half`, goes with it, and stays too where `isHalfShared`, or where another model beside it needs it; "" it has none.
  void moveFile(const QString& from, const QString& to, const QString& half, bool isHalfShared);
  // Unless a model beside it needs it, or one that is on its way there.
  void removeHalf(const QString& path);
  // Last of all: ends this thread's event loop when what was asked before is done.
  void close();

 signals:
  void textSaved(const QString& path);
  void textNotSaved(const QString& path, const QString& details);
  void looked(const QList<pio::FileFact>& facts);
  void starterSearched(const QString& path, qint64 bytes);  // "" when there is none
  void modelsFound(const QList<pio::ModelHeader>& models);
  void halvesFound(const QList<pio::HalfFact>& facts);
  void modelInspected(quint64 serial, const pio::ModelHeader& header);
  void pictureLooked(quint64 serial, const pio::PictureFact& fact);
  void roomRead(const QString& folder, double freeBytes);
  void fileMoved(const QString& from, const QString& to, const QString& problem);  // "" it worked
  void memoryRead(qint64 usedBytes, qint64 totalBytes);

 private:
  std::shared_ptr<std::atomic<bool>> m_stop = std::make_shared<std::atomic<bool>>(false);  // of what is copied
};

}  // namespace pio
