#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/cpu_context.h"

namespace pio {

// cos and sin of a step's rope angles. Every layer asks for the same ones, so they are kept while positions, frequencies and axes stay.
class RopeAngles {
 public:
  // Arguments as in Backend::rope; `axes` may be empty.
  void update(CpuContext& context, const Tensor& positions, std::int64_t n_tokens, const Tensor& inv_freq, const Tensor& axes);

  // [n_pairs] of token t.
  const float* cos(std::int64_t t) const { return cos_.data() + t * n_pairs(); }
  const float* sin(std::int64_t t) const { return sin_.data() + t * n_pairs(); }

 private:
  std::int64_t n_pairs() const { return static_cast<std::int64_t>(freq_.size()); }

  std::vector<std::int32_t> positions_, axes_;
  std::vector<float> freq_, cos_, sin_;
};

}  // namespace pio
