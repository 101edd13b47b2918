#include "kernels/cuda/tiles.cuh"

// Products with coarse weights of 16 bits, as pictures have them, on tensor cores: x is rounded to the weights' format. Any number of rows goes this way.

namespace pio::cuda {
namespace {

constexpr unsigned kInputsOfAWarp = 16, kHalvesChunk = kClasses * kInputsOfAWarp;  // inputs that are in shared memory at once
constexpr unsigned kHalvesStride = kHalvesChunk + 8;                               // rows of a fragment lie in different banks

struct Shared {
  uint16_t w[2][kTileRows * kHalvesStride];
  uint16_t x[2][kTileTokens * kHalvesStride];
  uint32_t stop;
};
static_assert(sizeof(Shared) >= kRoomForSums, "the sums take the place of all else");

// A row of x: its halves, zeros up to a multiple of 16 of them, and what its products are to be multiplied by.
__device__ __forceinline__ uint32_t factor_of_halves(uint32_t n_in) { return (n_in + 15u) / 16u * 8u; }

// Halves have a small range: the largest of a row becomes 2^13 … 2^14 by a power of two, which its products lose again. A block has a row.
__global__ void __launch_bounds__(kWidth) round_to_halves(const RoundToHalves p) {
  PIO_SHARED_ARRAY(float, partial);
  const uint32_t row = blockIdx.x;
  const float* const x = p.x + row / p.n_heads * p.stride + row % p.n_heads * p.head_stride;
  uint32_t* const y = p.y + size_t{row} * (factor_of_halves(p.n_in) + 4u);
  float largest = 0.0f;
  for (uint32_t i = threadIdx.x; i < p.n_in; i += kWidth) largest = fmaxf(largest, fabsf(x[i]));
  const uint32_t exponent = __float_as_uint(block_max(largest, partial)) >> 23;
  float scale = 1.0f, factor = 1.0f;
  if (!p.is_bfloat && exponent > 14u && exponent < 255u) {
    scale = __uint_as_float((267u - exponent) << 23);
    factor = __uint_as_float((exponent - 13u) << 23);
  }
  for (uint32_t i = threadIdx.x; i < factor_of_halves(p.n_in); i += kWidth) {
    uint32_t word = 0;
    for (uint32_t j = 0; j < 2u; ++j) {
      if (2u * i + j >= p.n_in) continue;
      const float value = x[2u * i + j] * scale;
      word |= (p.is_bfloat ? float_to_bfloat(value) : float_to_half(value)) << 16u * j;
    }
    y[i] = word;
  }
  if (threadIdx.x == 0u) y[factor_of_halves(p.n_in)] = __float_as_uint(factor);
}

#if PIO_TENSOR_CORES

// Begins to copy a chunk of the matrix and of x. Four threads have a row of each; what lies beyond the inputs is 0.
__device__ __forceinline__ void begin_chunk(const Tiles& p, const Tile& tile, uint32_t chunk, Shared& shared) {
  const uint32_t row = threadIdx.x / 4u, part = threadIdx.x % 4u, first = chunk * kHalvesChunk, n = least_of(kHalvesChunk, p.n_in - first);
  const uint32_t n_padded = (n + 15u) / 16u * 16u;
  if (row < (tile.n_rows + 15u) / 16u * 16u) {
    const uint8_t* const from = tile.w + size_t{least_of(row, tile.n_rows - 1u)} * p.w.row_bytes + size_t{first} * 2u;
    uint16_t* const to = shared.w[chunk % 2u] + row * kHalvesStride;
    const bool is_aligned = (reinterpret_cast<uintptr_t>(from) & 15u) == 0u;
    for (uint32_t i = part * 8u; i < n_padded; i += 32u) {
      if (is_aligned && i + 8u <= n) {
        cp_async16(to + i, from + 2u * i);
      } else {
        for (uint32_t k = i; k < i + 8u; ++k) to[k] = k < n ? reinterpret_cast<const uint16_t*>(from)[k] : uint16_t{0};
      }
    }
  }
  if (row >= (tile.n + 7u) / 8u * 8u) return;
  const size_t at = size_t{tile.first + least_of(row, tile.n - 1u)} * p.x_heads + (p.x_heads > 1u ? tile.head : 0u);
  const uint32_t* const x = p.rounded + at * (factor_of_halves(p.n_in) + 4u) + first / 2u;
  for (uint32_t i = part * 8u; i < n_padded; i += 32u) cp_async16(shared.x[chunk % 2u] + row * kHalvesStride + i, x + i / 2u);
}

#endif

template <bool kIsBfloat>
__global__ void __launch_bounds__(kTileWidth, 1) multiply_halves(const Tiles p, const Part part) {
#if PIO_TENSOR_CORES
  PIO_SHARED(Shared, shared);
  if (is_stopped(part.stop, &shared.stop)) return;
  Tile tile;
  if (!find_tile(p, part.first_block + blockIdx.x, tile)) return;
  TileSums sums;
  clear(sums);
  const uint32_t warp = warp_of_block(), lane = lane_of_warp(), n_chunks = (p.n_in + kHalvesChunk - 1u) / kHalvesChunk;
  const uint32_t n_row_fragments = (tile.n_rows + 15u) / 16u, n_token_fragments = (tile.n + 7u) / 8u;
  begin_chunk(p, tile, 0, shared);
  cp_async_commit();
  for (uint32_t chunk = 0; chunk < n_chunks; ++chunk) {
    cp_async_wait<0>();
    __syncthreads();
    if (chunk + 1u < n_chunks) begin_chunk(p, tile, chunk + 1u, shared);
    cp_async_commit();
    if (chunk * kHalvesChunk + warp * kInputsOfAWarp >= p.n_in) continue;
    uint32_t a[kRowFragments][4];
#pragma unroll
    for (unsigned m = 0; m < kRowFragments; ++m) {
      if (m >= n_row_fragments) continue;
      ldmatrix_x4(a[m], shared.w[chunk % 2u] + (m * 16u + lane % 16u) * kHalvesStride + warp * kInputsOfAWarp + lane / 16u * 8u);
    }
#pragma unroll
    for (unsigned n = 0; n < kTokenFragments; ++n) {
      if (n >= n_token_fragments) continue;
      uint32_t b[2];
      ldmatrix_x2(b, shared.x[chunk % 2u] + (n * 8u + lane % 8u) * kHalvesStride + warp * kInputsOfAWarp + lane / 8u % 2u * 8u);
#pragma unroll
      for (unsigned m = 0; m < kRowFragments; ++m) {
        if (m >= n_row_fragments) continue;
        if (kIsBfloat) mma_bf16(sums.at[m][n], a[m], b);
        else mma_f16(sums.at[m][n], a[m], b);
      }
    }
  }
  float total[kRowFragments][4], factors[2];
  add_classes(sums, total, &shared);
#pragma unroll
  for (unsigned j = 0; j < 2; ++j) {
    const size_t at = size_t{tile.first + least_of(warp * 8u + lane % 4u * 2u + j, tile.n - 1u)} * p.x_heads + (p.x_heads > 1u ? tile.head : 0u);
    factors[j] = __uint_as_float(p.rounded[at * (factor_of_halves(p.n_in) + 4u) + factor_of_halves(p.n_in)]);
  }
  store_tile(p, tile, total, factors);
  copy_following(p, tile);
#endif
}

template <bool kIsBfloat>
void launch(const Tiles& p, const Part& part, cudaStream_t stream) {
  static_cast<void>(
      cudaFuncSetAttribute(reinterpret_cast<const void*>(&multiply_halves<kIsBfloat>), cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Shared)));
  PIO_LAUNCH((multiply_halves<kIsBfloat>), part.n_blocks, kTileWidth, sizeof(Shared), stream, p, part);
}

}  // namespace

void launch_round_to_halves(const RoundToHalves& p, cudaStream_t stream) {
  PIO_LAUNCH(round_to_halves, p.n_rows, kWidth, kWarps * sizeof(float), stream, p);
}
void launch_halves(const Tiles& p, const Part& part, cudaStream_t stream) {
  if (p.w.format == DType::bf16) launch<true>(p, part, stream);
  else launch<false>(p, part, stream);
}

}  // namespace pio::cuda
