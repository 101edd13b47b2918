// Products of floats that are rounded to bf16. Included inside the anonymous namespace of an instruction set's file, after attention_inl.h.
//
// vdpbf16ps adds two neighbouring products to a float32: twice as many as float32 has itself. So rows of the right side are multiplied in pairs.
// What is multiplied is rounded to 8 bits, each number by itself; sums are not, and run over rising pairs, however many rows there are.

#define PIO_BF16 __attribute__((target("avx512bf16")))

// Word 2 i of the result: first[i], the other one second[i].
PIO_BF16 inline __attribute__((always_inline)) __m512i bf16_pairs(Vec first, Vec second) {
  const __m512i order = _mm512_setr_epi32(0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007, 0x180008, 0x190009,
                                          0x1a000a, 0x1b000b, 0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f);
  return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

// n floats as bf16 in their order, zeros up to whole 32.
PIO_BF16 inline void round_to_bf16(const float* x, int n, uint32_t* out) {
  for (int i = 0; i < n; i += 32, out += 16) {
    const auto load = [&](int at) { return at + 16 <= n ? vec_load(x + at) : at < n ? vec_load_n(x + at, n - at) : vec_set(0); };
    const Vec low = load(i), high = load(i + 16);
    _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

// 16 columns of pair i of n rows that are `stride` apart: of rows of floats or halves, or of pairs that were made of them.
PIO_BF16 inline __attribute__((always_inline)) __m512i pair_of(const uint32_t* pairs, size_t stride, int i, int, int column) {
  return _mm512_loadu_si512(pairs + i * stride + column);
}
template <class Number>
PIO_BF16 inline __attribute__((always_inline)) __m512i pair_of(const Number* rows, size_t stride, int i, int n, int column) {
  const Number* const row = rows + 2 * i * stride + column;
  return bf16_pairs(load_lanes(row), 2 * i + 1 < n ? load_lanes(row + stride) : vec_set(0));
}

// out [(n + 1) / 2][n_columns] pairs of n rows, n_columns a multiple of 16. May begin where the rows do.
template <class Number>
PIO_BF16 void make_pairs(const Number* rows, int n, int n_columns, uint32_t* out) {
  for (int i = 0; 2 * i < n; ++i)
    for (int c = 0; c < n_columns; c += kLanes)
      _mm512_storeu_si512(out + static_cast<size_t>(i) * n_columns + c, pair_of(rows, static_cast<size_t>(n_columns), i, n, c));
}

// c[kRows][32] (+)= a[kRows][n] · b[n][32], a as pairs. What lies `ahead` bytes behind b is fetched meanwhile, unless that is 0.
template <int kRows, bool kAdd, class B>
PIO_BF16 void bf16_panel(const uint32_t* a, size_t a_stride, const B* b, size_t b_stride, int n, float* c, size_t c_stride, ptrdiff_t ahead) {
  __m512 sum[kRows][kCellVecs];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kCellVecs; ++v) sum[r][v] = kAdd ? vec_load(c + r * c_stride + v * kLanes) : vec_set(0);
  for (int i = 0; 2 * i < n; ++i) {
    if (ahead != 0) {
      const char* const next = reinterpret_cast<const char*>(b + 2 * i * b_stride) + ahead;
      for (size_t line = 0; line < 2 * kCells * sizeof(B); line += 64) prefetch_far(next + line);
    }
    __m512i bv[kCellVecs];
#pragma GCC unroll 2
    for (int v = 0; v < kCellVecs; ++v) bv[v] = pair_of(b, b_stride, i, n, v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512i av = _mm512_set1_epi32(static_cast<int32_t>(a[r * a_stride + i]));
#pragma GCC unroll 2
      for (int v = 0; v < kCellVecs; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], (__m512bh)av, (__m512bh)bv[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kCellVecs; ++v) vec_store(c + r * c_stride + v * kLanes, sum[r][v]);
}

template <bool kAdd, int kRows = kPanelRows, class B>
inline void bf16_panels(const uint32_t* a, size_t a_stride, int n_rows, const B* b, size_t b_stride, int n, float* c, size_t c_stride,
                        ptrdiff_t ahead) {
  int r = 0;
  for (; r + kRows <= n_rows; r += kRows, ahead = 0)
    bf16_panel<kRows, kAdd>(a + r * a_stride, a_stride, b, b_stride, n, c + r * c_stride, c_stride, ahead);
  if constexpr (kRows > 1) {
    if (r < n_rows) bf16_panels<kAdd, kRows / 2>(a + r * a_stride, a_stride, n_rows - r, b, b_stride, n, c + r * c_stride, c_stride, ahead);
  }
}

// y[t][o] (+)= sum over i < n_in of x[t][i] * w[i][o], o < n_columns, a multiple of 32; x and w as pairs.
template <bool kAdd>
void multiply_bf16(const uint32_t* w, int64_t n_in, int64_t n_columns, const uint32_t* x, size_t x_stride, int64_t n_tokens, float* y,
                   size_t y_stride) {
  for (int64_t o = 0; o < n_columns; o += kCells)
    bf16_panels<kAdd>(x, x_stride, static_cast<int>(n_tokens), w + o, static_cast<size_t>(n_columns), static_cast<int>(n_in), y + o, y_stride, 0);
}

void matmul_bf16_transposed(const uint32_t* w, int64_t n_in, int64_t n_columns, const uint32_t* x, size_t x_stride, int64_t n_tokens, bool adds,
                            float* y, size_t y_stride) {
  if (adds) multiply_bf16<true>(w, n_in, n_columns, x, x_stride, n_tokens, y, y_stride);
  else multiply_bf16<false>(w, n_in, n_columns, x, x_stride, n_tokens, y, y_stride);
}

void pair_bf16(const float* rows, int64_t n, int64_t n_columns, uint32_t* out) {
  make_pairs(rows, static_cast<int>(n), static_cast<int>(n_columns), out);
}

void round_bf16(const float* x, int64_t n, uint32_t* out) { round_to_bf16(x, static_cast<int>(n), out); }

// ---- rows of weights in bf16, as they lie -------------------------------------------------------------------------------------------

// kRows rows times kTokens tokens. Of each sum 16 parts rise over blocks of 32 inputs and are added at the end, however many rows and tokens there are.
// vdpbf16ps takes numbers below 2^-126 for 0.
template <int kRows, int kTokens>
PIO_BF16 inline void dot_bf16(const uint8_t* w, size_t row_bytes, int64_t n_in, const uint32_t* x, size_t x_stride, const float* bias, float* y,
                              size_t y_stride) {
  __m512 sum[kRows][kTokens];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 6
    for (int t = 0; t < kTokens; ++t) sum[r][t] = vec_set(0);
  const auto add = [&](int64_t i, __mmask32 inputs) __attribute__((always_inline, target("avx512bf16"))) {
    __m512i rows[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) rows[r] = _mm512_maskz_loadu_epi16(inputs, w + r * row_bytes + 2 * i);
#pragma GCC unroll 6
    for (int t = 0; t < kTokens; ++t) {
      const __m512i token = _mm512_loadu_si512(x + t * x_stride + i / 2);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) sum[r][t] = _mm512_dpbf16_ps(sum[r][t], (__m512bh)rows[r], (__m512bh)token);
    }
  };
  int64_t i = 0;
  for (; i + 32 <= n_in; i += 32) add(i, 0xffffffff);
  if (i < n_in) add(i, (uint32_t{1} << (n_in - i)) - 1);
#pragma GCC unroll 6
  for (int t = 0; t < kTokens; ++t)
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) y[t * y_stride + r] = vec_sum(sum[r][t]) + (bias ? bias[r] : 0.0f);
}

// All rows times kTokens tokens: as many sums at once as registers hold.
template <int kTokens>
inline void dot_rows_bf16(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const uint32_t* x, size_t x_stride, const float* bias,
                          float* y, size_t y_stride) {
  constexpr int kRows = kTokens == 1 ? 8 : 4;
  int64_t r = 0;
  for (; r + kRows <= n_rows; r += kRows)
    dot_bf16<kRows, kTokens>(w + r * row_bytes, row_bytes, n_in, x, x_stride, bias ? bias + r : bias, y + r, y_stride);
  for (; r < n_rows; ++r) dot_bf16<1, kTokens>(w + r * row_bytes, row_bytes, n_in, x, x_stride, bias ? bias + r : bias, y + r, y_stride);
}

void gemm_bf16(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const uint32_t* x, size_t x_stride, int64_t n_tokens,
               const float* bias, float* y, size_t y_stride) {
  int64_t t = 0;
  for (; t + 6 <= n_tokens; t += 6) dot_rows_bf16<6>(w, row_bytes, n_rows, n_in, x + t * x_stride, x_stride, bias, y + t * y_stride, y_stride);
  for (; t + 2 <= n_tokens; t += 2) dot_rows_bf16<2>(w, row_bytes, n_rows, n_in, x + t * x_stride, x_stride, bias, y + t * y_stride, y_stride);
  if (t < n_tokens) dot_rows_bf16<1>(w, row_bytes, n_rows, n_in, x + t * x_stride, x_stride, bias, y + t * y_stride, y_stride);
}
