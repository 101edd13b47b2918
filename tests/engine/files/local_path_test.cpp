#include "engine/files/local_path.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temp_folder.h"

namespace pio {
namespace {

std::string path_of(std::string_view typed) {
  const auto path = local_path(typed);
  return path ? *path : "refused: " + path.error().message;
}

TEST(LocalPath, AddressesAreDecodedAndEverythingElseStays) {
  for (const char* typed : {"a", "/a b", "", "a%20b", "http://x/a", "file", "file:", "./file:x"}) EXPECT_EQ(path_of(typed), typed);
  EXPECT_EQ(path_of("file:///a/b"), "/a/b");
  EXPECT_EQ(path_of("FILE:///a"), "/a");
  EXPECT_EQ(path_of("file:/a"), "/a");
  EXPECT_EQ(path_of("file://localhost/a"), "/a");
  EXPECT_EQ(path_of("file:///m%C3%BCll%20eimer/100%25"), "/m\xc3\xbcll eimer/100%");
  EXPECT_EQ(path_of("file:///a+b&c=d"), "/a+b&c=d");
  for (const char* typed : {"file://host/a", "file://a", "file:a", "file:///a%", "file:///a%2", "file:///a%g0", "file:///a%00b"})
    EXPECT_EQ(path_of(typed).find("refused: " + std::string(typed) + ": expected the address of a file on this machine"), 0u) << path_of(typed);
}

TEST(LocalPath, WhatExistsAsItIsTypedIsNotDecoded) {
  const TempFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_directories("file:/a%20b");
  EXPECT_EQ(path_of("file:/a%20b"), "file:/a%20b");
  std::filesystem::current_path(before);
  EXPECT_EQ(path_of("file:/a%20b"), "/a b");
}

}  // namespace
}  // namespace pio
