#pragma once

#include <QObject>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>
#include <functional>

#include "kernels/registry.h"

// What this computer can compute with. Drivers of graphics cards are asked on a thread of Qt's pool, which may take a second; until they have answered
// the processor alone is known.

namespace pio {

class Devices : public QObject {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(bool looking READ looking NOTIFY changed)  // drivers are being asked
  Q_PROPERTY(bool hasLooked READ hasLooked NOTIFY changed)
  // {id, name, isCard, isIntegrated, totalBytes, freeBytes} of each that can be used: "vulkan", "NVIDIA GeForce RTX 3060". Free bytes were those
  // of the last look.
  Q_PROPERTY(QVariantList usable READ usable NOTIFY changed)
  // {id, code, words, reason} of those that cannot: "cuda", "no_module", why, and the reason in English with its numbers.
  Q_PROPERTY(QVariantList rejected READ rejected NOTIFY changed)

 public:
  using Lister = std::function<DeviceList()>;
  explicit Devices(Lister lister = list_devices, QObject* parent = nullptr);
  ~Devices() override;

  bool looking() const { return m_isLooking; }
  bool hasLooked() const { return m_hasLooked; }
  QVariantList usable() const;
  QVariantList rejected() const;
  const DeviceList& list() const { return m_list; }
  // What a person calls it, "" of the processor: "NVIDIA GeForce RTX 3060".
  Q_INVOKABLE QString cardName(const QString& id) const;
  Q_INVOKABLE bool isCard(const QString& id) const;

 public slots:
  void look();  // again

 signals:
  void changed();

 private:
  Lister m_lister;
  DeviceList m_list;
  bool m_isLooking = false, m_hasLooked = false;
};

}  // namespace pio
