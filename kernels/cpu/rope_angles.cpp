#include "kernels/cpu/rope_angles.h"

#include <algorithm>
#include <cmath>

namespace pio {

void RopeAngles::update(CpuContext& context, const Tensor& positions, std::int64_t n_tokens, const Tensor& inv_freq, const Tensor& axes) {
  const std::int32_t* const position = host_pointer<std::int32_t>(positions);
  const std::int32_t* const axis = axes ? host_pointer<std::int32_t>(axes) : nullptr;
  const float* const freq = host_pointer<float>(inv_freq);
  const std::int64_t n_pairs = inv_freq.shape[0], n_axes = axes ? n_pairs : 0;
  const auto same = [](const auto& kept, const auto* now, std::int64_t n) { return std::equal(kept.begin(), kept.end(), now, now + n); };
  if (same(positions_, position, positions.shape.n_values()) && same(freq_, freq, n_pairs) && same(axes_, axis, n_axes)) return;
  positions_.clear();  // so that nothing counts as kept where memory is missing below
  freq_.assign(freq, freq + n_pairs);
  axes_.assign(axis, axis + n_axes);
  cos_.resize(n_tokens * n_pairs);
  sin_.resize(n_tokens * n_pairs);
  positions_.assign(position, position + positions.shape.n_values());
  context.for_each_span(n_tokens, n_pairs * 256, [&](std::int64_t first, std::int64_t n) {
    for (std::int64_t t = first; t < first + n; ++t) {
      for (std::int64_t i = 0; i < n_pairs; ++i) {
        const float angle = static_cast<float>(position[(axis ? axis[i] : 0) * n_tokens + t]) * freq[i];
        cos_[t * n_pairs + i] = std::cos(angle);
        sin_[t * n_pairs + i] = std::sin(angle);
      }
    }
  });
  if (context.stop_requested()) positions_.clear();  // perhaps unfinished
}

}  // namespace pio
