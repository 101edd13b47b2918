#include "kernels/quant/iq4.h"

#include "kernels/dtype.h"
#include "kernels/quant/fit.h"

namespace pio {
namespace {

void decode_32(const std::uint8_t* qs, float d, float* values) {
  for (int j = 0; j < 16; ++j) {
    values[j] = d * static_cast<float>(kIq4Values[qs[j] & 15]);
    values[j + 16] = d * static_cast<float>(kIq4Values[qs[j] >> 4]);
  }
}

constexpr float kMaxHalf = 65504.0f;

// Halfway between neighbours of the table.
struct Boundaries {
  float at[15];
};
constexpr Boundaries boundaries() {
  Boundaries b{};
  for (int i = 0; i < 15; ++i) b.at[i] = static_cast<float>(kIq4Values[i] + kIq4Values[i + 1]) / 2;
  return b;
}
constexpr Boundaries kBoundaries = boundaries();

// Numbers of the table nearest to x * inverse: the first plus the steps to those whose boundaries lie below.
void table_values(const float* x, float inverse, float* values) {
  for (int i = 0; i < 32; ++i) values[i] = static_cast<float>(kIq4Values[0]);
  for (int step = 0; step < 15; ++step) {
    const float boundary = kBoundaries.at[step], width = static_cast<float>(kIq4Values[step + 1] - kIq4Values[step]);
    for (int i = 0; i < 32; ++i) values[i] += x[i] * inverse > boundary ? width : 0.0f;
  }
}

// x ≈ scale * a number of the table, 32 of them: quant::fit_scale with other codes.
float fit_iq4(const float* x) {
  const float largest = quant::extreme<32>(x);
  if (std::fabs(largest) < 1e-15f) return 0;
  float best_gain = -1, best = 0, values[32];
  for (int step = -7; step <= 7; ++step) {
    table_values(x, static_cast<float>(kIq4Values[0] + step) / largest, values);
    float xv[quant::kLanes] = {}, vv[quant::kLanes] = {};
    for (int i = 0; i < 32; i += quant::kLanes) {
      for (int lane = 0; lane < quant::kLanes; ++lane) {
        xv[lane] += x[i + lane] * values[i + lane];
        vv[lane] += values[i + lane] * values[i + lane];
      }
    }
    const float sum_xv = quant::sum_of(xv), sum_vv = quant::sum_of(vv);
    if (sum_xv * sum_xv > best_gain * sum_vv) {
      best_gain = sum_xv * sum_xv / sum_vv;
      best = sum_xv / sum_vv;
    }
  }
  return best;
}

void encode_32(const float* x, float scale, std::uint8_t* qs) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  std::uint8_t codes[32] = {};
  for (const float boundary : kBoundaries.at)
    for (int i = 0; i < 32; ++i) codes[i] = static_cast<std::uint8_t>(codes[i] + (x[i] * inverse > boundary));
  for (int j = 0; j < 16; ++j) qs[j] = static_cast<std::uint8_t>(codes[j] | codes[j + 16] << 4);
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

void encode_iq4_nl(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockIQ4_NL*>(blocks);
  float x[32];
  for (const float* end = values + n_values; values < end; values += 32, ++block) {
    const float unit = quant::normalize(values, 32, x);
    block->d = f32_to_f16(quant::limit(fit_iq4(x) * unit, -kMaxHalf, kMaxHalf));
    encode_32(x, unit > 0 ? f16_to_f32(block->d) / unit : 0, block->qs);
  }
}

void encode_iq4_xs(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockIQ4_XS*>(blocks);
  float x[256], fits[8];
  for (const float* end = values + n_values; values < end; values += 256, ++block) {
    const float unit = quant::normalize(values, 256, x);
    for (int sub = 0; sub < 8; ++sub) fits[sub] = fit_iq4(x + 32 * sub);
    block->d = f32_to_f16(quant::limit(quant::extreme<8>(fits) / -32 * unit, -kMaxHalf, kMaxHalf));
    const float d = unit > 0 ? f16_to_f32(block->d) / unit : 0;
    block->scales_h = 0;
    for (int sub = 0; sub < 8; ++sub) {
      const int scale = d != 0 ? static_cast<int>(quant::limit(quant::nearest(fits[sub] / d), -32, 31)) : 0, bits = scale + 32;
      if (sub % 2 == 0) block->scales_l[sub / 2] = 0;
      block->scales_l[sub / 2] |= static_cast<std::uint8_t>((bits & 15) << 4 * (sub % 2));
      block->scales_h = static_cast<std::uint16_t>(block->scales_h | (bits >> 4) << 2 * sub);
      encode_32(x + 32 * sub, d * static_cast<float>(scale), block->qs + 16 * sub);
    }
  }
}

}  // namespace pio
