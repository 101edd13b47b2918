#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"

// The devices found on this machine.

namespace pio {

struct RejectedDevice {
  std::string name;    // "cuda"
  std::string reason;  // "this build has no CUDA backend"
};

struct DeviceList {
  std::vector<DeviceInfo> devices;       // usable, the preferred one first
  std::vector<RejectedDevice> rejected;  // known of, but not usable, and why
};

struct BackendOptions {
  int n_threads = 0;  // 0: one a physical core
  Activations activations = Activations::q8;
  bool huge_pages = true;  // for large buffers of the host, where the system has them
  std::string isa;         // "", or one of "scalar", "avx2", "avx512", "avx512_bf16", "neon"; PIO_FORCE_ISA in the environment does the same
};

DeviceList list_devices();

// `device`: "auto", "cpu", "reference", "cuda[:N]", "vulkan[:N]". Fails with not_available{device} and the reason.
Result<std::unique_ptr<Backend>> create_backend(std::string_view device, const BackendOptions& options);

}  // namespace pio
