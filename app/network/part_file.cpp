#include "app/network/part_file.h"

#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>
#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pio {
namespace {

constexpr int kVersion = 1;

QByteArray headOf(const PartFile::Origin& origin) {
  const QJsonObject object{{"version", kVersion},           {"address", origin.address}, {"name", origin.name},
                           {"validator", origin.validator}, {"stated", origin.stated},   {"total", origin.total}};
  return QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n';
}

QByteArray lineOf(qint64 index, qint64 bytes, quint64 hash) {
  return QByteArray::number(index) + ' ' + QByteArray::number(bytes) + ' ' + QByteArray::number(hash, 16).rightJustified(16, '0') + '\n';
}

// A disk that becomes full takes a part first, without an error.
bool writeAll(QFile& file, const char* bytes, qint64 n) {
  while (n > 0) {
    const qint64 written = file.write(bytes, n);
    if (written <= 0) return false;
    bytes += written;
    n -= written;
  }
  return true;
}

// A name is on the disk when its folder is.
void syncFolder(const QString& file) {
  const int folder = ::open(QFile::encodeName(QFileInfo(file).path()).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

}  // namespace

struct PartFile::PartHash {
  XXH3_state_t state;
};

PartFile::PartFile(const QString& target)
    : m_target(target), m_data(partPath(target)), m_noteFile(notesPath(target)), m_part(std::make_unique<PartHash>()) {
  rewind();
}

PartFile::~PartFile() = default;

PartFile::Notes PartFile::read(const QString& path) {
  Notes notes;
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return notes;
  const QJsonObject head = QJsonDocument::fromJson(file.readLine(1 << 16)).object();
  if (head.value("version").toInt() != kVersion) return notes;
  notes.origin = {head.value("address").toString(), head.value("name").toString(), head.value("validator").toString(),
                  head.value("stated").toString(), head.value("total").toInteger(-1)};
  const qint64 total = notes.origin.total;
  while (!file.atEnd()) {
    const QByteArray line = file.readLine(256);
    const QList<QByteArray> words = line.chopped(line.endsWith('\n')).split(' ');
    if (!line.endsWith('\n') || words.size() != 3 || words[2].size() != 16) continue;  // torn by the program's end
    const qint64 index = words[0].toLongLong();
    const Note note{words[1].toLongLong(), words[2].toULongLong(nullptr, 16)};
    const bool isPossible =
        index >= 0 && index <= total / kPartBytes && note.bytes > 0 && note.bytes <= std::min(kPartBytes, total - index * kPartBytes);
    if (isPossible) notes.parts.insert(index, note);  // a later one counts
  }
  return notes;
}

PartFile::Origin PartFile::originOf(const QString& notesPath, qint64* notedBytes) {
  const Notes notes = read(notesPath);
  if (notedBytes != nullptr) {
    *notedBytes = 0;
    for (const Note& note : notes.parts) *notedBytes += note.bytes;
  }
  return notes.origin;
}

PartFile::Opened PartFile::open() {
  if (!m_data.open(QIODevice::ReadWrite | QIODevice::Unbuffered)) return Opened::failed;
  // The kernel gives the lock back when its program dies, in whatever way.
  if (::flock(m_data.handle(), LOCK_EX | LOCK_NB) != 0) {
    m_data.close();
    return Opened::busy;
  }
  const Notes notes = read(m_noteFile.fileName());
  m_origin = notes.origin;
  m_notes = notes.parts;
  if (m_notes.isEmpty()) m_origin = {};
  return m_notes.isEmpty() || startNotes() ? Opened::yes : Opened::failed;
}

void PartFile::close() {
  m_noteFile.close();
  m_data.close();
}

// As few lines as say what is noted; what is appended counts over them.
bool PartFile::startNotes() {
  m_noteFile.close();
  QSaveFile file(m_noteFile.fileName());
  if (!file.open(QIODevice::WriteOnly)) return false;
  file.write(headOf(m_origin));
  for (auto note = m_notes.begin(); note != m_notes.end(); ++note) file.write(lineOf(note.key(), note->bytes, note->hash));
  return file.commit() && m_noteFile.open(QIODevice::WriteOnly | QIODevice::Append | QIODevice::Unbuffered);
}

bool PartFile::note(qint64 index, const Note& note) {
  m_notes.insert(index, note);
  const QByteArray line = lineOf(index, note.bytes, note.hash);
  return writeAll(m_noteFile, line.constData(), line.size());
}

quint64 PartFile::hashNow() const { return XXH3_64bits_digest(&m_part->state); }

void PartFile::restartPart() { XXH3_64bits_reset(&m_part->state); }

void PartFile::rewind() {
  m_at = 0;
  m_sha = std::make_unique<QCryptographicHash>(QCryptographicHash::Sha256);
  restartPart();
}

qint64 PartFile::gapEnd() const {
  qint64 end = -1;
  for (auto note = m_notes.begin(); note != m_notes.end(); ++note) {
    const qint64 first = note.key() * kPartBytes;
    if (first > m_at && (end < 0 || first < end)) end = first;
  }
  return end;
}

qint64 PartFile::notedBytes() const {
  qint64 bytes = 0;
  for (const Note& note : m_notes) bytes += note.bytes;
  return bytes;
}

PartFile::Check PartFile::checkNext() {
  const qint64 index = m_at / kPartBytes;
  const auto found = m_notes.constFind(index);
  if (found == m_notes.constEnd() || m_at % kPartBytes != 0) return Check::nothing;
  const Note noted = *found;
  const QByteArray bytes = m_data.seek(m_at) ? m_data.read(noted.bytes) : QByteArray();
  restartPart();
  XXH3_64bits_update(&m_part->state, bytes.constData(), static_cast<std::size_t>(bytes.size()));
  if (bytes.size() != noted.bytes || hashNow() != noted.hash) {
    m_notes.remove(index);
    restartPart();
    return Check::damaged;
  }
  m_sha->addData(bytes);
  m_at += noted.bytes;
  if (noted.bytes == kPartBytes) restartPart();
  return Check::sound;
}

bool PartFile::begin(const Origin& origin) {
  // Notes of other bytes must not outlive them.
  m_noteFile.close();
  QFile::remove(m_noteFile.fileName());
  m_notes.clear();
  rewind();
  m_origin = origin;
  return m_data.resize(0) && startNotes();
}

bool PartFile::write(const char* bytes, qint64 n) {
  while (n > 0) {
    const qint64 inPart = m_at % kPartBytes;
    const qint64 take = std::min(n, kNoteBytes - inPart % kNoteBytes);
    if (!m_data.seek(m_at) || !writeAll(m_data, bytes, take)) return false;
    m_sha->addData(QByteArrayView(bytes, take));
    XXH3_64bits_update(&m_part->state, bytes, static_cast<std::size_t>(take));
    m_at += take;
    bytes += take;
    n -= take;
    const qint64 written = inPart + take;
    if ((written % kNoteBytes == 0 || isComplete()) && !note((m_at - 1) / kPartBytes, {written, hashNow()})) return false;
    if (written == kPartBytes) restartPart();
  }
  return true;
}

void PartFile::noteRest() {
  const qint64 inPart = m_at % kPartBytes;
  if (inPart > 0 && m_noteFile.isOpen()) note(m_at / kPartBytes, {inPart, hashNow()});
}

QByteArray PartFile::sha256() const { return m_sha->result().toHex(); }

bool PartFile::readBack(qint64 index) {
  const Note noted = m_notes.value(index);
  const qint64 wanted = std::min(kPartBytes, m_origin.total - index * kPartBytes);
  const QByteArray bytes = m_data.seek(index * kPartBytes) ? m_data.read(wanted) : QByteArray();
  if (noted.bytes == wanted && bytes.size() == wanted && XXH3_64bits(bytes.constData(), static_cast<std::size_t>(wanted)) == noted.hash) return true;
  m_notes.remove(index);
  return false;
}

bool PartFile::commit() {
  if (!m_data.resize(m_origin.total) || ::fsync(m_data.handle()) != 0) return false;
  if (::rename(QFile::encodeName(m_data.fileName()).constData(), QFile::encodeName(m_target).constData()) != 0) return false;
  syncFolder(m_target);
  close();
  QFile::remove(m_noteFile.fileName());
  return true;
}

void PartFile::discard() {
  m_noteFile.close();
  QFile::remove(m_noteFile.fileName());
  m_data.remove();
  m_notes.clear();
  rewind();
}

}  // namespace pio
