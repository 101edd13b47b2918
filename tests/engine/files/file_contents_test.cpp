// Whether two files hold the same, as a few looks tell.

#include "engine/files/file_contents.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <string>

#include "tests/support/temp_folder.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

TEST(FileContents, OfASmallFileEveryByteCounts) {
  const TempFolder folder;
  std::string bytes(3'000'001, 'a');
  const fs::path path = folder.write("f", bytes);
  const std::optional<std::uint64_t> before = contents_of(path);
  ASSERT_TRUE(before);
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(1));
  EXPECT_EQ(contents_of(path), before);
  EXPECT_EQ(contents_of(folder.write("copy", bytes)), before);
  for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    std::string other = bytes;
    other[at] = 'b';
    EXPECT_NE(contents_of(folder.write("other", other)), before) << at;
  }
  EXPECT_NE(contents_of(folder.write("shorter", bytes.substr(1))), before);
  EXPECT_NE(contents_of(folder.write("empty", "")), before);
  EXPECT_FALSE(contents_of(folder.path()));
  EXPECT_FALSE(contents_of(folder.path() / "none"));
}

// Of a large one: another header, an end that is another, weights that are others; and a copy that has come some way.
TEST(FileContents, OfALargeFileAnotherOnesDiffer) {
  const TempFolder folder;
  const fs::path path = folder.path() / "f";
  constexpr std::size_t kBytes = 40'000'000;
  std::string bytes(kBytes, '\0'), other(kBytes, '\0');
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i + 8 <= kBytes; i += 8) {
    const std::uint64_t one = random(), two = random();
    std::memcpy(&bytes[i], &one, 8);
    std::memcpy(&other[i], &two, 8);
  }
  const auto contents = [&](const std::string& of) {
    std::ofstream(path, std::ios::binary) << of;
    return contents_of(path);
  };
  std::set<std::optional<std::uint64_t>> seen{contents(bytes), contents(other)};
  EXPECT_EQ(contents(bytes), contents(bytes));
  for (const double come : {0.05, 0.3, 0.7}) {
    const auto n = static_cast<std::size_t>(come * kBytes);
    seen.insert(contents(other.substr(0, n) + bytes.substr(n)));
  }
  seen.insert(contents("x" + bytes.substr(1)));
  seen.insert(contents(bytes.substr(0, kBytes - 1) + "x"));
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_FALSE(seen.contains(std::nullopt));
}

}  // namespace
}  // namespace pio
