#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace pio::test {

// A test with a file of n bytes without a pattern.
template <class Base, std::size_t n>
class WithRandomFile : public Base {
 protected:
  void SetUp() override {
    char name[] = "random-file-XXXXXX";  // where tests run: /tmp may have no disk
    const int fd = mkstemp(name);
    ASSERT_GE(fd, 0);
    close(fd);
    path_ = std::filesystem::absolute(name);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < n; ++i) bytes_.push_back(static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24));
    std::ofstream(path_, std::ios::binary).write(reinterpret_cast<const char*>(bytes_.data()), n);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  // Out of the page cache, where the file system does that.
  void drop() const {
    const int fd = open(path_.c_str(), O_RDONLY);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }

  std::filesystem::path path_;
  std::vector<std::byte> bytes_;
};

}  // namespace pio::test
