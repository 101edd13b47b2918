#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <numbers>
#include <utility>
#include <vector>

#include "kernels/base/check.h"
#include "kernels/dtype.h"
#include "kernels/quant/few_bits.h"
#include "kernels/quant/iq4.h"
#include "kernels/quant/iq_grid.h"
#include "kernels/quant/k_quants.h"
#include "kernels/quant/mxfp4.h"
#include "kernels/quant/q32.h"

// Numbers for tests: the same for the same seed, on every platform and standard library.

namespace pio {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // SplitMix64: Steele, Lea & Flood 2014.
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  // In [0, n).
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n)); }
  // In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Standard normal (Box and Muller).
  float normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return static_cast<float>(radius * std::cos(2 * std::numbers::pi * uniform()));
  }
  friend auto operator<=>(const Random&, const Random&) = default;

 private:
  std::uint64_t state_;
};

// What make() gives, taken over from the last time that `random` was where it is. The cases of a test that differ in nothing but their backend begin
// with one seed, and numbers of a format take longer to make than most backends to compute with them. `kind`: what make() depends on beside `random`.
template <class Value, class Kind, class Make>
std::vector<Value> made_once(Random& random, const Kind& kind, const Make& make) {
  constexpr std::size_t kMostBytes = std::size_t{256} << 20;
  struct Made {
    std::vector<Value> values;
    Random after;
  };
  thread_local std::map<std::pair<Random, Kind>, Made> all;
  thread_local std::size_t n_bytes = 0;
  const std::pair<Random, Kind> key{random, kind};
  if (const auto found = all.find(key); found != all.end()) {
    random = found->second.after;
    return found->second.values;
  }
  std::vector<Value> values = make();
  n_bytes += values.size() * sizeof(Value);
  if (n_bytes > kMostBytes) {
    all.clear();
    n_bytes = values.size() * sizeof(Value);
  }
  all.insert({key, Made{values, random}});
  return values;
}

inline std::vector<float> normal_values(Random& random, std::int64_t n, float scale = 1) {
  return made_once<float>(random, std::pair(n, scale), [&] {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = scale * random.normal();
    return values;
  });
}

inline std::vector<std::byte> make_random_blocks(Random& random, DType dtype, std::int64_t n_values);

// `n_values` numbers of a format, of the order of 1: encoded normal numbers, or where the format has no encoder random codes and random
// block scales between 2^-7 and 2^-5 of either sign. Every 16th block has the scale 0, as rows of zeros do in real files.
inline std::vector<std::byte> random_blocks(Random& random, DType dtype, std::int64_t n_values) {
  return made_once<std::byte>(random, std::pair(dtype, n_values), [&] { return make_random_blocks(random, dtype, n_values); });
}
inline std::vector<std::byte> make_random_blocks(Random& random, DType dtype, std::int64_t n_values) {
  std::vector<std::byte> blocks(bytes_of(dtype, n_values));
  if (info(dtype).encode) {
    std::vector<float> values(static_cast<std::size_t>(n_values));
    for (float& value : values) value = random.normal();
    info(dtype).encode(values.data(), blocks.data(), n_values);
    return blocks;
  }
  for (std::byte& byte : blocks) byte = static_cast<std::byte>(random.next() >> 56);
  std::vector<std::size_t> scales;  // where the f16 scales of a block lie
  float size = 0x1p-6f;             // of a scale, so that values are of the order of 1
  switch (dtype) {
    case DType::q2_k:
      scales = {offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin)};
      size = 0x1p-4f;
      break;
    case DType::q3_k: scales = {offsetof(BlockQ3_K, d)}; break;
    case DType::q4_k:
      scales = {offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, dmin)};
      size = 0x1p-8f;
      break;
    case DType::q5_k:
      scales = {offsetof(BlockQ5_K, d), offsetof(BlockQ5_K, dmin)};
      size = 0x1p-9f;
      break;
    case DType::q6_k:
      scales = {offsetof(BlockQ6_K, d)};
      size = 0x1p-10f;
      break;
    case DType::iq4_nl: scales = {offsetof(BlockIQ4_NL, d)}; break;
    case DType::iq4_xs:
      scales = {offsetof(BlockIQ4_XS, d)};
      size = 0x1p-10f;
      break;
    case DType::iq1_s:
      scales = {offsetof(BlockIQ1_S, d)};
      size = 0x1p-3f;
      break;
    case DType::iq2_xxs: scales = {offsetof(BlockIQ2_XXS, d)}; break;
    case DType::iq2_xs: scales = {offsetof(BlockIQ2_XS, d)}; break;
    case DType::iq2_s: scales = {offsetof(BlockIQ2_S, d)}; break;
    case DType::iq3_xxs:
      scales = {offsetof(BlockIQ3_XXS, d)};
      size = 0x1p-7f;
      break;
    case DType::iq3_s:
      scales = {offsetof(BlockIQ3_S, d)};
      size = 0x1p-7f;
      break;
    case DType::tq1_0:
      scales = {offsetof(BlockTQ1_0, d)};
      size = 1;
      break;
    case DType::tq2_0:
      scales = {offsetof(BlockTQ2_0, d)};
      size = 1;
      break;
    case DType::q1_0:
      scales = {offsetof(BlockQ1_0, d)};
      size = 1;
      break;
    case DType::q2_0:
      scales = {offsetof(BlockQ2_0, d)};
      size = 1;
      break;
    case DType::nvfp4:  // four E4M3 scales: exponents from 2^-7 to 2^0
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i % sizeof(BlockNVFP4) < 4) blocks[i] &= std::byte{0x3F};
      }
      break;
    case DType::iq1_m:  // the f16 scale in the top nibbles of four numbers: 0x30 is 2^-3 and a little
      for (std::size_t i = 0; i < blocks.size(); i += sizeof(BlockIQ1_M)) {
        const std::size_t d = i + offsetof(BlockIQ1_M, scales);
        blocks[d + 5] &= std::byte{0x0F};
        blocks[d + 7] = (blocks[d + 7] & std::byte{0x0F}) | std::byte{0x30};
      }
      break;
    default: CHECK(false, "random_blocks: no scales known for this format");
  }
  const auto block_bytes = static_cast<std::size_t>(info(dtype).block_bytes);
  for (std::size_t block = 0; block < blocks.size() / block_bytes; ++block) {
    for (const std::size_t offset : scales) {
      const float sign = random.below(4) == 0 ? -1.0f : 1.0f;
      const float scale = block % 16 == 15 ? 0.0f : sign * size * static_cast<float>(0.5 + 1.5 * random.uniform());
      const std::uint16_t bits = f32_to_f16(scale);
      std::memcpy(blocks.data() + block * block_bytes + offset, &bits, sizeof bits);
    }
  }
  return blocks;
}

// The numbers of blocks, as float32.
inline std::vector<float> decoded(DType dtype, const std::vector<std::byte>& blocks) {
  const DTypeInfo& format = info(dtype);
  const std::int64_t n_values = static_cast<std::int64_t>(blocks.size()) / format.block_bytes * format.block_length;
  std::vector<float> values(static_cast<std::size_t>(n_values));
  format.decode(blocks.data(), values.data(), n_values);
  return values;
}

}  // namespace pio
