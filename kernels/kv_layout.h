#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/backend.h"

// Where the numbers of a cache of keys or values lie [n_cells, n_kv_heads, head_dim]: the one rule for every backend, and for whoever looks into a
// cache. Its size is that of its cells row after row.
//
// TensorLayout::rows: cell after cell, the heads of a cell one after the other. Attention reads such a cache in F32 only.
//
// TensorLayout::keys and ::values: the kKvBlockLength cells of a block lie together, in one tile a head, whose order is that in which attention
// reads it; so a head's part of a block is one stream. Block after block, in it tile after tile.
//
//   keys, F32 and F16      [head_dim][32 cells]
//   values, F32 and F16    strips of 32 dims, the last one narrower: [strip][32 cells][dims of the strip]
//   Q8_0 and Q4_0          groups of 32 dims, in each the scales first: [group][32 cells] f16, then its codes
//     keys,   Q8_0         [8][32 cells][4]: four dims of a cell side by side
//     values, Q8_0         [8][32 dims][4]: four cells of a dim side by side
//     keys,   Q4_0         [4][32 cells][4] bytes: byte i of [k] holds dim 4 k + i in its low half, 16 + 4 k + i in the high one
//     values, Q4_0         [4][32 dims][4] bytes: byte i of [k] holds cell 4 k + i in its low half, 16 + 4 k + i in the high one
//
// Codes are those of the format. A tile is a multiple of 64 bytes long.

namespace pio {

// Of a block's cells of one head.
inline std::size_t kv_tile_bytes(DType dtype, std::int64_t head_dim) { return bytes_of(dtype, kKvBlockLength * head_dim); }

// Where head `head` of a block begins in a cache of tiles, from the cache's first byte on.
inline std::size_t kv_tile_offset(const Tensor& cache, std::int64_t block, std::int64_t head) {
  return static_cast<std::size_t>(block * cache.shape[1] + head) * kv_tile_bytes(cache.dtype, cache.shape[2]);
}

// One head of one cell into its place, and out of it: `row` holds its head_dim numbers in the cache's format, one after the other. In memory of the
// host. Two threads may put into one block at a time but for values in Q4_0, whose cells share bytes.
void put_head(const Tensor& cache, std::int64_t cell, std::int64_t head, const std::byte* row);
void take_head(const Tensor& cache, std::int64_t cell, std::int64_t head, std::byte* row);

}  // namespace pio
