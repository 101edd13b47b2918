#include "models/blocks/rope.h"

#include <cmath>

#include "kernels/base/number_text.h"

namespace pio {

Result<Rope> make_rope(Backend& backend, double theta, std::int64_t rope_dims, std::span<const float> factors, RopePairing pairing) {
  const std::int64_t n_pairs = rope_dims / 2;
  CHECK(factors.empty() || static_cast<std::int64_t>(factors.size()) == n_pairs, "one factor a pair");
  std::vector<float> inv_freq(n_pairs);
  for (std::int64_t i = 0; i < n_pairs; ++i) {
    const double radians = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(rope_dims));
    inv_freq[i] = static_cast<float>(factors.empty() ? radians : radians / factors[i]);
  }
  Rope rope;
  rope.pairing = pairing;
  ASSIGN_OR_RETURN(rope.inv_freq, backend.allocate_tensor(DType::f32, {n_pairs}, rope.buffers, inv_freq.data()));
  return rope;
}

Result<void> interleave_axes(Backend& backend, Rope& rope, std::span<const std::int64_t> sections) {
  std::vector<std::int32_t> axes(rope.inv_freq.shape[0], 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = i % 3;
    if (axis > 0 && static_cast<std::int64_t>(i) < 3 * sections[axis]) axes[i] = static_cast<std::int32_t>(axis);
  }
  ASSIGN_OR_RETURN(rope.axes, backend.allocate_tensor(DType::i32, rope.inv_freq.shape, rope.buffers, axes.data()));
  return {};
}

Result<std::vector<float>> read_rope_factors(Backend& backend, Tensor tensor, const std::string& label) {
  if (tensor.empty()) return std::vector<float>{};
  std::vector<float> factors(tensor.shape.n_values());
  backend.download(factors.data(), tensor);
  for (float factor : factors) {
    if (!std::isfinite(factor) || factor <= 0) {
      return make_error(ErrorCode::bad_file, label + ": tensor rope_freqs.weight: expected values above zero, found " + short_text(factor));
    }
  }
  return factors;
}

}  // namespace pio
