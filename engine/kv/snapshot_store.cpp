#include "engine/kv/snapshot_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <tuple>

#include "engine/files/replace_file.h"
#include "engine/files/xxh64.h"
#include "kernels/backend.h"
#include "kernels/base/log.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".kv";
constexpr std::size_t kMostWaitingBytes = std::size_t{256} << 20;
// A part with a name that nobody has written to for so long is one of a process that was killed.
constexpr std::int64_t kForgottenNanoseconds = 600'000'000'000;
constexpr std::chrono::milliseconds kLockPatience{2000}, kLockPause{20};

std::int64_t nanoseconds(const timespec& time) { return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// What others do in the folder waits meanwhile. A process that was stopped in the middle is not waited for long: without the lock two may both
// remove files, or stay a little above the limit.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) : file_(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    const auto end = std::chrono::steady_clock::now() + kLockPatience;
    while (file_.get() >= 0 && ::flock(file_.get(), LOCK_EX | LOCK_NB) != 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(kLockPause);
  }

 private:
  Descriptor file_;  // closing it gives the lock back
};

std::string name_of_file(std::uint64_t key, std::int64_t n_before) {
  char name[64];
  std::snprintf(name, sizeof name, "%016llx-%lld", static_cast<unsigned long long>(key), static_cast<long long>(n_before));
  return std::string(name) + std::string(kEnding);
}

// The tokens before it; -1 for a name that is no snapshot's.
std::int64_t n_before_of(const std::string& name) {
  unsigned long long key = 0;
  long long n_before = -1;
  if (std::sscanf(name.c_str(), "%16llx-%lld", &key, &n_before) != 2 || n_before < 0) return -1;
  return name == name_of_file(key, n_before) ? n_before : -1;
}

Error io_error(const fs::path& path, const std::string& expected, int number) {
  Error error = make_error(ErrorCode::io, path.string() + ": expected " + expected + ", found: " + std::generic_category().message(number));
  error.path = path.string();
  return error;
}

Result<void> read_exactly(int fd, const fs::path& path, std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd, out.data(), std::min<std::size_t>(out.size(), std::size_t{16} << 20), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "bytes that can be read", errno);
    if (n == 0)
      return make_error(ErrorCode::bad_file, path.filename().string() + ": expected " + std::to_string(out.size()) + " more bytes, found its end");
    out = out.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

// The header of an open file, which is as long as the header says.
Result<SnapshotHeader> header_in(int fd, const fs::path& path) {
  const std::string label = path.filename().string();
  struct stat status {};
  if (::fstat(fd, &status) != 0) return io_error(path, "a file that can be read", errno);
  if (!S_ISREG(status.st_mode)) return make_error(ErrorCode::bad_file, label + ": expected a file, found something else");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::vector<std::byte> bytes(std::min<std::uint64_t>(size, kSnapshotStart));
  RETURN_IF_ERROR(read_exactly(fd, path, 0, bytes));
  ASSIGN_OR_RETURN(const std::uint64_t header_bytes, snapshot_header_bytes(bytes, label));
  bytes.resize(std::min(size, header_bytes));
  RETURN_IF_ERROR(read_exactly(fd, path, 0, bytes));
  ASSIGN_OR_RETURN(SnapshotHeader header, parse_snapshot_header(bytes, label));
  if (size != header.n_bytes())
    return make_error(ErrorCode::bad_file, label + ": expected " + std::to_string(header.n_bytes()) + " bytes, found " + std::to_string(size));
  return header;
}

int open_to_read(const fs::path& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); }

Result<SnapshotHeader> header_of(const fs::path& path) {
  const Descriptor file(open_to_read(path));
  if (file.get() < 0) return io_error(path, "a file that can be read", errno);
  return header_in(file.get(), path);
}

struct File {
  std::string name;
  std::int64_t modified = 0, n_before = 0;
  std::uint64_t inode = 0, n_bytes = 0;
};

// The snapshots in a folder by their names.
std::vector<File> files_in(const fs::path& folder) {
  std::vector<File> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::int64_t n_before = n_before_of(name);
    struct stat status {};
    if (n_before < 0 || ::lstat(entry->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    files.push_back({name, nanoseconds(status.st_mtim), n_before, status.st_ino, static_cast<std::uint64_t>(status.st_size)});
  }
  return files;
}

void remove_forgotten_parts(const fs::path& folder) {
  const FolderLock lock(folder);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    struct stat status {};
    if (!entry->path().filename().string().starts_with(".pio-part-") || ::lstat(entry->path().c_str(), &status) != 0) continue;
    if (nanoseconds(now) - nanoseconds(status.st_mtim) > kForgottenNanoseconds) ::unlink(entry->path().c_str());
  }
}

std::int64_t modified(const fs::path& folder) {
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 ? nanoseconds(status.st_mtim) : -1;
}

bool begins_with(std::span<const int> ids, std::span<const int> beginning) {
  return ids.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), ids.begin());
}

}  // namespace

Result<std::unique_ptr<SnapshotStore>> SnapshotStore::open(const SnapshotSettings& settings) {
  std::unique_ptr<SnapshotStore> store(new SnapshotStore(settings));
  if (!store->has_folder()) return store;
  const fs::path& folder = settings.folder;
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fs::create_directories(folder.parent_path(), error);
    // What people wrote is theirs alone.
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return io_error(folder, "a folder for snapshots", errno);
  }
  if (!fs::is_directory(folder, error)) return io_error(folder, "a folder for snapshots", ENOTDIR);
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) return io_error(folder, "a folder that can be written", errno);
  remove_forgotten_parts(folder);
  store->writer_ = std::jthread([raw = store.get()](const std::stop_token& stop) { raw->write_all(stop); });
  return store;
}

SnapshotStore::~SnapshotStore() {
  flush();
  writer_.request_stop();
  changed_.notify_all();
}

template <class F>
void SnapshotStore::for_each_at(std::uint64_t parent, const std::string& model, std::uint64_t piece_bytes, std::int64_t n_before, const F& act) {
  const auto [begin, end] = entries_.equal_range(parent);
  for (auto at = begin; at != end; ++at) {
    const EntryPointer& entry = at->second;
    if (entry->n_before == n_before && entry->piece_bytes == piece_bytes && entry->model == model) act(entry);
  }
}

SnapshotStore::EntryPointer SnapshotStore::entry_of(std::uint64_t parent, std::uint64_t key) {
  const auto [begin, end] = entries_.equal_range(parent);
  const auto found = std::find_if(begin, end, [&](const auto& entry) { return entry.second->key == key; });
  return found != end ? found->second : nullptr;
}

fs::path SnapshotStore::path_of(const Entry& entry) const { return settings_.folder / name_of_file(entry.key, entry.n_before); }

void SnapshotStore::touch(Entry& entry) {
  entry.last_used = now_;
  if (entry.is_on_disk) ::utimensat(AT_FDCWD, path_of(entry).c_str(), nullptr, 0);
}

std::vector<SnapshotStore::Part> SnapshotStore::find(const std::string& model, std::uint64_t piece_bytes, std::span<const int> ids) {
  const std::lock_guard lock(mutex_);
  refresh();
  ++now_;
  std::vector<Part> parts;
  std::vector<EntryPointer> used;
  std::uint64_t parent = first_snapshot_key(model);
  for (std::int64_t n = 0; n < std::ssize(ids);) {
    const std::span<const int> rest = ids.subspan(static_cast<std::size_t>(n));
    EntryPointer best;
    std::int64_t n_best = 0;
    for_each_at(parent, model, piece_bytes, n, [&](const EntryPointer& entry) {
      const auto common = std::mismatch(entry->ids.begin(), entry->ids.end(), rest.begin(), rest.end()).first - entry->ids.begin();
      if (common < n_best || common == 0 || (common == n_best && !entry->ram)) return;
      best = entry;
      n_best = common;
    });
    if (!best) break;
    used.push_back(best);
    parts.push_back({n, n_best, parent, best->key});
    n += n_best;
    if (n_best < kSnapshotTokens) break;
    parent = best->key;
  }
  for (auto entry = used.rbegin(); entry != used.rend(); ++entry) touch(**entry);
  return parts;
}

Result<SnapshotStore::Read> SnapshotStore::read(const Part& part, std::int64_t first, std::int64_t n) {
  EntryPointer entry;
  {
    const std::lock_guard lock(mutex_);
    entry = entry_of(part.parent, part.key);
    if (!entry) return make_error(ErrorCode::not_found, "snapshot: expected it to be there, found it gone");
    if (const auto& bytes = entry->ram ? entry->ram : entry->waiting)
      return Read{bytes, static_cast<std::size_t>(first) * entry->piece_bytes, SnapshotTier::ram};
  }
  Result<Read> pieces = read_file(*entry, first, n);
  if (!pieces) {
    log(LogLevel::warning, "a snapshot is left alone: " + pieces.error().message);
    const std::lock_guard lock(mutex_);
    entry->is_on_disk = false;
    forget_if_nowhere(entry);
  }
  return pieces;
}

Result<SnapshotStore::Read> SnapshotStore::read_file(const Entry& entry, std::int64_t first, std::int64_t n) const {
  const fs::path path = path_of(entry);
  const Descriptor file(open_to_read(path));
  if (file.get() < 0) return io_error(path, "a file that can be read", errno);
  // Another process may have written it anew: the same tokens, but perhaps other numbers in the cells behind them.
  ASSIGN_OR_RETURN(const SnapshotHeader header, header_in(file.get(), path));
  if (header.model != entry.model || header.parent != entry.parent || header.ids != entry.ids || header.piece_bytes != entry.piece_bytes)
    return make_error(ErrorCode::bad_file, path.filename().string() + ": expected the tokens that it had, found others");
  const auto bytes = std::make_shared<Pieces>(static_cast<std::size_t>(n) * header.piece_bytes);
  RETURN_IF_ERROR(read_exactly(file.get(), path, header.header_bytes + static_cast<std::uint64_t>(first) * header.piece_bytes, *bytes));
  for (std::int64_t j = 0; j < n; ++j) {
    const std::span<const std::byte> piece = std::span(*bytes).subspan(static_cast<std::size_t>(j) * header.piece_bytes, header.piece_bytes);
    if (xxh64(piece) != header.checksums[static_cast<std::size_t>(first + j)])
      return make_error(ErrorCode::bad_file, path.filename().string() + ": piece " + std::to_string(first + j) + " does not have its checksum");
  }
  return Read{bytes, 0, SnapshotTier::disk};
}

std::vector<SnapshotStore::Stretch> SnapshotStore::missing(const std::string& model, std::uint64_t piece_bytes, std::span<const int> ids,
                                                           bool with_end, SnapshotTier tier) {
  const std::lock_guard lock(mutex_);
  ++now_;
  std::vector<Stretch> stretches;
  std::vector<EntryPointer> used;
  std::uint64_t parent = first_snapshot_key(model);
  for (std::int64_t first = 0; first < std::ssize(ids); first += kSnapshotTokens) {
    const std::int64_t n = std::min(kSnapshotTokens, std::ssize(ids) - first);
    if (n < kSnapshotTokens && !with_end) break;
    const std::span<const int> own = ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
    bool is_there = false;
    for_each_at(parent, model, piece_bytes, first, [&](const EntryPointer& entry) {
      if (!begins_with(entry->ids, own)) return;
      used.push_back(entry);
      is_there |= tier == SnapshotTier::ram ? entry->ram != nullptr : entry->is_on_disk || entry->waiting;
    });
    if (!is_there) stretches.push_back({first, n, parent});
    parent = snapshot_key(parent, own);
  }
  for (auto entry = used.rbegin(); entry != used.rend(); ++entry) touch(**entry);
  return stretches;
}

void SnapshotStore::put(const std::string& model, std::uint64_t piece_bytes, std::span<const int> ids, const Stretch& stretch, Pieces pieces,
                        SnapshotTier tier, std::uint64_t conversation) {
  const std::span<const int> own = ids.subspan(static_cast<std::size_t>(stretch.first), static_cast<std::size_t>(stretch.n));
  const std::uint64_t key = snapshot_key(stretch.parent, own);
  auto bytes = std::make_shared<const Pieces>(std::move(pieces));
  std::unique_lock lock(mutex_);
  EntryPointer entry = entry_of(stretch.parent, key);
  if (!entry) {
    entry = std::make_shared<Entry>(Entry{.model = model,
                                          .parent = stretch.parent,
                                          .key = key,
                                          .piece_bytes = piece_bytes,
                                          .conversation = conversation,
                                          .n_before = stretch.first,
                                          .ids = {own.begin(), own.end()}});
    entries_.emplace(stretch.parent, entry);
  }
  entry->last_used = now_;
  if (tier == SnapshotTier::ram) {
    if (entry->ram) ram_bytes_ -= entry->ram->size();
    ram_bytes_ += bytes->size();
    entry->ram = std::move(bytes);
    // Of a conversation that went on the shorter end is in the longer one.
    for_each_at(stretch.parent, model, piece_bytes, stretch.first, [&](const EntryPointer& other) {
      if (other == entry || !other->ram || !begins_with(entry->ids, other->ids)) return;
      ram_bytes_ -= other->ram->size();
      other->ram.reset();
    });
    shrink_ram(settings_.ram_bytes);
    return;
  }
  if (!has_folder() || entry->waiting) return;
  enqueue(entry, std::move(bytes));
  changed_.wait(lock, [&] { return waiting_bytes_ <= kMostWaitingBytes; });
}

void SnapshotStore::enqueue(const EntryPointer& entry, std::shared_ptr<const Pieces> pieces) {
  queue_.push_back(entry);
  waiting_bytes_ += pieces->size();
  entry->waiting = std::move(pieces);
  changed_.notify_all();
}

void SnapshotStore::forget_if_nowhere(const EntryPointer& entry) {
  if (entry->ram || entry->waiting || entry->is_on_disk) return;
  const auto [begin, end] = entries_.equal_range(entry->parent);
  const auto found = std::find_if(begin, end, [&](const auto& other) { return other.second == entry; });
  if (found != end) entries_.erase(found);
}

// Of those that were used together the later stretches go first: without the earlier ones they would not be found.
void SnapshotStore::shrink_ram(std::uint64_t most_bytes) {
  while (ram_bytes_ > most_bytes) {
    EntryPointer oldest;
    for (const auto& [parent, entry] : entries_) {
      if (entry->ram && (!oldest || std::tuple(entry->last_used, -entry->n_before) < std::tuple(oldest->last_used, -oldest->n_before)))
        oldest = entry;
    }
    if (!oldest) return;
    const auto bytes = std::move(oldest->ram);
    oldest->ram.reset();
    ram_bytes_ -= bytes->size();
    if (has_folder() && !oldest->is_on_disk && !oldest->waiting && waiting_bytes_ <= kMostWaitingBytes) enqueue(oldest, bytes);
    forget_if_nowhere(oldest);
  }
}

void SnapshotStore::forget_ram() {
  const std::lock_guard lock(mutex_);
  shrink_ram(0);
}

void SnapshotStore::forget(std::uint64_t conversation) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queue_.empty() && !is_writing_; });
  refresh();
  std::vector<EntryPointer> gone;
  for (const auto& [parent, entry] : entries_)
    if (entry->conversation == conversation) gone.push_back(entry);
  for (const EntryPointer& entry : gone) {
    if (entry->is_on_disk) ::unlink(path_of(*entry).c_str());
    if (entry->ram) ram_bytes_ -= entry->ram->size();
    entry->ram.reset();
    entry->is_on_disk = false;
    forget_if_nowhere(entry);
  }
}

std::uint64_t SnapshotStore::ram_bytes() const {
  const std::lock_guard lock(mutex_);
  return ram_bytes_;
}

bool SnapshotStore::takes_now() const {
  const std::lock_guard lock(mutex_);
  return waiting_bytes_ < kMostWaitingBytes / 2;
}

void SnapshotStore::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queue_.empty() && !is_writing_; });
}

// What other processes have written since the last look, and what has gone.
void SnapshotStore::refresh() {
  if (!has_folder()) return;
  const std::int64_t folder_modified = modified(settings_.folder);
  if (folder_modified == folder_modified_) return;
  std::map<std::string, FileState> seen;
  for (const File& file : files_in(settings_.folder)) {
    const FileState state{file.inode, file.n_bytes};
    const auto known = seen_.find(file.name);
    seen.emplace(file.name, state);
    if (known != seen_.end() && known->second == state) continue;
    const Result<SnapshotHeader> header = header_of(settings_.folder / file.name);
    if (!header || file.name != name_of_file(header->key, header->n_before)) continue;  // damaged, or another version's: left alone
    EntryPointer entry = entry_of(header->parent, header->key);
    if (!entry) {
      entry = std::make_shared<Entry>(Entry{.model = header->model,
                                            .parent = header->parent,
                                            .key = header->key,
                                            .piece_bytes = header->piece_bytes,
                                            .conversation = header->conversation,
                                            .n_before = header->n_before,
                                            .ids = header->ids});
      entries_.emplace(header->parent, entry);
    }
    entry->is_on_disk = true;
  }
  std::vector<EntryPointer> gone;
  for (const auto& [parent, entry] : entries_) {
    if (entry->is_on_disk && !seen.contains(name_of_file(entry->key, entry->n_before))) gone.push_back(entry);
  }
  for (const EntryPointer& entry : gone) {
    entry->is_on_disk = false;
    forget_if_nowhere(entry);
  }
  seen_ = std::move(seen);
  folder_modified_ = folder_modified;
}

void SnapshotStore::write_all(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !queue_.empty(); })) {
    const EntryPointer entry = queue_.front();
    queue_.pop_front();
    const std::shared_ptr<const Pieces> pieces = entry->waiting;
    bool is_needed = true;  // an end that went on meanwhile is in the longer one
    for_each_at(entry->parent, entry->model, entry->piece_bytes, entry->n_before, [&](const EntryPointer& other) {
      if (other != entry && begins_with(other->ids, entry->ids) && (other->waiting || other->is_on_disk)) is_needed = false;
    });
    is_writing_ = true;
    lock.unlock();
    const Result<bool> written = is_needed ? write(*entry, *pieces) : Result<bool>(false);
    if (!written) log(LogLevel::warning, "a snapshot was not written: " + written.error().message);
    lock.lock();
    entry->waiting.reset();
    if (written && *written) {
      entry->is_on_disk = true;
      std::vector<EntryPointer> shorter;
      for_each_at(entry->parent, entry->model, entry->piece_bytes, entry->n_before, [&](const EntryPointer& other) {
        if (other != entry && other->is_on_disk && begins_with(entry->ids, other->ids)) shorter.push_back(other);
      });
      for (const EntryPointer& other : shorter) {
        ::unlink(path_of(*other).c_str());
        other->is_on_disk = false;
        forget_if_nowhere(other);
      }
    }
    forget_if_nowhere(entry);
    waiting_bytes_ -= pieces->size();
    is_writing_ = false;
    changed_.notify_all();
  }
}

Result<bool> SnapshotStore::write(const Entry& entry, const Pieces& pieces) const {
  try {
    SnapshotHeader header{.model = entry.model,
                          .n_before = entry.n_before,
                          .parent = entry.parent,
                          .key = entry.key,
                          .conversation = entry.conversation,
                          .ids = entry.ids,
                          .piece_bytes = entry.piece_bytes};
    for (std::int64_t j = 0; j < header.n_pieces(); ++j)
      header.checksums.push_back(xxh64(std::span(pieces).subspan(static_cast<std::size_t>(j) * header.piece_bytes, header.piece_bytes)));
    const std::vector<std::byte> start = write_snapshot_header(header);
    const std::uint64_t n_bytes = header.n_bytes();
    if (n_bytes > settings_.disk_bytes) return false;
    {
      const FolderLock lock(settings_.folder);
      make_room_on_disk(n_bytes);
    }
    ASSIGN_OR_RETURN(ReplaceFile file, ReplaceFile::open(path_of(entry)));
    RETURN_IF_ERROR(file.make_private());  // a folder that was there already may be anybody's to read
    RETURN_IF_ERROR(file.write(start));
    RETURN_IF_ERROR(file.write(pieces));
    RETURN_IF_ERROR(file.commit());
    return true;
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::out_of_memory, "memory: enough to write it, found too little");
  }
}

// Of those that were used together the later stretches go first.
void SnapshotStore::make_room_on_disk(std::uint64_t n_bytes) const {
  std::vector<File> files = files_in(settings_.folder);
  std::uint64_t total = n_bytes;
  for (const File& file : files) total += file.n_bytes;
  if (total <= settings_.disk_bytes) return;
  std::ranges::sort(files, [](const File& a, const File& b) { return std::tuple(a.modified, -a.n_before) < std::tuple(b.modified, -b.n_before); });
  for (const File& file : files) {
    if (total <= settings_.disk_bytes) break;
    if (::unlink((settings_.folder / file.name).c_str()) == 0) total -= file.n_bytes;
  }
}

Result<std::vector<SnapshotListing>> list_snapshots(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    Error missing = make_error(ErrorCode::not_found, folder.string() + ": expected a folder of snapshots, found none");
    missing.path = folder.string();
    return missing;
  }
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(kEnding)) names.push_back(name);
  }
  if (error) return io_error(folder, "a folder that can be read", error.value());
  std::ranges::sort(names);
  std::vector<SnapshotListing> listings;
  for (const std::string& name : names) {
    const fs::path path = folder / name;
    SnapshotListing listing;
    listing.file = name;
    const auto check = [&]() -> Result<void> {
      const Descriptor file(open_to_read(path));
      if (file.get() < 0) return io_error(path, "a file that can be read", errno);
      struct stat status {};
      if (::fstat(file.get(), &status) == 0) listing.bytes = static_cast<std::uint64_t>(status.st_size);
      ASSIGN_OR_RETURN(const SnapshotHeader header, header_in(file.get(), path));
      const auto line = [&](std::size_t begin) { return header.model.substr(begin, header.model.find('\n', begin) - begin); };
      listing.model = line(0);
      if (listing.model.size() < header.model.size()) listing.kv = line(listing.model.size() + 1);
      listing.first = header.n_before;
      listing.tokens = header.n_before + std::ssize(header.ids);
      std::vector<std::byte> piece(header.piece_bytes);
      for (std::int64_t j = 0; j < header.n_pieces(); ++j) {
        RETURN_IF_ERROR(read_exactly(file.get(), path, header.header_bytes + static_cast<std::uint64_t>(j) * header.piece_bytes, piece));
        if (xxh64(piece) != header.checksums[static_cast<std::size_t>(j)])
          return make_error(ErrorCode::bad_file, name + ": piece " + std::to_string(j) + " does not have its checksum");
      }
      if (name != name_of_file(header.key, header.n_before)) return make_error(ErrorCode::bad_file, name + ": expected the name of its tokens");
      return {};
    };
    if (const Result<void> status = check(); !status) listing.why_not = status.error().message;
    listings.push_back(std::move(listing));
  }
  return listings;
}

}  // namespace pio
