#pragma once

#include <QObject>
#include <QString>
#include <QtQml/qqmlregistration.h>

// What it costs to load another model instead of the loaded one, before it happens: from its file's header and what is chosen for it.

namespace pio {

class EngineQueue;
class Settings;

class SwitchCost : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(QString path READ path WRITE setPath NOTIFY pathChanged)  // of the model that is wanted; "" none
  Q_PROPERTY(double seconds READ seconds NOTIFY changed)               // to load it; 0 while it is not known
  Q_PROPERTY(bool fits READ fits NOTIFY changed)                       // memory has room for it

 public:
  SwitchCost(EngineQueue* queue, Settings* settings, QObject* parent = nullptr);

  QString path() const { return m_path; }
  void setPath(const QString& path);
  double seconds() const { return m_seconds; }
  bool fits() const { return m_fits; }

 signals:
  void pathChanged();
  void changed();

 private:
  void ask();
  void set(double seconds, bool fits);

  EngineQueue* m_queue;
  Settings* m_settings;
  QString m_path;
  quint64 m_serial = 0;
  double m_seconds = 0;
  bool m_fits = true;
};

}  // namespace pio
