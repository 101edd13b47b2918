#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

// Where a number of a cache lies, number by number: what kernels/kv_layout.h says, written a second time for the tests.

namespace pio {

struct CachePlace {
  TensorLayout layout = TensorLayout::rows;
  DType dtype = DType::f32;
  std::int64_t n_heads = 1, head_dim = 1;

  // One head of one cell, in the cache's format, into the bytes of a cache.
  void put(std::vector<std::byte>& cache, std::int64_t cell, std::int64_t head, const std::byte* row) const {
    const std::int64_t block_length = info(dtype).block_length, block_bytes = static_cast<std::int64_t>(bytes_of(dtype, block_length));
    const std::int64_t tile_values = kKvBlockLength * head_dim, c = cell % kKvBlockLength;
    const std::int64_t at =
        static_cast<std::int64_t>(layout == TensorLayout::rows ? bytes_of(dtype, (cell * n_heads + head) * head_dim)
                                                               : bytes_of(dtype, (cell / kKvBlockLength * n_heads + head) * tile_values));
    std::byte* const to = cache.data() + at;
    if (layout == TensorLayout::rows) {
      std::copy_n(row, bytes_of(dtype, head_dim), to);
      return;
    }
    const bool are_keys = layout == TensorLayout::keys;
    for (std::int64_t d = 0; d < head_dim; ++d) {
      const std::int64_t strip = d / 32 * 32, width = std::min<std::int64_t>(32, head_dim - strip);
      if (block_length == 1) {
        const std::int64_t place = are_keys ? d * 32 + c : strip * 32 + c * width + d % 32;
        std::copy_n(row + d * block_bytes, block_bytes, to + place * block_bytes);
        continue;
      }
      const std::byte* const from = row + d / 32 * block_bytes;
      std::byte* const group = to + d / 32 * block_bytes * 32;
      std::copy_n(from, 2, group + 2 * c);
      const std::int64_t lane = are_keys ? c : d % 32, n = are_keys ? d % 32 : c;
      if (dtype == DType::q8_0) {
        group[64 + (n / 4 * 32 + lane) * 4 + n % 4] = from[2 + d % 32];
      } else {
        std::byte& both = group[64 + (n % 16 / 4 * 32 + lane) * 4 + n % 4];
        const std::byte code = from[2 + d % 16] >> (d % 32 < 16 ? 0 : 4) & std::byte{15};
        both = n < 16 ? (both & std::byte{0xF0}) | code : (both & std::byte{0x0F}) | code << 4;
      }
    }
  }

  // All heads of a cell, rounded to the cache's format; what that keeps of them is appended to `kept`, unless it is null.
  void put_cell(std::vector<std::byte>& cache, std::int64_t cell, const float* values, std::vector<float>* kept = nullptr) const {
    std::vector<std::byte> row(bytes_of(dtype, head_dim));
    std::vector<float> decoded(static_cast<std::size_t>(head_dim));
    for (std::int64_t h = 0; h < n_heads; ++h) {
      info(dtype).encode(values + h * head_dim, row.data(), head_dim);
      put(cache, cell, h, row.data());
      if (!kept) continue;
      info(dtype).decode(row.data(), decoded.data(), head_dim);
      kept->insert(kept->end(), decoded.begin(), decoded.end());
    }
  }
};

}  // namespace pio
