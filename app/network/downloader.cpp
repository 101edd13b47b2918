#include "app/network/downloader.h"

#include <QFile>
#include <QFileInfo>
#include <QThread>
#include <algorithm>

#include "app/network/file_transfer.h"
#include "app/network/orders.h"
#include "app/network/part_file.h"
#include "app/network/request_maker.h"

namespace pio {
namespace {

constexpr int kTickMs = 250;
constexpr qint64 kRateMs = 5000;  // the rate is that of the last seconds

using Phase = DownloadState::Phase;

}  // namespace

bool Downloader::isBuiltIn() { return true; }

Downloader::Downloader(const QString& dataFolder, const TransferPace& pace, QObject* parent)
    : QObject(parent), m_dataFolder(dataFolder), m_pace(pace) {
  m_tick.setParent(this);  // it goes to the thread with this
  m_tick.setInterval(kTickMs);
  connect(&m_tick, &QTimer::timeout, this, [this] {
    measure();
    tell();
  });
  m_clock.start();
}

Downloader::~Downloader() {
  leave();
  m_tick.setParent(nullptr);
}

Downloader::Entry* Downloader::find(const QString& id) {
  const auto found = std::find_if(m_entries.begin(), m_entries.end(), [&](const Entry& entry) { return entry.order.id == id; });
  return found == m_entries.end() ? nullptr : &*found;
}

RequestMaker* Downloader::requests() {
  if (m_requests == nullptr) {
    m_requests = new RequestMaker(m_dataFolder, this);
    connect(m_requests, &RequestMaker::recorded, this, &Downloader::recorded);
    m_isProxyRight = m_requests->setProxy(m_proxy);
    m_requests->setOffline(m_isOffline);
  }
  return m_requests;
}

void Downloader::choose(bool isOffline, const QString& proxy) {
  const bool isOtherProxy = proxy != std::exchange(m_proxy, proxy);
  m_isOffline = isOffline;
  if (m_requests == nullptr) return;
  if (isOtherProxy) m_isProxyRight = m_requests->setProxy(proxy);
  m_requests->setOffline(isOffline);
}

void Downloader::lookForParts(const QList<DownloadOrder>& orders) {
  for (const DownloadOrder& order : orders) {
    if (find(order.id) != nullptr) continue;
    DownloadState state{order.id};
    state.phase = Phase::paused;
    bool isBegun = false;
    state.total = 0;
    for (const FileOrder& file : order.files) {
      qint64 noted = 0;
      const PartFile::Origin origin = PartFile::originOf(PartFile::notesPath(file.target), &noted);
      const bool isOfThis = noted > 0 && origin.address == addressOf(file);
      isBegun |= isOfThis;
      const qint64 whole = QFile(file.target).size();
      state.bytes += isOfThis ? noted : whole;
      const qint64 total = file.bytes >= 0 ? file.bytes : isOfThis ? origin.total : -1;
      state.total = total < 0 || state.total < 0 ? -1 : state.total + total;
    }
    if (isBegun) Q_EMIT changed(state);
  }
}

void Downloader::readLedger() { Q_EMIT ledgerRead(NetworkLedger(m_dataFolder).entries()); }

void Downloader::fetch(const DownloadOrder& order) {
  Entry* entry = find(order.id);
  if (entry != nullptr && (entry->state.phase == Phase::waiting || order.id == m_running)) return;
  if (entry != nullptr) m_entries.removeIf([&](const Entry& other) { return other.order.id == order.id; });
  m_entries.append({order, {order.id}});
  addTotals(m_entries.last());
  Q_EMIT changed(m_entries.last().state);
  next();
}

// As far as the orders know; a file that says its length later is counted when it does.
void Downloader::addTotals(Entry& entry) const {
  entry.state.total = 0;
  for (const FileOrder& file : entry.order.files) {
    if (file.bytes < 0) {
      entry.state.total = -1;
      return;
    }
    entry.state.total += file.bytes;
  }
}

void Downloader::next() {
  if (!m_running.isEmpty()) return;
  const auto waiting = std::find_if(m_entries.begin(), m_entries.end(), [](const Entry& entry) { return entry.state.phase == Phase::waiting; });
  if (waiting == m_entries.end()) return;
  m_running = waiting->order.id;
  waiting->state.phase = Phase::running;
  m_tick.start();
  startFile();
}

void Downloader::startFile() {
  Entry* entry = find(m_running);
  FileOrder file = entry->order.files.value(entry->file);
  file.reserve = std::max(file.reserve, historyReserve(m_dataFolder, QFileInfo(file.target).path()));
  m_samples.clear();
  RequestMaker* maker = requests();
  m_transfer = new FileTransfer(maker, file, m_pace, this);
  connect(m_transfer, &FileTransfer::progressed, this, [this] {
    Entry* running = find(m_running);
    running->state.bytes = running->doneBytes + m_transfer->bytes();
    if (running->order.files.size() == 1) running->state.total = m_transfer->total();
    m_isUntold = true;
  });
  connect(m_transfer, &FileTransfer::checking, this, [this](bool is) {
    find(m_running)->state.phase = is ? Phase::checking : Phase::running;
    m_samples.clear();
    m_isUntold = true;
  });
  connect(m_transfer, &FileTransfer::stalled, this, [this](bool is) {
    find(m_running)->state.isStalled = is;
    m_isUntold = true;
    tell();
  });
  connect(m_transfer, &FileTransfer::waiting, this, [this](int seconds) {
    find(m_running)->state.secondsToTry = seconds;
    m_isUntold = true;
    tell();
  });
  connect(m_transfer, &FileTransfer::done, this, &Downloader::fileEnded);
  connect(m_transfer, &FileTransfer::failed, this, &Downloader::fail);
  entry->state.host = QUrl(file.base).host();
  m_isUntold = true;
  tell();
  if (m_isProxyRight) return m_transfer->start();
  TransferProblem bad;
  bad.kind = TransferProblem::Kind::bad_address;
  bad.details = QStringLiteral("proxy");
  fail(bad);
}

void Downloader::measure() {
  const Entry* entry = find(m_running);
  if (entry == nullptr || entry->state.phase != Phase::running) return;
  m_samples.append({m_clock.elapsed(), entry->state.bytes});
  while (m_samples.size() > 2 && m_samples.last().ms - m_samples.first().ms > kRateMs) m_samples.removeFirst();
  const qint64 ms = m_samples.last().ms - m_samples.first().ms, bytes = m_samples.last().bytes - m_samples.first().bytes;
  const double rate = ms > 0 ? std::max(0.0, static_cast<double>(bytes) * 1000 / static_cast<double>(ms)) : 0;
  if (rate == entry->state.bytesPerSecond) return;
  find(m_running)->state.bytesPerSecond = rate;
  m_isUntold = true;
}

void Downloader::tell() {
  const Entry* entry = find(m_running);
  if (entry != nullptr && std::exchange(m_isUntold, false)) Q_EMIT changed(entry->state);
}

void Downloader::leave() {
  if (m_transfer != nullptr) {
    m_transfer->disconnect(this);
    m_transfer->stop();
    m_transfer->deleteLater();
    m_transfer = nullptr;
  }
  m_running.clear();
  m_tick.stop();
}

void Downloader::fileEnded(const FileDone& file) {
  Entry* entry = find(m_running);
  m_transfer->deleteLater();
  m_transfer->disconnect(this);
  m_transfer = nullptr;
  entry->doneBytes += QFile(file.path).size();
  entry->state.bytes = entry->doneBytes;
  Q_EMIT fileDone(m_running, file);
  if (++entry->file < entry->order.files.size()) {
    entry->state.phase = Phase::running;
    return startFile();
  }
  const QString id = m_running;
  leave();
  entry = find(id);
  entry->state.phase = Phase::done;
  entry->state.total = entry->state.bytes;
  const DownloadState state = entry->state;
  m_entries.removeIf([&](const Entry& other) { return other.order.id == id; });
  Q_EMIT changed(state);
  next();
}

void Downloader::fail(const TransferProblem& problem) {
  Entry* entry = find(m_running);
  leave();
  entry->state.phase = Phase::failed;
  entry->state.problem = problem;
  entry->state.isStalled = false;
  entry->state.secondsToTry = 0;
  entry->state.bytesPerSecond = 0;
  Q_EMIT changed(entry->state);
  next();
}

void Downloader::pause(const QString& id) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  if (id == m_running) leave();
  entry->state.phase = Phase::paused;
  entry->state.isStalled = false;
  entry->state.secondsToTry = 0;
  entry->state.bytesPerSecond = 0;
  Q_EMIT changed(entry->state);
  next();
}

void Downloader::cancel(const DownloadOrder& order) {
  if (order.id == m_running) leave();
  for (const FileOrder& file : order.files) {
    QFile::remove(PartFile::notesPath(file.target));
    QFile::remove(PartFile::partPath(file.target));
  }
  DownloadState state{order.id};
  state.phase = Phase::cancelled;
  m_entries.removeIf([&](const Entry& other) { return other.order.id == order.id; });
  Q_EMIT changed(state);
  next();
}

void Downloader::stop() { leave(); }

void Downloader::close() {
  leave();
  QThread::currentThread()->quit();
}

}  // namespace pio
