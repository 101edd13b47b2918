#pragma once

#include <QHash>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QObject>
#include <QString>
#include <QUrl>

#include "app/network/network_ledger.h"

// The one place that makes requests. Each is refused while the offline switch is on, before any socket, and stands in the ledger before it
// leaves. Cookies, caches, saved passwords and redirects are not followed by themselves.

namespace pio {

class RequestMaker : public QObject {
  Q_OBJECT

 public:
  enum class Refused { no, offline, unrecorded };

  explicit RequestMaker(const QString& dataFolder, QObject* parent = nullptr);
  void setOffline(bool offline);
  bool isOffline() const { return m_offline; }
  // "http://host:port" or "socks5://host:port"; "": that of the environment (https_proxy, http_proxy, all_proxy, no_proxy). False: it is none.
  bool setProxy(const QString& address);

  struct Asked {
    QNetworkReply* reply = nullptr;  // the caller deletes it later
    Refused refused = Refused::no;
  };
  using Header = std::pair<QByteArray, QByteArray>;
  Asked get(const QUrl& url, const QList<Header>& headers, const QString& why, const QString& what);
  // Bytes of the answer's body, as they are read.
  void count(QNetworkReply* reply, qint64 bytes);

 signals:
  void recorded();  // the ledger has something new
  void wentOffline();

 private:
  NetworkLedger m_ledger;
  bool m_offline = false;
  QHash<QObject*, LedgerEntry> m_open;
  QHash<QObject*, qint64> m_unnoted;
  QNetworkAccessManager m_manager;  // last: the end of its answers is still noted
};

// What the environment says for an address; "" none.
QString proxyOfEnvironment(const QUrl& url);

}  // namespace pio
