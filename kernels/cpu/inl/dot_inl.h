// Decoders, activations in 8 bits, and products with float32 and 16-bit weights. Included inside the anonymous namespace of an instruction
// set's file, after formats_inl.h.

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

void quantize_q8(const float* x, int64_t n, const Q8Row& out) {
  for (int64_t i = 0; i < n; i += 32) {
    const Float8 x0 = f8_load(x + i), x1 = f8_load(x + i + 8), x2 = f8_load(x + i + 16), x3 = f8_load(x + i + 24);
    const float largest = f8_largest_magnitude(x0, x1, x2, x3);
    out.d[i / 32] = largest / 127.0f;
    // An infinite or subnormal scale has no inverse to multiply with: such a block becomes d * 0, NaN where the input is not finite.
    const float inverse = largest > 1e-36f ? 127.0f / largest : 0.0f;
    int low, high;
    bytes_store(reinterpret_cast<uint8_t*>(out.q + i), f8_round_to_bytes(x0, x1, x2, x3, inverse, &low, &high));
    out.sum16[i / 16] = low;
    out.sum16[i / 16 + 1] = high;
    out.sum32[i / 32] = static_cast<float>(low + high);
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

void matmul_f32(const float* w, size_t w_stride, int64_t n_rows, const float* x, size_t x_stride, int64_t n_tokens, int64_t n_in, const float* bias,
                float* y, size_t y_stride) {
  for (int64_t t = 0; t < n_tokens;) {
    const float* xt = x + t * x_stride;
    float* yt = y + t * y_stride;
    const int64_t left = n_tokens - t;
    int64_t r = 0;
    if (left >= kMatmulTokens) {
      for (; r + 4 <= n_rows; r += 4)
        matmul_f32_tile<4, kMatmulTokens>(w + r * w_stride, w_stride, xt, x_stride, n_in, bias ? bias + r : bias, yt + r, y_stride);
      for (; r < n_rows; ++r)
        matmul_f32_tile<1, kMatmulTokens>(w + r * w_stride, w_stride, xt, x_stride, n_in, bias ? bias + r : bias, yt + r, y_stride);
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

// kRows rows times one token, in matmul_f32_tile's order of sums.
template <class F, int kRows>
inline void gemv_half_rows(const uint8_t* w, size_t row_bytes, int64_t n_in, const float* x, const float* bias, float* y) {
  Vec sum[kRows];
  for (int r = 0; r < kRows; ++r) sum[r] = vec_set(0);
  int64_t i = 0;
  for (; i + kLanes <= n_in; i += kLanes) {
    const Vec xv = vec_load(x + i);
    for (int r = 0; r < kRows; ++r) sum[r] = vec_fma(F::load(w + r * row_bytes + 2 * i), xv, sum[r]);
  }
  if (i < n_in) {
    const int rest = static_cast<int>(n_in - i);
    const Vec xv = vec_load_n(x + i, rest);
    for (int r = 0; r < kRows; ++r) {
      uint8_t last[2 * kLanes] = {};
      memcpy(last, w + r * row_bytes + 2 * i, 2 * static_cast<size_t>(rest));
      sum[r] = vec_fma(F::load(last), xv, sum[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) y[r] = vec_sum(sum[r]) + (bias ? bias[r] : 0.0f);
}

template <class F>
void gemv_half(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const float* x, const float* bias, float* y) {
  int64_t r = 0;
  for (; r + 8 <= n_rows; r += 8) gemv_half_rows<F, 8>(w + r * row_bytes, row_bytes, n_in, x, bias ? bias + r : bias, y + r);
  for (; r < n_rows; ++r) gemv_half_rows<F, 1>(w + r * row_bytes, row_bytes, n_in, x, bias ? bias + r : bias, y + r);
}

void encode_f16(const float* values, uint16_t* bits, int64_t n_values) {
  int64_t i = 0;
  for (; i + kLanes <= n_values; i += kLanes) vec_store_f16(bits + i, vec_load(values + i));
  for (; i < n_values; ++i) bits[i] = float_to_half(values[i]);
}
