#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"

// The devices found on this machine: the processor, the reference, and those of backend modules.

namespace pio {

enum class Rejection {
  no_module,       // the program has no such backend beside it
  other_build,     // it has one of another build
  no_loader,       // the system has no library that finds drivers
  no_driver,       // or no driver for any card
  driver_too_old,  // the driver's version, or what it can do
  device_too_old,  // the card's
  software,        // a renderer on the processor
  same_card,       // a card that another backend has already
  failed,          // anything else; the words say what
};
const char* name_of(Rejection code);  // "no_module"

struct RejectedDevice {
  std::string name;    // "cuda" of a whole backend, "vulkan:1" of one of its devices
  std::string reason;  // "expected Vulkan 1.2, found 1.1"
  Rejection code = Rejection::failed;
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

// The processor first, then graphics cards, the reference last. Asks drivers, which may take a second: not on a thread that somebody waits for.
// Modules (libpio_cuda.so, libpio_vulkan.so) are looked for in the folder PIO_BACKENDS alone where that is set and not empty, else beside the
// program and in ../lib/inference-pio from there; in PIO_BACKENDS also any other libpio_KIND.so. They stay loaded.
DeviceList list_devices();

// `device`: "auto", "cpu", "reference", "cuda[:N]", "vulkan[:N]", or another kind that PIO_BACKENDS has; auto is the processor. Fails with not_available{device} and the reason.
Result<std::unique_ptr<Backend>> create_backend(std::string_view device, const BackendOptions& options);

}  // namespace pio
