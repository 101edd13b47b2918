#pragma once

#include "kernels/cuda/products.cuh"

// A tile of a product by a block on tensor cores: kTileRows rows of a matrix times kTileTokens rows of x. Each of its warps has one class of the inputs
// (products.cuh) and sums of the whole tile; at the end the warps add theirs in the order in which the lanes of a decoded token's product do it.

namespace pio::cuda {

constexpr unsigned kTileWidth = kClasses * kWarp;
constexpr unsigned kTileRows = 64, kRowFragments = kTileRows / 16;
constexpr unsigned kTokenFragments = kTileTokens / 8;
constexpr unsigned kChunk = kClasses * kBlockOfX;  // inputs that are in shared memory at once

// Sums of a warp: those of fragment (row fragment, token fragment) as mma has them.
struct TileSums {
  float at[kRowFragments][kTokenFragments][4];
};

__device__ __forceinline__ void clear(TileSums& sums) {
#pragma unroll
  for (unsigned m = 0; m < kRowFragments; ++m) {
#pragma unroll
    for (unsigned n = 0; n < kTokenFragments; ++n) {
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) sums.at[m][n][i] = 0.0f;
    }
  }
}

// Adds the sums of all warps; the warp of class c returns those of token fragment c. `room`: 64 KiB of shared memory that nothing else is in any more.
constexpr unsigned kRoomForSums = kTileRows * kTileTokens / 2 * kClasses * 4;
__device__ __forceinline__ void add_classes(TileSums& sums, float (&total)[kRowFragments][4], void* room) {
  uint8_t* const bytes = static_cast<uint8_t*>(room);
#pragma unroll
  for (int round = 0; round < 3; ++round) {
    const int left = static_cast<int>(kTokenFragments) >> round;
    const unsigned apart = kClasses / 2 >> round, warp = warp_of_block();
    const bool is_upper = (warp & apart) != 0u;
    __syncthreads();
#pragma unroll
    for (int m = 0; m < static_cast<int>(kRowFragments); ++m) {
#pragma unroll
      for (int n = 0; n < static_cast<int>(kTokenFragments) / 2; ++n) {
        if (n >= left / 2) continue;
        const unsigned place = (warp * kRowFragments + static_cast<unsigned>(m)) * (kTokenFragments / 2) + static_cast<unsigned>(n);
        float given[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          given[i] = is_upper ? sums.at[m][n][i] : sums.at[m][n + left / 2][i];
          sums.at[m][n][i] = is_upper ? sums.at[m][n + left / 2][i] : sums.at[m][n][i];
        }
        store16(bytes + (place * kWarp + lane_of_warp()) * 16u,
                make_uint4(__float_as_uint(given[0]), __float_as_uint(given[1]), __float_as_uint(given[2]), __float_as_uint(given[3])));
      }
    }
    __syncthreads();
#pragma unroll
    for (int m = 0; m < static_cast<int>(kRowFragments); ++m) {
#pragma unroll
      for (int n = 0; n < static_cast<int>(kTokenFragments) / 2; ++n) {
        if (n >= left / 2) continue;
        const unsigned place = ((warp ^ apart) * kRowFragments + static_cast<unsigned>(m)) * (kTokenFragments / 2) + static_cast<unsigned>(n);
        const uint4 given = load16(bytes + (place * kWarp + lane_of_warp()) * 16u);
        sums.at[m][n][0] += __uint_as_float(given.x);
        sums.at[m][n][1] += __uint_as_float(given.y);
        sums.at[m][n][2] += __uint_as_float(given.z);
        sums.at[m][n][3] += __uint_as_float(given.w);
      }
    }
  }
#pragma unroll
  for (int m = 0; m < static_cast<int>(kRowFragments); ++m) {
#pragma unroll
    for (int i = 0; i < 4; ++i) total[m][i] = sums.at[m][0][i];
  }
}

// Which tile a block has, and of it the rows of x.
struct Tile {
  const uint8_t* w = nullptr;  // its first row of the matrix
  const uint8_t* end = nullptr;
  uint32_t o0 = 0, n_rows = 0;
  uint32_t first = 0, n = 0;  // rows of x, from `first` on in `order` or by themselves
  uint32_t head = 0;
};

// The token, and the place among its experts, of row c of a tile.
__device__ __forceinline__ uint2 place_of(const Tiles& p, const Tile& tile, uint32_t c) {
  const uint32_t at = tile.first + least_of(c, tile.n - 1u);
  if (!p.order) return make_uint2(at, 0u);
  const uint32_t choice = p.order[at];
  return make_uint2(choice / p.k, choice % p.k);
}

// False where the block has no tile.
__device__ __forceinline__ bool find_tile(const Tiles& p, uint32_t block, Tile& tile) {
  const uint32_t at = block % p.n_tiles, rest = block / p.n_tiles, n_row_tiles = (p.n_out + kTileRows - 1u) / kTileRows;
  tile.o0 = rest % n_row_tiles * kTileRows;
  tile.n_rows = least_of(kTileRows, p.n_out - tile.o0);
  tile.head = rest / n_row_tiles;
  const uint8_t* w = p.w.w;
  if (p.order) {
    if (at >= *p.n_of_experts) return false;
    const ExpertTile of_expert = p.of_experts[at];
    const ExpertAddresses& expert = p.table[of_expert.expert];
    w = p.matrix == OfExpert::gate ? expert.gate : p.matrix == OfExpert::up ? expert.up : expert.down;
    tile.first = of_expert.first;
    tile.n = of_expert.n;
  } else {
    tile.first = at * kTileTokens;
    tile.n = least_of(kTileTokens, p.n_tokens - tile.first);
  }
  tile.w = w + (size_t{tile.head} * p.head_rows + tile.o0) * p.w.row_bytes;
  tile.end = tile.w + tile.n_rows * p.w.row_bytes;
  return true;
}

// The sums of a tile, as its warps have them after add_classes, to where they belong.
__device__ __forceinline__ void store_tile(const Tiles& p, const Tile& tile, const float (&total)[kRowFragments][4], const float (&factors)[2]) {
  const uint32_t lane = lane_of_warp(), c0 = warp_of_block() * 8u + lane % 4u * 2u;
#pragma unroll
  for (unsigned j = 0; j < 2; ++j) {
    const uint32_t c = c0 + j;
    if (c >= tile.n) continue;
    const uint2 place = place_of(p, tile, c);
    float* const y = p.y + place.x * p.y_stride + place.y * p.y_step + tile.head * p.y_head_stride;
#pragma unroll
    for (unsigned m = 0; m < kRowFragments; ++m) {
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) {
        const uint32_t row = m * 16u + half * 8u + lane / 4u, o = tile.o0 + row;
        if (row >= tile.n_rows) continue;
        float product = total[m][half * 2u + j];
        if (p.has_factors) product = product * factors[j];
        if (p.bias) product = product + p.bias[o];
        y[o] = p.after == After::add         ? y[o] + product
               : p.after == After::gelu_erf  ? gelu_erf(product)
               : p.after == After::gelu_tanh ? gelu_tanh(product)
               : p.after == After::gate      ? silu_of(y[o]) * product
                                             : product;
      }
    }
  }
}

// Columns of x behind those that are multiplied, behind those that are written.
__device__ __forceinline__ void copy_following(const Tiles& p, const Tile& tile) {
  if (p.n_following == 0u || tile.o0 != 0u) return;
  for (uint32_t k = threadIdx.x; k < p.n_following * tile.n; k += kTileWidth) {
    const size_t t = tile.first + k / p.n_following;
    const uint32_t i = k % p.n_following;
    p.y[t * p.y_stride + tile.head * p.y_head_stride + p.n_out + i] = p.x[t * p.x_stride + tile.head * p.x_head_stride + p.n_in + i];
  }
}

}  // namespace pio::cuda
