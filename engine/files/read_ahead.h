#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "engine/files/file_reader.h"
#include "engine/files/read_queue.h"
#include "kernels/base/result.h"

namespace pio {

// Stretches of files that are read in a known order: what comes next is on its way from the disk while what came is worked on, so that the disk has
// something to do from the first stretch to the last. What lies in the page cache is left to whoever takes it: several threads copy faster than one.
// Any thread takes; a stretch that is taken in another order, or again, is read then.
class ReadAhead {
 public:
  // Largest piece of a stretch, and how much lies in memory or is on its way there at once.
  static constexpr std::size_t kPieceBytes = std::size_t{2} << 20;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;
  static_assert(kPieceBytes <= ReadQueue::kMostBytes && kMostBytes > ReadQueue::kEnoughBytes);

  // A stop ends waiting.
  explicit ReadAhead(std::stop_token stop = {});
  // Waits for what is under way.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // n bytes of `file`, which must stay, from `offset` on are wanted next. Before the first read. What was added before is not read ahead twice.
  void add(const FileReader& file, std::uint64_t offset, std::size_t n);
  // Copies n bytes to `out`. The first call begins the reading. Fails as FileReader::read, with not_available where the system refuses the way to
  // read that the file was told by name, with cancelled after a stop.
  Result<void> read(const FileReader& file, std::uint64_t offset, std::size_t n, std::byte* out);

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  using Memory = std::unique_ptr<std::byte, Free>;
  enum class State {
    waiting,  // its turn has not come
    on_way,
    there,
    left,  // to whoever takes it: cached, taken before its turn, or taken and gone
    failed,
  };
  struct Piece {
    const FileReader* file = nullptr;
    std::uint64_t offset = 0;
    std::size_t n = 0, n_taken = 0;
    int n_taking = 0;  // threads that copy from its memory
    State state = State::waiting;
    Memory memory;  // its first byte lies at offset % kDirectBlock
    std::optional<Error> error;
  };
  using Place = std::pair<const FileReader*, std::uint64_t>;

  void work(const std::stop_token& stop);
  void read_all(const std::stop_token& stop);
  // With the lock. Whether the next piece has been begun, or need not be; not where there is no room for it.
  bool begin_next(std::unique_lock<std::mutex>& lock);
  void came(const ReadQueue::Finished& finished);
  Memory memory_for(std::size_t n_bytes);  // null where there is none
  void give_back(Piece& piece);
  // The part of [offset, offset + n) that is one piece's, or no piece's.
  struct Part {
    Piece* piece = nullptr;
    std::size_t n = 0;
  };
  Part part_at(const FileReader& file, std::uint64_t offset, std::size_t n);
  Result<void> read_part(const FileReader& file, std::uint64_t offset, Part part, std::byte* out);

  const std::stop_token stop_;
  std::deque<Piece> pieces_;             // in the order in which they are wanted
  std::map<Place, std::size_t> places_;  // by the place behind their last byte
  std::mutex mutex_;                     // of what the pieces hold, and of all below
  std::condition_variable_any changed_;
  std::size_t next_ = 0;              // piece to begin
  std::size_t held_bytes_ = 0;        // of the memory of all pieces
  std::vector<Memory> unused_;        // of kPieceBytes each
  std::unique_ptr<ReadQueue> queue_;  // of the reading thread alone
  std::jthread reader_;
  bool has_begun_ = false, has_ended_ = false;  // reading
};

}  // namespace pio
