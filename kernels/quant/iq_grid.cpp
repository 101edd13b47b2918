#include "kernels/quant/iq_grid.h"

#include <bit>
#include <cstring>

#include "kernels/dtype.h"

namespace pio {
namespace {

#include "kernels/quant/grids.inc"

constexpr int kLength = 256;
constexpr float kIq1Levels[] = {-1, 0, 1, 0};  // an entry has no fourth
constexpr float kIq2Levels[] = {8, 25, 43, 0};
constexpr float kIq3XxsLevels[] = {4, 12, 20, 28, 36, 44, 52, 62};

// The eight signs whose first seven are given.
unsigned even_signs(unsigned seven) { return seven | static_cast<unsigned>(std::popcount(seven) & 1) << 7; }

std::uint32_t u32_at(const std::uint8_t* bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

void put_iq1(unsigned entry, float scale, bool minus, float* values) {
  const float delta = minus ? -0.125f : 0.125f;
  for (int j = 0; j < 8; ++j) values[j] = scale * (kIq1Levels[entry >> 2 * j & 3] + delta);
}

void put_iq2(unsigned entry, unsigned signs, float scale, float* values) {
  for (int j = 0; j < 8; ++j) {
    const float value = scale * kIq2Levels[entry >> 2 * j & 3];
    values[j] = signs >> j & 1 ? -value : value;
  }
}

// Four values of an entry.
template <class Level>
void put_iq3(unsigned entry, unsigned signs, float scale, float* values, const Level& level) {
  for (int j = 0; j < 4; ++j) {
    const float value = scale * level(entry >> 3 * j & 7);
    values[j] = signs >> j & 1 ? -value : value;
  }
}

}  // namespace

void decode_iq1_s(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ1_S*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int run = 0; run < 32; ++run) {  // of 8 values
      const unsigned qh = block->qh[run / 4], index = block->qs[run] | (qh >> 3 * (run % 4) & 7) << 8;
      put_iq1(kIq1Grid[index], d * static_cast<float>(2 * (qh >> 12 & 7) + 1), qh & 0x8000, values + 8 * run);
    }
  }
}

void decode_iq1_m(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ1_M*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    unsigned bits = 0;
    for (int i = 0; i < 4; ++i) bits |= static_cast<unsigned>(block->scales[i] >> 12) << 4 * i;
    const float d = f16_to_f32(static_cast<std::uint16_t>(bits));
    for (int run = 0; run < 32; ++run) {
      const unsigned high = block->qh[run / 2] >> 4 * (run % 2), index = block->qs[run] | (high & 7) << 8;
      const unsigned scale = block->scales[run / 8] >> 3 * (run / 2 % 4) & 7;
      put_iq1(kIq1Grid[index], d * static_cast<float>(2 * scale + 1), high & 8, values + 8 * run);
    }
  }
}

void decode_iq2_xxs(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ2_XXS*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int run = 0; run < 32; ++run) {
      const std::uint8_t* indices = block->qs + 8 * (run / 4);
      const std::uint32_t rest = u32_at(indices + 4);
      const float scale = d * (0.5f + static_cast<float>(rest >> 28)) * 0.25f;
      put_iq2(kIq2XxsGrid[indices[run % 4]], even_signs(rest >> 7 * (run % 4) & 127), scale, values + 8 * run);
    }
  }
}

void decode_iq2_xs(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ2_XS*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int run = 0; run < 32; ++run) {
      const unsigned q = block->qs[run];
      const float scale = d * (0.5f + static_cast<float>(block->scales[run / 4] >> 4 * (run / 2 % 2) & 15)) * 0.25f;
      put_iq2(kIq2XsGrid[q & 511], even_signs(q >> 9), scale, values + 8 * run);
    }
  }
}

void decode_iq2_s(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ2_S*>(blocks);
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int run = 0; run < 32; ++run) {
      const unsigned index = block->qs[run] | (block->qh[run / 4] >> 2 * (run % 4) & 3u) << 8;
      const float scale = d * (0.5f + static_cast<float>(block->scales[run / 4] >> 4 * (run / 2 % 2) & 15)) * 0.25f;
      put_iq2(kIq2SGrid[index], block->signs[run], scale, values + 8 * run);
    }
  }
}

void decode_iq3_xxs(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ3_XXS*>(blocks);
  const auto level = [](unsigned i) { return kIq3XxsLevels[i]; };
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int run = 0; run < 32; ++run) {  // of 8 values: two entries
      const std::uint32_t rest = u32_at(block->signs + 4 * (run / 4));
      const float scale = d * (0.5f + static_cast<float>(rest >> 28)) * 0.5f;
      const unsigned signs = even_signs(rest >> 7 * (run % 4) & 127);
      put_iq3(kIq3XxsGrid[block->qs[2 * run]], signs, scale, values + 8 * run, level);
      put_iq3(kIq3XxsGrid[block->qs[2 * run + 1]], signs >> 4, scale, values + 8 * run + 4, level);
    }
  }
}

void decode_iq3_s(const void* blocks, float* values, std::int64_t n_values) {
  const auto* block = static_cast<const BlockIQ3_S*>(blocks);
  const auto level = [](unsigned i) { return static_cast<float>(2 * i + 1); };
  for (const float* end = values + n_values; values < end; values += kLength, ++block) {
    const float d = f16_to_f32(block->d);
    for (int run = 0; run < 64; ++run) {  // of 4 values
      const unsigned index = block->qs[run] | (block->qh[run / 8] >> run % 8 & 1u) << 8;
      const float scale = d * static_cast<float>(1 + 2 * (block->scales[run / 16] >> 4 * (run / 8 % 2) & 15));
      put_iq3(kIq3SGrid[index], static_cast<unsigned>(block->signs[run / 2]) >> 4 * (run % 2), scale, values + 4 * run, level);
    }
  }
}

}  // namespace pio
