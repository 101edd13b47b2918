#include "kernels/cuda/tiles.cuh"

// Products of prompts with 8-bit activations, on tensor cores; and of a mixture what goes before and behind them.

namespace pio::cuda {
namespace {

constexpr unsigned kRawStride = 304;        // of a row of the matrix as it lies: at most 288 bytes of kChunk inputs, from a multiple of 16 bytes on
constexpr unsigned kXStride = kChunk + 16;  // of a row of codes of x: rows of a fragment lie in different banks
constexpr unsigned kCodeStride = kBlockOfX + 16;  // and of decoded codes

struct Shared {
  uint8_t raw[kTileRows * kRawStride];
  uint8_t x[2][kTileTokens * kXStride];
  uint2 pairs[2][kClasses][kTileTokens];
  uint8_t codes[kClasses][kTileRows * kCodeStride];
  float4 scales[kClasses][kTileRows];  // scale and least of the first half, or of all, and of the second half
  uint32_t stop;
};
static_assert(sizeof(Shared) >= kRoomForSums, "the sums take the place of all else");

#if PIO_TENSOR_CORES

// Bytes of a row of the matrix that have chunk `chunk`.
__device__ __forceinline__ const uint8_t* raw_begin(const Tiles& p, const Tile& tile, uint32_t row, uint32_t chunk) {
  return tile.w + size_t{least_of(row, tile.n_rows - 1u)} * p.w.row_bytes + size_t{chunk} * p.chunk_bytes;
}
__device__ __forceinline__ uint32_t beyond_16(const uint8_t* address) { return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(address) & 15u); }

// Begins to copy chunk `chunk` of the matrix and of x. Four threads have a row of each.
__device__ __forceinline__ void begin_chunk(const Tiles& p, const Tile& tile, uint32_t chunk, Shared& shared) {
  const uint32_t row = threadIdx.x / 4u, n_blocks = least_of(kClasses, p.n_in / kBlockOfX - chunk * kClasses);
  if (row < (tile.n_rows + 15u) / 16u * 16u) {
    const uint8_t* const begin = raw_begin(p, tile, row, chunk);
    const size_t n_bytes =
        chunk * size_t{p.chunk_bytes} + p.chunk_bytes < p.w.row_bytes ? p.chunk_bytes : p.w.row_bytes - chunk * size_t{p.chunk_bytes};
    const uint8_t* const first = begin - beyond_16(begin);
    uint8_t* const to = shared.raw + row * kRawStride;
    for (uint32_t at = threadIdx.x % 4u * 16u; first + at < begin + n_bytes; at += 64u) {
      if (first + at + 16u <= tile.end) {
        cp_async16(to + at, first + at);
      } else {
        for (uint32_t i = at; first + i < begin + n_bytes; ++i) to[i] = first + i < begin ? uint8_t{0} : first[i];
      }
    }
  }
  const uint32_t c = threadIdx.x / 4u, part = threadIdx.x % 4u;
  if (c >= (tile.n + 7u) / 8u * 8u) return;
  const uint2 place = place_of(p, tile, c);
  const size_t x_row = size_t{place.x} * p.x_heads + (p.x_heads > 1u ? tile.head : 0u);
  const uint32_t* const x = p.rounded + x_row * words_of_row(p.row_inputs);
  const uint32_t* const codes = x + (place.y * p.x_step + p.x_first) / 4u + size_t{chunk} * (kChunk / 4u);
  const uint32_t* const pairs = x + pairs_of_row(p.row_inputs) + ((place.y * p.x_step + p.x_first) / kBlockOfX + size_t{chunk} * kClasses) * 2u;
  for (uint32_t i = part; i < n_blocks * 2u; i += 4u) cp_async16(shared.x[chunk % 2u] + c * kXStride + i * 16u, codes + i * 4u);
  for (uint32_t b = part; b < n_blocks; b += 4u) cp_async8(&shared.pairs[chunk % 2u][b][c], pairs + b * 2u);
}

// This warp's block of every row: codes without their offsets, and scales.
__device__ __forceinline__ void decode_chunk(const Tiles& p, const Tile& tile, uint32_t chunk, bool in_halves, Shared& shared) {
  const uint32_t warp = warp_of_block();
  for (uint32_t k = lane_of_warp(); k < (tile.n_rows + 15u) / 16u * 16u * 4u; k += kWarp) {
    const uint32_t row = k / 4u, run = k % 4u;
    const uint8_t* const raw = shared.raw + row * kRawStride + beyond_16(raw_begin(p, tile, row, chunk));
    const Codes c = codes_at(p.w.format, raw, warp * kBlockOfX + run * kRun);
    uint2* const codes = reinterpret_cast<uint2*>(shared.codes[warp] + row * kCodeStride + run * kRun);
    *codes = make_uint2(less_offset(c.low, c.offset), less_offset(c.high, c.offset));
    float2* const scales = reinterpret_cast<float2*>(&shared.scales[warp][row]);
    if (run == 0u) scales[0] = make_float2(c.scale, c.least);
    if (run == 2u && in_halves) scales[1] = make_float2(c.scale, c.least);
  }
}

// An integer below 2^22 in magnitude, to which 1.5 · 2^23 in bits was added, as a float. (A conversion takes a card several times as long.)
constexpr int kMagicBits = 0x4b400000;
__device__ __forceinline__ float float_of(int sum) { return __int_as_float(sum) - 12582912.0f; }

template <bool kInHalves, bool kHasLeast>
__device__ __forceinline__ void multiply_chunk(const Tile& tile, uint32_t chunk, const Shared& shared, TileSums& sums) {
  const uint32_t warp = warp_of_block(), lane = lane_of_warp();
  uint32_t a[kRowFragments][4];
  float2 scales[kRowFragments][2], second_scales[kRowFragments][2];
  const uint32_t n_row_fragments = (tile.n_rows + 15u) / 16u, n_token_fragments = (tile.n + 7u) / 8u;
#pragma unroll
  for (unsigned m = 0; m < kRowFragments; ++m) {
    if (m >= n_row_fragments) continue;
    ldmatrix_x4(a[m], shared.codes[warp] + (m * 16u + lane % 16u) * kCodeStride + lane / 16u * 16u);
#pragma unroll
    for (unsigned half = 0; half < 2; ++half) {
      const float2* const of_row = reinterpret_cast<const float2*>(&shared.scales[warp][m * 16u + half * 8u + lane / 4u]);
      scales[m][half] = of_row[0];
      if (kInHalves) second_scales[m][half] = of_row[1];
    }
  }
#pragma unroll
  for (unsigned n = 0; n < kTokenFragments; ++n) {
    if (n >= n_token_fragments) continue;
    uint32_t b[2];
    ldmatrix_x2(b, shared.x[chunk % 2u] + (n * 8u + lane % 8u) * kXStride + warp * kBlockOfX + lane / 8u % 2u * 16u);
    const uint4 pairs = load16(&shared.pairs[chunk % 2u][warp][n * 8u + lane % 4u * 2u]);
    const float x_scales[2] = {__uint_as_float(pairs.x), __uint_as_float(pairs.z)};
    float first[2], second[2];  // sums of x
    if (kHasLeast) {
      first[0] = first_half(pairs.y), first[1] = first_half(pairs.w);
      second[0] = second_half(pairs.y), second[1] = second_half(pairs.w);
      if (!kInHalves) first[0] = first[0] + second[0], first[1] = first[1] + second[1];
    }
#pragma unroll
    for (unsigned m = 0; m < kRowFragments; ++m) {
      if (m >= n_row_fragments) continue;
      int products[4] = {kMagicBits, kMagicBits, kMagicBits, kMagicBits}, more[4] = {kMagicBits, kMagicBits, kMagicBits, kMagicBits};
      if (kInHalves) {
        const uint32_t low[2] = {a[m][0], a[m][1]}, high[2] = {a[m][2], a[m][3]};
        mma_s8_16(products, low, b[0]);
        mma_s8_16(more, high, b[1]);
      } else {
        mma_s8(products, a[m], b);
      }
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const float2 scale = scales[m][i / 2u];
        float of_block = add_group(0.0f, scale.x, float_of(products[i]), kHasLeast, scale.y, kHasLeast ? first[i % 2u] : 0.0f);
        if (kInHalves) {
          const float2 other = second_scales[m][i / 2u];
          of_block = add_group(of_block, other.x, float_of(more[i]), kHasLeast, other.y, kHasLeast ? second[i % 2u] : 0.0f);
        }
        sums.at[m][n][i] = fmaf(of_block, x_scales[i % 2u], sums.at[m][n][i]);
      }
    }
  }
}

#endif

template <bool kInHalves, bool kHasLeast>
__global__ void __launch_bounds__(kTileWidth, 1) multiply_tiles(const Tiles p, const Part part) {
#if PIO_TENSOR_CORES
  PIO_SHARED(Shared, shared);
  if (is_stopped(part.stop, &shared.stop)) return;
  Tile tile;
  if (!find_tile(p, part.first_block + blockIdx.x, tile)) return;
  TileSums sums;
  clear(sums);
  const uint32_t n_blocks = p.n_in / kBlockOfX, n_chunks = (n_blocks + kClasses - 1u) / kClasses;
  begin_chunk(p, tile, 0, shared);
  cp_async_commit();
  for (uint32_t chunk = 0; chunk < n_chunks; ++chunk) {
    const bool has_block = chunk * kClasses + warp_of_block() < n_blocks;
    cp_async_wait<0>();
    __syncthreads();
    if (has_block) decode_chunk(p, tile, chunk, kInHalves, shared);
    __syncthreads();
    if (chunk + 1u < n_chunks) begin_chunk(p, tile, chunk + 1u, shared);
    cp_async_commit();
    if (has_block) multiply_chunk<kInHalves, kHasLeast>(tile, chunk, shared, sums);
  }
  float total[kRowFragments][4], factors[2] = {1.0f, 1.0f};
  add_classes(sums, total, &shared);
  if (p.has_factors) {
#pragma unroll
    for (unsigned j = 0; j < 2; ++j) {
      const uint2 place = place_of(p, tile, warp_of_block() * 8u + lane_of_warp() % 4u * 2u + j);
      factors[j] = __uint_as_float(p.rounded[size_t{place.x} * words_of_row(p.row_inputs) + factor_of_row(p.row_inputs)]);
    }
  }
  store_tile(p, tile, total, factors);
  copy_following(p, tile);
#endif
}

template <bool kInHalves, bool kHasLeast>
void launch(const Tiles& p, const Part& part, cudaStream_t stream) {
  static_cast<void>(cudaFuncSetAttribute(reinterpret_cast<const void*>(&multiply_tiles<kInHalves, kHasLeast>),
                                         cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Shared)));
  PIO_LAUNCH((multiply_tiles<kInHalves, kHasLeast>), part.n_blocks, kTileWidth, sizeof(Shared), stream, p, part);
}

// ---- mixtures ----

// Block 0 sorts the choices by expert; the others put zeros where a choice of theirs is computed elsewhere.
constexpr unsigned kGroupWidth = 256;
struct GroupShared {
  uint32_t n[kMostExperts], next[kMostExperts];
};
__global__ void __launch_bounds__(kGroupWidth) group_experts(const GroupExperts p) {
  PIO_SHARED(GroupShared, shared);
  const uint32_t n_choices = p.n_tokens * p.k;
  if (blockIdx.x > 0u) {
    const uint32_t t = blockIdx.x - 1u;
    for (uint32_t j = 0; j < p.k; ++j) {
      if (p.ids[t * p.k + j] >= 0) continue;
      float* const hidden = p.hidden + size_t{t} * p.hidden_stride + j * p.hidden_dim;
      for (uint32_t i = threadIdx.x; i < p.hidden_dim; i += kGroupWidth) hidden[i] = 0.0f;
    }
    return;
  }
  for (uint32_t e = threadIdx.x; e < p.n_experts; e += kGroupWidth) shared.n[e] = 0u;
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < n_choices; i += kGroupWidth) {
    if (p.ids[i] >= 0) atomicAdd(&shared.n[p.ids[i]], 1u);
  }
  __syncthreads();
  if (threadIdx.x == 0u) {
    uint32_t first = 0, n_tiles = 0;
    for (uint32_t e = 0; e < p.n_experts; ++e) {
      shared.next[e] = first;
      for (uint32_t done = 0; done < shared.n[e]; done += kTileTokens) {
        p.tiles[n_tiles++] = ExpertTile{e, first + done, least_of(kTileTokens, shared.n[e] - done)};
      }
      first += shared.n[e];
    }
    *p.n_tiles = n_tiles;
  }
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < n_choices; i += kGroupWidth) {
    if (p.ids[i] >= 0) p.order[atomicAdd(&shared.next[p.ids[i]], 1u)] = i;
  }
}

__global__ void __launch_bounds__(kWidth) combine_experts(const CombineExperts p) {
  const uint64_t at = thread_of_grid(), t = at / p.dim, i = at % p.dim;
  if (t >= p.n_tokens) return;
  const uint32_t n = p.k + (p.has_shared ? 1u : 0u);
  float output = 0.0f;
  for (uint32_t j = 0; j < n; ++j) {
    if (j < p.k && p.ids[t * p.k + j] < 0) continue;
    const float product = p.products[(t * n + j) * p.dim + i];
    output = output + (j < p.k ? p.weights[t * p.k + j] * product : product);
  }
  p.y[at] = p.adds ? p.y[at] + output : output;
}

}  // namespace

uint32_t blocks_of(const Tiles& p) { return p.n_tiles * ((p.n_out + kTileRows - 1) / kTileRows) * p.n_heads; }
void launch_tiles(const Tiles& p, const Part& part, cudaStream_t stream) {
  const bool in_halves = has_scales_of_halves(p.w.format), has_least = has_least_number(p.w.format);
  if (in_halves && has_least) launch<true, true>(p, part, stream);
  else if (in_halves) launch<true, false>(p, part, stream);
  else if (has_least) launch<false, true>(p, part, stream);
  else launch<false, false>(p, part, stream);
}

void launch_group_experts(const GroupExperts& p, cudaStream_t stream) {
  PIO_LAUNCH(group_experts, p.n_tokens + 1, kGroupWidth, sizeof(GroupShared), stream, p);
}
void launch_combine_experts(const CombineExperts& p, cudaStream_t stream) {
  PIO_LAUNCH(combine_experts, static_cast<unsigned>((uint64_t{p.n_tokens} * p.dim + kWidth - 1) / kWidth), kWidth, 0, stream, p);
}

}  // namespace pio::cuda
