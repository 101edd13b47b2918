#include "app/system/devices.h"

#include <algorithm>

#include "app/error_text.h"
#include "app/system/elsewhere.h"
#include "kernels/preferred_device.h"

namespace pio {
namespace {

// The part of the words about a device that is its name: what stands before the first comma.
QString nameOf(const DeviceInfo& device) { return QString::fromStdString(device.detail).section(QLatin1Char(','), 0, 0).trimmed(); }

}  // namespace

Devices::Devices(Lister lister, QObject* parent) : QObject(parent), m_lister(std::move(lister)) {}

Devices::~Devices() = default;

void Devices::look() {
  if (m_isLooking) return;
  m_isLooking = true;
  Q_EMIT changed();
  runElsewhere(this, m_lister, [this](DeviceList list) {
    std::erase_if(list.devices, [](const DeviceInfo& device) { return device.kind == DeviceKind::reference; });
    m_list = std::move(list);
    m_isLooking = false;
    m_hasLooked = true;
    Q_EMIT changed();
  });
}

QVariantList Devices::usable() const {
  QVariantList rows;
  for (const DeviceInfo& device : m_list.devices) {
    rows.append(QVariantMap{{"id", QString::fromStdString(device.name)},
                            {"name", nameOf(device)},
                            {"isCard", is_card(device)},
                            {"isIntegrated", device.is_integrated},
                            {"totalBytes", static_cast<double>(device.total_bytes)},
                            {"freeBytes", static_cast<double>(device.free_bytes)}});
  }
  return rows;
}

QVariantList Devices::rejected() const {
  QVariantList rows;
  for (const RejectedDevice& device : m_list.rejected) {
    rows.append(QVariantMap{{"id", QString::fromStdString(device.name)},
                            {"code", QLatin1String(name_of(device.code))},
                            {"words", rejectionText(device)},
                            {"reason", QString::fromStdString(device.reason)}});
  }
  return rows;
}

bool Devices::isCard(const QString& id) const { return id.startsWith(QLatin1String("cuda")) || id.startsWith(QLatin1String("vulkan")); }

QString Devices::cardName(const QString& id) const {
  if (!isCard(id)) return {};
  const auto found =
      std::find_if(m_list.devices.begin(), m_list.devices.end(), [&](const DeviceInfo& device) { return QString::fromStdString(device.name) == id; });
  return found == m_list.devices.end() ? id : nameOf(*found);
}

}  // namespace pio
