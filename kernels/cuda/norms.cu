#include "kernels/cuda/angles.cuh"
#include "kernels/cuda/kv.cuh"

// Norms, positions, and what heads go through between the projections and the cache.

namespace pio::cuda {
namespace {

__global__ void __launch_bounds__(kWidth) rms_norm(const Norm p) {
  PIO_SHARED_ARRAY(float, partial);
  const float* const x = p.x + size_t{blockIdx.x} * p.dim;
  float* const y = p.y + size_t{blockIdx.x} * p.dim;
  float sum = 0.0f;
  for (uint32_t i = threadIdx.x; i < p.dim; i += kWidth) sum = fmaf(x[i], x[i], sum);
  const float scale = 1.0f / sqrtf(block_sum(sum, partial) / static_cast<float>(p.dim) + p.eps);
  for (uint32_t i = threadIdx.x; i < p.dim; i += kWidth) y[i] = p.w[i] * x[i] * scale;
}

// The variance is of what is left of the mean, so rows far from 0 keep it.
__global__ void __launch_bounds__(kWidth) layer_norm(const Norm p) {
  PIO_SHARED_ARRAY(float, partial);
  const float* const x = p.x + size_t{blockIdx.x} * p.dim;
  float* const y = p.y + size_t{blockIdx.x} * p.dim;
  float sum = 0.0f;
  for (uint32_t i = threadIdx.x; i < p.dim; i += kWidth) sum += x[i];
  const float mean = block_sum(sum, partial) / static_cast<float>(p.dim);
  float squares = 0.0f;
  for (uint32_t i = threadIdx.x; i < p.dim; i += kWidth) {
    const float d = x[i] - mean;
    squares = fmaf(d, d, squares);
  }
  const float scale = 1.0f / sqrtf(block_sum(squares, partial) / static_cast<float>(p.dim) + p.eps);
  for (uint32_t i = threadIdx.x; i < p.dim; i += kWidth) y[i] = (x[i] - mean) * scale * p.w[i] + p.bias[i];
}

// A thread has a pair of all heads of a token.
__global__ void __launch_bounds__(kWidth) rope(const Rope p) {
  const uint64_t at = thread_of_grid(), t = at / p.n_pairs;
  const uint32_t i = static_cast<uint32_t>(at % p.n_pairs);
  if (t >= p.n_tokens) return;
  const size_t axis = p.axes ? static_cast<size_t>(p.axes[i]) : 0;
  const float2 turn = turn_of(p.positions[axis * p.n_tokens + t], p.frequencies[i]);
  const uint32_t first = p.first_dim + (p.is_interleaved ? 2u * i : i), second = p.is_interleaved ? first + 1u : first + p.n_pairs;
  for (uint32_t h = 0; h < p.n_heads; ++h) {
    float* const head = p.x + (t * p.n_heads + h) * p.head_dim;
    const float2 pair = turned(make_float2(head[first], head[second]), turn);
    head[first] = pair.x;
    head[second] = pair.y;
  }
}

// In the order of sums that backend.h says. A block has a stretch.
__global__ void __launch_bounds__(kWidth) hadamard(const Hadamard p) {
  float* const x = p.x + size_t{blockIdx.x} * p.n;
  for (uint32_t apart = 1; apart < p.n; apart *= 2u) {
    for (uint32_t k = threadIdx.x; k < p.n / 2u; k += kWidth) {
      const uint32_t i = k / apart * 2u * apart + k % apart;
      const float a = x[i], b = x[i + apart];
      x[i] = a + b;
      x[i + apart] = a - b;
    }
    __syncthreads();
  }
  for (uint32_t k = threadIdx.x; k < p.n; k += kWidth) x[k] = x[k] / p.root;
}

__device__ __forceinline__ void store_head(const Cache& cache, uint32_t cell, uint32_t h, const float* head) {
  for (uint32_t first = threadIdx.x * kGroup; first < cache.head_dim; first += kWidth * kGroup) {
    float values[kGroup];
    for (unsigned j = 0; j < kGroup; ++j) values[j] = first + j < cache.head_dim ? head[first + j] : 0.0f;
    store_dims(cache, cell, h, first, values);
  }
}

// A head of queries, keys or values of a token: its norm, its rope and what rotates it beside that; queries stay where they are, keys and values go into
// their cells. A block has a head.
__global__ void __launch_bounds__(kWidth) qk_norm_rope_store(const QkNormRopeStore p) {
  PIO_SHARED_ARRAY(float, partial);
  float* const head = partial + kWarps;
  const uint32_t n_kv_heads = p.k_cache.n_heads, n_all = p.n_heads + n_kv_heads * (p.v ? 2u : 1u);
  const uint32_t t = blockIdx.x / n_all, h = blockIdx.x % n_all;
  const bool is_query = h < p.n_heads, is_value = h >= p.n_heads + n_kv_heads;
  const uint32_t kv_head = is_query ? 0u : (h - p.n_heads) % n_kv_heads;
  const uint32_t dim = is_query ? p.q_dim : is_value ? p.v_cache.head_dim : p.k_cache.head_dim;
  const size_t at = (is_query ? size_t{t} * p.n_heads + h : size_t{t} * n_kv_heads + kv_head) * dim;
  const float* const from = is_query ? p.q : is_value ? p.v : p.k;
  for (uint32_t i = threadIdx.x; i < dim; i += kWidth) head[i] = from[at + i];
  __syncthreads();
  const float* const norm = is_value ? nullptr : is_query ? p.q_norm : p.k_norm;
  if (norm) {
    const uint32_t n = is_query ? p.q_dim : p.k_norm_dims;
    float sum = 0.0f;
    for (uint32_t i = threadIdx.x; i < n; i += kWidth) sum = fmaf(head[i], head[i], sum);
    const float scale = 1.0f / sqrtf(block_sum(sum, partial) / static_cast<float>(n) + p.eps);
    for (uint32_t i = threadIdx.x; i < n; i += kWidth) head[i] = norm[i] * head[i] * scale;
    __syncthreads();
  }
  if (!is_value) {
    const uint32_t first_dim = is_query ? p.q_first_dim : p.k_first_dim;
    for (uint32_t i = threadIdx.x; i < p.n_pairs; i += kWidth) {
      const size_t axis = p.axes ? static_cast<size_t>(p.axes[i]) : 0;
      const float2 turn = turn_of(p.positions[axis * p.n_tokens + t], p.frequencies[i]);
      const uint32_t first = first_dim + (p.is_interleaved ? 2u * i : i), second = p.is_interleaved ? first + 1u : first + p.n_pairs;
      const float2 pair = turned(make_float2(head[first], head[second]), turn);
      head[first] = pair.x;
      head[second] = pair.y;
    }
    __syncthreads();
    if (p.hadamard_length > 0u) {
      for (uint32_t apart = 1; apart < p.hadamard_length; apart *= 2u) {
        for (uint32_t j = threadIdx.x; j < dim / 2u; j += kWidth) {
          const uint32_t i = j / apart * 2u * apart + j % apart;
          const float a = head[i], b = head[i + apart];
          head[i] = a + b;
          head[i + apart] = a - b;
        }
        __syncthreads();
      }
      for (uint32_t i = threadIdx.x; i < dim; i += kWidth) head[i] = head[i] / p.root;
      __syncthreads();
    }
  }
  if (is_query) {
    for (uint32_t i = threadIdx.x; i < dim; i += kWidth) p.q[at + i] = head[i];
  } else {
    store_head(is_value ? p.v_cache : p.k_cache, static_cast<uint32_t>(p.cells[t]), kv_head, head);
  }
}

unsigned blocks_for(uint64_t n_threads) { return static_cast<unsigned>((n_threads + kWidth - 1) / kWidth); }

}  // namespace

void launch_rms_norm(const Norm& p, cudaStream_t stream) { PIO_LAUNCH(rms_norm, p.n_rows, kWidth, kWarps * 4, stream, p); }
void launch_layer_norm(const Norm& p, cudaStream_t stream) { PIO_LAUNCH(layer_norm, p.n_rows, kWidth, kWarps * 4, stream, p); }
void launch_rope(const Rope& p, cudaStream_t stream) { PIO_LAUNCH(rope, blocks_for(uint64_t{p.n_tokens} * p.n_pairs), kWidth, 0, stream, p); }
void launch_hadamard(const Hadamard& p, cudaStream_t stream) { PIO_LAUNCH(hadamard, p.n_parts, kWidth, 0, stream, p); }
void launch_qk_norm_rope_store(const QkNormRopeStore& p, cudaStream_t stream) {
  const uint32_t v_dim = p.v ? p.v_cache.head_dim : 0, k_dim = p.k_cache.head_dim;
  const uint32_t most = p.q_dim > k_dim ? (p.q_dim > v_dim ? p.q_dim : v_dim) : (k_dim > v_dim ? k_dim : v_dim);
  const uint32_t n_all = p.n_heads + p.k_cache.n_heads * (p.v ? 2u : 1u);
  PIO_LAUNCH(qk_norm_rope_store, p.n_tokens * n_all, kWidth, (kWarps + most) * 4, stream, p);
}

}  // namespace pio::cuda
