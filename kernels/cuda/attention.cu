#include "kernels/cuda/kv.cuh"

// Grouped-query attention over cached tokens, block by block, with the softmax's maximum, sum and weighted values carried along (Milakov & Gimelshein
// 2018, arXiv:1805.02867). Cached tokens are cut into parts, whose results are merged in order: a block has a head of a token and a part, merged by
// merge_attention, or all parts one after the other, which gives the same bits.

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
    for (uint32_t d = 0; d < head_dim; ++d) {
      float smallest, largest;
      if (p.page_bounds) {
        const float* const bounds = p.page_bounds + (size_t{block} * n_kv_heads + kv_head) * 2u * head_dim + d;
        smallest = bounds[0];
        largest = bounds[head_dim];
      } else {
        smallest = infinity();
        largest = -smallest;
        for (uint32_t c = 0; c < kKvBlock; ++c) {
          const float key = kv_at(p.k_cache, block * kKvBlock + c, kv_head, d);
          smallest = fminf(smallest, key);
          largest = fmaxf(largest, key);
        }
      }
      for (uint32_t i = d; i < n_values; i += head_dim) bound += fmaxf(q[i] * smallest, q[i] * largest);
    }
    p.scores[to + j] = bound;
  }
  __syncthreads();
  for (uint32_t j = threadIdx.x; j < own; j += kWidth) {
    if (p.kept[to + j] == kGiven) continue;
    const float score = p.scores[to + j];
    uint32_t n_better = 0;
    for (uint32_t i = 0; i < own; ++i) {
      if (i == j || (p.protected_blocks && p.protected_blocks[row + i] != 0)) continue;
      const float other = p.scores[to + i];
      if (other > score || (other == score && i < j)) ++n_better;
    }
    if (n_better + 1u < p.n_pages) p.kept[to + j] = 1u;
  }
}

}  // namespace

uint32_t blocks_of(const Attention& p) { return p.n_tokens * p.n_heads * (p.in_parts ? p.n_parts : 1); }
void launch_attention(const Attention& p, const Part& part, cudaStream_t stream) {
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
