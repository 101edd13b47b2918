#include "engine/files/file_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/files/file_contents.h"
#include "engine/files/mapped_file.h"
#include "tests/engine/files/random_file.h"

namespace pio {
namespace {

constexpr std::size_t kBytes = (3 << 20) + 1234;  // not whole blocks

class FileReaderTest : public test::WithRandomFile<testing::Test, kBytes> {
 protected:
  // Out of the page cache; false where the file system keeps it there.
  bool drop() const {
    WithRandomFile::drop();
    return n_cached_pages() == 0;
  }
  std::size_t n_cached_pages() const {
    const int fd = open(path_.c_str(), O_RDONLY);
    void* const data = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, fd, 0);
    std::vector<unsigned char> pages((kBytes + 4095) / 4096);
    mincore(data, kBytes, pages.data());
    munmap(data, kBytes);
    close(fd);
    return static_cast<std::size_t>(std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
  }
  void expect_pieces(const MappedFile& file) const {
    for (const auto& [offset, n] : std::vector<std::pair<std::size_t, std::size_t>>{
             {0, 1}, {0, 4096}, {1, 4095}, {4095, 2}, {4096, 8192}, {12345, 1 << 20}, {kBytes - 1, 1}, {kBytes - 4097, 4097}, {0, kBytes}}) {
      std::vector<std::byte> out(n + 1, std::byte{0x5a});
      const Result<void> read = file.read(file.bytes().subspan(offset, n), out.data());
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(std::memcmp(out.data(), bytes_.data() + offset, n), 0) << offset << " " << n;
      EXPECT_EQ(out[n], std::byte{0x5a}) << "behind the piece";
    }
  }
};

TEST_F(FileReaderTest, UsesWhatLiesInThePageCacheAndLeavesItThere) {
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  const std::size_t before = n_cached_pages();
  expect_pieces(*file);
  EXPECT_EQ(n_cached_pages(), before);
  const ReadCounts counts = file->read_counts();
  if (counts.cached_bytes == 0) GTEST_SKIP() << "this file system does not say what is cached";
  EXPECT_EQ(counts.cached_bytes, counts.n_bytes());
}

TEST_F(FileReaderTest, ReadsPastThePageCacheWhatIsNotInIt) {
  if (!drop()) GTEST_SKIP() << "this file system keeps files in memory";
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  expect_pieces(*file);
  const ReadCounts counts = file->read_counts();
  if (counts.direct_bytes == 0) GTEST_SKIP() << "this file system has no direct reads";
  EXPECT_EQ(n_cached_pages(), 0u);
  EXPECT_EQ(counts.direct_bytes, counts.n_bytes());
  EXPECT_GT(counts.thread_seconds, 0);
}

TEST_F(FileReaderTest, DropsCachedPagesBehindItOnlyWhenToldTo) {
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  drop();  // written, so that its pages may go
  std::ifstream(path_, std::ios::binary).read(std::vector<char>(kBytes).data(), kBytes);
  const std::size_t n_pages = (kBytes + 4095) / 4096;
  if (n_cached_pages() < n_pages) GTEST_SKIP() << "this file system does not say what is cached";
  std::vector<std::byte> out(2 << 20);
  const auto read = [&](std::size_t offset, std::size_t n) {
    ASSERT_TRUE(file->read(file->bytes().subspan(offset, n), out.data()));
    EXPECT_EQ(std::memcmp(out.data(), bytes_.data() + offset, n), 0) << offset;
  };
  read(0, 1 << 20);
  EXPECT_EQ(n_cached_pages(), n_pages);
  file->reader()->set_drops(true);
  // Borders inside pages, in another order than they stand in the file.
  read((1 << 20) + 100, 5000);
  read(0, (1 << 20) + 100);
  read((1 << 20) + 5100, 1 << 19);
  EXPECT_EQ(n_cached_pages(), n_pages) << "fewer than a piece";
  file->reader()->set_drops(false);
  EXPECT_EQ(n_cached_pages(), n_pages - ((1 << 20) + 5100 + (1 << 19) + 4095) / 4096);
  read(2 << 20, 1 << 19);
  EXPECT_EQ(n_cached_pages(), n_pages - ((1 << 20) + 5100 + (1 << 19) + 4095) / 4096);
}

TEST_F(FileReaderTest, DropsPiecesOfSixtyFourMegabytes) {
  constexpr std::size_t kAll = (std::size_t{130} << 20) + 77;  // holes: pages without a disk
  std::filesystem::resize_file(path_, kAll);
  drop();
  std::vector<char> all(kAll);
  std::ifstream(path_, std::ios::binary).read(all.data(), kAll);
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  const auto n_cached = [&] {
    std::vector<unsigned char> pages((kAll + 4095) / 4096);
    mincore(const_cast<std::byte*>(file->bytes().data()), kAll, pages.data());
    return static_cast<std::size_t>(std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
  };
  const std::size_t n_pages = (kAll + 4095) / 4096;
  if (n_cached() < n_pages) GTEST_SKIP() << "this file system does not say what is cached";
  std::vector<std::byte> out(1000003);
  file->reader()->set_drops(true);
  std::size_t most_behind = 0;  // bytes read whose pages are still there
  for (std::size_t at = 0; at < kAll; at += out.size()) {
    const std::size_t n = std::min(out.size(), kAll - at);
    ASSERT_TRUE(file->read(file->bytes().subspan(at, n), out.data()));
    const std::size_t left = n_cached() * 4096;
    most_behind = std::max(most_behind, left - std::min(left, kAll - at - n));
  }
  EXPECT_LE(most_behind, kDroppedBytes + out.size() + 8192);
  EXPECT_GT(most_behind, kDroppedBytes / 2);
  file->reader()->set_drops(false);
  EXPECT_EQ(n_cached(), 0u);
}

TEST_F(FileReaderTest, NamesAFileThatBecameShorter) {
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  for (const bool is_cached : {true, false}) {
    std::filesystem::resize_file(path_, kBytes / 2);
    if (!is_cached) drop();
    std::vector<std::byte> out(kBytes);
    for (const std::size_t offset : {kBytes / 2 - 100, kBytes - 100}) {
      const Result<void> read = file->read(file->bytes().subspan(offset, 100 + (offset < kBytes / 2)), out.data());
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().code, ErrorCode::io);
      EXPECT_NE(read.error().message.find("shorter"), std::string::npos) << read.error().message;
      EXPECT_EQ(read.error().path, path_.string());
    }
  }
}

// Of a file that is too large to look at whole: what was written between the places that are looked at is noticed, and a touch is no write.
TEST_F(FileReaderTest, KnowsAWriteAnywhereFromATouch) {
  constexpr std::size_t kLarge = 40 << 20;  // of holes
  std::filesystem::resize_file(path_, kLarge);
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  std::byte out[100];
  const auto is_as_it_was = [&] { return static_cast<bool>(file->read(file->bytes().first(sizeof out), out)); };
  ASSERT_TRUE(is_as_it_was());
  for (const std::int64_t seconds : {5, -3}) {
    std::filesystem::last_write_time(path_, std::filesystem::last_write_time(path_) + std::chrono::seconds(seconds));
    EXPECT_TRUE(is_as_it_was());
  }
  // as the command touch does it
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK, 0600);
  futimens(fd, nullptr);
  close(fd);
  EXPECT_TRUE(is_as_it_was());

  const auto before = contents_of(path_);
  const int written = open(path_.c_str(), O_WRONLY);
  ASSERT_EQ(pwrite(written, "x", 1, (20 << 20) + 1), 1);
  close(written);
  ASSERT_EQ(contents_of(path_), before) << "the looks do not find it";
  std::filesystem::last_write_time(path_, std::filesystem::last_write_time(path_) + std::chrono::seconds(5));  // not within the clock's tick
  EXPECT_FALSE(is_as_it_was());
  EXPECT_FALSE(is_as_it_was());
}

TEST_F(FileReaderTest, ReadsTheFileThatWasOpenedWhenAnotherTakesItsName) {
  const Result<MappedFile> file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  std::filesystem::remove(path_);
  std::ofstream(path_) << "another";
  expect_pieces(*file);
}

}  // namespace
}  // namespace pio
