#include <algorithm>
#include <cstring>

#include "kernels/dtype.h"
#include "kernels/quant/fit.h"
#include "kernels/quant/k_quants.h"

// Encoders of Q2_K … Q6_K: fit a scale (and a minimum) to every sub-block, round those to the block's small scales, and take the codes
// anew with what the decoder will multiply by.

namespace pio {
namespace {

using quant::limit;
using quant::nearest;

constexpr int kLength = 256;
constexpr float kMaxHalf = 65504.0f;

float inverse_of(float x) { return x != 0 ? 1 / x : 0; }

// A scale of the block as it is stored, and as the decoder reads it back in units of the normalized values.
struct HalfScale {
  std::uint16_t bits;
  float value;
};
HalfScale half_scale(float scale, float unit) {
  const std::uint16_t bits = f32_to_f16(limit(scale * unit, -kMaxHalf, kMaxHalf));
  return {bits, unit > 0 ? f16_to_f32(bits) / unit : 0};
}

// What the four formats of the first kind and the two of the second have in common: small scales and the codes, one a byte.
template <int kSub>
struct Coded {
  static constexpr int kSubs = kLength / kSub;
  std::uint16_t d = 0, dmin = 0;
  int scales[kSubs], mins[kSubs];
  std::uint8_t q[kLength];  // from 0 on
};

template <int kSub>
void store_codes(const float (&codes)[kSub], float first, std::uint8_t* q) {
  for (int i = 0; i < kSub; ++i) q[i] = static_cast<std::uint8_t>(static_cast<int>(codes[i] + first));
}

template <int kSub>
float squared_error(const float* x, const float (&codes)[kSub], float scale, float min) {
  float sums[quant::kLanes] = {};
  for (int i = 0; i < kSub; i += quant::kLanes) {
    for (int lane = 0; lane < quant::kLanes; ++lane) {
      const float e = scale * codes[i + lane] - min - x[i + lane];
      sums[lane] += e * e;
    }
  }
  return quant::sum_of(sums);
}

// d * sc * q - dmin * mn. `kReach`: how far from the rounded small scales the search for better ones goes; worth it where they are coarse.
template <int kSub, int kHighestCode, int kHighestScale, int kReach>
void code_with_min(const float* values, Coded<kSub>& block) {
  float x[kLength], codes[kSub];
  const float unit = quant::normalize(values, kLength, x);
  quant::ScaleMin fits[Coded<kSub>::kSubs];
  float largest_scale = 0, largest_min = 0;
  for (int sub = 0; sub < Coded<kSub>::kSubs; ++sub) {
    fits[sub] = quant::fit_scale_min<kSub>(x + kSub * sub, kHighestCode);
    largest_scale = std::max(largest_scale, fits[sub].scale);
    largest_min = std::max(largest_min, fits[sub].min);
  }
  const HalfScale d = half_scale(largest_scale / kHighestScale, unit), dmin = half_scale(largest_min / kHighestScale, unit);
  block.d = d.bits;
  block.dmin = dmin.bits;
  for (int sub = 0; sub < Coded<kSub>::kSubs; ++sub) {
    const float* run = x + kSub * sub;
    const int scale0 = static_cast<int>(limit(nearest(fits[sub].scale * inverse_of(d.value)), 0, kHighestScale));
    const int min0 = static_cast<int>(limit(nearest(fits[sub].min * inverse_of(dmin.value)), 0, kHighestScale));
    float best_error = -1;
    for (int scale = std::max(scale0 - kReach, 0); scale <= std::min(scale0 + kReach, kHighestScale); ++scale) {
      for (int min = std::max(min0 - kReach, 0); min <= std::min(min0 + kReach, kHighestScale); ++min) {
        const float wide = d.value * static_cast<float>(scale), offset = dmin.value * static_cast<float>(min);
        quant::codes_of<kSub>(run, inverse_of(wide), offset, 0, kHighestCode, codes);
        const float error = kReach > 0 ? squared_error<kSub>(run, codes, wide, offset) : 0;
        if (best_error >= 0 && error >= best_error) continue;
        best_error = error;
        block.scales[sub] = scale;
        block.mins[sub] = min;
        store_codes<kSub>(codes, 0, block.q + kSub * sub);
      }
    }
  }
}

// d * sc * q with q in -kCodes … kCodes - 1 and sc in -kScales … kScales - 1; codes are stored from 0 on.
template <int kSub, int kCodes, int kScales, int kReach>
void code_symmetric(const float* values, Coded<kSub>& block) {
  float x[kLength], codes[kSub], fits[Coded<kSub>::kSubs];
  const float unit = quant::normalize(values, kLength, x);
  for (int sub = 0; sub < Coded<kSub>::kSubs; ++sub) fits[sub] = quant::fit_scale<kSub>(x + kSub * sub, kCodes);
  const HalfScale d = half_scale(quant::extreme<Coded<kSub>::kSubs>(fits) / -kScales, unit);
  block.d = d.bits;
  for (int sub = 0; sub < Coded<kSub>::kSubs; ++sub) {
    const float* run = x + kSub * sub;
    const int scale0 = static_cast<int>(limit(nearest(fits[sub] * inverse_of(d.value)), -kScales, kScales - 1));
    float best_error = -1;
    for (int scale = std::max(scale0 - kReach, -kScales); scale <= std::min(scale0 + kReach, kScales - 1); ++scale) {
      const float wide = d.value * static_cast<float>(scale);
      quant::codes_of<kSub>(run, inverse_of(wide), 0, -kCodes, kCodes - 1, codes);
      const float error = kReach > 0 ? squared_error<kSub>(run, codes, wide, 0) : 0;
      if (best_error >= 0 && error >= best_error) continue;
      best_error = error;
      block.scales[sub] = scale;
      store_codes<kSub>(codes, kCodes, block.q + kSub * sub);
    }
  }
}

// The twelve bytes of Q4_K and Q5_K: see scale_min in k_quants.cpp.
void store_scale_min(const int (&scales)[8], const int (&mins)[8], std::uint8_t* bytes) {
  for (int j = 0; j < 4; ++j) {
    bytes[j] = static_cast<std::uint8_t>(scales[j] | scales[j + 4] >> 4 << 6);
    bytes[j + 4] = static_cast<std::uint8_t>(mins[j] | mins[j + 4] >> 4 << 6);
    bytes[j + 8] = static_cast<std::uint8_t>((scales[j + 4] & 15) | (mins[j + 4] & 15) << 4);
  }
}

// 32 bytes hold two sub-blocks of 32: low nibbles, then high nibbles.
void store_nibbles(const std::uint8_t* q, std::uint8_t* qs) {
  for (int i = 0; i < 128; ++i) {
    const std::uint8_t* pair = q + 64 * (i / 32) + i % 32;
    qs[i] = static_cast<std::uint8_t>((pair[0] & 15) | (pair[32] & 15) << 4);
  }
}

// Two bits of each code, as Q2_K and Q3_K lay them.
void store_pairs(const std::uint8_t* q, std::uint8_t* qs) {
  for (int i = 0; i < 64; ++i) {
    const std::uint8_t* four = q + 128 * (i / 32) + i % 32;
    qs[i] = static_cast<std::uint8_t>((four[0] & 3) | (four[32] & 3) << 2 | (four[64] & 3) << 4 | (four[96] & 3) << 6);
  }
}

}  // namespace

void encode_q2_k(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ2_K*>(blocks);
  Coded<16> coded;
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    code_with_min<16, 3, 15, 1>(values, coded);
    block->d = coded.d;
    block->dmin = coded.dmin;
    for (int sub = 0; sub < 16; ++sub) block->scales[sub] = static_cast<std::uint8_t>(coded.scales[sub] | coded.mins[sub] << 4);
    store_pairs(coded.q, block->qs);
  }
}

void encode_q3_k(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ3_K*>(blocks);
  Coded<16> coded;
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    code_symmetric<16, 4, 32, 1>(values, coded);
    block->d = coded.d;
    std::memset(block->scales, 0, sizeof block->scales);
    for (int sub = 0; sub < 16; ++sub) {  // see scale_of_16 in k_quants.cpp
      const int scale = coded.scales[sub] + 32;
      block->scales[sub % 8] |= static_cast<std::uint8_t>((scale & 15) << 4 * (sub / 8));
      block->scales[8 + sub % 4] |= static_cast<std::uint8_t>(scale >> 4 << 2 * (sub / 4));
    }
    store_pairs(coded.q, block->qs);
    for (int i = 0; i < 32; ++i) {
      int bits = 0;
      for (int run = 0; run < 8; ++run) bits |= (coded.q[32 * run + i] >> 2) << run;
      block->hmask[i] = static_cast<std::uint8_t>(bits);
    }
  }
}

void encode_q4_k(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ4_K*>(blocks);
  Coded<32> coded;
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    code_with_min<32, 15, 63, 0>(values, coded);
    block->d = coded.d;
    block->dmin = coded.dmin;
    store_scale_min(coded.scales, coded.mins, block->scales);
    store_nibbles(coded.q, block->qs);
  }
}

void encode_q5_k(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ5_K*>(blocks);
  Coded<32> coded;
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    code_with_min<32, 31, 63, 0>(values, coded);
    block->d = coded.d;
    block->dmin = coded.dmin;
    store_scale_min(coded.scales, coded.mins, block->scales);
    store_nibbles(coded.q, block->qs);
    for (int i = 0; i < 32; ++i) {
      int bits = 0;
      for (int sub = 0; sub < 8; ++sub) bits |= (coded.q[32 * sub + i] >> 4) << sub;
      block->qh[i] = static_cast<std::uint8_t>(bits);
    }
  }
}

void encode_q6_k(const float* values, void* blocks, std::int64_t n_values) {
  auto* block = static_cast<BlockQ6_K*>(blocks);
  Coded<16> coded;
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    code_symmetric<16, 32, 128, 0>(values, coded);
    block->d = coded.d;
    for (int sub = 0; sub < 16; ++sub) block->scales[sub] = static_cast<std::int8_t>(coded.scales[sub]);
    for (int half = 0; half < 2; ++half) {  // four runs of 32: low nibbles of 64 bytes, their high nibbles, and two bits each of 32 bytes
      const std::uint8_t* q = coded.q + 128 * half;
      for (int i = 0; i < 64; ++i) block->ql[64 * half + i] = static_cast<std::uint8_t>((q[i] & 15) | (q[i + 64] & 15) << 4);
      for (int i = 0; i < 32; ++i)
        block->qh[32 * half + i] = static_cast<std::uint8_t>(q[i] >> 4 | q[i + 32] >> 4 << 2 | q[i + 64] >> 4 << 4 | q[i + 96] >> 4 << 6);
    }
  }
}

}  // namespace pio
