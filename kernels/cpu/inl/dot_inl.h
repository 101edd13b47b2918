// Products with one token, and the decoders. Included inside the anonymous namespace of an instruction set's file, after formats_inl.h.

// Numbers whose scales are held at once: a multiple of every block length, small enough for the scales to stay in the nearest cache.
constexpr int kRun = 2048;

template <class F>
void decode(const uint8_t* p, float* values, int64_t n_values) {
  alignas(64) float scale[kRun / F::kGroup];
  alignas(64) float min[kRun / F::kGroup];
  alignas(64) uint8_t raw[32];
  for (int64_t done = 0; done < n_values; done += kRun) {
    const int n = static_cast<int>(n_values - done < kRun ? n_values - done : kRun);
    const int n_blocks = n / F::kBlock;
    F::scales(p, n_blocks, scale, min);
    for (int b = 0; b < n_blocks; ++b, p += F::kBytes) {
      for (int i = 0; i < F::kBlock / 32; ++i, values += 32) {
        bytes_store(raw, F::quants(p, i));
        for (int j = 0; j < 32; j += 8) {
          const int group = (b * F::kBlock + i * 32 + j) / F::kGroup;
          const Float8 q = F::kSigned ? f8_from_s8(raw + j) : f8_from_u8(raw + j);
          // offsets are powers of two, so the one rounding is that of scale * (q - offset)
          const Float8 m = f8_set(F::kMins ? min[group] : -F::kOffset * scale[group]);
          f8_store(values + j, f8_fma(f8_set(scale[group]), q, m));
        }
      }
    }
  }
}

template <class F>
inline Float8 run_product(const uint8_t* block, int i, const int8_t* a) {
  if constexpr (F::kSigned) return f8_dot_signed(F::quants(block, i), bytes_load(a));
  else return f8_dot_unsigned(F::quants(block, i), bytes_load(a));
}

template <class F>
inline Float8 run_scale(const float* scale, int run) {
  if constexpr (F::kGroup == 32) return f8_set(scale[run]);
  else return f8_two(scale + 2 * run);
}

// y[r] = sum over groups of scale_w * scale_a * (raw · q), and min_w * s_a or -offset * scale_w * s_a for the constant parts. The scales
// of a row come first, eight at a time; the integer products follow and read them one by one.
template <class F>
void gemv(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const Q8Row& a, float* y) {
  alignas(64) float scale[kRun / F::kGroup];
  alignas(64) float min[kRun / F::kGroup];
  const float* const a_d = F::kGroup == 32 ? a.d32 : a.d16;
  const float* const a_s = F::kGroup == 32 ? a.s32 : a.s16;
  constexpr int kRuns = F::kBlock / 32;
  for (int64_t r = 0; r < n_rows; ++r) {
    const uint8_t* p = w + r * row_bytes;
    Float8 sum0 = f8_set(0), sum1 = sum0, sum2 = sum0, sum3 = sum0, constant = sum0;
    for (int64_t done = 0; done < n_in; done += kRun) {
      const int n = static_cast<int>(n_in - done < kRun ? n_in - done : kRun);
      const int n_blocks = n / F::kBlock;
      F::scales(p, n_blocks, scale, min);
      const int64_t group0 = done / F::kGroup;
      for (int g = 0; g < n / F::kGroup; g += 8) {
        const Float8 s = f8_load(scale + g);
        if constexpr (F::kMins) constant = f8_fma(f8_load(min + g), f8_load(a_s + group0 + g), constant);
        if constexpr (F::kOffset != 0) constant = f8_fma(s, f8_load(a_s + group0 + g), constant);
        f8_store(scale + g, s * f8_load(a_d + group0 + g));
      }
      const int8_t* q = a.q + done;
      if constexpr (kRuns == 1) {
        int b = 0;
        for (; b + 4 <= n_blocks; b += 4, p += 4 * F::kBytes, q += 128) {
          prefetch(p + 2048);
          if constexpr (4 * F::kBytes > 64) prefetch(p + 2048 + 64);
          sum0 = f8_fma(run_product<F>(p, 0, q), run_scale<F>(scale, b), sum0);
          sum1 = f8_fma(run_product<F>(p + F::kBytes, 0, q + 32), run_scale<F>(scale, b + 1), sum1);
          sum2 = f8_fma(run_product<F>(p + 2 * F::kBytes, 0, q + 64), run_scale<F>(scale, b + 2), sum2);
          sum3 = f8_fma(run_product<F>(p + 3 * F::kBytes, 0, q + 96), run_scale<F>(scale, b + 3), sum3);
        }
        for (; b < n_blocks; ++b, p += F::kBytes, q += 32) sum0 = f8_fma(run_product<F>(p, 0, q), run_scale<F>(scale, b), sum0);
      } else {
        for (int b = 0; b < n_blocks; ++b, p += F::kBytes, q += 256) {
          const float* s = scale + b * (256 / F::kGroup);
          for (int line = 0; line < F::kBytes; line += 64) prefetch(p + 2048 + line);
          sum0 = f8_fma(run_product<F>(p, 0, q), run_scale<F>(s, 0), sum0);
          sum1 = f8_fma(run_product<F>(p, 1, q + 32), run_scale<F>(s, 1), sum1);
          sum2 = f8_fma(run_product<F>(p, 2, q + 64), run_scale<F>(s, 2), sum2);
          sum3 = f8_fma(run_product<F>(p, 3, q + 96), run_scale<F>(s, 3), sum3);
          sum0 = f8_fma(run_product<F>(p, 4, q + 128), run_scale<F>(s, 4), sum0);
          sum1 = f8_fma(run_product<F>(p, 5, q + 160), run_scale<F>(s, 5), sum1);
          sum2 = f8_fma(run_product<F>(p, 6, q + 192), run_scale<F>(s, 6), sum2);
          sum3 = f8_fma(run_product<F>(p, 7, q + 224), run_scale<F>(s, 7), sum3);
        }
      }
    }
    Float8 sum = (sum0 + sum1) + (sum2 + sum3);
    if constexpr (F::kMins) sum = sum + constant;
    if constexpr (F::kOffset != 0) sum = f8_fma(f8_set(-F::kOffset), constant, sum);
    y[r] = f8_sum(sum);
  }
}

void quantize_q8(const float* x, int64_t n, const Q8Row& out) {
  const int64_t n_blocks = n / 32;
  for (int64_t b = 0; b < n_blocks; ++b) {
    const Float8 x0 = f8_load(x + 32 * b), x1 = f8_load(x + 32 * b + 8), x2 = f8_load(x + 32 * b + 16), x3 = f8_load(x + 32 * b + 24);
    const float largest = f8_largest_magnitude(x0, x1, x2, x3);
    const float d = largest / 127.0f;
    // An infinite or subnormal scale has no inverse to multiply with: such a block becomes d * 0, NaN where the input is not finite.
    const float inverse = largest > 1e-36f ? 127.0f / largest : 0.0f;
    int sum_low, sum_high;
    bytes_store(reinterpret_cast<uint8_t*>(out.q + 32 * b), f8_round_to_bytes(x0, x1, x2, x3, inverse, &sum_low, &sum_high));
    out.d32[b] = d;
    out.d16[2 * b] = out.d16[2 * b + 1] = d;
    out.sum16[2 * b] = sum_low;
    out.sum16[2 * b + 1] = sum_high;
    out.s32[b] = d * static_cast<float>(sum_low + sum_high);
    out.s16[2 * b] = d * static_cast<float>(sum_low);
    out.s16[2 * b + 1] = d * static_cast<float>(sum_high);
  }
  for (int64_t b = n_blocks; b % 16 != 0; ++b) out.d32[b] = out.s32[b] = 0;
  for (int64_t b = 2 * n_blocks; b % 16 != 0; ++b) {
    out.d16[b] = out.s16[b] = 0;
    out.sum16[b] = 0;
  }
}

// ---- float32 weights -----------------------------------------------------------------------------------------------------------------

// kRows rows of weights times kTokens tokens, all sums in registers.
template <int kRows, int kTokens>
inline void matmul_f32_tile(const float* w, size_t w_stride, const float* x, size_t x_stride, int64_t n_in, const float* bias, float* y,
                            size_t y_stride) {
  Vec sum[kRows][kTokens];
  for (int r = 0; r < kRows; ++r)
    for (int t = 0; t < kTokens; ++t) sum[r][t] = vec_set(0);
  int64_t i = 0;
  for (; i + kLanes <= n_in; i += kLanes) {
    Vec xv[kTokens];
    for (int t = 0; t < kTokens; ++t) xv[t] = vec_load(x + t * x_stride + i);
    for (int r = 0; r < kRows; ++r) {
      const Vec wv = vec_load(w + r * w_stride + i);
      for (int t = 0; t < kTokens; ++t) sum[r][t] = vec_fma(wv, xv[t], sum[r][t]);
    }
  }
  if (i < n_in) {
    const int rest = static_cast<int>(n_in - i);
    for (int r = 0; r < kRows; ++r) {
      const Vec wv = vec_load_n(w + r * w_stride + i, rest);
      for (int t = 0; t < kTokens; ++t) sum[r][t] = vec_fma(wv, vec_load_n(x + t * x_stride + i, rest), sum[r][t]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int t = 0; t < kTokens; ++t) y[t * y_stride + r] = vec_sum(sum[r][t]) + (bias ? bias[r] : 0.0f);
}

void matmul_f32(const float* w, size_t w_stride, int64_t n_rows, const float* x, size_t x_stride, int64_t n_tokens, int64_t n_in,
                const float* bias, float* y, size_t y_stride) {
  for (int64_t t = 0; t < n_tokens;) {
    const float* xt = x + t * x_stride;
    float* yt = y + t * y_stride;
    const int64_t left = n_tokens - t;
    int64_t r = 0;
    if (left >= kMatmulTokens) {
      for (; r + 4 <= n_rows; r += 4) matmul_f32_tile<4, kMatmulTokens>(w + r * w_stride, w_stride, xt, x_stride, n_in, bias ? bias + r : bias, yt + r, y_stride);
      for (; r < n_rows; ++r) matmul_f32_tile<1, kMatmulTokens>(w + r * w_stride, w_stride, xt, x_stride, n_in, bias ? bias + r : bias, yt + r, y_stride);
      t += kMatmulTokens;
    } else {
      for (; r + 4 <= n_rows; r += 4) matmul_f32_tile<4, 1>(w + r * w_stride, w_stride, xt, x_stride, n_in, bias ? bias + r : bias, yt + r, y_stride);
      for (; r < n_rows; ++r) matmul_f32_tile<1, 1>(w + r * w_stride, w_stride, xt, x_stride, n_in, bias ? bias + r : bias, yt + r, y_stride);
      t += 1;
    }
  }
}

// ---- 16-bit weights ------------------------------------------------------------------------------------------------------------------

struct F16 {
  static Vec load(const uint8_t* p) { return vec_load_f16(p); }
  static float one(uint16_t bits) { return half_to_float(bits); }
};
struct BF16 {
  static Vec load(const uint8_t* p) { return vec_load_bf16(p); }
  static float one(uint16_t bits) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
  }
};

template <class F>
void decode_half(const uint8_t* bits, float* values, int64_t n_values) {
  int64_t i = 0;
  for (; i + kLanes <= n_values; i += kLanes) vec_store(values + i, F::load(bits + 2 * i));
  for (; i < n_values; ++i) values[i] = F::one(read_u16(bits + 2 * i));
}

template <class F>
void gemv_half(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const float* x, float* y) {
  for (int64_t r = 0; r < n_rows; ++r) {
    const uint8_t* p = w + r * row_bytes;
    Vec sum0 = vec_set(0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    int64_t i = 0;
    for (; i + 4 * kLanes <= n_in; i += 4 * kLanes) {
      prefetch(p + 2 * i + 2048);
      if constexpr (kLanes > 8) prefetch(p + 2 * i + 2048 + 64);
      sum0 = vec_fma(F::load(p + 2 * i), vec_load(x + i), sum0);
      sum1 = vec_fma(F::load(p + 2 * (i + kLanes)), vec_load(x + i + kLanes), sum1);
      sum2 = vec_fma(F::load(p + 2 * (i + 2 * kLanes)), vec_load(x + i + 2 * kLanes), sum2);
      sum3 = vec_fma(F::load(p + 2 * (i + 3 * kLanes)), vec_load(x + i + 3 * kLanes), sum3);
    }
    float rest = 0;
    for (; i < n_in; ++i) rest += F::one(read_u16(p + 2 * i)) * x[i];
    y[r] = vec_sum((sum0 + sum1) + (sum2 + sum3)) + rest;
  }
}

void encode_f16(const float* values, uint16_t* bits, int64_t n_values) {
  int64_t i = 0;
  for (; i + kLanes <= n_values; i += kLanes) vec_store_f16(bits + i, vec_load(values + i));
  for (; i < n_values; ++i) bits[i] = float_to_half(values[i]);
}
