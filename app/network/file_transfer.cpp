#include "app/network/file_transfer.h"

#include <QDir>
#include <QFileInfo>
#include <QNetworkReply>
#include <QStorageInfo>
#include <algorithm>

#include "app/network/request_maker.h"

namespace pio {
namespace {

constexpr int kMostHops = 10;
constexpr int kMostFailures = 4;  // without progress, after 1, 2, 4, 8 s
constexpr int kMostChanges = 3;   // of the file at its address, while it is fetched
constexpr int kMostRewinds = 3;   // of what the disk did not keep
constexpr qint64 kChunk = 1 << 18;
constexpr qint64 kBuffer = 4 << 20;  // a fast server waits for the disk

using Kind = TransferProblem::Kind;

bool isSha256(const QByteArray& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// For If-Range: the ETag unless it is a weak one, else the date of the last change.
QString validatorOf(const QNetworkReply& reply) {
  const QByteArray tag = reply.rawHeader("ETag").trimmed();
  return QString::fromLatin1(tag.isEmpty() || tag.startsWith("W/") ? reply.rawHeader("Last-Modified").trimmed() : tag);
}

// A header that is a count of bytes; -1 none.
qint64 countIn(const QNetworkReply& reply, const QByteArray& header) {
  bool isCount = false;
  const qint64 count = reply.rawHeader(header).trimmed().toLongLong(&isCount);
  return isCount && count >= 0 ? count : -1;
}

struct ContentRange {
  qint64 first = -1, last = -1;
  qint64 total = -1;  // -1: not said
};

// "bytes 0-99/200", "bytes 0-99/*".
ContentRange contentRange(const QNetworkReply& reply) {
  const QByteArray text = reply.rawHeader("Content-Range").simplified();
  const qsizetype dash = text.indexOf('-'), slash = text.indexOf('/');
  if (!text.toLower().startsWith("bytes ") || dash < 0 || slash < dash) return {};
  bool a = false, b = false, c = false;
  ContentRange range{text.mid(6, dash - 6).toLongLong(&a), text.mid(dash + 1, slash - dash - 1).toLongLong(&b), text.mid(slash + 1).toLongLong(&c)};
  if (!c) range.total = -1;
  const bool isPossible = a && b && range.first >= 0 && range.last >= range.first && (c ? range.total > range.last : text.endsWith("/*"));
  return isPossible ? range : ContentRange();
}

bool isRedirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }
// That a later try may not meet.
bool isPassing(int status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

}  // namespace

QString addressOf(const FileOrder& order) {
  return QStringLiteral("%1/resolve/%2/%3").arg(order.repository, order.revision.isEmpty() ? QStringLiteral("main") : order.revision, order.path);
}

bool isBaseAddress(const QString& base) {
  const QUrl url(base, QUrl::StrictMode);
  return url.isValid() && (url.scheme() == QLatin1String("https") || url.scheme() == QLatin1String("http")) && !url.host().isEmpty() &&
         !url.hasQuery() && !url.hasFragment() && url.userInfo().isEmpty();
}

bool mayFollow(const QUrl& from, const QUrl& to) {
  return to.scheme() == QLatin1String("https") || (to.scheme() == QLatin1String("http") && from.scheme() == QLatin1String("http"));
}

FileTransfer::FileTransfer(RequestMaker* requests, const FileOrder& order, const TransferPace& pace, QObject* parent)
    : QObject(parent), m_requests(requests), m_order(order), m_pace(pace), m_part(order.target) {
  for (QTimer* timer : {&m_stall, &m_silence, &m_wait}) timer->setSingleShot(true);
  m_stall.setInterval(pace.stallMs);
  m_silence.setInterval(pace.silenceMs);
  connect(&m_stall, &QTimer::timeout, this, [this] { Q_EMIT stalled(true); });
  connect(&m_silence, &QTimer::timeout, this, [this] {
    Q_EMIT stalled(false);
    if (m_part.isComplete()) return fail(problem(Kind::too_long));  // its length was not said, and it does not end
    tryAgain(Kind::unreachable, QStringLiteral("no bytes for %1 s").arg(m_pace.silenceMs / 1000));
  });
  connect(&m_wait, &QTimer::timeout, this, [this] {
    Q_EMIT waiting(0);
    step();
  });
  connect(requests, &RequestMaker::wentOffline, this, [this] {
    TransferProblem offline = problem(Kind::offline);
    offline.isBrokenOff = !m_url.isEmpty();
    fail(offline);
  });
}

FileTransfer::~FileTransfer() { stop(); }

qint64 FileTransfer::bytes() const { return std::max(m_part.at(), std::min(m_part.notedBytes(), std::max<qint64>(m_part.total(), 0))); }
qint64 FileTransfer::total() const { return m_part.total() >= 0 ? m_part.total() : m_order.bytes; }

TransferProblem FileTransfer::problem(Kind kind, const QString& details) const {
  TransferProblem problem;
  problem.kind = kind;
  problem.file = QFileInfo(m_order.target).fileName();
  problem.host = m_url.isEmpty() ? QUrl(m_order.base).host() : m_url.host();
  problem.details = details;
  if (kind == Kind::too_long) problem.wantedBytes = m_part.total();
  return problem;
}

// By way of the event loop, so that a stop is heard between two steps.
void FileTransfer::later(void (FileTransfer::*next)()) {
  QMetaObject::invokeMethod(
      this,
      [this, next] {
        if (!m_isStopped) (this->*next)();
      },
      Qt::QueuedConnection);
}

void FileTransfer::start() {
  if (!isBaseAddress(m_order.base)) return fail(problem(Kind::bad_address, m_order.base));
  const QString address = addressOf(m_order);
  const QStringList names = address.split(u'/');
  const bool isPath = std::none_of(names.begin(), names.end(), [](const QString& name) {
    return name.isEmpty() || name == QLatin1String(".") || name == QLatin1String("..") || name.contains(QChar(u'\0')) || name.contains(u'\\');
  });
  if (!isPath) return fail(problem(Kind::bad_name, address));
  const QFileInfo target(m_order.target);
  if (target.isFile() && (m_order.bytes < 0 || target.size() == m_order.bytes)) {
    m_existing = std::make_unique<QFile>(m_order.target);
    m_existingHash = std::make_unique<QCryptographicHash>(QCryptographicHash::Sha256);
    if (m_existing->open(QIODevice::ReadOnly)) {
      Q_EMIT checking(true);
      return later(&FileTransfer::readExisting);
    }
  }
  m_existing.reset();
  openPart();
}

void FileTransfer::openPart() {
  const QFileInfo target(m_order.target);
  if (target.isDir() || !QDir().mkpath(target.path())) return fail(problem(Kind::not_written, target.path()));
  switch (m_part.open()) {
    case PartFile::Opened::busy: return fail(problem(Kind::busy));
    case PartFile::Opened::failed: return fail(problem(m_part.isDiskFull() ? Kind::no_space : Kind::not_written, m_part.error()));
    case PartFile::Opened::yes: break;
  }
  const PartFile::Origin& origin = m_part.origin();
  const bool isOther = origin.address != addressOf(m_order) || (m_order.bytes >= 0 && origin.total != m_order.bytes);
  if (m_part.holdsAnything() && isOther && !m_part.begin({})) return fail(problem(Kind::not_written, m_part.error()));
  m_stated = origin.stated;
  if (total() >= 0 && !hasRoom(total() - m_part.size())) return;
  if (m_part.holdsAnything()) Q_EMIT checking(true);
  later(&FileTransfer::step);
}

// A file that has its final name already: nothing is asked when it is the right one.
void FileTransfer::readExisting() {
  const QByteArray bytes = m_existing->read(PartFile::kPartBytes);
  m_existingHash->addData(bytes);
  if (!bytes.isEmpty()) return later(&FileTransfer::readExisting);
  const QString sha256 = QString::fromLatin1(m_existingHash->result().toHex());
  const bool isRead = m_existing->error() == QFile::NoError;
  m_existing.reset();
  Q_EMIT checking(false);
  if (isRead && (m_order.sha256.isEmpty() || m_order.sha256 == sha256)) {
    stop();
    Q_EMIT done({m_order.target, sha256, m_order.sha256.isEmpty() ? FileDone::Verified::size : FileDone::Verified::pinned});
    return;
  }
  openPart();  // what has the name stays until the right one is there
}

void FileTransfer::stop() {
  if (m_isStopped) return;
  m_isStopped = true;
  m_wait.stop();
  leave();
  if (!m_part.isOpen()) return;  // what lies there is another program's, or an earlier run's
  if (m_part.holdsAnything()) m_part.noteRest();
  else m_part.discard();
  m_part.close();
}

void FileTransfer::fail(TransferProblem problem) {
  if (m_isStopped) return;
  stop();
  Q_EMIT failed(problem);
}

void FileTransfer::leave() {
  m_stall.stop();
  m_silence.stop();
  if (m_reply == nullptr) return;
  QNetworkReply* reply = m_reply;
  m_reply = nullptr;
  reply->disconnect(this);
  // Not from inside its own signals: Qt goes on with it when they return.
  QMetaObject::invokeMethod(
      reply,
      [reply] {
        if (reply->isRunning()) reply->abort();
        reply->deleteLater();
      },
      Qt::QueuedConnection);
}

bool FileTransfer::hasRoom(qint64 missing) {
  const QStorageInfo disk(QFileInfo(m_order.target).path());
  if (!disk.isValid() || disk.bytesAvailable() >= missing + m_order.reserve) return true;
  TransferProblem full = problem(Kind::no_space);
  full.wantedBytes = missing + m_order.reserve;
  full.foundBytes = disk.bytesAvailable();
  fail(full);
  return false;
}

// What is there is read first; then what is missing is asked for, from the first byte that is.
void FileTransfer::step() {
  if (m_part.checkNext() == PartFile::Check::sound) {
    Q_EMIT progressed();
    return later(&FileTransfer::step);
  }
  Q_EMIT checking(false);
  if (m_part.isComplete()) return finish();
  m_hops = 0;
  QUrl url(m_order.base);
  QString path = url.path();
  while (path.endsWith(u'/')) path.chop(1);
  url.setPath(path + u'/' + addressOf(m_order), QUrl::DecodedMode);
  ask(url);
}

void FileTransfer::ask(const QUrl& url) {
  m_url = url;
  m_isHeaded = false;
  m_skip = 0;
  QList<RequestMaker::Header> headers;
  if (!m_isPlain) {
    // From the first byte too: the answer's Content-Range then says how long the file is, whatever its Content-Length says.
    const qint64 end = m_part.gapEnd();
    headers.append({"Range", "bytes=" + QByteArray::number(m_part.at()) + '-' + (end < 0 ? QByteArray() : QByteArray::number(end - 1))});
    if (m_part.holdsAnything() && !m_part.origin().validator.isEmpty()) headers.append({"If-Range", m_part.origin().validator.toLatin1()});
  }
  const RequestMaker::Asked asked = m_requests->get(url, headers, QStringLiteral("download"), m_order.name);
  if (asked.refused != RequestMaker::Refused::no)
    return fail(problem(asked.refused == RequestMaker::Refused::offline ? Kind::offline : Kind::unrecorded));
  m_reply = asked.reply;
  m_reply->setReadBufferSize(kBuffer);
  connect(m_reply, &QNetworkReply::metaDataChanged, this, &FileTransfer::answered);
  connect(m_reply, &QNetworkReply::readyRead, this, [this] { read(false); });
  connect(m_reply, &QNetworkReply::finished, this, &FileTransfer::ended);
  m_stall.start();
  m_silence.start();
}

void FileTransfer::answered() {
  if (m_isHeaded || m_reply == nullptr) return;
  const int status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
  if (status == 0) return;
  m_isHeaded = true;
  // What the first server says of the file, in its own answer or in the redirect to where the bytes lie.
  if (m_hops == 0 || isRedirect(status)) {
    QByteArray stated = m_reply->rawHeader("X-Linked-ETag").trimmed();
    if (stated.startsWith("W/")) stated.remove(0, 2);
    stated = stated.replace('"', "").toLower();
    const qint64 length = countIn(*m_reply, "X-Linked-Size");
    if (m_order.bytes >= 0 && length >= 0 && length != m_order.bytes && m_reply->hasRawHeader("X-Linked-ETag")) {
      TransferProblem wrong = problem(Kind::wrong_length);
      wrong.wantedBytes = m_order.bytes;
      wrong.foundBytes = length;
      return fail(wrong);
    }
    if (isSha256(stated)) {
      const QString now = QString::fromLatin1(stated);
      if (m_order.sha256.isEmpty() && m_part.holdsAnything() && !m_stated.isEmpty() && m_stated != now) {
        if (!changed()) return;
        if (!m_part.begin({})) return fail(problem(Kind::not_written, m_part.error()));
      }
      m_stated = now;
    }
  }
  if (isRedirect(status)) return redirected(m_url, status);
  if (status == 206 ? takePart() : status == 200 ? takeWhole() : false) return read(false);
  if (m_isStopped || m_reply == nullptr || status == 206 || status == 200) return;
  if (status == 416) {
    if (m_part.holdsAnything()) {  // the file there ends before
      if (!changed()) return;
      if (!m_part.begin({})) return fail(problem(Kind::not_written, m_part.error()));
      return asksAnew();
    }
    if (!std::exchange(m_isPlain, true)) return asksAnew();
  }
  TransferProblem bad = problem(Kind::status);
  bad.status = status;
  if (isPassing(status) || (status == 403 && m_hops > 0)) return tryAgain(Kind::status, QString::number(status));
  fail(bad);
}

void FileTransfer::redirected(const QUrl& from, int status) {
  const QByteArray location = m_reply->rawHeader("Location");
  QUrl url = from.resolved(QUrl::fromEncoded(location, QUrl::StrictMode));
  url.setFragment({});
  url.setUserInfo({});
  if (location.isEmpty() || !url.isValid() || url.host().isEmpty() || ++m_hops > kMostHops) {
    TransferProblem lost = problem(Kind::redirects, QString::fromLatin1(location.left(500)));
    lost.status = status;
    return fail(lost);
  }
  if (!mayFollow(from, url)) return fail(problem(Kind::insecure, url.toString(QUrl::RemoveQuery)));
  leave();
  ask(url);
}

// The answer begins where it was asked to; else ranges of this server mean nothing.
bool FileTransfer::takePart() {
  const ContentRange range = contentRange(*m_reply);
  if (range.first < 0 || range.first != m_part.at()) {
    m_isPlain = true;
    tryAgain(Kind::unreachable, QStringLiteral("bytes from %1 on were asked for: %2")
                                    .arg(m_part.at())
                                    .arg(QString::fromLatin1(m_reply->rawHeader("Content-Range").left(100))));
    return false;
  }
  if (m_order.bytes >= 0 && range.total >= 0 && range.total != m_order.bytes) {
    TransferProblem wrong = problem(Kind::wrong_length);
    wrong.wantedBytes = m_order.bytes;
    wrong.foundBytes = range.total;
    fail(wrong);
    return false;
  }
  if (m_part.holdsAnything()) {
    const QString before = m_part.origin().validator, now = validatorOf(*m_reply);
    const bool isOther = (range.total >= 0 && range.total != m_part.total()) || (!before.isEmpty() && !now.isEmpty() && before != now);
    // Without a validator nothing but a hash tells whether both halves are of one file.
    const bool isUnsure = before.isEmpty() && wantedHash().isEmpty();
    if (isOther || isUnsure) {
      if (isOther && !changed()) return false;
      m_isPlain |= isUnsure;
      if (!m_part.begin({})) fail(problem(Kind::not_written, m_part.error()));
      else asksAnew();
      return false;
    }
  } else if (!begin(range.total)) {
    return false;
  }
  const qint64 end = m_part.gapEnd();
  m_until = std::min(range.last + 1, end < 0 ? m_part.total() : end);
  m_hasEnd = true;
  return true;
}

bool FileTransfer::takeWhole() {
  const qint64 length = countIn(*m_reply, "Content-Length");
  if (m_order.bytes >= 0 && length >= 0 && length != m_order.bytes) {
    TransferProblem wrong = problem(Kind::wrong_length);
    wrong.wantedBytes = m_order.bytes;
    wrong.foundBytes = length;
    fail(wrong);
    return false;
  }
  if (m_part.holdsAnything()) {
    const QString before = m_part.origin().validator, now = validatorOf(*m_reply);
    const bool isSameLength = length < 0 || length == m_part.total();
    if (!before.isEmpty() && before == now && isSameLength) {
      m_skip = m_part.at();
    } else {
      const bool isOther = !isSameLength || (!before.isEmpty() && before != now);
      if ((isOther && !changed()) || !begin(length)) return false;
    }
  } else if (!begin(length)) {
    return false;
  }
  const qint64 end = m_part.gapEnd();
  m_until = end < 0 ? m_part.total() : end;
  m_hasEnd = length >= 0;
  return true;
}

bool FileTransfer::begin(qint64 length) {
  const qint64 total = m_order.bytes >= 0 ? m_order.bytes : length;
  if (total <= 0) {
    fail(problem(Kind::no_length));
    return false;
  }
  if (!hasRoom(total - m_part.size())) return false;
  if (m_part.begin({addressOf(m_order), m_order.name, validatorOf(*m_reply), m_stated, total})) return true;
  fail(problem(m_part.isDiskFull() ? Kind::no_space : Kind::not_written, m_part.error()));
  return false;
}

void FileTransfer::read(bool isLast) {
  if (!m_isHeaded && !isLast) answered();
  while (m_reply != nullptr && m_isHeaded && m_reply->bytesAvailable() > 0) {
    const QByteArray chunk = m_reply->read(kChunk);
    if (chunk.isEmpty()) return;
    m_requests->count(m_reply, chunk.size());
    if (!m_stall.isActive()) Q_EMIT stalled(false);
    m_stall.start();
    m_silence.start();
    const qint64 skipped = std::min<qint64>(m_skip, chunk.size());
    m_skip -= skipped;
    const qint64 left = chunk.size() - skipped;
    const qint64 take = std::min(left, m_until - m_part.at());
    if (take > 0 && !m_part.write(chunk.constData() + skipped, take)) {
      const bool isFull = m_part.isDiskFull();
      TransferProblem bad = problem(isFull ? Kind::no_space : Kind::not_written, m_part.error());
      if (isFull) {
        bad.wantedBytes = m_part.total() - m_part.at() + m_order.reserve;
        bad.foundBytes = QStorageInfo(QFileInfo(m_order.target).path()).bytesAvailable();
      }
      return fail(bad);
    }
    if (take > 0) Q_EMIT progressed();
    if (m_part.at() < m_until || m_skip > 0) continue;
    if (left > take && !m_hasEnd && wantedHash().isEmpty()) {
      m_part.discard();
      TransferProblem bad = problem(Kind::too_long);
      return fail(bad);
    }
    // Where the length was not said and no hash is known, what the body does then decides.
    if (!m_hasEnd && wantedHash().isEmpty() && m_part.isComplete()) continue;
    if (!m_part.isComplete()) return tryAgain(Kind::unreachable, QStringLiteral("the answer ended before the file did"));
    leave();
    return later(&FileTransfer::step);
  }
}

void FileTransfer::ended() {
  if (m_reply == nullptr) return;
  if (!m_isHeaded) answered();
  read(true);
  if (m_reply == nullptr || m_isStopped) return;
  if (m_part.isComplete()) {
    leave();
    return later(&FileTransfer::step);
  }
  const QNetworkReply::NetworkError error = m_reply->error();
  if (error == QNetworkReply::SslHandshakeFailedError) return fail(problem(Kind::certificate, m_reply->errorString()));
  tryAgain(Kind::unreachable, error == QNetworkReply::NoError ? QStringLiteral("the answer ended before the file did") : m_reply->errorString());
}

void FileTransfer::asksAnew() {
  leave();
  later(&FileTransfer::step);
}

void FileTransfer::tryAgain(Kind why, const QString& details) {
  m_last = problem(why, details);
  if (why == Kind::status) m_last.status = details.toInt();
  leave();
  if (m_part.at() > m_most) {
    m_most = m_part.at();
    m_failures = 0;
    return later(&FileTransfer::step);
  }
  if (++m_failures > kMostFailures) return fail(m_last);
  const int seconds = 1 << (m_failures - 1);
  Q_EMIT waiting(seconds);
  m_wait.start(seconds * m_pace.retryMs);
}

// False: too often, and it has failed.
bool FileTransfer::changed() {
  m_most = 0;
  if (++m_changes <= kMostChanges) return true;
  fail(problem(Kind::keeps_changing));
  return false;
}

void FileTransfer::finish() {
  const QString found = QString::fromLatin1(m_part.sha256()), wanted = wantedHash();
  if (wanted.isEmpty() || found == wanted) {
    m_backAt = 0;
    Q_EMIT checking(true);
    return later(&FileTransfer::readBackNext);
  }
  // The parts are as they came, so the server's bytes are wrong, or were while it came.
  if (++m_mismatches < 2) {
    m_most = 0;
    if (!m_part.begin({})) return fail(problem(Kind::not_written, m_part.error()));
    Q_EMIT progressed();
    return later(&FileTransfer::step);
  }
  m_part.discard();
  TransferProblem wrong = problem(Kind::wrong_hash);
  wrong.wanted = wanted;
  wrong.found = found;
  wrong.isStated = m_order.sha256.isEmpty();
  fail(wrong);
}

// What is on the disk is what was counted: a part that is not is fetched again.
void FileTransfer::readBackNext() {
  if (m_backAt < m_part.parts()) {
    if (m_part.readBack(m_backAt)) {
      ++m_backAt;
      return later(&FileTransfer::readBackNext);
    }
    if (++m_rewinds > kMostRewinds) return fail(problem(Kind::not_written, QStringLiteral("what was written does not stay")));
    m_part.rewind();
    m_most = 0;
    return later(&FileTransfer::step);
  }
  Q_EMIT checking(false);
  const QString sha256 = QString::fromLatin1(m_part.sha256());
  if (!m_part.commit()) return fail(problem(m_part.isDiskFull() ? Kind::no_space : Kind::not_written, m_part.error()));
  m_isStopped = true;
  Q_EMIT done({m_order.target, sha256,
               !m_order.sha256.isEmpty() ? FileDone::Verified::pinned
               : !m_stated.isEmpty()     ? FileDone::Verified::stated
                                         : FileDone::Verified::size});
}

}  // namespace pio
