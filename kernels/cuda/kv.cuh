#pragma once

#include "kernels/cuda/encode.cuh"
#include "kernels/cuda/launch.h"

// Where the numbers of a cache lie: kernels/kv_layout.h. F32, F16, Q8_0 and Q4_0.

namespace pio::cuda {

constexpr unsigned kKvBlock = 32;  // kKvBlockLength of kernels/backend.h

__device__ __forceinline__ size_t kv_bytes(DType format, size_t n) {
  return format == DType::f32 ? n * 4u : format == DType::f16 ? n * 2u : n / kGroup * (format == DType::q8_0 ? 34u : 18u);
}
__device__ __forceinline__ uint8_t* kv_tile(const Cache& c, uint32_t block, uint32_t head) {
  return c.data + (size_t{block} * c.n_heads + head) * kv_bytes(c.format, size_t{kKvBlock} * c.head_dim);
}
__device__ __forceinline__ uint8_t* kv_row(const Cache& c, uint32_t cell, uint32_t head) {
  return c.data + (size_t{cell} * c.n_heads + head) * kv_bytes(c.format, c.head_dim);
}

// Number of a plain format in its tile.
__device__ __forceinline__ uint32_t kv_plain_place(const Cache& cache, uint32_t c, uint32_t d) {
  if (cache.layout == CacheLayout::keys) return d * kKvBlock + c;
  const uint32_t first = d / kGroup * kGroup, n = least_of(kGroup, cache.head_dim - first);
  return first * kKvBlock + c * n + d - first;
}

// Of a quantized format: the byte of the scale of cell c in its group, and the byte and the shift of dim d.
__device__ __forceinline__ uint32_t kv_group(DType format, uint32_t d) { return d / kGroup * (format == DType::q8_0 ? 34u : 18u) * kKvBlock; }
__device__ __forceinline__ uint32_t kv_scale_place(DType format, uint32_t c, uint32_t d) { return kv_group(format, d) + 2u * c; }
__device__ __forceinline__ uint2 kv_code_place(const Cache& cache, uint32_t c, uint32_t d) {
  const uint32_t k = d % kGroup, codes = kv_group(cache.format, d) + 2u * kKvBlock;
  const bool is_keys = cache.layout == CacheLayout::keys;
  if (cache.format == DType::q8_0) {
    if (is_keys) return make_uint2(codes + (k / 4u * kKvBlock + c) * 4u + k % 4u, 0u);
    return make_uint2(codes + (c / 4u * kGroup + k) * 4u + c % 4u, 0u);
  }
  if (is_keys) return make_uint2(codes + (k % (kGroup / 2u) / 4u * kKvBlock + c) * 4u + k % 4u, k / (kGroup / 2u) * 4u);
  return make_uint2(codes + (c % (kKvBlock / 2u) / 4u * kGroup + k) * 4u + c % 4u, c / (kKvBlock / 2u) * 4u);
}

// Dim d of cell c of a tile.
__device__ __forceinline__ float kv_in_tile(const Cache& cache, const uint8_t* tile, uint32_t c, uint32_t d) {
  if (cache.format == DType::f32) return reinterpret_cast<const float*>(tile)[kv_plain_place(cache, c, d)];
  if (cache.format == DType::f16) return half_to_float(reinterpret_cast<const uint16_t*>(tile)[kv_plain_place(cache, c, d)]);
  const float scale = half_to_float(*reinterpret_cast<const uint16_t*>(tile + kv_scale_place(cache.format, c, d)));
  const uint2 place = kv_code_place(cache, c, d);
  const uint32_t code = static_cast<uint32_t>(tile[place.x]) >> place.y;
  return scale * static_cast<float>(cache.format == DType::q8_0 ? static_cast<int>(static_cast<int8_t>(code)) : static_cast<int>(code & 15u) - 8);
}

// Dim d of a head's row.
__device__ __forceinline__ float kv_in_row(const Cache& cache, const uint8_t* row, uint32_t d) {
  if (cache.format == DType::f32) return reinterpret_cast<const float*>(row)[d];
  if (cache.format == DType::f16) return half_to_float(reinterpret_cast<const uint16_t*>(row)[d]);
  const uint8_t* const block = row + kv_bytes(cache.format, d / kGroup * kGroup);
  const uint32_t k = d % kGroup;
  const float scale = half_to_float(*reinterpret_cast<const uint16_t*>(block));
  if (cache.format == DType::q8_0) return scale * static_cast<float>(static_cast<int8_t>(block[2u + k]));
  return scale * static_cast<float>(static_cast<int>(static_cast<uint32_t>(block[2u + k % (kGroup / 2u)]) >> k / (kGroup / 2u) * 4u & 15u) - 8);
}

__device__ __forceinline__ float kv_at(const Cache& cache, uint32_t cell, uint32_t head, uint32_t d) {
  if (cache.layout == CacheLayout::rows) return kv_in_row(cache, kv_row(cache, cell, head), d);
  return kv_in_tile(cache, kv_tile(cache, cell / kKvBlock, head), cell % kKvBlock, d);
}

// Dims first … first + 31 of a head, fewer at the end of a plain format, rounded to the cache's format and put into a cell.
__device__ __forceinline__ void store_dims(const Cache& cache, uint32_t cell, uint32_t head, uint32_t first, const float (&values)[kGroup]) {
  const bool in_rows = cache.layout == CacheLayout::rows;
  const uint32_t c = cell % kKvBlock;
  uint8_t* const place = in_rows ? kv_row(cache, cell, head) : kv_tile(cache, cell / kKvBlock, head);
  if (cache.format == DType::f32 || cache.format == DType::f16) {
    for (uint32_t d = first; d < first + kGroup && d < cache.head_dim; ++d) {
      const uint32_t to = in_rows ? d : kv_plain_place(cache, c, d);
      if (cache.format == DType::f32) reinterpret_cast<float*>(place)[to] = values[d - first];
      else reinterpret_cast<uint16_t*>(place)[to] = static_cast<uint16_t>(float_to_half(values[d - first]));
    }
    return;
  }
  const float scale = cache.format == DType::q8_0 ? scale_of_q8_0(values) : scale_of_q4_0(values), inverse = inverse_of(scale);
  const size_t row_block = kv_bytes(cache.format, first);
  *reinterpret_cast<uint16_t*>(place + (in_rows ? row_block : kv_scale_place(cache.format, c, first))) = static_cast<uint16_t>(float_to_half(scale));
  if (cache.format == DType::q8_0) {
    for (uint32_t j = 0; j < kGroup; ++j) {
      place[in_rows ? row_block + 2u + j : kv_code_place(cache, c, first + j).x] = static_cast<uint8_t>(code_of_q8_0(values[j], inverse));
    }
    return;
  }
  for (uint32_t j = 0; j < kGroup / 2u; ++j) {
    const uint32_t low = static_cast<uint32_t>(code_of_q4_0(values[j], inverse)),
                   high = static_cast<uint32_t>(code_of_q4_0(values[j + kGroup / 2u], inverse));
    if (cache.layout != CacheLayout::values) {
      place[in_rows ? row_block + 2u + j : kv_code_place(cache, c, first + j).x] = static_cast<uint8_t>(low | high << 4);
      continue;
    }
    // Cells share bytes: each clears and sets its own bits only.
    for (uint32_t half = 0; half < 2u; ++half) {
      const uint2 to = kv_code_place(cache, c, first + j + kGroup / 2u * half);
      const uint32_t shift = to.x % 4u * 8u + to.y;
      uint32_t* const word = reinterpret_cast<uint32_t*>(place + to.x / 4u * 4u);
      atomicAnd(word, ~(15u << shift));
      atomicOr(word, (half == 0u ? low : high) << shift);
    }
  }
}

}  // namespace pio::cuda
