#include "kernels/cuda/driver.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

// What is said of drivers: of none at all, and of one that is too old, by a libcuda.so.1 of the tests' own.

namespace pio::cuda {
namespace {

// What `say` says in a process of its own: libraries stay loaded.
std::string in_child(const std::function<std::string()>& say) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const std::string text = say();
    const ssize_t n = write(ends[1], text.data(), text.size());
    _exit(n == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char part[512];
  for (ssize_t n = 0; (n = read(ends[0], part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << text;
  return text;
}

std::string text_of(const RejectedDevice& rejected) { return rejected.name + " " + name_of(rejected.code) + " " + rejected.reason; }

std::string objection() {
  const std::optional<RejectedDevice> found = driver_objection();
  return found ? text_of(*found) : "none";
}

// What the whole module says, where it was built: it lies beside this test.
std::string of_module() {
  const DeviceList list = pio::list_devices();
  const auto found = std::ranges::find(list.rejected, "cuda", &RejectedDevice::name);
  return found == list.rejected.end() ? "none" : text_of(*found);
}

// Whoever looks for libcuda.so.1 finds the one that is there already.
bool use_fake(const char* version) { return dlopen((std::string(PIO_FAKE_DRIVERS "/") + version + "/libcuda.so.1").c_str(), RTLD_NOW | RTLD_GLOBAL); }

constexpr const char* kNoDriver = "cuda no_driver no driver of NVIDIA's: no libcuda.so.1 on this system";
constexpr const char* kOldDriver = "cuda driver_too_old NVIDIA's driver: expected one for CUDA 13.0, found one for 12.2";

bool has_driver() {
  return in_child([] { return std::string(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL) ? "yes" : "no"); }) == "yes";
}

TEST(Driver, ThatIsNotThereIsSaidToBeMissing) {
  if (has_driver()) GTEST_SKIP() << "this machine has a driver of NVIDIA's";
  EXPECT_EQ(in_child(objection), kNoDriver);
}

TEST(Driver, ThatIsTooOldIsRejectedWithBothNumbers) {
  EXPECT_EQ(in_child([] { return use_fake("12020") ? objection() : std::string(dlerror()); }), kOldDriver);
}

TEST(Driver, OfTheNeededVersionIsNotObjectedTo) {
  EXPECT_EQ(in_child([] { return use_fake("13000") ? objection() : std::string(dlerror()); }), "none");
}

TEST(Module, SaysTheSameOfDrivers) {
#ifndef PIO_HAS_CUDA_MODULE
  GTEST_SKIP() << "libpio_cuda.so is not part of this build: there is no nvcc";
#else
  ASSERT_EQ(setenv("PIO_BACKENDS", PIO_HAS_CUDA_MODULE, 1), 0);
  EXPECT_EQ(in_child([] { return use_fake("12020") ? of_module() : std::string(dlerror()); }), kOldDriver);
  if (!has_driver()) {
    EXPECT_EQ(in_child(of_module), kNoDriver);
  }
#endif
}

}  // namespace
}  // namespace pio::cuda
