#pragma once

#include <string_view>
#include <vector>

#include "tests/kernels/conformance/conformance.h"

namespace pio {

// Weights in bf16 where the processor multiplies that: with Activations::q8 what is multiplied by them is rounded to it, and nothing else is.
inline bool rounds_to_bf16(const BackendName& name, Activations activations, DType dtype) {
  return std::string_view(name.text) == "cpu:avx512_bf16" && activations == Activations::q8 && dtype == DType::bf16;
}

inline std::vector<float> in_bf16(const std::vector<float>& x) {
  std::vector<std::byte> bits(2 * x.size());
  info(DType::bf16).encode(x.data(), bits.data(), std::ssize(x));
  return decoded(DType::bf16, bits);
}

}  // namespace pio
