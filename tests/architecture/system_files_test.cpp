// What is neither standard C++ nor Qt: installer/README.md lists the files that a port has to look at, all of them and no other.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace fs = std::filesystem;

namespace {

const fs::path kSource = PIO_SOURCE;

// In angle brackets with an ending: the headers of C and of the libraries, and those of processors. Every other one is taken for the system's.
bool is_header_of_a_system(const std::string& header) {
  static const std::regex ours(
      R"(^(stdint|stddef|string|time|cpuid|immintrin|volk|xxhash|md4c|sentencepiece_processor|cuda_\w+)\.h$|^(QtQml|tree_sitter)/.*|.*\.hpp$)");
  return header.find('.') != std::string::npos && !std::regex_match(header, ours);
}

// The first thing of `file` that only some systems have; "" none.
std::string system_thing_in(const fs::path& file) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re"), place(R"re("/(proc|sys|dev|run)/)re");
  std::ifstream in(file);
  std::smatch match;
  for (std::string line; std::getline(in, line);) {
    if (line.find("include") != std::string::npos && std::regex_search(line, match, include)) {
      const std::string header = match[2];
      if (header.starts_with("QDBus") || (match[1] == "<" && is_header_of_a_system(header))) return header;
    } else if (line.find("\"/") != std::string::npos) {
      const std::string code = line.substr(0, line.find("//"));
      if (std::regex_search(code, match, place)) return match.str() + "…\"";
    }
  }
  return {};
}

// The names between backticks in the first column: with their folder, or in that of the one before.
std::set<std::string> listed() {
  std::ifstream in(kSource / "installer/README.md");
  std::set<std::string> files;
  bool is_here = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) is_here = line == "## What is POSIX only, or Linux only";
    if (!is_here || !line.starts_with("| `")) continue;
    const std::string names = line.substr(1, line.find('|', 1) - 1);
    static const std::regex name("`([^`]+)`");
    fs::path folder;
    for (std::sregex_iterator at(names.begin(), names.end(), name), end; at != end; ++at) {
      const fs::path written = (*at)[1].str();
      const fs::path file = written.has_parent_path() ? written : folder / written;
      folder = file.parent_path();
      EXPECT_TRUE(fs::exists(kSource / file)) << "installer/README.md lists " << file << ", which is not there";
      if (fs::is_regular_file(kSource / file)) files.insert(file.string());
    }
  }
  return files;
}

}  // namespace

TEST(SystemFiles, AreThoseThatTheInstallerLists) {
  const std::set<std::string> known = listed();
  EXPECT_GT(known.size(), 30u) << "the list was not found";
  std::set<std::string> found;
  for (const char* room : {"kernels", "models", "engine", "app", "ui"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kSource / room)) {
      const std::string ending = entry.path().extension().string();
      if (ending != ".h" && ending != ".cpp" && ending != ".cu" && ending != ".cuh") continue;
      const std::string thing = system_thing_in(entry.path());
      if (thing.empty()) continue;
      // A header is listed with its source.
      fs::path file = fs::relative(entry.path(), kSource);
      if (ending == ".h" && fs::exists(fs::path(entry.path()).replace_extension(".cpp"))) file.replace_extension(".cpp");
      found.insert(file.string());
      EXPECT_TRUE(known.contains(file.string())) << entry.path() << " has " << thing << ": installer/README.md does not list it";
    }
  }
  for (const std::string& file : known)
    EXPECT_TRUE(found.contains(file)) << "installer/README.md lists " << file << ", which has nothing of a system";
}
