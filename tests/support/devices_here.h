#pragma once

#include <string>
#include <vector>

#include "kernels/registry.h"

namespace pio::test {

// "reference", and the CPU's instruction sets that run on this machine. Those that do not are one visible skip each: Backends.IsHere of
// conformance_test.
inline std::vector<std::string> devices_here() {
  std::vector<std::string> here = {"reference"};
  for (const char* isa : {"scalar", "avx2", "avx512", "avx512_bf16", "neon"}) {
    if (create_backend("cpu", {.n_threads = 1, .isa = isa})) here.push_back(isa);
  }
  return here;
}

}  // namespace pio::test
