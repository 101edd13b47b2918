#include "engine/files/read_queue.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/files/read_threads.h"
#include "engine/files/uring.h"

namespace pio {
namespace {

std::uint64_t block_below(std::uint64_t offset) { return offset / kDirectBlock * kDirectBlock; }
std::uint64_t block_above(std::uint64_t offset) { return block_below(offset + kDirectBlock - 1); }

}  // namespace

Result<std::unique_ptr<ReadQueue>> ReadQueue::create(IoMode mode) {
  if (mode == IoMode::automatic || mode == IoMode::uring) {
    Result<std::unique_ptr<ReadQueue>> queue = create_uring();
    if (queue || mode == IoMode::uring) return queue;
  }
  return create_read_threads();
}

std::size_t ReadQueue::room_for(std::uint64_t offset, std::size_t n) {
  return static_cast<std::size_t>(block_above(offset + n) - block_below(offset));
}

void ReadQueue::begin(std::uint64_t tag, const FileReader& file, std::uint64_t offset, std::size_t n, std::byte* out) {
  auto free = std::ranges::find_if(pieces_, &Piece::is_free);
  if (free == pieces_.end()) free = pieces_.insert(pieces_.end(), Piece());
  *free = {.tag = tag,
           .file = &file,
           .offset = offset,
           .n = n,
           .out = out,
           .source = file.source_of(offset, n),
           .n_reads = 0,
           .result = {},
           .is_free = false};
  ++n_begun_;
  split(static_cast<std::size_t>(free - pieces_.begin()));
  submit_waiting();
}

void ReadQueue::split(std::size_t index) {
  const Piece& piece = pieces_[index];
  const std::uint64_t end = piece.offset + piece.n;
  for (std::uint64_t at = piece.offset; at < end;) {
    const std::uint64_t next = std::min<std::uint64_t>(end, block_below(at) + kMostBytes);
    add_read(index, at, next);
    at = next;
  }
  if (pieces_[index].n_reads == 0) finished_.push_back(index);
}

void ReadQueue::add_read(std::size_t index, std::uint64_t begin, std::uint64_t end) {
  Piece& piece = pieces_[index];
  auto free = std::ranges::find_if(reads_, &PieceRead::is_free);
  if (free == reads_.end()) free = reads_.insert(reads_.end(), PieceRead());
  const bool is_direct = piece.source == FileReader::Source::direct;
  const std::uint64_t from = is_direct ? block_below(begin) : begin, to = is_direct ? block_above(end) : end;
  const auto at = static_cast<std::size_t>(free - reads_.begin());
  *free = {.read = {.fd = piece.file->descriptor(piece.source),
                    .offset = from,
                    .n = static_cast<std::size_t>(to - from),
                    .out = piece.out + (from - block_below(piece.offset)),
                    .index = at},
           .piece = index,
           .begin = begin,
           .end = end,
           .is_direct = is_direct,
           .is_free = false};
  ++piece.n_reads;
  waiting_.push_back(at);
}

void ReadQueue::submit_waiting() {
  for (; !waiting_.empty() && n_submitted_ < most_reads(); waiting_.pop_front()) {
    PieceRead& next = reads_[waiting_.front()];
    if (n_submitted_ > 0 && bytes_submitted_ + next.read.n > kEnoughBytes) return;
    ++n_submitted_;
    bytes_submitted_ += next.n_submitted = next.read.n;
    submit(next.read);
  }
}

void ReadQueue::forget(std::uint64_t tag) {
  std::erase_if(waiting_, [&](std::size_t index) {
    Piece& piece = pieces_[reads_[index].piece];
    if (piece.tag != tag) return false;
    piece.result = make_error(ErrorCode::cancelled, "nobody wants it any more");
    end_read(index);
    return true;
  });
}

void ReadQueue::came(const Came& came) {
  PieceRead& of = reads_[came.index];
  --n_submitted_;
  bytes_submitted_ -= of.n_submitted;
  Piece& piece = pieces_[of.piece];
  Read& read = of.read;
  if (!piece.result) return end_read(came.index);  // another part of it has failed
  if (came.n == -EINTR || came.n == -EAGAIN) return waiting_.push_front(came.index);
  if (came.n == -EINVAL && of.is_direct && piece.file->give_up_direct()) {
    of.is_direct = false;
    piece.source = FileReader::Source::buffered;
    read = {.fd = piece.file->descriptor(piece.source),
            .offset = of.begin,
            .n = static_cast<std::size_t>(of.end - of.begin),
            .out = piece.out + (of.begin - block_below(piece.offset)),
            .index = came.index};
    return waiting_.push_front(came.index);
  }
  if (came.n < 0) {
    piece.result = piece.file->failed(static_cast<int>(-came.n));
    return end_read(came.index);
  }
  const std::uint64_t reached = read.offset + static_cast<std::uint64_t>(came.n);
  if (reached >= of.end) return end_read(came.index);
  // Less than a block is the end of the file; of more the system goes on at the last block's beginning.
  const std::uint64_t next = of.is_direct ? block_below(reached) : reached;
  if (next <= read.offset) {
    piece.result = piece.file->became_shorter(piece.offset + piece.n);
    return end_read(came.index);
  }
  const auto n_done = static_cast<std::size_t>(next - read.offset);
  read.offset = next;
  read.out += n_done;
  read.n -= n_done;
  waiting_.push_front(came.index);
}

void ReadQueue::end_read(std::size_t index) {
  reads_[index].is_free = true;
  const std::size_t piece = reads_[index].piece;
  if (--pieces_[piece].n_reads == 0) finished_.push_back(piece);
}

std::optional<ReadQueue::Finished> ReadQueue::next(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (bool is_first = true; finished_.empty() && n_submitted_ > 0; is_first = false) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (!is_first && left <= std::chrono::milliseconds::zero()) return {};
    const std::optional<Came> one = wait(std::max(left, std::chrono::milliseconds::zero()));
    if (!one) continue;
    came(*one);
    submit_waiting();
  }
  if (finished_.empty()) return {};
  Piece& piece = pieces_[finished_.front()];
  finished_.pop_front();
  piece.is_free = true;
  --n_begun_;
  if (piece.result) piece.result = piece.file->check_unchanged();
  if (piece.result) piece.file->count(piece.source, piece.offset, piece.n);
  return Finished{piece.tag, piece.n, std::move(piece.result)};
}

}  // namespace pio
