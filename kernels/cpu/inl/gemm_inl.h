// The product of many tokens: rows of weights are unpacked once into bytes that lie side by side, and multiplied with all tokens while they
// are near. Included inside the anonymous namespace of an instruction set's file, after dot_inl.h. The file defines kGemmRows,
// transpose_runs() and the inner product gemm_group().

template <class F>
void pack(const uint8_t* w, size_t row_bytes, int n_rows, int64_t n_in, const GemmWeights& out) {
  constexpr int kGroups = kRun / F::kGroup;
  alignas(64) float scale[kGemmRows][kGroups];
  alignas(64) float min[kGemmRows][F::kMins ? kGroups : 8];
  const uint8_t* rows[kGemmRows];
  for (int r = 0; r < kGemmRows; ++r) rows[r] = w + static_cast<size_t>(r < n_rows ? r : n_rows - 1) * row_bytes;
  uint8_t* quants = out.quants;
  for (int64_t done = 0; done < n_in; done += kRun) {
    const int n = static_cast<int>(n_in - done < kRun ? n_in - done : kRun);
    const int n_blocks = n / F::kBlock;
    for (int r = 0; r < kGemmRows; ++r) F::scales(rows[r], n_blocks, scale[r], min[r]);
    const int64_t group0 = done / F::kGroup;
    for (int g = 0; g < n / F::kGroup; ++g) {
      for (int r = 0; r < kGemmRows; ++r) {
        out.scales[(group0 + g) * kGemmRows + r] = scale[r][g];
        if constexpr (F::kMins) out.mins[(group0 + g) * kGemmRows + r] = min[r][g];
      }
    }
    for (int b = 0; b < n_blocks; ++b) {
#pragma GCC unroll 8
      for (int i = 0; i < F::kBlock / 32; ++i, quants += 32 * kGemmRows) {
        Bytes runs[kGemmRows];
#pragma GCC unroll 16
        for (int r = 0; r < kGemmRows; ++r) runs[r] = F::quants(rows[r], i);
        transpose_runs<F::kSigned>(runs, quants);
      }
      for (int r = 0; r < kGemmRows; ++r) rows[r] += F::kBytes;
    }
  }
}

void pack_panel(const Q8Row* rows, int n_columns, int width, int64_t n_in, int group, int offset, int8_t* q, float* d, float* sum, int32_t* init) {
  int beside = 0;  // columns whose numbers are there
  for (; beside + 4 <= n_columns; beside += 4)
    put_side_by_side(rows[beside].q, rows[beside + 1].q, rows[beside + 2].q, rows[beside + 3].q, n_in, q + 4 * beside, 4 * width);
  for (int c = 0; c < width; ++c) {
    const bool is_empty = c >= n_columns;
    for (int64_t i = 0; c >= beside && i < n_in / 4; ++i) {
      if (is_empty) memset(q + (i * width + c) * 4, 0, 4);
      else memcpy(q + (i * width + c) * 4, rows[c].q + 4 * i, 4);
    }
    for (int64_t g = 0; g < n_in / group; ++g) {
      const int64_t at = g * width + c;
      const int32_t total = is_empty ? 0 : group == 32 ? rows[c].sum16[2 * g] + rows[c].sum16[2 * g + 1] : rows[c].sum16[g];
      sum[at] = static_cast<float>(total);
      init[at] = -offset * total;
    }
    for (int64_t b = 0; b < n_in / kActivationBlock; ++b) d[b * width + c] = is_empty ? 0 : rows[c].d[b];
  }
}

// In the order of sums of gemv (gemv_inl.h).
template <int kColumns, int kGroup, bool kMins, bool kInit, bool kSigned, int kMaxRaw>
void gemm(const GemmWeights& w, const GemmPanel& panel, int64_t n_in, const float* bias, float* y, size_t y_stride, int n_rows, int n_columns) {
  const uint8_t* quants = w.quants;
  const float* scales = w.scales;
  const float* mins = w.mins;
  const int8_t* q = panel.q;
  const float* d = panel.d;
  const float* sums = panel.sum;
  const int32_t* init = panel.init;
  Vec total[kColumns];
#pragma GCC unroll 12
  for (int c = 0; c < kColumns; ++c) total[c] = vec_load(bias);
  for (int64_t b = 0; b < n_in / kActivationBlock; ++b) {
    Vec sum[kColumns];
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c) sum[c] = vec_set(0);
    for (int g = 0; g < kActivationBlock / kGroup; ++g) {
      const Vec scale = vec_load(scales);
      Vec min = scale;
      if constexpr (kMins) min = vec_load(mins);
      gemm_group<kColumns, kGroup, kInit, kSigned, kMaxRaw>(
          quants, q, init, [&](int c, Vec product) __attribute__((always_inline)) {
            sum[c] = kActivationBlock == kGroup ? product * scale : vec_fma(product, scale, sum[c]);
            if constexpr (kMins) sum[c] = vec_fma(min, vec_set(sums[c]), sum[c]);
          });
      quants += kGroup * kGemmRows;
      q += kGroup * kColumns;
      scales += kGemmRows;
      if constexpr (kMins) {
        mins += kGemmRows;
        sums += kColumns;
      }
      init += kColumns;
    }
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c) total[c] = vec_fma(sum[c], vec_set(d[c]), total[c]);
    d += kColumns;
  }
#pragma GCC unroll 12
  for (int c = 0; c < kColumns; ++c) {
    if (c >= n_columns) break;
    if (n_rows == kGemmRows) vec_store(y + c * y_stride, total[c]);
    else vec_store_n(y + c * y_stride, total[c], n_rows);
  }
}
