#pragma once

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>

#include "app/network/network_ledger.h"

// The ledger of requests as the settings show it, newest first.

namespace pio {

class Downloader;

class RequestLog : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(int count READ count NOTIFY countChanged)
  Q_PROPERTY(double bytes READ bytes NOTIFY countChanged)  // of all answers

 public:
  enum Roles {
    AtRole = Qt::UserRole + 1,  // at: QDateTime
    HostRole,                   // host
    WhatRole,                   // what: "Qwen3-4B-Instruct-2507:Q4_K_M"
    StatusRole,                 // status: 0 no answer
    BytesRole,                  // bytes
    ProxyRole,                  // proxy
  };
  RequestLog(Downloader* downloader, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : static_cast<int>(m_entries.size()); }
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  double bytes() const;

 public slots:
  void watch(bool shown);  // it is read while it is shown

 signals:
  void countChanged();

 private:
  void ask();

  Downloader* m_downloader;
  QList<LedgerEntry> m_entries;
  bool m_isShown = false, m_isAsked = false;
};

}  // namespace pio
