#pragma once

#include <QList>
#include <QObject>
#include <QUrl>
#include <QtQml/qqmlregistration.h>

#include "app/chat/chat_controller.h"
#include "app/closing.h"
#include "app/code/code_controller.h"
#include "app/desktop/desktop.h"
#include "app/engine_queue.h"
#include "app/history/history_model.h"
#include "app/image/image_session.h"
#include "app/image/picture_tray.h"
#include "app/library/model_library.h"
#include "app/library/published_files.h"
#include "app/library/request_log.h"
#include "app/library/switch_cost.h"
#include "app/model_session.h"
#include "app/notices.h"
#include "app/settings/load_settings.h"
#include "app/settings/settings.h"
#include "app/system/about.h"
#include "app/system/devices.h"
#include "app/system/doctor.h"
#include "app/system/language.h"
#include "app/system/memory_meter.h"
#include "app/system/storage.h"
#include "app/system/window_place.h"

// Everything that the window shows, handed to ui/Main.qml as its one required property.

namespace pio {

class BackgroundFiles;
class HistoryWriter;

class Application : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by main()")
  Q_PROPERTY(pio::ChatController* chat MEMBER chat CONSTANT)
  Q_PROPERTY(pio::CodeController* code MEMBER code CONSTANT)
  Q_PROPERTY(pio::EngineQueue* engine MEMBER engine CONSTANT)
  Q_PROPERTY(pio::ModelSession* model MEMBER model CONSTANT)
  Q_PROPERTY(pio::Notices* notices MEMBER notices CONSTANT)
  Q_PROPERTY(pio::HistoryModel* history MEMBER history CONSTANT)
  Q_PROPERTY(pio::ModelLibrary* models MEMBER models CONSTANT)
  Q_PROPERTY(pio::PublishedFiles* library MEMBER library CONSTANT)
  Q_PROPERTY(pio::RequestLog* requests MEMBER requests CONSTANT)
  Q_PROPERTY(pio::SwitchCost* seeingCost MEMBER seeingCost CONSTANT)  // of the model that sees
  Q_PROPERTY(pio::Settings* settings MEMBER settings CONSTANT)
  Q_PROPERTY(pio::LoadSettings* load MEMBER load CONSTANT)
  Q_PROPERTY(pio::ImageSession* image MEMBER image CONSTANT)
  Q_PROPERTY(pio::MemoryMeter* memory MEMBER memory CONSTANT)
  Q_PROPERTY(pio::Language* language MEMBER language CONSTANT)
  Q_PROPERTY(pio::Closing* closing MEMBER closing CONSTANT)
  Q_PROPERTY(pio::Desktop* desktop MEMBER desktop CONSTANT)
  Q_PROPERTY(pio::WindowPlace* place MEMBER place CONSTANT)
  Q_PROPERTY(pio::Devices* devices MEMBER devices CONSTANT)
  Q_PROPERTY(pio::Doctor* doctor MEMBER doctor CONSTANT)
  Q_PROPERTY(pio::Storage* storage MEMBER storage CONSTANT)
  Q_PROPERTY(pio::About* about MEMBER about CONSTANT)

 public:
  // What stands in the middle of the window.
  enum Pane { ChatPane, CodePane, ImagePane };
  Q_ENUM(Pane)
  enum FileKind { ModelFile, ChatsFile, PictureFile, SourceFile, OtherFile };
  Q_ENUM(FileKind)

  using QObject::QObject;
  ChatController* chat = nullptr;
  CodeController* code = nullptr;
  EngineQueue* engine = nullptr;
  ModelSession* model = nullptr;
  Notices* notices = nullptr;
  HistoryModel* history = nullptr;
  ModelLibrary* models = nullptr;
  PublishedFiles* library = nullptr;
  RequestLog* requests = nullptr;
  SwitchCost* seeingCost = nullptr;
  Settings* settings = nullptr;
  LoadSettings* load = nullptr;
  ImageSession* image = nullptr;
  MemoryMeter* memory = nullptr;
  Language* language = nullptr;
  Closing* closing = nullptr;
  Desktop* desktop = nullptr;
  WindowPlace* place = nullptr;
  Devices* devices = nullptr;
  Doctor* doctor = nullptr;
  Storage* storage = nullptr;
  About* about = nullptr;

  // Both live on their own threads; once, when the members are set.
  void wire(HistoryWriter* writer, BackgroundFiles* files);

  // What becomes of a file that is opened while that pane is shown: to the code pane a .json is source, and so is any file but a model or a picture.
  Q_INVOKABLE pio::Application::FileKind kindOf(const QUrl& file, pio::Application::Pane shown = ChatPane) const;

 public slots:
  // Files dropped on the window or given on the command line: a .gguf becomes the model, a picture goes with the next question of the
  // chat on screen, which the image pane shows, a .json export is
  // offered for import, source opens in the code pane.
  void openFiles(const QList<QUrl>& files, pio::Application::Pane shown = ChatPane);
  // A chat of the list, in the pane of its kind: one about a source file with the file, where that is there.
  void openChat(const QString& chatId, const QString& messageId = {});
  // Adds the chats of an export that are not there yet; a failure is a notice.
  void importFile(const QUrl& file);
  void exportTo(const QUrl& file);
  // The chat on screen as Markdown; a failure is a notice.
  void saveChat(const QUrl& file);

 signals:
  void paneRequested(int pane);  // a file that was opened belongs there
  void importOffered(const QUrl& file);
  void unsupportedFile(const QUrl& file);
  void imported(const QString& words);  // what came in, what was known, what was left out
  void exported(const QUrl& file);
  void chatSaved(const QUrl& file);

 private:
  HistoryWriter* m_writer = nullptr;
  BackgroundFiles* m_files = nullptr;
  QString m_chatWithoutFile;  // that the notice ChatFile is about
};

}  // namespace pio
