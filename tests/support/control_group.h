#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <system_error>

namespace pio {

// A control group of version 1 that a test makes below this process's own group of one controller; gone at its end. Only root may, and not on every
// machine: where `made` says no, the test says so and skips.
class ControlGroup {
 public:
  explicit ControlGroup(const std::string& controller) {
    const std::string parent = own_group(controller);
    if (parent.empty()) return;
    const std::string path = parent + (parent.back() == '/' ? "" : "/") + "pio-test-" + std::to_string(getpid());
    std::error_code failed;
    if (std::filesystem::create_directory(path, failed) && !failed) path_ = path;
  }
  ~ControlGroup() {
    for (int i = 0; !path_.empty() && ::rmdir(path_.c_str()) != 0 && i < 100; ++i) usleep(10000);  // busy until its processes are gone
  }
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  bool made() const { return !path_.empty(); }
  bool exists(const std::string& file) const { return std::filesystem::exists(path_ + "/" + file); }
  bool set(const std::string& file, const std::string& value) const { return bool(std::ofstream(path_ + "/" + file) << value << std::flush); }
  std::uint64_t number(const std::string& file) const {
    std::uint64_t value = 0;
    std::ifstream(path_ + "/" + file) >> value;
    return value;
  }
  // The calling process goes into it.
  bool enter() const { return set("cgroup.procs", std::to_string(getpid())); }

  enum class Ends { well, some_way };
  // What `body` prints to standard output, run by a process in the group, which must end well unless a test allows that the system ends it.
  std::string run(const std::function<void()>& body, Ends ends_how = Ends::well) const {
    int ends[2];
    if (pipe(ends) != 0) return "no pipe";
    const pid_t child = fork();
    if (child == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]), close(ends[1]);
      if (!enter()) _exit(3);
      body();
      std::fflush(stdout);
      _exit(0);
    }
    close(ends[1]);
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (ends_how == Ends::well) EXPECT_EQ(status, 0);
    return out;
  }

 private:
  static std::string own_group(const std::string& controller) {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields(line);
      std::string id, controllers, path;
      std::getline(fields, id, ':'), std::getline(fields, controllers, ':'), std::getline(fields, path);
      if (controllers == controller) return "/sys/fs/cgroup/" + controller + path;
    }
    return {};
  }

  std::string path_;
};

}  // namespace pio
