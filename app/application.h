#pragma once

#include <QObject>
#include <QtQml/qqmlregistration.h>

#include "app/chat/chat_controller.h"
#include "app/history/history_model.h"
#include "app/library/model_library.h"
#include "app/settings/settings.h"
#include "app/system/memory_meter.h"

// Everything that the window shows, handed to ui/Main.qml as its one required property.

namespace pio {

class Application : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by main()")
  Q_PROPERTY(pio::ChatController* chat MEMBER chat CONSTANT)
  Q_PROPERTY(pio::HistoryModel* history MEMBER history CONSTANT)
  Q_PROPERTY(pio::ModelLibrary* models MEMBER models CONSTANT)
  Q_PROPERTY(pio::Settings* settings MEMBER settings CONSTANT)
  Q_PROPERTY(pio::MemoryMeter* memory MEMBER memory CONSTANT)

 public:
  using QObject::QObject;
  ChatController* chat = nullptr;
  HistoryModel* history = nullptr;
  ModelLibrary* models = nullptr;
  Settings* settings = nullptr;
  MemoryMeter* memory = nullptr;

 public slots:
  // Files dropped on the window or given on the command line: a .gguf becomes the model, a .json export is offered for import.
  void openFiles(const QList<QUrl>& files);

 signals:
  void importOffered(const QUrl& file);
  void unsupportedFile(const QUrl& file);
};

}  // namespace pio
