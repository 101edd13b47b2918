// What is read before it is wanted: the bytes that stand there in whatever order they are taken, no more of them than is allowed, none of them in
// the page cache.

#include "engine/files/read_ahead.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "engine/files/mapped_file.h"
#include "tests/engine/files/random_file.h"

namespace pio {
namespace {

constexpr std::size_t kBytes = (37 << 20) + 1234;  // not whole blocks, and more than is read ahead

class ReadAheadTest : public test::WithRandomFile<testing::TestWithParam<IoMode>, kBytes> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(WithRandomFile::SetUp());
    drop();
    Result<MappedFile> file = MappedFile::open(path_);
    ASSERT_TRUE(file);
    file_.emplace(std::move(*file));
    if (const Result<void> set = reader().set_mode(GetParam()); !set) GTEST_SKIP() << set.error().message;
    if (const auto queue = ReadQueue::create(GetParam()); !queue) GTEST_SKIP() << queue.error().message;
  }
  FileReader& reader() { return *file_->reader(); }
  void expect_bytes(ReadAhead& ahead, std::size_t offset, std::size_t n) {
    std::vector<std::byte> out(n + 1, std::byte{0x5a});
    const Result<void> read = ahead.read(reader(), offset, n, out.data());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(std::memcmp(out.data(), bytes_.data() + offset, n), 0) << offset << ' ' << n;
    EXPECT_EQ(out[n], std::byte{0x5a}) << "behind the piece";
  }
  std::uint64_t n_read() { return reader().counts().n_bytes(); }

  std::optional<MappedFile> file_;
};

// Stretches as tensors are: of any size, one behind the other and not, taken by several threads in tiles that cross the pieces.
TEST_P(ReadAheadTest, BringsTheBytesOfEveryStretch) {
  for (const bool is_cached : {false, true}) {
    if (is_cached) std::ifstream(path_, std::ios::binary).read(std::vector<char>(kBytes).data(), kBytes);
    ReadAhead ahead;
    const std::vector<std::pair<std::size_t, std::size_t>> stretches{
        {7 << 20, 3 << 20}, {100, 1}, {4097, 5'000'000}, {20 << 20, kBytes - (20 << 20)}, {12 << 20, 8 << 20}, {4096, 1}};
    for (const auto& [offset, n] : stretches) ahead.add(reader(), offset, n);
    for (const auto& [offset, n] : stretches) {
      constexpr std::size_t kTile = 300'001;
      std::atomic<std::size_t> next = 0;
      const auto take = [&, first = offset, n_bytes = n] {
        for (std::size_t at = next.fetch_add(kTile); at < n_bytes; at = next.fetch_add(kTile))
          expect_bytes(ahead, first + at, std::min(kTile, n_bytes - at));
      };
      std::jthread other(take);
      take();
    }
  }
}

TEST_P(ReadAheadTest, BringsWhatIsTakenInAnotherOrderOrTwiceOrWasNeverSaid) {
  ReadAhead ahead;
  ahead.add(reader(), 4 << 20, 30 << 20);
  ahead.add(reader(), 5 << 20, 1 << 20);  // part of it
  for (const std::size_t offset : {33 << 20, 20 << 20, 4 << 20, 4 << 20, 6 << 20, 0}) expect_bytes(ahead, static_cast<std::size_t>(offset), 1 << 20);
  expect_bytes(ahead, 0, kBytes);
  expect_bytes(ahead, 0, kBytes);
}

TEST_P(ReadAheadTest, ReadsBeforeItIsAskedAndNoMoreThanIsAllowed) {
  ReadAhead ahead;
  ahead.add(reader(), 0, kBytes);
  EXPECT_EQ(n_read(), 0u) << "nobody has asked for anything";
  expect_bytes(ahead, 0, 1);
  // The first piece is read by who asked, the next ones come on their own.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (n_read() < ReadAhead::kMostBytes && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GE(n_read(), ReadAhead::kMostBytes);
  EXPECT_LE(n_read(), 1 + ReadAhead::kMostBytes);
  // What is taken makes room for as much.
  for (std::size_t at = 0; at < kBytes; at += 1 << 20) {
    expect_bytes(ahead, at, std::min<std::size_t>(1 << 20, kBytes - at));
    EXPECT_LE(n_read(), at + (1 << 20) + ReadAhead::kPieceBytes + ReadAhead::kMostBytes);
  }
  EXPECT_LE(n_read(), kBytes + ReadAhead::kPieceBytes);
}

TEST_P(ReadAheadTest, LeavesThePageCacheAsItWas) {
  const auto in_cache = [&] {
    std::vector<bool> pages;
    for (std::size_t at = 0; at < kBytes; at += 4096)
      pages.push_back(reader().source_of(at, std::min<std::size_t>(4096, kBytes - at)) == FileReader::Source::cache);
    return pages;
  };
  // What else runs on the machine may change the cache meanwhile; what reading itself does to it is done every time.
  for (int n_left = 3; n_left > 0; --n_left) {
    // Some of it, and nothing behind it, that the system would still be reading.
    const int fd = open(path_.c_str(), O_RDONLY);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    ASSERT_EQ(pread(fd, std::vector<char>(10 << 20).data(), 10 << 20, 0), 10 << 20);
    close(fd);
    const std::vector<bool> before = in_cache();
    const auto n_cached = static_cast<std::size_t>(std::ranges::count(before, true));
    if (n_cached == 0 || n_cached == before.size()) GTEST_SKIP() << "this file system does not say what is cached, or keeps files in memory";
    ReadAhead ahead;
    ahead.add(reader(), 0, kBytes);
    for (std::size_t at = 0; at < kBytes; at += 1 << 20) expect_bytes(ahead, at, std::min<std::size_t>(1 << 20, kBytes - at));
    if (GetParam() == IoMode::buffered) break;
    const std::vector<bool> after = in_cache();
    std::size_t n_gone = 0, n_new = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      n_gone += before[i] && !after[i];
      n_new += after[i] && !before[i];
    }
    if (n_gone + n_new == 0) break;
    EXPECT_GT(n_left, 1) << n_gone << " pages went and " << n_new << " came, three times";
  }
  EXPECT_GT(reader().counts().cached_bytes, 8u << 20);
  EXPECT_GT(reader().counts().n_bytes() - reader().counts().cached_bytes, 8u << 20);
}

TEST_P(ReadAheadTest, NamesAFileThatBecameShorter) {
  ReadAhead ahead;
  ahead.add(reader(), 0, kBytes);
  std::filesystem::resize_file(path_, kBytes / 2);
  std::vector<std::byte> out(1 << 20);
  for (const std::size_t at : {std::size_t{0}, kBytes / 2, kBytes - out.size()}) {
    const Result<void> read = ahead.read(reader(), at, out.size(), out.data());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::io);
    EXPECT_EQ(read.error().path, path_.string());
  }
}

TEST_P(ReadAheadTest, EndsWithAStopAtAnyTime) {
  for (const std::size_t n_taken : {0, 1, 9}) {
    std::stop_source stop;
    ReadAhead ahead(stop.get_token());
    ahead.add(reader(), 0, kBytes);
    for (std::size_t at = 0; at < n_taken; ++at) expect_bytes(ahead, at << 20, 1 << 20);
    stop.request_stop();
    // Whatever is asked for then comes or was stopped, and does not wait.
    std::vector<std::byte> out(1 << 20);
    for (std::size_t at = n_taken << 20; at + out.size() <= kBytes; at += out.size()) {
      const Result<void> read = ahead.read(reader(), at, out.size(), out.data());
      if (read) EXPECT_EQ(std::memcmp(out.data(), bytes_.data() + at, out.size()), 0);
      else EXPECT_EQ(read.error().code, ErrorCode::cancelled);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, ReadAheadTest, testing::Values(IoMode::automatic, IoMode::uring, IoMode::pread, IoMode::buffered),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace pio
