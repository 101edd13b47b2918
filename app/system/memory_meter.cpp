#include "app/system/memory_meter.h"

#include "app/system/background_files.h"

namespace pio {

MemoryMeter::MemoryMeter(BackgroundFiles* files, QObject* parent) : QObject(parent) {
  m_timer.setInterval(2000);
  connect(&m_timer, &QTimer::timeout, files, &BackgroundFiles::readMemory);
  connect(files, &BackgroundFiles::memoryRead, this, [this](qint64 usedBytes, qint64 totalBytes) {
    if (usedBytes == m_usedBytes && totalBytes == m_totalBytes) return;
    m_usedBytes = usedBytes;
    m_totalBytes = totalBytes;
    Q_EMIT changed();
  });
  QMetaObject::invokeMethod(files, &BackgroundFiles::readMemory);
  m_timer.start();
}

}  // namespace pio
