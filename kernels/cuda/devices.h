#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/registry.h"

namespace pio::cuda {

// What runs the kernels: cards, or the tests' emulator.
struct Kind {
  const char* name;                              // of the first device: "cuda"
  bool is_software;                              // no card at all
  int least_capability;                          // of a card that there is code for: 75
  std::optional<RejectedDevice> (*objection)();  // asked before the runtime is
};

// "cudaErrorIllegalAddress: an illegal memory access was encountered"
std::string text_of(int error);

DeviceList list_devices(const Kind& kind);
// Fails with not_available or out_of_memory.
Result<std::unique_ptr<Backend>> create(const Kind& kind, std::string_view device, const BackendOptions& options);

}  // namespace pio::cuda
