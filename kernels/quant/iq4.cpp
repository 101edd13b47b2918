#include "kernels/quant/iq4.h"

#include "kernels/dtype.h"

namespace pio {
namespace {

void decode_32(const std::uint8_t* qs, float d, float* values) {
  for (int j = 0; j < 16; ++j) {
    values[j] = d * static_cast<float>(kIq4Values[qs[j] & 15]);
    values[j + 16] = d * static_cast<float>(kIq4Values[qs[j] >> 4]);
  }
}

}  // namespace

void decode_iq4_nl(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ4_NL*>(blocks);
  for (const float* end = values + n_values; values < end; values += 32, ++block) decode_32(block->qs, f16_to_f32(block->d), values);
}

void decode_iq4_xs(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ4_XS*>(blocks);
  for (const float* end = values + n_values; values < end; values += 256, ++block) {
    const float d = f16_to_f32(block->d);
    for (int sub = 0; sub < 8; ++sub) {
      const int scale = (block->scales_l[sub / 2] >> 4 * (sub % 2) & 15) | (block->scales_h >> 2 * sub & 3) << 4;
      decode_32(block->qs + 16 * sub, d * static_cast<float>(scale - 32), values + 32 * sub);
    }
  }
}

}  // namespace pio
