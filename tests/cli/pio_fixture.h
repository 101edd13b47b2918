#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

// pio as a person or a script meets it: what goes to standard output, what to standard error, and the exit status.

namespace pio {

struct Ran {
  int status = 0;  // exit status; -1 when a signal ended it
  std::string out, err;
  long peak_kilobytes = 0;  // of resident memory
  long page_faults = 0;     // pages touched for the first time that no disk had to be read for
};

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Pio : public testing::Test {
 protected:
  using json = nlohmann::json;

  void SetUp() override {
    char name[] = "/tmp/pio-cli-XXXXXX";
    folder_ = mkdtemp(name);
    setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);  // not the cache of whoever runs the tests
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // This process becomes it, with these three files as its standard streams; returns where that fails.
  static int execute(std::vector<std::string> words, int in, int out, int err) {
    words.insert(words.begin(), PIO_BINARY);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int files[] = {in, out, err};
    for (int i = 0; i < 3; ++i) dup2(files[i], i);
    execv(PIO_BINARY, argv.data());
    return 127;
  }
  static pid_t start(const std::vector<std::string>& words, int in, int out, int err) {
    const pid_t child = fork();
    if (child == 0) _exit(execute(words, in, out, err));
    return child;
  }
  Ran wait_for(pid_t child) {
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .out = contents(path("out")),
            .err = contents(path("err")),
            .peak_kilobytes = usage.ru_maxrss,
            .page_faults = usage.ru_minflt};
  }
  int opened(const std::string& name, int flags) const { return open(path(name).c_str(), flags | O_CLOEXEC, 0600); }

  Ran run(std::vector<std::string> words, const std::string& input = "") {
    write("in", input);
    return run_with(std::move(words), opened("in", O_RDONLY), opened("out", O_CREAT | O_TRUNC | O_WRONLY));
  }
  // The two files are closed here.
  Ran run_with(std::vector<std::string> words, int in, int out) {
    const int err = opened("err", O_CREAT | O_TRUNC | O_WRONLY);
    const pid_t child = start(std::move(words), in, out, err);
    for (const int file : {in, out, err}) close(file);
    return wait_for(child);
  }
  json run_json(std::vector<std::string> words, const std::string& input = "") {
    words.push_back("--json");
    const Ran ran = run(std::move(words), input);
    EXPECT_EQ(ran.status, 0) << ran.err;
    json value = json::parse(ran.out, nullptr, false);
    EXPECT_FALSE(value.is_discarded()) << ran.out;
    return value;
  }
  // The lines of standard output, each a JSON value.
  static std::vector<json> json_lines(const std::string& out) {
    std::vector<json> lines;
    std::istringstream in(out);
    for (std::string line; std::getline(in, line);) {
      lines.push_back(json::parse(line, nullptr, false));
      EXPECT_FALSE(lines.back().is_discarded()) << line;
    }
    return lines;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return path(name);
  }
  // One line "pio: <what>: <expected>, <found>" on standard error, nothing on standard output, a status that is no signal's.
  void expect_complaint(const Ran& ran) const {
    EXPECT_GT(ran.status, 0);
    EXPECT_LT(ran.status, 126);
    EXPECT_EQ(ran.out, "");
    EXPECT_TRUE(std::regex_match(ran.err, std::regex("pio: [^\n]*\n"))) << ran.err;
  }
  // The same, and the line begins with what was typed.
  void expect_complaint_about(const std::string& what, const Ran& ran) const {
    expect_complaint(ran);
    EXPECT_TRUE(ran.err.starts_with("pio: " + what + ":")) << ran.err;
  }

  const std::string kModels = PIO_TEST_DATA "/models";
  std::filesystem::path folder_;
};

}  // namespace pio
