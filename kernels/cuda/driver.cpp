#include "kernels/cuda/driver.h"

#include <dlfcn.h>

#include <string>

namespace pio::cuda {
namespace {

constexpr int kNeededVersion = 13000;  // of CUDA: thousands and tens. Drivers run what was built with any 13.x.

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

}  // namespace

std::optional<RejectedDevice> driver_objection() {
  void* const library = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);  // stays open: the runtime opens it too
  if (!library) return RejectedDevice{"cuda", "no driver of NVIDIA's: no libcuda.so.1 on this system", Rejection::no_driver};
  const auto ask = reinterpret_cast<int (*)(int*)>(::dlsym(library, "cuDriverGetVersion"));
  int version = 0;
  if (!ask || ask(&version) != 0) return RejectedDevice{"cuda", "libcuda.so.1 does not say which version it is", Rejection::failed};
  if (version < kNeededVersion) {
    return RejectedDevice{"cuda",
                          "NVIDIA's driver: expected one for CUDA " + version_text(kNeededVersion) + ", found one for " + version_text(version),
                          Rejection::driver_too_old};
  }
  return {};
}

}  // namespace pio::cuda
