#include "app/network/request_maker.h"

#include <QHostAddress>
#include <QNetworkCookie>
#include <QNetworkCookieJar>
#include <QNetworkProxy>
#include <QNetworkRequest>
#include <optional>

namespace pio {
namespace {

constexpr qint64 kNoteBytes = 16 << 20;

// Takes none and gives none.
class NoCookies : public QNetworkCookieJar {
 public:
  using QNetworkCookieJar::QNetworkCookieJar;
  QList<QNetworkCookie> cookiesForUrl(const QUrl&) const override { return {}; }
  bool setCookiesFromUrl(const QList<QNetworkCookie>&, const QUrl&) override { return false; }
};

std::optional<QNetworkProxy> proxyOf(const QString& address) {
  if (address.isEmpty()) return QNetworkProxy(QNetworkProxy::NoProxy);
  const QUrl url(address.contains(QLatin1String("://")) ? address : QStringLiteral("http://") + address, QUrl::StrictMode);
  const QString scheme = url.scheme();
  const bool isSocks = scheme == QLatin1String("socks5") || scheme == QLatin1String("socks5h") || scheme == QLatin1String("socks");
  if (!url.isValid() || url.host().isEmpty() || (!isSocks && scheme != QLatin1String("http"))) return std::nullopt;
  return QNetworkProxy(isSocks ? QNetworkProxy::Socks5Proxy : QNetworkProxy::HttpProxy, url.host(),
                       static_cast<quint16>(url.port(isSocks ? 1080 : 8080)), url.userName(), url.password());
}

class ProxyChoice : public QNetworkProxyFactory {
 public:
  std::optional<QNetworkProxy> chosen;  // none: the environment's
  QList<QNetworkProxy> queryProxy(const QNetworkProxyQuery& query) override {
    return {chosen ? *chosen : proxyOf(proxyOfEnvironment(query.url())).value_or(QNetworkProxy(QNetworkProxy::NoProxy))};
  }
};

QString hostOf(const QUrl& url) {
  const int usual = url.scheme() == QLatin1String("https") ? 443 : 80;
  return url.port(usual) == usual ? url.host() : QStringLiteral("%1:%2").arg(url.host()).arg(url.port());
}

}  // namespace

QString proxyOfEnvironment(const QUrl& url) {
  const auto variable = [](const QByteArray& name) {
    const QByteArray value = qgetenv(name.constData());
    return QString::fromLocal8Bit(value.isEmpty() ? qgetenv(name.toUpper().constData()) : value);
  };
  const QString host = url.host().toLower();
  if (host == QLatin1String("localhost") || QHostAddress(host).isLoopback()) return {};
  for (const QString& part : variable("no_proxy").split(u',', Qt::SkipEmptyParts)) {
    QString name = part.trimmed().toLower();
    if (name == QLatin1String("*")) return {};
    while (name.startsWith(u'*') || name.startsWith(u'.')) name.remove(0, 1);
    if (!name.isEmpty() && (host == name || host.endsWith(u'.' + name))) return {};
  }
  const QString own = variable(url.scheme() == QLatin1String("https") ? "https_proxy" : "http_proxy");
  return own.isEmpty() ? variable("all_proxy") : own;
}

RequestMaker::RequestMaker(const QString& dataFolder, QObject* parent) : QObject(parent), m_ledger(dataFolder) {
  m_manager.setRedirectPolicy(QNetworkRequest::ManualRedirectPolicy);
  m_manager.setCookieJar(new NoCookies(&m_manager));
  m_manager.setProxyFactory(new ProxyChoice);
  m_manager.setAutoDeleteReplies(false);
}

void RequestMaker::setOffline(bool offline) {
  if (offline == m_offline) return;
  m_offline = offline;
  if (offline) Q_EMIT wentOffline();
}

bool RequestMaker::setProxy(const QString& address) {
  const std::optional<QNetworkProxy> proxy = proxyOf(address);
  auto* choice = new ProxyChoice;
  if (!address.isEmpty()) choice->chosen = proxy;
  m_manager.setProxyFactory(choice);  // takes it, and the one before goes
  return proxy.has_value();
}

RequestMaker::Asked RequestMaker::get(const QUrl& url, const QList<Header>& headers, const QString& why, const QString& what) {
  if (m_offline) return {nullptr, Refused::offline};
  LedgerEntry entry;
  entry.host = hostOf(url);
  entry.path = url.path();
  entry.why = why;
  entry.what = what;
  const QNetworkProxy proxy = m_manager.proxyFactory()->queryProxy(QNetworkProxyQuery(url)).value(0);
  if (proxy.type() != QNetworkProxy::NoProxy) entry.proxy = QStringLiteral("%1:%2").arg(proxy.hostName()).arg(proxy.port());
  if (!m_ledger.begin(entry)) return {nullptr, Refused::unrecorded};
  Q_EMIT recorded();

  QNetworkRequest request(url);
  request.setAttribute(QNetworkRequest::CacheLoadControlAttribute, QNetworkRequest::AlwaysNetwork);
  request.setAttribute(QNetworkRequest::CacheSaveControlAttribute, false);
  request.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
  request.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
  request.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
  request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::ManualRedirectPolicy);
  request.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);  // one connection a request, which ends with it
  request.setHeader(QNetworkRequest::UserAgentHeader, QStringLiteral("inference-pio"));
  request.setRawHeader("Accept-Encoding", "identity");  // ranges count the file's own bytes
  request.setRawHeader("Connection", "close");
  for (const Header& header : headers) request.setRawHeader(header.first, header.second);
  QNetworkReply* reply = m_manager.get(request);
  m_open.insert(reply, entry);
  m_unnoted.insert(reply, 0);
  connect(reply, &QNetworkReply::requestSent, this, [this, reply, isFirst = true]() mutable {
    if (std::exchange(isFirst, false) || !m_open.contains(reply)) return;
    // Qt sends it again by itself when the connection ends before an answer.
    LedgerEntry again = m_open.value(reply);
    m_ledger.update(again);
    again.status = 0;
    again.bytes = 0;
    m_ledger.begin(again);
    m_open.insert(reply, again);
    Q_EMIT recorded();
  });
  connect(reply, &QNetworkReply::metaDataChanged, this, [this, reply] {
    if (const auto found = m_open.find(reply); found != m_open.end()) {
      found->status = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
      m_ledger.update(*found);
    }
  });
  connect(reply, &QNetworkReply::finished, this, [this, reply] {
    if (m_open.contains(reply)) m_ledger.update(m_open.value(reply));
    Q_EMIT recorded();
  });
  connect(reply, &QObject::destroyed, this, [this, reply] {
    if (m_open.contains(reply)) m_ledger.update(m_open.take(reply));
    m_unnoted.remove(reply);
  });
  return {reply, Refused::no};
}

void RequestMaker::count(QNetworkReply* reply, qint64 bytes) {
  const auto found = m_open.find(reply);
  if (found == m_open.end()) return;
  found->bytes += bytes;
  qint64& unnoted = m_unnoted[reply];
  unnoted += bytes;
  if (unnoted < kNoteBytes) return;
  unnoted = 0;
  m_ledger.update(*found);
  Q_EMIT recorded();
}

}  // namespace pio
