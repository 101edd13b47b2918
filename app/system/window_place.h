#pragma once

#include <QObject>
#include <QRect>
#include <QTimer>
#include <QVariantMap>
#include <QWindow>
#include <QtQml/qqmlregistration.h>

// Where the window stood last and what it showed, in a small file of its own, which is read once before the window is there. With several windows
// the one that was changed last counts.

namespace pio {

class BackgroundFiles;

class WindowPlace : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(int pane READ pane WRITE setPane NOTIFY changed)                 // as Application::Pane
  Q_PROPERTY(int codeWidth READ codeWidth WRITE setCodeWidth NOTIFY changed)  // of the right side of the code pane; 0 as it is

 public:
  WindowPlace(QString path, BackgroundFiles* files, QObject* parent = nullptr);
  ~WindowPlace() override;

  // What the new window begins with: width, height, x, y, visibility, as far as they are known and fit on the screens that are there now.
  QVariantMap initialProperties() const;
  int pane() const { return m_pane; }
  void setPane(int value);
  int codeWidth() const { return m_codeWidth; }
  void setCodeWidth(int value);
  void saveNow();

 public slots:
  void watch(QWindow* window);  // notes where it goes

 signals:
  void changed();

 private:
  void read();
  void note();

  QString m_path;
  BackgroundFiles* m_files;
  QWindow* m_window = nullptr;
  QRect m_rect;  // when it was neither maximized nor full; null: unknown
  bool m_isMaximized = false, m_isChanged = false;
  int m_pane = 0, m_codeWidth = 0;
  QTimer m_saveTimer;
};

}  // namespace pio
