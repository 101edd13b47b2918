#pragma once

#include <QHash>
#include <QPointer>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslKey>
#include <QSslSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>
#include <functional>

// A server of files on this computer that does what it is told to, wrong things too. It lives in the event loop of its test.

namespace pio {

class FaultServer : public QTcpServer {
 public:
  struct Asked {
    QByteArray path;
    QHash<QByteArray, QByteArray> headers;  // names in lower case
    qint64 sent = 0;                        // bytes of the body
    QByteArray range() const { return headers.value("range"); }
  };
  struct Answer {
    int status = 200;
    QList<std::pair<QByteArray, QByteArray>> headers;
    QByteArray body;
    qint64 cutAfter = -1;    // bytes of the body; then the connection ends. -1: it does when all is sent
    bool isEndless = false;  // the body begins again and again
    bool isSilent = false;   // no end and no more bytes after the body
    qint64 perTick = 0;      // bytes each 5 ms; 0: as fast as it goes
    bool isChunked = false;

    void set(const QByteArray& name, const QByteArray& value) {
      remove(name);
      headers.append({name, value});
    }
    void remove(const QByteArray& name) {
      headers.removeIf([&](const auto& header) { return header.first.toLower() == name.toLower(); });
    }
  };

  FaultServer() {
    listen(QHostAddress::LocalHost);
    connect(this, &QTcpServer::newConnection, this, [this] {
      while (QTcpSocket* socket = nextPendingConnection()) serve(socket);
    });
  }

  QByteArray body;
  QByteArray etag = "\"one\"";
  QList<Asked> log;
  std::function<Answer(FaultServer&, const Asked&)> answer = [](FaultServer& server, const Asked& asked) { return server.plain(asked); };

  // From now on plain answers, so many bytes each 5 ms; 0: as fast as it goes.
  void pace(qint64 perTick) {
    answer = [perTick](FaultServer& server, const Asked& asked) {
      Answer slow = server.plain(asked);
      slow.perTick = perTick;
      return slow;
    };
  }

  // https from now on.
  void encrypt(const QSslCertificate& certificate, const QSslKey& key) {
    m_isEncrypted = true;
    m_encryption.setLocalCertificate(certificate);
    m_encryption.setPrivateKey(key);
    m_encryption.setPeerVerifyMode(QSslSocket::VerifyNone);  // who asks needs none
  }

  QString base() const {
    return QStringLiteral("%1://127.0.0.1:%2").arg(m_isEncrypted ? QLatin1String("https") : QLatin1String("http")).arg(serverPort());
  }
  qint64 sent() const {
    qint64 bytes = 0;
    for (const Asked& asked : log) bytes += asked.sent;
    return bytes;
  }

  // What a good server says.
  Answer plain(const Asked& asked) const {
    Answer answer;
    answer.set("ETag", etag);
    qint64 first = 0, end = body.size();
    const QByteArray range = asked.range(), ifRange = asked.headers.value("if-range");
    if (range.startsWith("bytes=") && (ifRange.isEmpty() || ifRange == etag)) {
      const QList<QByteArray> ends = range.mid(6).split('-');
      first = ends.value(0).toLongLong();
      if (!ends.value(1).isEmpty()) end = std::min<qint64>(end, ends.value(1).toLongLong() + 1);
      if (first >= body.size()) {
        answer.status = 416;
        answer.set("Content-Range", "bytes */" + QByteArray::number(body.size()));
        answer.set("Content-Length", "0");
        return answer;
      }
      answer.status = 206;
      answer.set("Content-Range", "bytes " + QByteArray::number(first) + '-' + QByteArray::number(end - 1) + '/' + QByteArray::number(body.size()));
    }
    answer.body = body.mid(first, end - first);
    answer.set("Content-Length", QByteArray::number(answer.body.size()));
    return answer;
  }
  static Answer redirect(const QByteArray& to, int status = 302) {
    Answer answer;
    answer.status = status;
    answer.set("Location", to);
    answer.set("Content-Length", "0");
    return answer;
  }
  static Answer refusal(int status) {
    Answer answer;
    answer.status = status;
    answer.set("Content-Length", "0");
    return answer;
  }

 protected:
  void incomingConnection(qintptr handle) override {
    if (!m_isEncrypted) return QTcpServer::incomingConnection(handle);
    auto* socket = new QSslSocket(this);
    socket->setSslConfiguration(m_encryption);
    socket->setSocketDescriptor(handle);
    addPendingConnection(socket);
    socket->startServerEncryption();
  }

 private:
  void serve(QTcpSocket* socket) {
    socket->setParent(this);
    auto* request = new QByteArray;
    connect(socket, &QObject::destroyed, this, [request] { delete request; });
    connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    connect(socket, &QTcpSocket::readyRead, socket, [this, socket, request] {
      request->append(socket->readAll());
      if (!request->contains("\r\n\r\n")) return;
      Asked asked;
      QList<QByteArray> lines = request->left(request->indexOf("\r\n\r\n")).split('\n');
      request->clear();
      asked.path = lines.takeFirst().split(' ').value(1);
      for (const QByteArray& line : lines) asked.headers.insert(line.left(line.indexOf(':')).toLower(), line.mid(line.indexOf(':') + 1).trimmed());
      log.append(asked);
      send(socket, log.size() - 1, answer(*this, asked));
    });
  }

  void send(QTcpSocket* socket, qsizetype index, Answer answer) {
    QByteArray head = "HTTP/1.1 " + QByteArray::number(answer.status) + " So\r\n";
    if (answer.isChunked) answer.set("Transfer-Encoding", "chunked");
    answer.set("Connection", "close");
    for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
    socket->write(head + "\r\n");
    auto* timer = new QTimer(socket);
    auto* at = new qint64(0);
    connect(timer, &QObject::destroyed, this, [at] { delete at; });
    timer->start(answer.perTick > 0 ? 5 : 0);
    connect(timer, &QTimer::timeout, socket, [this, socket, timer, at, index, answer] {
      // As much as a slow reader leaves room for: what is counted as sent is at most this far ahead of it.
      if (socket->bytesToWrite() > (1 << 18)) return;
      const qint64 most = answer.perTick > 0 ? answer.perTick : 1 << 18;
      qint64 end = answer.cutAfter >= 0 ? std::min<qint64>(answer.cutAfter, answer.body.size()) : answer.body.size();
      if (answer.isEndless && *at >= end) *at = 0;
      const QByteArray piece = answer.body.mid(*at, std::min(most, end - *at));
      if (!piece.isEmpty()) {
        socket->write(answer.isChunked ? QByteArray::number(piece.size(), 16) + "\r\n" + piece + "\r\n" : piece);
        *at += piece.size();
        log[index].sent += piece.size();
      }
      if (*at < end || answer.isEndless) return;
      timer->stop();
      if (answer.isSilent) return;
      if (answer.isChunked && answer.cutAfter < 0) socket->write("0\r\n\r\n");
      socket->disconnectFromHost();
    });
  }

  bool m_isEncrypted = false;
  QSslConfiguration m_encryption = QSslConfiguration::defaultConfiguration();
};

}  // namespace pio
