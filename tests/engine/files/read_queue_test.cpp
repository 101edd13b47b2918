// Reads that go on while others compute: the bytes that stand there, from any place, by every way, and errors by name.

#include "engine/files/read_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "engine/files/mapped_file.h"
#include "tests/engine/files/random_file.h"

namespace pio {
namespace {

constexpr std::size_t kBytes = (9 << 20) + 1234;  // not whole blocks, and more than one read takes

class ReadQueueTest : public test::WithRandomFile<testing::TestWithParam<IoMode>, kBytes> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(WithRandomFile::SetUp());
    Result<std::unique_ptr<ReadQueue>> queue = ReadQueue::create(GetParam());
    if (!queue) GTEST_SKIP() << queue.error().message;
    queue_ = std::move(*queue);
  }
  void TearDown() override {
    queue_.reset();
    WithRandomFile::TearDown();
  }

  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  struct Piece {
    std::size_t offset, n;
    std::unique_ptr<std::byte, Free> memory;
  };
  std::map<std::uint64_t, Piece> begin_pieces(const MappedFile& file) {
    std::map<std::uint64_t, Piece> pieces;
    std::uint64_t tag = 100;
    for (const std::size_t n : {std::size_t{1}, std::size_t{4096}, std::size_t{884'736}, std::size_t{5 << 20}, std::size_t{0}}) {
      for (const std::size_t offset : {std::size_t{0}, std::size_t{4095}, std::size_t{123'457}, kBytes - n}) {
        Piece& piece = pieces[++tag];
        piece = {offset, n, {}};
        piece.memory.reset(static_cast<std::byte*>(std::aligned_alloc(kDirectBlock, ReadQueue::room_for(offset, n) + kDirectBlock)));
        queue_->begin(tag, *file.reader(), offset, n, piece.memory.get());
      }
    }
    return pieces;
  }

  std::unique_ptr<ReadQueue> queue_;
};

TEST_P(ReadQueueTest, BringsTheBytesOfEveryPiece) {
  for (const bool is_cached : {true, false}) {
    if (!is_cached) drop();
    const Result<MappedFile> file = MappedFile::open(path_);
    ASSERT_TRUE(file);
    if (const Result<void> set = file->reader()->set_mode(GetParam()); !set) GTEST_SKIP() << set.error().message;
    std::map<std::uint64_t, Piece> pieces = begin_pieces(*file);
    EXPECT_EQ(queue_->n_begun(), std::ssize(pieces));
    while (!pieces.empty()) {
      const std::optional<ReadQueue::Finished> finished = queue_->next(std::chrono::seconds(60));
      ASSERT_TRUE(finished);
      ASSERT_TRUE(finished->result) << finished->result.error().message;
      ASSERT_TRUE(pieces.contains(finished->tag));
      const Piece& piece = pieces.at(finished->tag);
      const std::byte* const found = piece.memory.get() + piece.offset % kDirectBlock;
      EXPECT_TRUE(std::equal(found, found + piece.n, bytes_.begin() + static_cast<std::ptrdiff_t>(piece.offset))) << piece.offset << ' ' << piece.n;
      pieces.erase(finished->tag);
    }
    EXPECT_EQ(queue_->n_begun(), 0);
    EXPECT_FALSE(queue_->next(std::chrono::milliseconds(0)));
  }
}

// The system has at most kEnoughBytes at once, so that what was begun last is not yet with it.
TEST_P(ReadQueueTest, DoesNotReadWhatNobodyWantsAnyMore) {
  constexpr std::size_t kPiece = 3 << 20;
  constexpr std::uint64_t kPieces = 8;
  static_assert(kPiece * (kPieces - 1) > ReadQueue::kEnoughBytes);
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  std::vector<Piece> pieces;
  for (std::uint64_t tag = 0; tag < kPieces; ++tag) {
    pieces.push_back({tag * 4096, kPiece, {}});
    pieces[tag].memory.reset(static_cast<std::byte*>(std::aligned_alloc(kDirectBlock, ReadQueue::room_for(0, kPiece))));
    std::fill_n(pieces[tag].memory.get(), kPiece, std::byte{0xab});
    queue_->begin(tag, *file->reader(), pieces[tag].offset, kPiece, pieces[tag].memory.get());
  }
  queue_->forget(0);  // it is on its way and comes
  queue_->forget(kPieces - 1);
  std::vector<std::uint64_t> came;
  while (queue_->n_begun() > 0) {
    const std::optional<ReadQueue::Finished> finished = queue_->next(std::chrono::seconds(60));
    ASSERT_TRUE(finished);
    came.push_back(finished->tag);
    const bool is_forgotten = finished->tag == kPieces - 1;
    ASSERT_EQ(static_cast<bool>(finished->result), !is_forgotten) << finished->tag;
    if (is_forgotten) EXPECT_EQ(finished->result.error().code, ErrorCode::cancelled);
    const Piece& piece = pieces[finished->tag];
    const auto wanted = bytes_.begin() + static_cast<std::ptrdiff_t>(piece.offset);
    if (!is_forgotten) EXPECT_TRUE(std::equal(piece.memory.get(), piece.memory.get() + kPiece, wanted)) << finished->tag;
  }
  EXPECT_EQ(came.size(), kPieces);
  EXPECT_EQ(came.front(), kPieces - 1);
  EXPECT_TRUE(std::all_of(pieces.back().memory.get(), pieces.back().memory.get() + kPiece, [](std::byte byte) { return byte == std::byte{0xab}; }));
}

TEST_P(ReadQueueTest, NamesAFileThatBecameShorter) {
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  drop();
  std::filesystem::resize_file(path_, kBytes / 2);
  std::map<std::uint64_t, Piece> pieces = begin_pieces(*file);
  for (; !pieces.empty();) {
    const std::optional<ReadQueue::Finished> finished = queue_->next(std::chrono::seconds(60));
    ASSERT_TRUE(finished);
    const Piece& piece = pieces.at(finished->tag);
    const bool is_there = piece.n == 0 || piece.offset + piece.n <= kBytes / 2;
    ASSERT_FALSE(finished->result) << piece.offset << ' ' << piece.n;
    EXPECT_EQ(finished->result.error().code, ErrorCode::io);
    EXPECT_NE(finished->result.error().message.find(is_there ? "changed" : "shorter"), std::string::npos) << finished->result.error().message;
    EXPECT_EQ(finished->result.error().path, path_.string());
    pieces.erase(finished->tag);
  }
}

TEST_P(ReadQueueTest, NamesAFileThatWasOverwrittenInPlace) {
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  const auto written = std::filesystem::last_write_time(path_);
  const int fd = open(path_.c_str(), O_WRONLY);
  ASSERT_EQ(pwrite(fd, "other", 5, 1 << 20), 5);
  close(fd);
  std::filesystem::last_write_time(path_, written + std::chrono::seconds(2));  // not within the clock's tick
  std::map<std::uint64_t, Piece> pieces = begin_pieces(*file);
  for (; !pieces.empty();) {
    const std::optional<ReadQueue::Finished> finished = queue_->next(std::chrono::seconds(60));
    ASSERT_TRUE(finished);
    ASSERT_FALSE(finished->result);
    EXPECT_EQ(finished->result.error().code, ErrorCode::io);
    EXPECT_NE(finished->result.error().message.find("changed"), std::string::npos) << finished->result.error().message;
    EXPECT_EQ(finished->result.error().path, path_.string());
    pieces.erase(finished->tag);
  }
  std::vector<std::byte> out(100);
  const Result<void> read = file->read(file->bytes().first(100), out.data());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("changed"), std::string::npos) << read.error().message;
}

// The same bytes under another time are the same file, to the first byte that is another.
TEST_P(ReadQueueTest, TakesAFileThatWasOnlyTouchedAsItWas) {
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  std::vector<std::byte> out(100);
  ASSERT_TRUE(file->read(file->bytes().first(100), out.data()));
  const auto touch = [&] { std::filesystem::last_write_time(path_, std::filesystem::last_write_time(path_) + std::chrono::seconds(2)); };
  const auto expect = [&](bool is_same) {
    std::map<std::uint64_t, Piece> pieces = begin_pieces(*file);
    for (; !pieces.empty();) {
      const std::optional<ReadQueue::Finished> finished = queue_->next(std::chrono::seconds(60));
      ASSERT_TRUE(finished);
      EXPECT_EQ(static_cast<bool>(finished->result), is_same);
      pieces.erase(finished->tag);
    }
    EXPECT_EQ(static_cast<bool>(file->read(file->bytes().first(100), out.data())), is_same);
  };
  touch();
  ASSERT_NO_FATAL_FAILURE(expect(true));
  touch();
  ASSERT_NO_FATAL_FAILURE(expect(true));
  const auto write = [&](std::size_t at, std::byte byte) {
    const int fd = open(path_.c_str(), O_WRONLY);
    ASSERT_EQ(pwrite(fd, &byte, 1, static_cast<off_t>(at)), 1);
    close(fd);
    touch();
  };
  write(kBytes / 2, bytes_[kBytes / 2] ^ std::byte{1});
  ASSERT_NO_FATAL_FAILURE(expect(false));
  write(kBytes / 2, bytes_[kBytes / 2]);
  ASSERT_NO_FATAL_FAILURE(expect(true));
}

TEST_P(ReadQueueTest, WaitsForWhatIsUnderWayWhenItGoes) {
  drop();
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  const std::map<std::uint64_t, Piece> pieces = begin_pieces(*file);
  queue_.reset();  // the memory goes after it
}

INSTANTIATE_TEST_SUITE_P(Modes, ReadQueueTest, testing::Values(IoMode::automatic, IoMode::uring, IoMode::pread, IoMode::buffered),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pio
