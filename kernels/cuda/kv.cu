#include "kernels/cuda/kv.cuh"

// Keys and values into their cells and back.

namespace pio::cuda {
namespace {

unsigned blocks_for(uint64_t n_threads) { return static_cast<unsigned>((n_threads + kWidth - 1) / kWidth); }

// A thread has up to 32 dims of a head of a token.
__global__ void __launch_bounds__(kWidth) store_kv(const StoreKv p) {
  const uint32_t n_heads = p.cache.n_heads, head_dim = p.cache.head_dim, n_groups = (head_dim + kGroup - 1) / kGroup;
  const uint64_t at = thread_of_grid(), t = at / n_groups / n_heads;
  const uint32_t first = static_cast<uint32_t>(at % n_groups) * kGroup, head = static_cast<uint32_t>(at / n_groups % n_heads);
  if (t >= p.n_tokens) return;
  const float* const x = p.x + (t * n_heads + head) * head_dim;
  float values[kGroup];
  for (unsigned j = 0; j < kGroup; ++j) values[j] = first + j < head_dim ? x[first + j] : 0.0f;
  store_dims(p.cache, static_cast<uint32_t>(p.cells[t]), head, first, values);
}

__global__ void __launch_bounds__(kWidth) load_kv(const LoadKv p) {
  const uint32_t n_heads = p.cache.n_heads, head_dim = p.cache.head_dim;
  const uint64_t at = thread_of_grid(), i = at / head_dim / n_heads;
  if (i >= p.n) return;
  const uint32_t d = static_cast<uint32_t>(at % head_dim), head = static_cast<uint32_t>(at / head_dim % n_heads);
  p.y[at] = kv_at(p.cache, static_cast<uint32_t>(p.cells[i]), head, d);
}

// The smallest and the largest of each dim of the keys of every block that these cells lie in, up to the last of them: a block's cells follow each
// other, so that is the one behind which another block, or nothing, comes.
__global__ void __launch_bounds__(kWidth) bound_pages(const BoundPages p) {
  const uint32_t n_heads = p.cache.n_heads, head_dim = p.cache.head_dim;
  const uint64_t at = thread_of_grid(), t = at / head_dim / n_heads;
  if (t >= p.n_tokens) return;
  const uint32_t d = static_cast<uint32_t>(at % head_dim), head = static_cast<uint32_t>(at / head_dim % n_heads);
  const uint32_t cell = static_cast<uint32_t>(p.cells[t]), block = cell / kKvBlock;
  if (t + 1 < p.n_tokens && static_cast<uint32_t>(p.cells[t + 1]) / kKvBlock == block) return;
  float smallest = infinity(), largest = -infinity();
  for (uint32_t c = block * kKvBlock; c <= cell; ++c) {
    const float key = kv_at(p.cache, c, head, d);
    smallest = fminf(smallest, key);
    largest = fmaxf(largest, key);
  }
  float* const to = p.bounds + (size_t{block} * n_heads + head) * 2u * head_dim + d;
  to[0] = smallest;
  to[head_dim] = largest;
}

}  // namespace

void launch_store_kv(const StoreKv& p, cudaStream_t stream) {
  const uint64_t n = uint64_t{p.n_tokens} * p.cache.n_heads * ((p.cache.head_dim + kGroup - 1) / kGroup);
  PIO_LAUNCH(store_kv, blocks_for(n), kWidth, 0, stream, p);
}
void launch_load_kv(const LoadKv& p, cudaStream_t stream) {
  PIO_LAUNCH(load_kv, blocks_for(uint64_t{p.n} * p.cache.n_heads * p.cache.head_dim), kWidth, 0, stream, p);
}
void launch_bound_pages(const BoundPages& p, cudaStream_t stream) {
  PIO_LAUNCH(bound_pages, blocks_for(uint64_t{p.n_tokens} * p.cache.n_heads * p.cache.head_dim), kWidth, 0, stream, p);
}

}  // namespace pio::cuda
