#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/kv/snapshot.h"

// Keys and values of conversations beside the models: in memory up to a limit, and in a folder up to another one, found by their tokens. In both the
// last used stay. Files are written by a thread of its own, beside their name and then under it, so that whoever is killed leaves whole files; several
// processes may use one folder. What cannot be read or written is as if it had never been kept, and the log says so.

namespace pio {

struct SnapshotSettings {
  std::filesystem::path folder = {};  // empty: nothing on disk
  std::uint64_t ram_bytes = std::uint64_t{1} << 30;
  std::uint64_t disk_bytes = std::uint64_t{10} << 30;
};

class SnapshotStore {
 public:
  // Makes the folder. Fails with io{path} where that cannot be.
  static Result<std::unique_ptr<SnapshotStore>> open(const SnapshotSettings& settings);
  ~SnapshotStore();  // what waits is written
  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  bool has_folder() const { return !settings_.folder.empty(); }

  // A stretch of a conversation: n tokens from `first` on, behind the stretch of key `parent`.
  struct Stretch {
    std::int64_t first = 0, n = 0;
    std::uint64_t parent = 0;
  };
  using Pieces = std::vector<std::byte>;

  // Stretches that `ids` begins with, one behind the other; the last one may go on otherwise than `ids`. They count as used.
  struct Part {
    std::int64_t first = 0, n = 0;
    std::uint64_t parent = 0, key = 0;
  };
  std::vector<Part> find(const std::string& model, std::uint64_t piece_bytes, std::span<const int> ids);
  // Pieces first … first + n - 1 of a part; they begin at `offset` of the bytes. Fails where they are gone or damaged: then the part is not found
  // again.
  struct Read {
    std::shared_ptr<const Pieces> bytes;
    std::size_t offset = 0;
    SnapshotTier from = SnapshotTier::none;
  };
  Result<Read> read(const Part& part, std::int64_t first, std::int64_t n);

  // The stretches of a conversation that are not in this tier, `most_tokens` of the first of them. Those that are there count as used. Without its
  // end: only whole ones, which stay as they are while it goes on.
  std::vector<Stretch> missing(const std::string& model, std::uint64_t piece_bytes, std::span<const int> ids, bool with_end, SnapshotTier tier);
  // Keeps a stretch of the conversation in memory, or writes it. Waits where the disk is far behind. `conversation`: the key of who has read it.
  void put(const std::string& model, std::uint64_t piece_bytes, std::span<const int> ids, const Stretch& stretch, Pieces pieces, SnapshotTier tier,
           std::uint64_t conversation = 0);
  // Whether put() would not wait.
  bool takes_now() const;
  // Until all is written.
  void flush();

  std::uint64_t ram_bytes() const;  // that are kept in memory now
  std::uint64_t most_ram_bytes() const { return settings_.ram_bytes; }
  void forget_ram();
  // All that this conversation wrote goes, of every model, from memory and from the folder. What others wrote stays, the same words among it.
  void forget(std::uint64_t conversation);

 private:
  struct Entry {
    std::string model;
    std::uint64_t parent = 0, key = 0, piece_bytes = 0, conversation = 0;
    std::int64_t n_before = 0;
    std::vector<int> ids;
    std::shared_ptr<const Pieces> ram = {};      // kept in memory
    std::shared_ptr<const Pieces> waiting = {};  // to be written
    bool is_on_disk = false;
    std::uint64_t last_used = 0;
  };
  using EntryPointer = std::shared_ptr<Entry>;
  struct FileState {
    std::uint64_t inode = 0, n_bytes = 0;
    bool operator==(const FileState&) const = default;
  };

  explicit SnapshotStore(SnapshotSettings settings) : settings_(std::move(settings)) {}
  // All below with the mutex held, but for those that say otherwise.
  template <class F>
  void for_each_at(std::uint64_t parent, const std::string& model, std::uint64_t piece_bytes, std::int64_t n_before, const F& act);
  EntryPointer entry_of(std::uint64_t parent, std::uint64_t key);
  void touch(Entry& entry);
  void forget_if_nowhere(const EntryPointer& entry);
  void shrink_ram(std::uint64_t most_bytes);
  void refresh();
  void enqueue(const EntryPointer& entry, std::shared_ptr<const Pieces> pieces);
  std::filesystem::path path_of(const Entry& entry) const;
  // Without the mutex: on the writer's thread.
  void write_all(const std::stop_token& stop);
  // False where the file would be larger than all of them may be.
  Result<bool> write(const Entry& entry, const Pieces& pieces) const;
  void make_room_on_disk(std::uint64_t n_bytes) const;
  Result<Read> read_file(const Entry& entry, std::int64_t first, std::int64_t n) const;

  const SnapshotSettings settings_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<std::uint64_t, EntryPointer> entries_;  // by the key of the stretch before
  std::map<std::string, FileState> seen_;               // files that were looked at, by name
  std::int64_t folder_modified_ = -1;
  std::uint64_t now_ = 0, ram_bytes_ = 0, waiting_bytes_ = 0;
  std::deque<EntryPointer> queue_;
  bool is_writing_ = false;
  std::jthread writer_;  // last: it uses the others
};

// What a folder of snapshots holds, every byte checked.
struct SnapshotListing {
  std::string file;  // its name
  std::string model, kv;
  std::int64_t tokens = 0, first = 0;  // of its conversation from the first one on; and where its own begin
  std::uint64_t bytes = 0;
  std::string why_not;  // it is not valid; "" where it is
};
Result<std::vector<SnapshotListing>> list_snapshots(const std::filesystem::path& folder);

}  // namespace pio
