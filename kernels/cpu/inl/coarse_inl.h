// The product of many tokens with coarse weights in 16-bit integers, where that is faster than in 8 bits. Included inside the anonymous namespace
// of an instruction set's file, after pairs_inl.h.
//
// Order of sums: a row's sum starts at its bias and takes the groups of kPairsDepth inputs one after the other.

constexpr int kPairsDepth = 128;   // inputs that share a scale
constexpr int kShortSteps = 4095;  // of the largest of them: 4,095² * 128 fits 31 bits
constexpr int kShortLanes = kPairVecs * kLanes;

// A row of n inputs as shorts, a multiple of 32 of them, zeros behind; a scale for each group.
void round_shorts(const float* x, int64_t n, int16_t* q, float* scales) {
  for (int64_t done = 0; done < n; done += kPairsDepth) {
    const int here = static_cast<int>(n - done < kPairsDepth ? n - done : kPairsDepth);
    const float largest = largest_magnitude(x + done, here);
    round_to_shorts(x + done, here, round_up_to(here, 32), inverse_of(largest, kShortSteps), q + done);
    scales[done / kPairsDepth] = largest / kShortSteps;
  }
}

// kShortLanes rows side by side: for each two inputs two numbers a row, for each group a scale a row. `rows` are q_stride shorts and
// scale_stride floats apart.
void pack_shorts(const int16_t* q, size_t q_stride, const float* scales, size_t scale_stride, int64_t n_in, int16_t* out, float* out_scales) {
  for (int64_t i = 0; i < (n_in + 1) / 2; ++i)
    for (int r = 0; r < kShortLanes; ++r) memcpy(out + (i * kShortLanes + r) * 2, q + r * q_stride + 2 * i, 4);
  for (int64_t g = 0; g < (n_in + kPairsDepth - 1) / kPairsDepth; ++g)
    for (int r = 0; r < kShortLanes; ++r) out_scales[g * kShortLanes + r] = scales[r * scale_stride + g];
}

// y[t][r] = bias[r] + row t of x · packed row r, for t < n_tokens and r < n_rows. Rows of x and of its scales up to a multiple of kPairRows
// are there.
void gemm_shorts(const int16_t* w, const float* w_scales, const int16_t* x, size_t x_stride, const float* x_scales, size_t x_scale_stride,
                 int64_t n_in, const float* bias, int64_t n_tokens, int n_rows, float* y, size_t y_stride) {
  alignas(64) int32_t products[kPairRows * kShortLanes];
  for (int64_t t = 0; t < n_tokens; t += kPairRows) {
    Vec sum[kPairRows][kPairVecs];
    for (int r = 0; r < kPairRows; ++r)
      for (int v = 0; v < kPairVecs; ++v) sum[r][v] = vec_load(bias + v * kLanes);
    for (int64_t done = 0; done < n_in; done += kPairsDepth) {
      const int64_t here = n_in - done < kPairsDepth ? n_in - done : kPairsDepth, group = done / kPairsDepth;
      sum_pairs<kPairVecs>(x + t * x_stride + done, x_stride, w + done * kShortLanes, 2 * kShortLanes, static_cast<int>((here + 1) / 2), products);
      for (int r = 0; r < kPairRows; ++r) {
        const Vec scale = vec_set(x_scales[(t + r) * x_scale_stride + group]);
        for (int v = 0; v < kPairVecs; ++v) {
          const Vec product = int_to_float(load_ints(products + (r * kPairVecs + v) * kLanes));
          sum[r][v] = vec_fma(product, scale * vec_load(w_scales + group * kShortLanes + v * kLanes), sum[r][v]);
        }
      }
    }
    for (int r = 0; r < kPairRows && t + r < n_tokens; ++r) {
      for (int v = 0; v < kPairVecs && v * kLanes < n_rows; ++v) {
        float* const at = y + (t + r) * y_stride + v * kLanes;
        if (n_rows >= (v + 1) * kLanes) vec_store(at, sum[r][v]);
        else vec_store_n(at, sum[r][v], n_rows - v * kLanes);
      }
    }
  }
}
