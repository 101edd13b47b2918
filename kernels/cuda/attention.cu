#include "kernels/cuda/kv.cuh"

// Grouped-query attention over cached tokens, block by block, with the softmax's maximum, sum and weighted values carried along (Milakov & Gimelshein
// 2018, arXiv:1805.02867). Cached tokens are cut into parts, whose results are merged in order: a block has a head of a token and a part, merged by
// merge_attention, or all parts one after the other, which gives the same bits. Of a prompt a block has kRowsOfATile rows of the heads that share a key
// head: keys and values are read and decoded once for all of them, and every row has its sums in the order that it has alone.

namespace pio::cuda {
namespace {

constexpr uint32_t kPart = kBlocksOfAPart * kKvBlock;  // cached tokens of a part

// Threads of a block: as many as a narrow value has dims, so that none is idle for most of the time.
constexpr uint32_t kNarrow = 64;

struct Shared {
  uint32_t stop;
  float products[kWidth];  // of each cell: what the threads that share the dims of its key have of it
  float weights[kKvBlock];
};

struct Place {
  uint32_t kv_head, kv_length;
  const float* query;
  size_t row, kept;  // where the sequence's blocks and the choice among them begin
};

__device__ __forceinline__ float minus_infinity() { return -infinity(); }

template <int kSums>
__device__ __forceinline__ void go_over(const Attention& p, const Place& place, uint32_t part, Shared& shared, float& largest, float& total,
                                        float (&values)[kSums]) {
  const uint32_t width = blockDim.x, n_splits = width / kKvBlock;
  const uint32_t head_dim = p.k_cache.head_dim, begin = part * kPart, end = least_of(begin + kPart, place.kv_length);
  const bool are_in_keys = p.v_cache.data == nullptr;
  const Cache& value_cache = are_in_keys ? p.k_cache : p.v_cache;
  largest = minus_infinity();
  total = 0.0f;
  for (int i = 0; i < kSums; ++i) values[i] = 0.0f;
  for (uint32_t first = begin; first < end; first += kKvBlock) {
    const uint32_t j = first / kKvBlock, n = least_of(kKvBlock, place.kv_length - first);
    if (p.selection == Select::pages && p.kept[place.kept + j] == 0u) continue;
    const bool is_cut = p.selection == Select::window && !(p.protected_blocks && p.protected_blocks[place.row + j] != 0);
    if (is_cut && first >= p.n_sinks && first + n + p.window <= place.kv_length) continue;
    const uint32_t cell = static_cast<uint32_t>(p.block_table[place.row + j]) * kKvBlock;
    const auto is_kept = [&](uint32_t c) { return !is_cut || first + c < p.n_sinks || first + c + p.window >= place.kv_length; };

    {
      const uint32_t c = threadIdx.x % kKvBlock;
      float product = 0.0f;
      if (c < n) {
        for (uint32_t d = threadIdx.x / kKvBlock; d < head_dim; d += n_splits) {
          product = fmaf(place.query[d], kv_at(p.k_cache, cell + c, place.kv_head, d), product);
        }
      }
      shared.products[threadIdx.x] = product;
    }
    __syncthreads();
    if (threadIdx.x < kKvBlock) {
      const uint32_t c = threadIdx.x;
      float score = 0.0f;
      for (uint32_t s = 0; s < n_splits; ++s) score += shared.products[s * kKvBlock + c];
      shared.weights[c] = c < n && is_kept(c) ? p.scale * score : minus_infinity();
    }
    __syncthreads();
    float larger = largest;
    bool has_nan = false;
    for (uint32_t c = 0; c < n; ++c) {
      larger = fmaxf(larger, shared.weights[c]);
      if (is_nan(shared.weights[c])) has_nan = true;
    }
    const float shrink = largest == larger ? 1.0f : exp_of(largest - larger);
    largest = larger;
    __syncthreads();
    if (threadIdx.x < kKvBlock) {
      const uint32_t c = threadIdx.x;
      const float score = shared.weights[c];
      shared.weights[c] = !(c < n && is_kept(c)) ? 0.0f : has_nan ? not_a_number() : score == larger ? 1.0f : exp_of(score - larger);
    }
    __syncthreads();

    float of_block = 0.0f;
    for (uint32_t c = 0; c < n; ++c) of_block += shared.weights[c];
    total = fmaf(total, shrink, of_block);
#pragma unroll
    for (int i = 0; i < kSums; ++i) {
      const uint32_t d = static_cast<uint32_t>(i) * blockDim.x + threadIdx.x;
      if (d >= p.v_head_dim) continue;
      float sum = 0.0f;
      for (uint32_t c = 0; c < n; ++c) {
        if (is_kept(c)) sum = fmaf(shared.weights[c], kv_at(value_cache, cell + c, place.kv_head, d), sum);
      }
      values[i] = fmaf(values[i], shrink, sum);
    }
    __syncthreads();
  }
}

// Takes a part into what is there; both are to be multiplied by factors. False where nothing of the part was kept.
__device__ __forceinline__ bool merge(float& largest, float& total, float of_part, float total_of_part, float2& factors) {
  if (total_of_part == 0.0f) return false;
  const float larger = fmaxf(largest, of_part);
  factors = make_float2(largest == larger ? 1.0f : exp_of(largest - larger), of_part == larger ? 1.0f : exp_of(of_part - larger));
  largest = larger;
  total = fmaf(total_of_part, factors.y, total * factors.x);
  return true;
}
__device__ __forceinline__ float merged(float value, float of_part, float2 factors) { return fmaf(of_part, factors.y, value * factors.x); }
__device__ __forceinline__ float quotient(float value, float total) { return total == 1.0f ? value : value / total; }

template <int kSums>
__global__ void __launch_bounds__(kWidth, 4) attention(const Attention p, const Part launch) {
  PIO_SHARED(Shared, shared);
  if (is_stopped(launch.stop, &shared.stop)) return;
  const uint32_t block = launch.first_block + blockIdx.x, query = p.in_parts ? block / p.n_parts : block;
  const uint32_t head = query % p.n_heads, t = query / p.n_heads;
  Place place;
  place.kv_head = head / (p.n_heads / p.k_cache.n_heads);
  place.kv_length = static_cast<uint32_t>(p.kv_lengths[t]);
  place.query = p.q + size_t{query} * p.k_cache.head_dim;
  place.row = place.kv_length > 0u ? static_cast<size_t>(p.sequences[t]) * p.max_blocks : 0;
  place.kept = (size_t{t} * p.k_cache.n_heads + place.kv_head) * p.max_blocks;
  float largest, total, values[kSums];
  if (p.in_parts) {
    const uint32_t part = block % p.n_parts;
    if (part * kPart >= place.kv_length) return;
    go_over<kSums>(p, place, part, shared, largest, total, values);
    float* const to = p.y + size_t{block} * (p.v_head_dim + 2u);
    if (threadIdx.x == 0) {
      to[0] = largest;
      to[1] = total;
    }
    for (int i = 0; i < kSums; ++i) {
      const uint32_t d = static_cast<uint32_t>(i) * blockDim.x + threadIdx.x;
      if (d < p.v_head_dim) to[2u + d] = values[i];
    }
    return;
  }
  float largest_of_all = minus_infinity(), total_of_all = 0.0f, of_all[kSums];
  for (int i = 0; i < kSums; ++i) of_all[i] = 0.0f;
  for (uint32_t part = 0; part * kPart < place.kv_length; ++part) {
    go_over<kSums>(p, place, part, shared, largest, total, values);
    float2 factors;
    if (!merge(largest_of_all, total_of_all, largest, total, factors)) continue;
    for (int i = 0; i < kSums; ++i) of_all[i] = merged(of_all[i], values[i], factors);
  }
  for (int i = 0; i < kSums; ++i) {
    const uint32_t d = static_cast<uint32_t>(i) * blockDim.x + threadIdx.x;
    if (d < p.v_head_dim) p.y[size_t{query} * p.v_head_dim + d] = place.kv_length == 0u ? 0.0f : quotient(of_all[i], total_of_all);
  }
}

// ---- prompts ----

constexpr unsigned kTileWidth = 256, kTileWarps = kTileWidth / kWarp;
constexpr unsigned kRows = 4, kRowsOfATile = kRowsOfAttentionTile;  // rows of a warp, and of a block
constexpr unsigned kSlice = 128, kSliceStride = kSlice + 4;         // dims that are in shared memory at once; the four keep rows apart in its banks
constexpr unsigned kLaneDims = kSlice / kWarp;                      // of a slice of values a lane has these

template <int kValueSlices>
struct TileShared {
  float q[kRowsOfATile * kSlice];
  float kv[kKvBlock * kSliceStride];
  float4 weights[kTileWarps][kKvBlock];  // of each cell: one a row
  // Each lane's own: values of the parts that were merged. Of long values there is no room for them here, but for their registers.
  float4 of_all[kValueSlices == 1 ? kTileWarps : 1][kRows][kWarp];
  uint32_t stop;
};

// A row of a tile: a head of a token.
struct TileRow {
  uint32_t token, head, kv_length;
};
__device__ __forceinline__ TileRow row_of(const Attention& p, uint32_t kv_head, uint32_t row) {
  const uint32_t n = p.n_heads / p.k_cache.n_heads;
  TileRow found;
  found.token = row / n;
  found.head = kv_head * n + row % n;
  found.kv_length = found.token < p.n_tokens ? static_cast<uint32_t>(p.kv_lengths[found.token]) : 0u;
  return found;
}

// Which of a block's cells a row attends to, a bit each; none where it goes by the block.
__device__ __forceinline__ uint32_t cells_of(const Attention& p, const TileRow& row, uint32_t kv_head, size_t blocks, uint32_t j) {
  const uint32_t first = j * kKvBlock;
  if (first >= row.kv_length) return 0u;
  const uint32_t n = least_of(kKvBlock, row.kv_length - first);
  uint32_t cells = n == kKvBlock ? kAllLanes : (1u << n) - 1u;
  if (p.selection == Select::pages && p.kept[(size_t{row.token} * p.k_cache.n_heads + kv_head) * p.max_blocks + j] == 0u) return 0u;
  if (p.selection != Select::window || (p.protected_blocks && p.protected_blocks[blocks + j] != 0)) return cells;
  if (first >= p.n_sinks && first + n + p.window <= row.kv_length) return 0u;
  for (uint32_t c = 0; c < n; ++c) {
    if (first + c >= p.n_sinks && first + c + p.window < row.kv_length) cells &= ~(1u << c);
  }
  return cells;
}

// Dims first … of the 32 cells of a block, zeros beyond n_dims and in cells from n_cells on.
__device__ __forceinline__ void load_slice(const Cache& cache, uint32_t block, uint32_t kv_head, uint32_t first, uint32_t n_dims, uint32_t n_cells,
                                           float* to) {
  const uint32_t n = least_of(kSlice, (n_dims - first + 3u) / 4u * 4u);
#pragma unroll 1
  for (uint32_t k = threadIdx.x; k < n * kKvBlock; k += kTileWidth) {
    // Values lie cell by cell in groups of 32 dims, keys dim by dim: neighbours are read by neighbours.
    const bool by_cell = cache.layout != CacheLayout::keys;
    const uint32_t c = by_cell ? k / n : k % kKvBlock, d = by_cell ? k % n : k / kKvBlock;
    to[c * kSliceStride + d] = first + d < n_dims && c < n_cells ? kv_at(cache, block * kKvBlock + c, kv_head, first + d) : 0.0f;
  }
}

template <int kSplits, int kValueSlices>
__global__ void __launch_bounds__(kTileWidth, kValueSlices == 1 ? 2 : 1) attention_of_tiles(const Attention p, const Part launch) {
  PIO_SHARED(TileShared<kValueSlices>, shared);
  if (is_stopped(launch.stop, &shared.stop)) return;
  const uint32_t block = launch.first_block + blockIdx.x, kv_head = block % p.k_cache.n_heads, first_row = block / p.k_cache.n_heads * kRowsOfATile;
  const uint32_t lane = lane_of_warp(), warp = warp_of_block(), head_dim = p.k_cache.head_dim;
  const bool are_in_keys = p.v_cache.data == nullptr;
  const Cache& value_cache = are_in_keys ? p.k_cache : p.v_cache;
  const uint32_t n_rows = p.n_tokens * (p.n_heads / p.k_cache.n_heads), n_key_slices = (head_dim + kSlice - 1u) / kSlice;
  const TileRow of_lane = row_of(p, kv_head, first_row + lane);  // all warps know all rows, one a lane

  float largest[kRows], total[kRows], values[kValueSlices][kRows][kLaneDims];
  float largest_of_all = minus_infinity(), total_of_all = 0.0f;  // of row lane % kRows of this warp
  float of_all[kValueSlices][kRows][kLaneDims];                  // where they are not in shared memory
#pragma unroll
  for (unsigned r = 0; r < kRows; ++r) {
    if (kValueSlices == 1) shared.of_all[warp][r][lane] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
    for (int s = 0; s < kValueSlices; ++s) {
#pragma unroll
      for (unsigned i = 0; i < kLaneDims; ++i) of_all[s][r][i] = 0.0f;
    }
  }

  const auto load_queries = [&](uint32_t slice) {
    const uint32_t first = slice * kSlice, n = least_of(kSlice, (head_dim - first + 3u) / 4u * 4u);
#pragma unroll 1
    for (uint32_t k = threadIdx.x; k < kRowsOfATile * n; k += kTileWidth) {
      const uint32_t r = k / n, d = k % n;
      const TileRow row = row_of(p, kv_head, first_row + r);
      const bool is_there = first_row + r < n_rows && first + d < head_dim;
      shared.q[r * kSlice + d] = is_there ? p.q[(size_t{row.token} * p.n_heads + row.head) * head_dim + first + d] : 0.0f;
    }
  };
  if (n_key_slices == 1u) load_queries(0);

  // The rows of one sequence after the other.
  for (uint32_t done = 0; done < kRowsOfATile;) {
    const uint32_t first_length = __shfl_sync(kAllLanes, of_lane.kv_length, static_cast<int>(done));
    if (first_length == 0u) {
      ++done;
      continue;
    }
    const int32_t sequence = p.sequences[__shfl_sync(kAllLanes, of_lane.token, static_cast<int>(done))];
    const bool is_of_it = lane >= done && of_lane.kv_length > 0u && p.sequences[of_lane.token] == sequence;
    const uint32_t other = __ballot_sync(kAllLanes, lane >= done && !is_of_it);
    const uint32_t next = other == 0u ? kRowsOfATile : static_cast<uint32_t>(__popc((other & (0u - other)) - 1u));
    const bool is_mine = is_of_it && lane < next;
    const size_t blocks = static_cast<size_t>(sequence) * p.max_blocks;
    uint32_t longest = is_mine ? of_lane.kv_length : 0u;
    for (int apart = static_cast<int>(kWarp) / 2; apart > 0; apart /= 2) {
      const uint32_t neighbour = __shfl_xor_sync(kAllLanes, longest, apart);
      longest = neighbour > longest ? neighbour : longest;
    }

    for (uint32_t j = 0; j * kKvBlock < longest; ++j) {
      if (j % kBlocksOfAPart == 0u) {
#pragma unroll
        for (unsigned r = 0; r < kRows; ++r) {
          largest[r] = minus_infinity();
          total[r] = 0.0f;
#pragma unroll
          for (int s = 0; s < kValueSlices; ++s) {
#pragma unroll
            for (unsigned i = 0; i < kLaneDims; ++i) values[s][r][i] = 0.0f;
          }
        }
      }
      const uint32_t cells_of_lane = is_mine ? cells_of(p, of_lane, kv_head, blocks, j) : 0u;
      if (__any_sync(kAllLanes, cells_of_lane != 0u)) {
        const uint32_t at = static_cast<uint32_t>(p.block_table[blocks + j]), n_cells = least_of(kKvBlock, longest - j * kKvBlock);
        uint32_t cells[kRows], all_cells = 0, common_cells = kAllLanes;
#pragma unroll
        for (unsigned r = 0; r < kRows; ++r) {
          cells[r] = __shfl_sync(kAllLanes, cells_of_lane, static_cast<int>(warp * kRows + r));
          all_cells |= cells[r];
          common_cells &= cells[r];
        }
        float products[kRows][kSplits];
#pragma unroll
        for (unsigned r = 0; r < kRows; ++r) {
#pragma unroll
          for (int s = 0; s < kSplits; ++s) products[r][s] = 0.0f;
        }
        for (uint32_t slice = 0; slice < n_key_slices; ++slice) {
          const uint32_t n = least_of(kSlice, head_dim - slice * kSlice);
          __syncthreads();
          if (n_key_slices > 1u) load_queries(slice);
          load_slice(p.k_cache, at, kv_head, slice * kSlice, head_dim, n_cells, shared.kv);
          __syncthreads();
          if (all_cells == 0u) continue;
#pragma unroll 2
          for (uint32_t d = 0; d < n; d += 4u) {
            const float4 key = *reinterpret_cast<const float4*>(shared.kv + lane * kSliceStride + d);
#pragma unroll
            for (unsigned r = 0; r < kRows; ++r) {
              const float4 query = *reinterpret_cast<const float4*>(shared.q + (warp * kRows + r) * kSlice + d);
              products[r][0] = fmaf(query.x, key.x, products[r][0]);
              products[r][1] = fmaf(query.y, key.y, products[r][1]);
              products[r][2 % kSplits] = fmaf(query.z, key.z, products[r][2 % kSplits]);
              products[r][3 % kSplits] = fmaf(query.w, key.w, products[r][3 % kSplits]);
            }
          }
        }
        float shrinks[kRows], weights[kRows];
#pragma unroll
        for (unsigned r = 0; r < kRows; ++r) {
          shrinks[r] = 1.0f;
          weights[r] = 0.0f;
          if (cells[r] == 0u) continue;
          float score = 0.0f;
#pragma unroll
          for (int s = 0; s < kSplits; ++s) score += products[r][s];
          score = p.scale * score;
          const bool is_kept = (cells[r] >> lane & 1u) != 0u;
          const bool has_nan = __any_sync(kAllLanes, is_kept && is_nan(score)) != 0;
          float larger = is_kept ? score : minus_infinity();
          for (int apart = static_cast<int>(kWarp) / 2; apart > 0; apart /= 2) larger = fmaxf(larger, __shfl_xor_sync(kAllLanes, larger, apart));
          larger = fmaxf(largest[r], larger);
          shrinks[r] = largest[r] == larger ? 1.0f : exp_of(largest[r] - larger);
          largest[r] = larger;
          weights[r] = !is_kept ? 0.0f : has_nan ? not_a_number() : score == larger ? 1.0f : exp_of(score - larger);
        }
        shared.weights[warp][lane] = make_float4(weights[0], weights[1], weights[2], weights[3]);
        __syncwarp();
        float of_block = 0.0f;  // of row `lane`, in the order of the cells
        if (lane < kRows) {
          for (uint32_t c = 0; c < kKvBlock; ++c) of_block += reinterpret_cast<const float*>(&shared.weights[warp][c])[lane];
        }
#pragma unroll
        for (unsigned r = 0; r < kRows; ++r) {
          const float of_row = __shfl_sync(kAllLanes, of_block, static_cast<int>(r));
          if (cells[r] != 0u) total[r] = fmaf(total[r], shrinks[r], of_row);
        }
#pragma unroll
        for (int slice = 0; slice < kValueSlices; ++slice) {
          const uint32_t first = static_cast<uint32_t>(slice) * kSlice;
          if (first >= p.v_head_dim) continue;
          __syncthreads();
          load_slice(value_cache, at, kv_head, first, p.v_head_dim, n_cells, shared.kv);
          __syncthreads();
          if (all_cells == 0u || first + lane * kLaneDims >= p.v_head_dim) continue;
          float sums[kRows][kLaneDims];
#pragma unroll
          for (unsigned r = 0; r < kRows; ++r) {
#pragma unroll
            for (unsigned i = 0; i < kLaneDims; ++i) sums[r][i] = 0.0f;
          }
#pragma unroll 2
          for (uint32_t c = 0; c < kKvBlock; ++c) {
            const float4 value = *reinterpret_cast<const float4*>(shared.kv + c * kSliceStride + lane * kLaneDims);
            const float4 weight = shared.weights[warp][c];
            const float of_rows[kRows] = {weight.x, weight.y, weight.z, weight.w};
#pragma unroll
            for (unsigned r = 0; r < kRows; ++r) {
              if (common_cells != kAllLanes && (cells[r] >> c & 1u) == 0u) continue;  // what is not attended to may be anything
              sums[r][0] = fmaf(of_rows[r], value.x, sums[r][0]);
              sums[r][1] = fmaf(of_rows[r], value.y, sums[r][1]);
              sums[r][2] = fmaf(of_rows[r], value.z, sums[r][2]);
              sums[r][3] = fmaf(of_rows[r], value.w, sums[r][3]);
            }
          }
#pragma unroll
          for (unsigned r = 0; r < kRows; ++r) {
#pragma unroll
            for (unsigned i = 0; i < kLaneDims; ++i) {
              if (cells[r] != 0u) values[slice][r][i] = fmaf(values[slice][r][i], shrinks[r], sums[r][i]);
            }
          }
        }
      }
      if (j % kBlocksOfAPart != kBlocksOfAPart - 1u && (j + 1u) * kKvBlock < longest) continue;
      float of_part = largest[0], total_of_part = total[0];
#pragma unroll
      for (unsigned r = 1; r < kRows; ++r) {
        of_part = lane % kRows == r ? largest[r] : of_part;
        total_of_part = lane % kRows == r ? total[r] : total_of_part;
      }
      const uint32_t own = warp * kRows + lane % kRows;
      float2 factors = make_float2(1.0f, 0.0f);
      const bool is_merged = own >= done && own < next && merge(largest_of_all, total_of_all, of_part, total_of_part, factors);
      const uint32_t are_merged = __ballot_sync(kAllLanes, is_merged);
#pragma unroll
      for (unsigned r = 0; r < kRows; ++r) {
        const float2 of_row =
            make_float2(__shfl_sync(kAllLanes, factors.x, static_cast<int>(r)), __shfl_sync(kAllLanes, factors.y, static_cast<int>(r)));
        if ((are_merged >> r & 1u) == 0u) continue;
        if (kValueSlices == 1) {
          float4& all = shared.of_all[warp][r][lane];
          all = make_float4(merged(all.x, values[0][r][0], of_row), merged(all.y, values[0][r][1], of_row), merged(all.z, values[0][r][2], of_row),
                            merged(all.w, values[0][r][3], of_row));
          continue;
        }
#pragma unroll
        for (int s = 0; s < kValueSlices; ++s) {
#pragma unroll
          for (unsigned i = 0; i < kLaneDims; ++i) of_all[s][r][i] = merged(of_all[s][r][i], values[s][r][i], of_row);
        }
      }
    }
    done = next;
  }

#pragma unroll
  for (unsigned r = 0; r < kRows; ++r) {
    const uint32_t at = first_row + warp * kRows + r;
    const float total_of_row = __shfl_sync(kAllLanes, total_of_all, static_cast<int>(r));
    if (at >= n_rows) continue;
    if (kValueSlices == 1) {
      const float4 all = shared.of_all[warp][r][lane];
      of_all[0][r][0] = all.x, of_all[0][r][1] = all.y, of_all[0][r][2] = all.z, of_all[0][r][3] = all.w;
    }
    const TileRow row = row_of(p, kv_head, at);
    float* const y = p.y + (size_t{row.token} * p.n_heads + row.head) * p.v_head_dim;
#pragma unroll
    for (int s = 0; s < kValueSlices; ++s) {
#pragma unroll
      for (unsigned i = 0; i < kLaneDims; ++i) {
        const uint32_t d = static_cast<uint32_t>(s) * kSlice + lane * kLaneDims + i;
        if (d < p.v_head_dim) y[d] = row.kv_length == 0u ? 0.0f : quotient(of_all[s][r][i], total_of_row);
      }
    }
  }
}

// The parts that attention left of each head of each token. A block has a head of a token.
__global__ void __launch_bounds__(kWidth) merge_attention(const MergeAttention p) {
  const uint32_t query = blockIdx.x, kv_length = static_cast<uint32_t>(p.kv_lengths[query / p.n_heads]);
  for (uint32_t d = threadIdx.x; d < p.v_head_dim; d += kWidth) {
    float largest = minus_infinity(), total = 0.0f, value = 0.0f;
    for (uint32_t part = 0; part * kPart < kv_length; ++part) {
      const float* const from = p.parts + (size_t{query} * p.n_parts + part) * (p.v_head_dim + 2u);
      float2 factors;
      if (merge(largest, total, from[0], from[1], factors)) value = merged(value, from[2u + d], factors);
    }
    p.y[size_t{query} * p.v_head_dim + d] = kv_length == 0u ? 0.0f : quotient(value, total);
  }
}

// Which blocks of its sequence each token keeps for each key head: its own, the protected ones, and of the others those of the highest score bounds.
// A block of threads has a key head of a token.
__global__ void __launch_bounds__(kWidth) select_pages(const SelectPages p) {
  constexpr uint32_t kGiven = 0x7fffffffu;
  const uint32_t n_kv_heads = p.k_cache.n_heads, head_dim = p.k_cache.head_dim, kv_head = blockIdx.x % n_kv_heads, t = blockIdx.x / n_kv_heads;
  const uint32_t kv_length = static_cast<uint32_t>(p.kv_lengths[t]);
  if (kv_length == 0u) return;
  const uint32_t own = (kv_length - 1u) / kKvBlock;
  const size_t row = static_cast<size_t>(p.sequences[t]) * p.max_blocks, to = size_t{blockIdx.x} * p.max_blocks;
  const uint32_t n_values = p.n_heads / n_kv_heads * head_dim;
  const float* const q = p.q + (size_t{t} * p.n_heads + kv_head * (p.n_heads / n_kv_heads)) * head_dim;
  for (uint32_t j = threadIdx.x; j <= own; j += kWidth) {
    const bool is_given = j == own || (p.protected_blocks && p.protected_blocks[row + j] != 0);
    p.kept[to + j] = is_given ? kGiven : 0u;
    if (is_given) continue;
    const uint32_t block = static_cast<uint32_t>(p.block_table[row + j]);
    float bound = 0.0f;
#pragma unroll 1
    for (uint32_t d = 0; d < head_dim; ++d) {
      float smallest, largest;
      if (p.page_bounds) {
        const float* const bounds = p.page_bounds + (size_t{block} * n_kv_heads + kv_head) * 2u * head_dim + d;
        smallest = bounds[0];
        largest = bounds[head_dim];
      } else {
        smallest = infinity();
        largest = -smallest;
#pragma unroll 1
        for (uint32_t c = 0; c < kKvBlock; ++c) {
          const float key = kv_at(p.k_cache, block * kKvBlock + c, kv_head, d);
          smallest = fminf(smallest, key);
          largest = fmaxf(largest, key);
        }
      }
#pragma unroll 1
      for (uint32_t i = d; i < n_values; i += head_dim) bound += fmaxf(q[i] * smallest, q[i] * largest);
    }
    p.scores[to + j] = bound;
  }
  __syncthreads();
  for (uint32_t j = threadIdx.x; j < own; j += kWidth) {
    if (p.kept[to + j] == kGiven) continue;
    const float score = p.scores[to + j];
    uint32_t n_better = 0;
#pragma unroll 1
    for (uint32_t i = 0; i < own; ++i) {
      if (i == j || (p.protected_blocks && p.protected_blocks[row + i] != 0)) continue;
      const float other = p.scores[to + i];
      if (other > score || (other == score && i < j)) ++n_better;
    }
    if (n_better + 1u < p.n_pages) p.kept[to + j] = 1u;
  }
}

template <int kSplits, int kValueSlices>
void launch_tiles(const Attention& p, const Part& part, cudaStream_t stream) {
  constexpr size_t kBytes = sizeof(TileShared<kValueSlices>);
  static_cast<void>(cudaFuncSetAttribute(reinterpret_cast<const void*>(&attention_of_tiles<kSplits, kValueSlices>),
                                         cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes));
  PIO_LAUNCH((attention_of_tiles<kSplits, kValueSlices>), part.n_blocks, kTileWidth, kBytes, stream, p, part);
}

}  // namespace

uint32_t blocks_of(const Attention& p) {
  if (p.by_tiles) return (p.n_tokens * (p.n_heads / p.k_cache.n_heads) + kRowsOfATile - 1) / kRowsOfATile * p.k_cache.n_heads;
  return p.n_tokens * p.n_heads * (p.in_parts ? p.n_parts : 1);
}
void launch_attention(const Attention& p, const Part& part, cudaStream_t stream) {
  if (p.by_tiles) {
    const uint32_t n_slices = (p.v_head_dim + kSlice - 1) / kSlice;
    if (p.v_head_dim <= kNarrow) launch_tiles<2, 1>(p, part, stream);
    else if (n_slices <= 1) launch_tiles<4, 1>(p, part, stream);
    else if (n_slices <= 2) launch_tiles<4, 2>(p, part, stream);
    else launch_tiles<4, 4>(p, part, stream);
    return;
  }
  const uint32_t width = p.v_head_dim <= kNarrow ? kNarrow : kWidth, n_sums = (p.v_head_dim + width - 1) / width;
  if (n_sums <= 1) PIO_LAUNCH((attention<1>), part.n_blocks, width, sizeof(Shared), stream, p, part);
  else if (n_sums <= 2) PIO_LAUNCH((attention<2>), part.n_blocks, width, sizeof(Shared), stream, p, part);
  else if (n_sums <= 4) PIO_LAUNCH((attention<4>), part.n_blocks, width, sizeof(Shared), stream, p, part);
  else PIO_LAUNCH((attention<kMostSums>), part.n_blocks, width, sizeof(Shared), stream, p, part);
}
void launch_merge_attention(const MergeAttention& p, cudaStream_t stream) {
  PIO_LAUNCH(merge_attention, p.n_tokens * p.n_heads, kWidth, 0, stream, p);
}
void launch_select_pages(const SelectPages& p, cudaStream_t stream) {
  PIO_LAUNCH(select_pages, p.n_tokens * p.k_cache.n_heads, kWidth, 0, stream, p);
}

}  // namespace pio::cuda
