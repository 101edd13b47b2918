#include "app/network/qml_files_only.h"

#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QQmlEngine>
#include <QQmlNetworkAccessManagerFactory>
#include <QTimer>

namespace pio {
namespace {

class RefusedReply : public QNetworkReply {
 public:
  RefusedReply(QNetworkAccessManager::Operation operation, const QNetworkRequest& request, QObject* parent) : QNetworkReply(parent) {
    setOperation(operation);
    setRequest(request);
    setUrl(request.url());
    setError(ContentAccessDenied, QStringLiteral("only files of this computer"));
    open(QIODevice::ReadOnly);
    QTimer::singleShot(0, this, [this] {
      Q_EMIT errorOccurred(ContentAccessDenied);
      setFinished(true);
      Q_EMIT finished();
    });
  }
  void abort() override {}
  qint64 bytesAvailable() const override { return 0; }

 protected:
  qint64 readData(char*, qint64) override { return -1; }
};

class FilesOnly : public QNetworkAccessManager {
 public:
  using QNetworkAccessManager::QNetworkAccessManager;

 protected:
  QNetworkReply* createRequest(Operation operation, const QNetworkRequest& request, QIODevice* data) override {
    if (isLocalAddress(request.url()) && (operation == GetOperation || operation == HeadOperation)) {
      QNetworkRequest local(request);  // a file leads nowhere else
      local.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::ManualRedirectPolicy);
      return QNetworkAccessManager::createRequest(operation, local, data);
    }
    return new RefusedReply(operation, request, this);
  }
};

class FilesOnlyFactory : public QQmlNetworkAccessManagerFactory {
 public:
  QNetworkAccessManager* create(QObject* parent) override { return new FilesOnly(parent); }
};

}  // namespace

void fetchFilesOnly(QQmlEngine& engine) {
  static FilesOnlyFactory factory;
  engine.setNetworkAccessManagerFactory(&factory);
  interceptAddresses(engine);
}

}  // namespace pio
