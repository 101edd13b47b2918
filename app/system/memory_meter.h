#pragma once

#include <QObject>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

// This computer's memory for the status line, read every two seconds on a thread of its own.

namespace pio {

class BackgroundFiles;

class MemoryMeter : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(qint64 usedBytes READ usedBytes NOTIFY changed)
  Q_PROPERTY(qint64 totalBytes READ totalBytes NOTIFY changed)

 public:
  // `files` lives on the thread that reads.
  explicit MemoryMeter(BackgroundFiles* files, QObject* parent = nullptr);
  qint64 usedBytes() const { return m_usedBytes; }
  qint64 totalBytes() const { return m_totalBytes; }

 signals:
  void changed();

 private:
  QTimer m_timer;
  qint64 m_usedBytes = 0;
  qint64 m_totalBytes = 0;
};

}  // namespace pio
