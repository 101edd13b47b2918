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

// What goes to a network is written in one folder, so that a build without it has none.
TEST(Arrows, NetworkCodeLiesInOneFolder) {
  static const std::regex network(
      R"(^(QtNetwork/.*|Q(Network|Tcp|Udp|Sctp|Ssl|Host|Dns|Http|Hsts|Local(Socket|Server)|AbstractSocket|WebSocket)\w*|netdb\.h|(netinet|arpa|curl)/.*)$)");
  std::size_t n_here = 0;
  for (const std::string& room : kRooms) {
    for (const Include& include : includes_of(room)) {
      if (!std::regex_match(include.target, network)) continue;
      const bool is_here = fs::relative(include.file, PIO_SOURCE).string().starts_with("app/network/");
      EXPECT_TRUE(is_here) << include.file << " includes " << include.target;
      n_here += is_here ? 1 : 0;
    }
  }
  EXPECT_GT(n_here, 5u) << "the network's own includes were not recognised";
  // Sockets of the system's own interface, and what QML fetches by itself.
  constexpr const char* kWords[] = {"AF_INET", "XMLHttpRequest", "WebSocket"};
  for (const std::string& room : kRooms) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(fs::path(PIO_SOURCE) / room)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".qml" && extension != ".js") continue;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) {
        const std::string code = line.substr(0, line.find("//"));
        for (const char* word : kWords) EXPECT_EQ(code.find(word), std::string::npos) << entry.path() << ": " << line;
      }
    }
  }
}
