#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/files/file_reader.h"
#include "kernels/base/result.h"

namespace pio {

// Reads of pieces of files that go on while others compute: by io_uring, or by threads that wait. One thread uses it.
class ReadQueue {
 public:
  // Largest single read: a disk ends one within some milliseconds.
  static constexpr std::size_t kMostBytes = std::size_t{4} << 20;
  // What the system has at once, where that is more than one read: more makes no disk faster, and what it has cannot be taken back.
  static constexpr std::size_t kEnoughBytes = std::size_t{8} << 20;

  // Fails with not_available where the system refuses what `mode` asks for by name.
  static Result<std::unique_ptr<ReadQueue>> create(IoMode mode);
  // Waits for what is under way: it writes to the callers' memory.
  virtual ~ReadQueue() = default;
  ReadQueue(const ReadQueue&) = delete;
  ReadQueue& operator=(const ReadQueue&) = delete;

  // How much memory a piece needs: it begins and ends with whole blocks.
  static std::size_t room_for(std::uint64_t offset, std::size_t n);
  // Begins to read n bytes from `offset` on to `out`, aligned to kDirectBlock; the first of them will lie at out + offset % kDirectBlock.
  // `file` and the memory must stay until it is finished. `tag` is given back then.
  void begin(std::uint64_t tag, const FileReader& file, std::uint64_t offset, std::size_t n, std::byte* out);
  // Nobody wants the pieces of this tag any more: what the system does not have yet of them is not read. They are given back all the same, as
  // cancelled where something is missing.
  void forget(std::uint64_t tag);
  struct Finished {
    std::uint64_t tag = 0;
    std::size_t n = 0;    // bytes that were wanted
    Result<void> result;  // fails as FileReader::read
  };
  // A piece that is finished, in whatever order; waits for one so long.
  std::optional<Finished> next(std::chrono::milliseconds patience);
  std::int64_t n_begun() const { return n_begun_; }  // and not yet given back
  const char* name() const { return name_; }         // "uring", "pread"

 protected:
  explicit ReadQueue(const char* name) : name_(name) {}
  // One call of the system.
  struct Read {
    int fd = -1;
    std::uint64_t offset = 0;
    std::size_t n = 0;
    std::byte* out = nullptr;
    std::size_t index = 0;  // of reads_
    bool operator==(const Read&) const = default;
  };
  struct Came {
    std::size_t index = 0;
    std::int64_t n = 0;  // bytes, or an error of errno, negative
  };
  // How many may be under way at once.
  virtual std::size_t most_reads() const = 0;
  // Gives it to the system.
  virtual void submit(const Read& read) = 0;
  // One that came back, or none so soon.
  virtual std::optional<Came> wait(std::chrono::milliseconds patience) = 0;

 private:
  struct Piece {
    std::uint64_t tag = 0;
    const FileReader* file = nullptr;
    std::uint64_t offset = 0;
    std::size_t n = 0;
    std::byte* out = nullptr;
    FileReader::Source source = FileReader::Source::direct;
    std::size_t n_reads = 0;  // of it that are not finished
    Result<void> result;
    bool is_free = true;
  };
  struct PieceRead {
    Read read;
    std::size_t piece = 0;
    std::uint64_t begin = 0, end = 0;  // what is wanted of the file here
    std::size_t n_submitted = 0;       // bytes that the system has to read
    bool is_direct = false;
    bool is_free = true;
  };
  void split(std::size_t piece);
  void add_read(std::size_t piece, std::uint64_t begin, std::uint64_t end);
  void submit_waiting();
  void came(const Came& came);
  void end_read(std::size_t index);

  const char* name_;
  std::vector<Piece> pieces_;
  std::vector<PieceRead> reads_;
  std::deque<std::size_t> waiting_;   // of reads_, not yet submitted
  std::deque<std::size_t> finished_;  // of pieces_
  std::size_t n_submitted_ = 0, bytes_submitted_ = 0;
  std::int64_t n_begun_ = 0;
};

}  // namespace pio
