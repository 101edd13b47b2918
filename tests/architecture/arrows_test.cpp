// Arrows point down only: ui → app → engine → models → kernels, and no Qt below app.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kRooms = {"kernels", "models", "engine", "app", "ui"};  // each may include itself and those before it

struct Include {
  fs::path file;
  std::string target;
};

std::vector<Include> includes_of(const std::string& room) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<Include> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(fs::path(PIO_SOURCE) / room)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
    std::ifstream in(entry.path());
    std::smatch match;
    for (std::string line; std::getline(in, line);) {
      if (std::regex_search(line, match, pattern)) found.push_back({entry.path(), match[1]});
    }
  }
  return found;
}

std::string room_of(const std::string& target) { return target.substr(0, target.find('/')); }

}  // namespace

TEST(Arrows, PointDownOnly) {
  std::size_t n_includes = 0;
  for (std::size_t room = 0; room < kRooms.size(); ++room) {
    for (const Include& include : includes_of(kRooms[room])) {
      ++n_includes;
      const auto target = std::find(kRooms.begin(), kRooms.end(), room_of(include.target));
      EXPECT_TRUE(target == kRooms.end() || target <= kRooms.begin() + room) << include.file << " includes " << include.target;
    }
  }
  EXPECT_GT(n_includes, 100u) << "the sources were not found under " PIO_SOURCE;
}

TEST(Arrows, NoQtBelowApp) {
  static const std::regex qt(R"(^(Q[A-Z]\w+|Qt\w*/.*)$)");
  for (const char* room : {"kernels", "models", "engine", "app/cli"}) {
    for (const Include& include : includes_of(room))
      EXPECT_FALSE(std::regex_match(include.target, qt)) << include.file << " includes " << include.target;
  }
}

TEST(Arrows, OnlyTheFaceOfKernelsIsSeenFromAbove) {
  for (const char* room : {"models", "engine", "app"}) {
    for (const Include& include : includes_of(room)) {
      for (const char* inner : {"kernels/cpu/", "kernels/cuda/", "kernels/vulkan/", "kernels/reference/", "kernels/quant/"})
        EXPECT_FALSE(include.target.starts_with(inner)) << include.file << " includes " << include.target;
    }
  }
}
