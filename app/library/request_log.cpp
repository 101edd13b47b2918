#include "app/library/request_log.h"

#include <algorithm>

#include "app/network/downloader.h"

namespace pio {

RequestLog::RequestLog(Downloader* downloader, QObject* parent) : QAbstractListModel(parent), m_downloader(downloader) {
  connect(downloader, &Downloader::recorded, this, [this] { ask(); });
  connect(downloader, &Downloader::ledgerRead, this, [this](QList<LedgerEntry> entries) {
    m_isAsked = false;
    std::reverse(entries.begin(), entries.end());
    beginResetModel();
    m_entries = std::move(entries);
    endResetModel();
    Q_EMIT countChanged();
  });
}

void RequestLog::watch(bool shown) {
  m_isShown = shown;
  ask();
}

void RequestLog::ask() {
  if (!m_isShown || m_isAsked) return;
  m_isAsked = true;
  QMetaObject::invokeMethod(m_downloader, [to = m_downloader] { to->readLedger(); });
}

double RequestLog::bytes() const {
  double bytes = 0;
  for (const LedgerEntry& entry : m_entries) bytes += static_cast<double>(entry.bytes);
  return bytes;
}

QVariant RequestLog::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const LedgerEntry& entry = m_entries[index.row()];
  switch (role) {
    case AtRole: return entry.at.toLocalTime();
    case Qt::DisplayRole:
    case HostRole: return entry.host;
    case WhatRole: return entry.what;
    case StatusRole: return entry.status;
    case BytesRole: return static_cast<double>(entry.bytes);
    case ProxyRole: return entry.proxy;
    default: return {};
  }
}

QHash<int, QByteArray> RequestLog::roleNames() const {
  return {{AtRole, "at"}, {HostRole, "host"}, {WhatRole, "what"}, {StatusRole, "status"}, {BytesRole, "bytes"}, {ProxyRole, "proxy"}};
}

}  // namespace pio
