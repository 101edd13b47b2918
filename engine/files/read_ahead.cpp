#include "engine/files/read_ahead.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>
#include <system_error>

#include "kernels/base/check.h"

namespace pio {
namespace {

// So long the reading thread waits for the disk before it looks whether it shall end.
constexpr std::chrono::milliseconds kPatience{50};

}  // namespace

void ReadAhead::Free::operator()(std::byte* memory) const { std::free(memory); }

ReadAhead::ReadAhead(std::stop_token stop) : stop_(std::move(stop)) {}

ReadAhead::~ReadAhead() {
  reader_.request_stop();
  if (reader_.joinable()) reader_.join();
  if (!queue_) return;
  for (std::size_t i = 0; i < next_; ++i)
    if (pieces_[i].state == State::on_way) queue_->forget(i);
  queue_.reset();  // it writes to the pieces' memory
}

// Cut where whole pieces of the file end, so that two of them share no block.
void ReadAhead::add(const FileReader& file, std::uint64_t offset, std::size_t n) {
  CHECK(!has_begun_, "ReadAhead::add: reading has begun");
  for (const std::uint64_t end = offset + n; offset < end;) {
    const std::uint64_t next = std::min<std::uint64_t>(end, (offset / kPieceBytes + 1) * kPieceBytes);
    const auto behind = places_.upper_bound({&file, offset});
    const std::uint64_t known = behind != places_.end() && behind->first.first == &file ? pieces_[behind->second].offset : UINT64_MAX;
    if (known >= next) {
      places_[{&file, next}] = pieces_.size();
      pieces_.push_back({.file = &file, .offset = offset, .n = static_cast<std::size_t>(next - offset), .memory = {}, .error = {}});
    }
    offset = next;
  }
}

ReadAhead::Memory ReadAhead::memory_for(std::size_t n_bytes) {
  if (n_bytes == kPieceBytes && !unused_.empty()) {
    Memory memory = std::move(unused_.back());
    unused_.pop_back();
    return memory;
  }
  return Memory(static_cast<std::byte*>(std::aligned_alloc(kDirectBlock, n_bytes)));
}

void ReadAhead::give_back(Piece& piece) {
  const std::size_t n_bytes = ReadQueue::room_for(piece.offset, piece.n);
  held_bytes_ -= n_bytes;
  if (n_bytes == kPieceBytes) unused_.push_back(std::move(piece.memory));
  piece.memory.reset();
}

bool ReadAhead::begin_next(std::unique_lock<std::mutex>& lock) {
  const std::size_t index = next_;
  Piece& piece = pieces_[index];
  const std::size_t n_bytes = ReadQueue::room_for(piece.offset, piece.n);
  if (piece.n_taken == 0) {
    if (held_bytes_ + n_bytes > kMostBytes) return false;
    lock.unlock();
    const bool is_cached = piece.file->source_of(piece.offset, piece.n) == FileReader::Source::cache;
    Result<std::unique_ptr<ReadQueue>> queue = is_cached || queue_ ? std::move(queue_) : ReadQueue::create(piece.file->mode());
    if (queue) queue_ = std::move(*queue);
    lock.lock();
    if (!queue) {
      piece.error = queue.error();
      piece.state = State::failed;
    } else if (!is_cached && piece.n_taken == 0 && (piece.memory = memory_for(n_bytes))) {
      piece.state = State::on_way;
      held_bytes_ += n_bytes;
      lock.unlock();
      queue_->begin(index, *piece.file, piece.offset, piece.n, piece.memory.get());
      lock.lock();
    }
  }
  if (piece.state == State::waiting) piece.state = State::left;
  ++next_;
  return true;
}

void ReadAhead::came(const ReadQueue::Finished& finished) {
  Piece& piece = pieces_[finished.tag];
  piece.state = finished.result ? State::there : State::failed;
  if (!finished.result) {
    piece.error = finished.result.error();
    give_back(piece);
  }
  changed_.notify_all();
}

void ReadAhead::work(const std::stop_token& stop) {
  try {
    read_all(stop);
  } catch (const std::bad_alloc&) {
    // Whoever waits is told; what was not begun is read when it is taken.
  }
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  changed_.notify_all();
}

void ReadAhead::read_all(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !stop_.stop_requested()) {
    while (next_ < pieces_.size() && begin_next(lock)) {
    }
    if (queue_ && queue_->n_begun() > 0) {
      lock.unlock();
      const std::optional<ReadQueue::Finished> finished = queue_->next(kPatience);
      lock.lock();
      if (finished) came(*finished);
      continue;
    }
    if (next_ == pieces_.size()) return;
    changed_.wait_for(lock, stop, kPatience,
                      [&] { return held_bytes_ + ReadQueue::room_for(pieces_[next_].offset, pieces_[next_].n) <= kMostBytes; });
  }
}

ReadAhead::Part ReadAhead::part_at(const FileReader& file, std::uint64_t offset, std::size_t n) {
  const auto found = places_.upper_bound({&file, offset});
  if (found == places_.end() || found->first.first != &file) return {nullptr, n};
  Piece& piece = pieces_[found->second];
  if (piece.offset > offset) return {nullptr, std::min<std::size_t>(n, piece.offset - offset)};
  return {&piece, std::min<std::size_t>(n, piece.offset + piece.n - offset)};
}

Result<void> ReadAhead::read_part(const FileReader& file, std::uint64_t offset, Part part, std::byte* out) {
  if (!part.piece) return file.read(offset, part.n, out);
  Piece& piece = *part.piece;
  std::unique_lock lock(mutex_);
  if (piece.state == State::waiting || piece.state == State::left) {
    if (piece.state == State::waiting) piece.n_taken += part.n;
    lock.unlock();
    return file.read(offset, part.n, out);
  }
  const auto start = std::chrono::steady_clock::now();
  changed_.wait(lock, stop_, [&] { return piece.state != State::on_way || has_ended_; });
  if (piece.state == State::failed) return *piece.error;
  if (stop_.stop_requested()) return make_error(ErrorCode::cancelled, "reading was stopped");
  if (piece.state == State::on_way) return make_error(ErrorCode::out_of_memory, "reading ahead: found no memory");
  if (piece.state == State::left) {  // two have taken the same bytes
    lock.unlock();
    return file.read(offset, part.n, out);
  }
  const std::byte* const from = piece.memory.get() + piece.offset % kDirectBlock + (offset - piece.offset);
  ++piece.n_taking;
  lock.unlock();
  std::memcpy(out, from, part.n);
  lock.lock();
  --piece.n_taking;
  piece.n_taken += part.n;
  if (piece.n_taken >= piece.n && piece.n_taking == 0 && piece.state == State::there) {
    give_back(piece);
    piece.state = State::left;
    changed_.notify_all();
  }
  lock.unlock();
  file.count_seconds(std::chrono::steady_clock::now() - start);
  return {};
}

Result<void> ReadAhead::read(const FileReader& file, std::uint64_t offset, std::size_t n, std::byte* out) {
  {
    const std::lock_guard lock(mutex_);
    if (!has_begun_) {
      has_begun_ = true;
      try {
        reader_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
      } catch (const std::system_error&) {
        // The system gives no more threads: all is read when it is taken.
      }
    }
  }
  for (std::size_t done = 0; done < n;) {
    const Part part = part_at(file, offset + done, n - done);
    RETURN_IF_ERROR(read_part(file, offset + done, part, out + done));
    done += part.n;
  }
  return {};
}

}  // namespace pio
