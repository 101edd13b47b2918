#include "kernels/cuda/products.cuh"

// The ops that are products: a block has some rows of x, kTokens of them, and each of its warps some rows of a matrix.

namespace pio::cuda {
namespace {

// Blocks that a multiprocessor is to hold at least: by that the compiler knows how many registers a thread may have without spilling.
__host__ __device__ constexpr int blocks_at_once(int n_tokens) { return n_tokens == 1 ? 3 : 2; }

constexpr unsigned kRowsOfABlock = kWarps * kRowsOfAWarp;

// Shared memory, in words: what is_stopped sees, a sum of each warp, and a row of x that the block rounds itself.
constexpr unsigned kStopWord = 0, kPartialWords = 4, kRowWords = 8;
__device__ __forceinline__ float* partials_of(uint32_t* words) { return reinterpret_cast<float*>(words + kPartialWords); }
uint32_t shared_bytes(uint32_t n_in_to_round) { return (kRowWords + (n_in_to_round > 0 ? rounded_words(n_in_to_round) : 0)) * 4; }

uint32_t groups_of(uint32_t n_rows) { return (n_rows + kRowsOfABlock - 1) / kRowsOfABlock; }
uint32_t tiles_of(uint32_t n_tokens) { return n_tokens == 1 ? 1 : (n_tokens + kTokensOfABlock - 1) / kTokensOfABlock; }
// A row alone that was rounded beforehand, for want of shared memory, goes the way of many.
bool is_alone(uint32_t n_tokens, const uint32_t* rounded) { return n_tokens == 1 && rounded == nullptr; }

__device__ __forceinline__ bool is_rounded(DType format, bool rounds) { return rounds && has_codes(format); }

template <int kTokens>
__device__ __forceinline__ void add_products(const Matrix& w, size_t row, const RowsOfX& x, bool rounds, float (&sums)[kTokens],
                                             float (&squares)[kTokens]) {
  const uint8_t* const at = w.w + row * w.row_bytes;
  if (is_rounded(w.format, rounds)) add_rounded<kTokens>(w.format, at, x, sums);
  else add_plain<kTokens>(w.format, at, x, sums, squares);
}

template <int n>
__device__ __forceinline__ void clear(float (&values)[n]) {
#pragma unroll
  for (int k = 0; k < n; ++k) values[k] = 0.0f;
}

// Where rows of x lie that were rounded beforehand, or by the block.
__device__ __forceinline__ void set_rounded(RowsOfX& x, const uint32_t* rounded, size_t stride) {
  x.codes = rounded;
  x.pairs = rounded + pairs_of_row(x.n_in);
  x.rounded_stride = stride;
}

// What the row of this lane's sum is multiplied by behind a norm: 1 / sqrt(mean(x²) + eps). Of rounded rows round() has found it; of others the lanes have
// on their way through x.
template <int kTokens>
__device__ __forceinline__ float scale_of_norm(bool is_rounded, float own_scale, const RowsOfX& x, float (&squares)[kTokens], float eps) {
  if (is_rounded) {
    if (kTokens == 1) return own_scale;
    return __uint_as_float(x.codes[least_of(class_of_lane(), x.n - 1u) * x.rounded_stride + factor_of_row(x.n_in)]);
  }
  return 1.0f / sqrtf(reduce<kTokens>(squares) / static_cast<float>(x.n_in) + eps);
}

// Which of a block's kTokens rows of x the sum that reduce() gives this lane is of, and whether no other lane has it too.
template <int kTokens>
__device__ __forceinline__ unsigned token_of_lane() {
  return kTokens == 1 ? 0u : class_of_lane();
}
template <int kTokens>
__device__ __forceinline__ bool is_first_of_sum() {
  return kTokens > 1 || class_of_lane() == 0u;
}

__global__ void __launch_bounds__(kWidth) round(const Round p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t row = part.first_block + blockIdx.x;
  const float* const x = p.x + row / p.n_heads * p.stride + row % p.n_heads * p.head_stride;
  uint32_t* const y = p.y + row * words_of_row(p.n_in);
  const float squares = round_row(x, p.norm, p.n_in, y);
  if (!p.norm) return;
  const float scale = 1.0f / sqrtf(block_sum(squares, partials_of(words)) / static_cast<float>(p.n_in) + p.eps);
  if (threadIdx.x == 0) y[factor_of_row(p.n_in)] = __float_as_uint(scale);
  if (!p.normed) return;
  for (uint32_t i = threadIdx.x; i < p.n_in; i += kWidth) p.normed[size_t{row} * p.n_in + i] = x[i] * p.norm[i] * scale;
}

template <int kTokens>
__global__ void __launch_bounds__(kWidth, blocks_at_once(kTokens)) matmul(const Matmul p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x, n_tiles = (p.n_tokens + kTokens - 1) / kTokens;
  const uint32_t n_groups = (p.n_out + kRowsOfABlock - 1) / kRowsOfABlock;
  const uint32_t t0 = block % n_tiles * kTokens, group = block / n_tiles % n_groups, head = block / n_tiles / n_groups;
  RowsOfX x;
  x.x = p.x + t0 * p.x_stride + head * p.x_head_stride;
  x.stride = p.x_stride;
  x.n = least_of(kTokens, p.n_tokens - t0);
  x.n_in = p.n_in;
  if (p.rounded) {
    set_rounded(x, p.rounded + (size_t{t0} * p.x_heads + (p.x_heads > 1u ? head : 0u)) * words_of_row(p.n_in), p.x_heads * words_of_row(p.n_in));
  } else if (kTokens == 1 && is_rounded(p.w.format, p.rounds)) {
    round_row(x.x, nullptr, p.n_in, words + kRowWords);
    __syncthreads();
    set_rounded(x, words + kRowWords, 0);
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRowsOfAWarp, o = o0 + row_of_lane();
  if (o0 < p.n_out) {
    float sums[kTokens], squares[kTokens];
    clear(sums);
    add_products<kTokens>(p.w, size_t{head} * p.head_rows + least_of(o, p.n_out - 1u), x, p.rounds, sums, squares);
    float product = reduce<kTokens>(sums);
    const uint32_t t = t0 + token_of_lane<kTokens>();
    if (is_first_of_sum<kTokens>() && t < p.n_tokens && o < p.n_out) {
      if (p.bias) product = product + p.bias[o];
      float* const y = p.y + t * p.y_stride + head * p.y_head_stride + o;
      *y = p.after == After::add         ? *y + product
           : p.after == After::gelu_erf  ? gelu_erf(product)
           : p.after == After::gelu_tanh ? gelu_tanh(product)
                                         : product;
    }
  }
  if (p.n_following == 0u || group != 0u) return;
  for (uint32_t k = threadIdx.x; k < p.n_following * x.n; k += kWidth) {
    const uint32_t t = t0 + k / p.n_following, i = k % p.n_following;
    p.y[t * p.y_stride + head * p.y_head_stride + p.n_out + i] = p.x[t * p.x_stride + head * p.x_head_stride + p.n_in + i];
  }
}

template <int kTokens>
__global__ void __launch_bounds__(kWidth, blocks_at_once(kTokens)) norm_matmul(const NormMatmul p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x, n_tiles = (p.n_tokens + kTokens - 1) / kTokens, t0 = block % n_tiles * kTokens;
  uint32_t group = block / n_tiles;
  const bool is_first = group == 0u;
  unsigned m = 0;
  for (; m < 2u; ++m) {
    const uint32_t n_groups = (p.n_out[m] + kRowsOfABlock - 1) / kRowsOfABlock;
    if (group < n_groups) break;
    group -= n_groups;
  }
  const Matrix w = p.w[m];
  const uint32_t n_out = p.n_out[m];
  const bool rounded = is_rounded(w.format, p.rounds);
  RowsOfX x;
  x.x = p.x + size_t{t0} * p.n_in;
  x.stride = p.n_in;
  x.norm = p.norm;
  x.n = least_of(kTokens, p.n_tokens - t0);
  x.n_in = p.n_in;
  float own_scale = 0.0f;
  if (p.rounded) {
    set_rounded(x, p.rounded + t0 * words_of_row(p.n_in), words_of_row(p.n_in));
  } else if (kTokens == 1 && rounded) {
    const float squares = round_row(x.x, p.norm, p.n_in, words + kRowWords);
    own_scale = 1.0f / sqrtf(block_sum(squares, partials_of(words)) / static_cast<float>(p.n_in) + p.eps);
    set_rounded(x, words + kRowWords, 0);
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRowsOfAWarp, o = o0 + row_of_lane();
  const bool has_rows = o0 < n_out, norms = is_first && p.normed;
  if (!has_rows && !norms) return;
  float sums[kTokens], squares[kTokens];
  clear(sums);
  clear(squares);
  add_products<kTokens>(w, least_of(o, n_out - 1u), x, p.rounds, sums, squares);
  const float total = reduce<kTokens>(sums);
  const uint32_t t = t0 + token_of_lane<kTokens>();
  const float scale = scale_of_norm<kTokens>(rounded, own_scale, x, squares, p.eps);
  if (is_first_of_sum<kTokens>() && t < p.n_tokens && o < n_out) {
    const float product = total * scale;
    p.y[m][size_t{t} * n_out + o] = p.bias[m] ? product + p.bias[m][o] : product;
  }
  if (!norms) return;
  // The warps share the rows; the lane of class t of each has the scale of token t.
  for (uint32_t row = 0; row < x.n; ++row) {
    const float of_row = __shfl_sync(kAllLanes, scale, static_cast<int>(row));
    for (uint32_t i = threadIdx.x; i < p.n_in; i += kWidth) {
      p.normed[size_t{t0 + row} * p.n_in + i] = x.x[row * x.stride + i] * p.norm[i] * of_row;
    }
  }
}

template <int kTokens>
__global__ void __launch_bounds__(kWidth, blocks_at_once(kTokens)) norm_glu_matmul(const NormGluMatmul p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x, n_tiles = (p.n_tokens + kTokens - 1) / kTokens, t0 = block % n_tiles * kTokens;
  const bool gate_rounded = is_rounded(p.gate.format, p.rounds), up_rounded = is_rounded(p.up.format, p.rounds);
  RowsOfX x;
  x.x = p.x + size_t{t0} * p.n_in;
  x.stride = p.n_in;
  x.norm = p.norm;
  x.n = least_of(kTokens, p.n_tokens - t0);
  x.n_in = p.n_in;
  float own_scale = 0.0f;
  if (p.rounded) {
    set_rounded(x, p.rounded + t0 * words_of_row(p.n_in), words_of_row(p.n_in));
  } else if (kTokens == 1 && (gate_rounded || up_rounded)) {
    const float squares = round_row(x.x, p.norm, p.n_in, words + kRowWords);
    own_scale = 1.0f / sqrtf(block_sum(squares, partials_of(words)) / static_cast<float>(p.n_in) + p.eps);
    set_rounded(x, words + kRowWords, 0);
  }
  const uint32_t o0 = (block / n_tiles * kWarps + warp_of_block()) * kRowsOfAWarp, o = o0 + row_of_lane();
  if (o0 >= p.n_out) return;
  float of_gate = 0.0f, of_up = 0.0f;
#pragma unroll 1
  for (unsigned which = 0; which < 2u; ++which) {  // one after the other by the same code
    float sums[kTokens], squares[kTokens];
    clear(sums);
    clear(squares);
    Matrix w = p.up;
    if (which == 0u) w = p.gate;
    add_products<kTokens>(w, least_of(o, p.n_out - 1u), x, p.rounds, sums, squares);
    const float total = reduce<kTokens>(sums);
    const float product = total * scale_of_norm<kTokens>(which == 0u ? gate_rounded : up_rounded, own_scale, x, squares, p.eps);
    of_gate = which == 0u ? product : of_gate;
    of_up = product;
  }
  const uint32_t t = t0 + token_of_lane<kTokens>();
  if (is_first_of_sum<kTokens>() && t < p.n_tokens && o < p.n_out) {
    p.y[size_t{t} * p.n_out + o] = silu_of(of_gate) * of_up;
  }
}

// A thread has a run of columns of a head of a token.
__global__ void __launch_bounds__(kWidth) matmul_transposed(const MatmulTransposed p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t n_runs = (p.n_columns + kRun - 1) / kRun;
  const uint64_t at = (uint64_t{part.first_block} + blockIdx.x) * kWidth + threadIdx.x;
  const uint32_t i = static_cast<uint32_t>(at % n_runs) * kRun, head = static_cast<uint32_t>(at / n_runs % p.n_heads);
  const uint64_t t = at / n_runs / p.n_heads;
  if (t >= p.n_tokens) return;
  const float* const x = p.x + t * p.x_stride + head * p.x_head_stride;
  float* const y = p.y + t * p.y_stride + head * p.y_head_stride;
  float sums[kRun];
  clear(sums);
  for (uint32_t r = 0; r < p.n_rows; ++r) {
    float values[kRun];
    decode_run(p.w.format, p.w.w + (size_t{head} * p.head_rows + r) * p.w.row_bytes, i, p.n_columns, values);
    const float factor = x[r];
#pragma unroll
    for (unsigned j = 0; j < kRun; ++j) sums[j] = fmaf(factor, values[j], sums[j]);
  }
  for (unsigned j = 0; j < kRun; ++j) {
    if (i + j < p.n_columns) y[i + j] = sums[j];
  }
  for (uint32_t j = 0; i == 0u && j < p.n_following; ++j) y[p.n_columns + j] = x[p.n_rows + j];
}

// A block has some rows of the two matrices of one of a token's experts.
__global__ void __launch_bounds__(kWidth, blocks_at_once(1)) experts_in(const ExpertsIn p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x;
  const uint32_t of_expert = (p.hidden_dim + kRowsOfABlock - 1) / kRowsOfABlock, of_shared = (p.shared_dim + kRowsOfABlock - 1) / kRowsOfABlock;
  const uint32_t of_token = p.k * of_expert + of_shared, t = block / of_token, in_token = block % of_token;
  const bool is_shared = in_token >= p.k * of_expert;
  const uint32_t place = is_shared ? p.k : in_token / of_expert, group = in_token - place * of_expert,
                 n_out = is_shared ? p.shared_dim : p.hidden_dim;
  float* const hidden = p.hidden + size_t{t} * (p.k * p.hidden_dim + p.shared_dim) + place * p.hidden_dim;
  Matrix gate = p.pattern, up = p.pattern;
  if (is_shared) {
    gate = p.shared_gate;
    up = p.shared_up;
  } else {
    const int32_t id = p.ids[t * p.k + place];
    if (id < 0) {  // computed elsewhere; what rounds the row reads zeros
      const uint32_t o = group * kRowsOfABlock + threadIdx.x;
      if (threadIdx.x < kRowsOfABlock && o < n_out) hidden[o] = 0.0f;
      return;
    }
    const ExpertAddresses& expert = p.table[id];
    gate.w = expert.gate;
    up.w = expert.up;
  }
  RowsOfX x;
  x.x = p.x + size_t{t} * p.dim;
  x.n = 1;
  x.n_in = p.dim;
  if (p.rounded) {
    set_rounded(x, p.rounded + t * words_of_row(p.dim), 0);
  } else if (is_rounded(gate.format, p.rounds) || is_rounded(up.format, p.rounds)) {
    round_row(x.x, nullptr, p.dim, words + kRowWords);
    __syncthreads();
    set_rounded(x, words + kRowWords, 0);
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRowsOfAWarp, o = o0 + row_of_lane();
  if (o0 >= n_out) return;
  float of_gate = 0.0f, of_up = 0.0f, squares[1];
#pragma unroll 1
  for (unsigned which = 0; which < 2u; ++which) {
    float sums[1];
    clear(sums);
    Matrix w = up;
    if (which == 0u) w = gate;
    add_products<1>(w, least_of(o, n_out - 1u), x, p.rounds, sums, squares);
    const float product = reduce<1>(sums);
    of_gate = which == 0u ? product : of_gate;
    of_up = product;
  }
  if (is_first_of_sum<1>() && o < n_out) hidden[o] = silu_of(of_gate) * of_up;
}

// A block has some outputs of a token.
__global__ void __launch_bounds__(kWidth, blocks_at_once(1)) experts_out(const ExpertsOut p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x, n_groups = (p.dim + kRowsOfABlock - 1) / kRowsOfABlock;
  const uint32_t group = block % n_groups, t = block / n_groups, of_token = p.k * p.hidden_dim + p.shared_dim;
  const float* const hidden = p.hidden + size_t{t} * of_token;
  const bool any_rounded = is_rounded(p.pattern.format, p.rounds) || (p.shared_dim > 0u && is_rounded(p.shared_down.format, p.rounds));
  const uint32_t* const rounded = p.rounded ? p.rounded + t * words_of_row(of_token) : words + kRowWords;
  if (!p.rounded && any_rounded) {
    round_row(hidden, nullptr, of_token, words + kRowWords);
    __syncthreads();
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRowsOfAWarp, o = o0 + row_of_lane();
  if (o0 >= p.dim) return;
  float output = 0.0f, squares[1];
  for (uint32_t j = 0; j < p.k + (p.shared_dim > 0u ? 1u : 0u); ++j) {
    const bool is_shared = j == p.k;
    Matrix down = is_shared ? p.shared_down : p.pattern;
    if (!is_shared) {
      const int32_t id = p.ids[t * p.k + j];
      if (id < 0) continue;  // computed elsewhere
      down.w = p.table[id].down;
    }
    RowsOfX x;
    x.x = hidden + j * p.hidden_dim;
    x.n = 1;
    x.n_in = is_shared ? p.shared_dim : p.hidden_dim;
    x.codes = rounded + j * p.hidden_dim / 4u;
    x.pairs = rounded + pairs_of_row(of_token) + j * p.hidden_dim / kBlockOfX * 2u;
    float sums[1];
    clear(sums);
    add_products<1>(down, least_of(o, p.dim - 1u), x, p.rounds, sums, squares);
    const float total = reduce<1>(sums);
    output = output + (is_shared ? total : p.weights[t * p.k + j] * total);  // rounded before it is added, as sum_rows does
  }
  if (is_first_of_sum<1>() && o < p.dim) {
    float* const y = p.y + size_t{t} * p.dim + o;
    *y = p.adds ? *y + output : output;
  }
}

}  // namespace

void launch_round(const Round& p, const Part& part, cudaStream_t stream) {
  PIO_LAUNCH(round, part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
}

uint32_t blocks_of(const Matmul& p) { return p.n_heads * groups_of(p.n_out) * (is_alone(p.n_tokens, p.rounded) ? 1 : tiles_of(p.n_tokens)); }
void launch_matmul(const Matmul& p, const Part& part, cudaStream_t stream) {
  if (is_alone(p.n_tokens, p.rounded)) {
    PIO_LAUNCH((matmul<1>), part.n_blocks, kWidth, shared_bytes(p.rounds && has_codes(p.w.format) ? p.n_in : 0), stream, p, part);
  } else {
    PIO_LAUNCH((matmul<kTokensOfABlock>), part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
  }
}

uint32_t blocks_of(const NormMatmul& p) {
  uint32_t n = 0;
  for (const uint32_t n_out : p.n_out) n += groups_of(n_out);
  return n * (is_alone(p.n_tokens, p.rounded) ? 1 : tiles_of(p.n_tokens));
}
void launch_norm_matmul(const NormMatmul& p, const Part& part, cudaStream_t stream) {
  if (is_alone(p.n_tokens, p.rounded)) {
    PIO_LAUNCH((norm_matmul<1>), part.n_blocks, kWidth, shared_bytes(p.rounds ? p.n_in : 0), stream, p, part);
  } else {
    PIO_LAUNCH((norm_matmul<kTokensOfABlock>), part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
  }
}

uint32_t blocks_of(const NormGluMatmul& p) { return groups_of(p.n_out) * (is_alone(p.n_tokens, p.rounded) ? 1 : tiles_of(p.n_tokens)); }
void launch_norm_glu_matmul(const NormGluMatmul& p, const Part& part, cudaStream_t stream) {
  if (is_alone(p.n_tokens, p.rounded)) {
    PIO_LAUNCH((norm_glu_matmul<1>), part.n_blocks, kWidth, shared_bytes(p.rounds ? p.n_in : 0), stream, p, part);
  } else {
    PIO_LAUNCH((norm_glu_matmul<kTokensOfABlock>), part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
  }
}

uint32_t blocks_of(const MatmulTransposed& p) {
  const uint64_t n = uint64_t{p.n_tokens} * p.n_heads * ((p.n_columns + kRun - 1) / kRun);
  return static_cast<uint32_t>((n + kWidth - 1) / kWidth);
}
void launch_matmul_transposed(const MatmulTransposed& p, const Part& part, cudaStream_t stream) {
  PIO_LAUNCH(matmul_transposed, part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
}

uint32_t blocks_of(const ExpertsIn& p) { return p.n_tokens * (p.k * groups_of(p.hidden_dim) + groups_of(p.shared_dim)); }
void launch_experts_in(const ExpertsIn& p, const Part& part, cudaStream_t stream) {
  PIO_LAUNCH(experts_in, part.n_blocks, kWidth, shared_bytes(p.rounds && !p.rounded ? p.dim : 0), stream, p, part);
}

uint32_t blocks_of(const ExpertsOut& p) { return p.n_tokens * groups_of(p.dim); }
void launch_experts_out(const ExpertsOut& p, const Part& part, cudaStream_t stream) {
  PIO_LAUNCH(experts_out, part.n_blocks, kWidth, shared_bytes(p.rounds && !p.rounded ? p.k * p.hidden_dim + p.shared_dim : 0), stream, p, part);
}

}  // namespace pio::cuda
