#include "kernels/cuda/products.cuh"

// The ops that are products: a block has some rows of x, kTokens of them, and each of its warps some rows of a matrix.

namespace pio::cuda {
namespace {

// Blocks that a multiprocessor is to hold at least: by that the compiler knows how many registers a thread may have without spilling.
__host__ __device__ constexpr int blocks_at_once(int n_tokens) { return n_tokens == 1 ? 3 : 2; }

// Shared memory, in words: what is_stopped sees, a sum of each warp, and a row of x that the block rounds itself.
constexpr unsigned kStopWord = 0, kPartialWords = 4, kRowWords = 8;
__device__ __forceinline__ float* partials_of(uint32_t* words) { return reinterpret_cast<float*>(words + kPartialWords); }
uint32_t shared_bytes(uint32_t n_in_to_round) { return (kRowWords + (n_in_to_round > 0 ? rounded_words(n_in_to_round) : 0)) * 4; }

// Rows of a matrix that a warp has: of one matrix, and of two at once.
template <int kTokens>
__host__ __device__ constexpr int rows_of_one() {
  return 4;
}
template <int kTokens>
__host__ __device__ constexpr int rows_of_two() {
  return kTokens == 1 ? 4 : 2;
}
uint32_t groups_of(uint32_t n_rows, int rows_of_warp) {
  const uint32_t of_block = kWarps * static_cast<uint32_t>(rows_of_warp);
  return (n_rows + of_block - 1) / of_block;
}
uint32_t tiles_of(uint32_t n_tokens) { return n_tokens == 1 ? 1 : (n_tokens + kTokensOfABlock - 1) / kTokensOfABlock; }
// A row alone that was rounded beforehand, for want of shared memory, goes the way of many.
bool is_alone(uint32_t n_tokens, const uint32_t* rounded) { return n_tokens == 1 && rounded == nullptr; }

__device__ __forceinline__ bool is_rounded(DType format, bool rounds) { return rounds && has_codes(format); }

template <int kRows, int kTokens>
__device__ __forceinline__ void add_products(const Matrix& w, const RowsOfX& x, bool rounds, size_t first_row, uint32_t n_rows,
                                             float (&sums)[kRows * kTokens], float (&squares)[kTokens]) {
  if (is_rounded(w.format, rounds)) add_rounded<kRows, kTokens>(w, x, first_row, n_rows, sums);
  else add_plain<kRows, kTokens>(w, x, first_row, n_rows, sums, squares);
}

template <int n>
__device__ __forceinline__ void clear(float (&values)[n]) {
#pragma unroll
  for (int k = 0; k < n; ++k) values[k] = 0.0f;
}

// What rows are multiplied by behind a norm, for token t: 1 / sqrt(mean(x²) + eps). Of rounded rows round() has found it; of others the warp has on
// its way through x. All lanes take part.
template <int kTokens>
__device__ __forceinline__ float scale_of_norm(bool is_rounded, float own_scale, const RowsOfX& x, float (&squares)[kTokens], unsigned t, float eps) {
  if (is_rounded) {
    if (kTokens == 1) return own_scale;
    return __uint_as_float(x.rounded[least_of(t, x.n - 1u) * x.rounded_stride + x.n_in / kBlockOfX * kRoundedWords]);
  }
  const float of_lane = reduce<kTokens>(squares);
  const float sum = __shfl_sync(kAllLanes, of_lane, static_cast<int>(t * (kWarp / kTokens)));
  return 1.0f / sqrtf(sum / static_cast<float>(x.n_in) + eps);
}

__global__ void __launch_bounds__(kWidth) round(const Round p, const Part part) {
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t row = part.first_block + blockIdx.x;
  const float* const x = p.x + row / p.n_heads * p.stride + row % p.n_heads * p.head_stride;
  uint32_t* const y = p.y + size_t{row} * (p.n_in / kBlockOfX * kRoundedWords + 1u);
  const float squares = round_row(x, p.norm, p.n_in, y);
  if (!p.norm) return;
  const float scale = 1.0f / sqrtf(block_sum(squares, partials_of(words)) / static_cast<float>(p.n_in) + p.eps);
  if (threadIdx.x == 0) y[p.n_in / kBlockOfX * kRoundedWords] = __float_as_uint(scale);
  if (!p.normed) return;
  for (uint32_t i = threadIdx.x; i < p.n_in; i += kWidth) p.normed[size_t{row} * p.n_in + i] = x[i] * p.norm[i] * scale;
}

template <int kTokens>
__global__ void __launch_bounds__(kWidth, blocks_at_once(kTokens)) matmul(const Matmul p, const Part part) {
  constexpr int kRows = rows_of_one<kTokens>();
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x, n_tiles = (p.n_tokens + kTokens - 1) / kTokens;
  const uint32_t n_groups = (p.n_out + kWarps * kRows - 1) / (kWarps * kRows);
  const uint32_t t0 = block % n_tiles * kTokens, group = block / n_tiles % n_groups, head = block / n_tiles / n_groups;
  RowsOfX x;
  x.x = p.x + t0 * p.x_stride + head * p.x_head_stride;
  x.stride = p.x_stride;
  x.n = least_of(kTokens, p.n_tokens - t0);
  x.n_in = p.n_in;
  const uint32_t row_words = p.n_in / kBlockOfX * kRoundedWords + 1u;
  if (p.rounded) {
    x.rounded = p.rounded + (size_t{t0} * p.x_heads + (p.x_heads > 1u ? head : 0u)) * row_words;
    x.rounded_stride = size_t{p.x_heads} * row_words;
  } else if (kTokens == 1 && is_rounded(p.w.format, p.rounds)) {
    round_row(x.x, nullptr, p.n_in, words + kRowWords);
    __syncthreads();
    x.rounded = words + kRowWords;
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRows;
  if (o0 < p.n_out) {
    const uint32_t n_rows = least_of(kRows, p.n_out - o0);
    float sums[kRows * kTokens], squares[kTokens];
    clear(sums);
    add_products<kRows, kTokens>(p.w, x, p.rounds, size_t{head} * p.head_rows + o0, n_rows, sums, squares);
    float product = reduce<kRows * kTokens>(sums);
    const uint32_t k = sum_of_lane<kRows * kTokens>(), t = t0 + k % kTokens, o = o0 + k / kTokens;
    if (is_first_of_sum<kRows * kTokens>() && t < p.n_tokens && o < p.n_out) {
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
  constexpr int kRows = rows_of_one<kTokens>();
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x, n_tiles = (p.n_tokens + kTokens - 1) / kTokens, t0 = block % n_tiles * kTokens;
  uint32_t group = block / n_tiles;
  const bool is_first = group == 0u;
  unsigned m = 0;
  for (; m < 2u; ++m) {
    const uint32_t n_groups = (p.n_out[m] + kWarps * kRows - 1) / (kWarps * kRows);
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
    x.rounded_stride = p.n_in / kBlockOfX * kRoundedWords + 1u;
    x.rounded = p.rounded + t0 * x.rounded_stride;
  } else if (kTokens == 1 && rounded) {
    const float squares = round_row(x.x, p.norm, p.n_in, words + kRowWords);
    own_scale = 1.0f / sqrtf(block_sum(squares, partials_of(words)) / static_cast<float>(p.n_in) + p.eps);
    x.rounded = words + kRowWords;
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRows;
  const bool has_rows = o0 < n_out, norms = is_first && p.normed;
  if (!has_rows && !norms) return;
  float sums[kRows * kTokens], squares[kTokens];
  clear(sums);
  clear(squares);
  add_products<kRows, kTokens>(w, x, p.rounds, o0, has_rows ? least_of(kRows, n_out - o0) : 0u, sums, squares);
  const float total = reduce<kRows * kTokens>(sums);
  const uint32_t k = sum_of_lane<kRows * kTokens>(), t = t0 + k % kTokens, o = o0 + k / kTokens;
  const float scale = scale_of_norm<kTokens>(rounded, own_scale, x, squares, k % kTokens, p.eps);
  if (has_rows && is_first_of_sum<kRows * kTokens>() && t < p.n_tokens && o < n_out) {
    const float product = total * scale;
    p.y[m][size_t{t} * n_out + o] = p.bias[m] ? product + p.bias[m][o] : product;
  }
  if (!norms) return;
  // The warps share the rows; lane r * kTokens + t of each has the scale of token t.
  for (uint32_t row = 0; row < x.n; ++row) {
    const float of_row = __shfl_sync(kAllLanes, scale, static_cast<int>(row * (kWarp / (kRows * kTokens))));
    for (uint32_t i = threadIdx.x; i < p.n_in; i += kWidth) {
      p.normed[size_t{t0 + row} * p.n_in + i] = x.x[row * x.stride + i] * p.norm[i] * of_row;
    }
  }
}

template <int kTokens>
__global__ void __launch_bounds__(kWidth, blocks_at_once(kTokens)) norm_glu_matmul(const NormGluMatmul p, const Part part) {
  constexpr int kRows = rows_of_two<kTokens>();
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
    x.rounded_stride = p.n_in / kBlockOfX * kRoundedWords + 1u;
    x.rounded = p.rounded + t0 * x.rounded_stride;
  } else if (kTokens == 1 && (gate_rounded || up_rounded)) {
    const float squares = round_row(x.x, p.norm, p.n_in, words + kRowWords);
    own_scale = 1.0f / sqrtf(block_sum(squares, partials_of(words)) / static_cast<float>(p.n_in) + p.eps);
    x.rounded = words + kRowWords;
  }
  const uint32_t o0 = (block / n_tiles * kWarps + warp_of_block()) * kRows;
  if (o0 >= p.n_out) return;
  const uint32_t n_rows = least_of(kRows, p.n_out - o0);
  float gates[kRows * kTokens], ups[kRows * kTokens], gate_squares[kTokens], up_squares[kTokens];
  clear(gates);
  clear(ups);
  clear(gate_squares);
  clear(up_squares);
  add_products<kRows, kTokens>(p.gate, x, p.rounds, o0, n_rows, gates, gate_squares);
  add_products<kRows, kTokens>(p.up, x, p.rounds, o0, n_rows, ups, up_squares);
  const float of_gate = reduce<kRows * kTokens>(gates), of_up = reduce<kRows * kTokens>(ups);
  const uint32_t k = sum_of_lane<kRows * kTokens>(), t = t0 + k % kTokens, o = o0 + k / kTokens;
  const float gate_scale = scale_of_norm<kTokens>(gate_rounded, own_scale, x, gate_squares, k % kTokens, p.eps);
  const float up_scale = scale_of_norm<kTokens>(up_rounded, own_scale, x, up_squares, k % kTokens, p.eps);
  if (is_first_of_sum<kRows * kTokens>() && t < p.n_tokens && o < p.n_out) {
    p.y[size_t{t} * p.n_out + o] = silu_of(of_gate * gate_scale) * (of_up * up_scale);
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
  constexpr int kRows = rows_of_two<1>();
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x;
  const uint32_t of_expert = (p.hidden_dim + kWarps * kRows - 1) / (kWarps * kRows),
                 of_shared = (p.shared_dim + kWarps * kRows - 1) / (kWarps * kRows);
  const uint32_t of_token = p.k * of_expert + of_shared, t = block / of_token, in_token = block % of_token;
  const bool is_shared = in_token >= p.k * of_expert;
  const uint32_t place = is_shared ? p.k : in_token / of_expert, group = in_token - place * of_expert,
                 n_out = is_shared ? p.shared_dim : p.hidden_dim;
  Matrix gate = p.pattern, up = p.pattern;
  if (is_shared) {
    gate = p.shared_gate;
    up = p.shared_up;
  } else {
    const int32_t id = p.ids[t * p.k + place];
    if (id < 0) {  // computed elsewhere; what rounds the row reads zeros
      const uint32_t o = group * kWarps * kRows + threadIdx.x;
      if (threadIdx.x < kWarps * kRows && o < n_out) p.hidden[size_t{t} * (p.k * p.hidden_dim + p.shared_dim) + place * p.hidden_dim + o] = 0.0f;
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
    x.rounded = p.rounded + size_t{t} * (p.dim / kBlockOfX * kRoundedWords + 1u);
  } else if (is_rounded(gate.format, p.rounds) || is_rounded(up.format, p.rounds)) {
    round_row(x.x, nullptr, p.dim, words + kRowWords);
    __syncthreads();
    x.rounded = words + kRowWords;
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRows;
  if (o0 >= n_out) return;
  const uint32_t n_rows = least_of(kRows, n_out - o0);
  float sums[2 * kRows], gates[kRows], ups[kRows], squares[1];
  clear(gates);
  clear(ups);
  add_products<kRows, 1>(gate, x, p.rounds, o0, n_rows, gates, squares);
  add_products<kRows, 1>(up, x, p.rounds, o0, n_rows, ups, squares);
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    sums[2 * r] = gates[r];
    sums[2 * r + 1] = ups[r];
  }
  const float total = reduce<2 * kRows>(sums);
  const uint32_t r = sum_of_lane<2 * kRows>() / 2u;
  const float of_up = __shfl_xor_sync(kAllLanes, total, static_cast<int>(kWarp / (2 * kRows)));
  if (sum_of_lane<2 * kRows>() % 2u == 0u && is_first_of_sum<2 * kRows>() && r < n_rows) {
    p.hidden[size_t{t} * (p.k * p.hidden_dim + p.shared_dim) + place * p.hidden_dim + o0 + r] = silu_of(total) * of_up;
  }
}

// A block has some outputs of a token.
__global__ void __launch_bounds__(kWidth, blocks_at_once(1)) experts_out(const ExpertsOut p, const Part part) {
  constexpr int kRows = rows_of_one<1>();
  PIO_SHARED_ARRAY(uint32_t, words);
  if (is_stopped(part.stop, words + kStopWord)) return;
  const uint32_t block = part.first_block + blockIdx.x, n_groups = (p.dim + kWarps * kRows - 1) / (kWarps * kRows);
  const uint32_t group = block % n_groups, t = block / n_groups, of_token = p.k * p.hidden_dim + p.shared_dim;
  const float* const hidden = p.hidden + size_t{t} * of_token;
  const bool any_rounded = is_rounded(p.pattern.format, p.rounds) || (p.shared_dim > 0u && is_rounded(p.shared_down.format, p.rounds));
  const uint32_t* rounded = p.rounded ? p.rounded + size_t{t} * (of_token / kBlockOfX * kRoundedWords + 1u) : words + kRowWords;
  if (!p.rounded && any_rounded) {
    round_row(hidden, nullptr, of_token, words + kRowWords);
    __syncthreads();
  }
  const uint32_t o0 = (group * kWarps + warp_of_block()) * kRows;
  if (o0 >= p.dim) return;
  const uint32_t n_rows = least_of(kRows, p.dim - o0), r = sum_of_lane<kRows>();
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
    x.rounded = rounded + j * p.hidden_dim / kBlockOfX * kRoundedWords;
    x.n = 1;
    x.n_in = is_shared ? p.shared_dim : p.hidden_dim;
    float sums[kRows];
    clear(sums);
    add_products<kRows, 1>(down, x, p.rounds, o0, n_rows, sums, squares);
    const float total = reduce<kRows>(sums);
    output = output + (is_shared ? total : p.weights[t * p.k + j] * total);  // rounded before it is added, as sum_rows does
  }
  if (is_first_of_sum<kRows>() && r < n_rows) {
    float* const y = p.y + size_t{t} * p.dim + o0 + r;
    *y = p.adds ? *y + output : output;
  }
}

}  // namespace

void launch_round(const Round& p, const Part& part, cudaStream_t stream) {
  PIO_LAUNCH(round, part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
}

uint32_t blocks_of(const Matmul& p) {
  return p.n_heads * groups_of(p.n_out, rows_of_one<1>()) * (is_alone(p.n_tokens, p.rounded) ? 1 : tiles_of(p.n_tokens));
}
void launch_matmul(const Matmul& p, const Part& part, cudaStream_t stream) {
  if (is_alone(p.n_tokens, p.rounded)) {
    PIO_LAUNCH((matmul<1>), part.n_blocks, kWidth, shared_bytes(p.rounds && has_codes(p.w.format) ? p.n_in : 0), stream, p, part);
  } else {
    PIO_LAUNCH((matmul<kTokensOfABlock>), part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
  }
}

uint32_t blocks_of(const NormMatmul& p) {
  uint32_t n = 0;
  for (const uint32_t n_out : p.n_out) n += groups_of(n_out, rows_of_one<1>());
  return n * (is_alone(p.n_tokens, p.rounded) ? 1 : tiles_of(p.n_tokens));
}
void launch_norm_matmul(const NormMatmul& p, const Part& part, cudaStream_t stream) {
  if (is_alone(p.n_tokens, p.rounded)) {
    PIO_LAUNCH((norm_matmul<1>), part.n_blocks, kWidth, shared_bytes(p.rounds ? p.n_in : 0), stream, p, part);
  } else {
    PIO_LAUNCH((norm_matmul<kTokensOfABlock>), part.n_blocks, kWidth, shared_bytes(0), stream, p, part);
  }
}

uint32_t blocks_of(const NormGluMatmul& p) {
  if (is_alone(p.n_tokens, p.rounded)) return groups_of(p.n_out, rows_of_two<1>());
  return groups_of(p.n_out, rows_of_two<kTokensOfABlock>()) * tiles_of(p.n_tokens);
}
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

uint32_t blocks_of(const ExpertsIn& p) {
  return p.n_tokens * (p.k * groups_of(p.hidden_dim, rows_of_two<1>()) + groups_of(p.shared_dim, rows_of_two<1>()));
}
void launch_experts_in(const ExpertsIn& p, const Part& part, cudaStream_t stream) {
  PIO_LAUNCH(experts_in, part.n_blocks, kWidth, shared_bytes(p.rounds && !p.rounded ? p.dim : 0), stream, p, part);
}

uint32_t blocks_of(const ExpertsOut& p) { return p.n_tokens * groups_of(p.dim, rows_of_one<1>()); }
void launch_experts_out(const ExpertsOut& p, const Part& part, cudaStream_t stream) {
  PIO_LAUNCH(experts_out, part.n_blocks, kWidth, shared_bytes(p.rounds && !p.rounded ? p.k * p.hidden_dim + p.shared_dim : 0), stream, p, part);
}

}  // namespace pio::cuda
