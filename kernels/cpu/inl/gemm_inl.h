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

void pack_panel(const Q8Row* rows, int n_columns, int width, int64_t n_in, int group, int offset, int8_t* q, float* d, float* s, int32_t* init) {
  const int64_t n_groups = n_in / group;
  for (int c = 0; c < width; ++c) {
    if (c >= n_columns) {
      for (int64_t i = 0; i < n_in / 4; ++i) memset(q + (i * width + c) * 4, 0, 4);
      for (int64_t g = 0; g < n_groups; ++g) {
        d[g * width + c] = s[g * width + c] = 0;
        init[g * width + c] = 0;
      }
      continue;
    }
    const Q8Row& row = rows[c];
    for (int64_t i = 0; i < n_in / 4; ++i) memcpy(q + (i * width + c) * 4, row.q + 4 * i, 4);
    const float* from_d = group == 32 ? row.d32 : row.d16;
    const float* from_s = group == 32 ? row.s32 : row.s16;
    for (int64_t g = 0; g < n_groups; ++g) {
      d[g * width + c] = from_d[g];
      s[g * width + c] = from_s[g];
      init[g * width + c] = -offset * (group == 32 ? row.sum16[2 * g] + row.sum16[2 * g + 1] : row.sum16[g]);
    }
  }
}

template <int kColumns, int kGroup, bool kMins, bool kInit, bool kSigned, int kMaxRaw>
void gemm(const GemmWeights& w, const GemmPanel& panel, int64_t n_in, const float* bias, float* y, size_t y_stride, int n_rows, int n_columns) {
  const uint8_t* quants = w.quants;
  const float* scales = w.scales;
  const float* mins = w.mins;
  const int8_t* q = panel.q;
  const float* d = panel.d;
  const float* s = panel.s;
  const int32_t* init = panel.init;
  Vec sum[kColumns];
#pragma GCC unroll 12
  for (int c = 0; c < kColumns; ++c) sum[c] = vec_load(bias);
  for (int64_t g = 0; g < n_in / kGroup; ++g) {
    Vec product[kColumns];
    gemm_group<kColumns, kGroup, kInit, kSigned, kMaxRaw>(quants, q, init, product);
    const Vec scale = vec_load(scales);
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c) sum[c] = vec_fma(product[c], scale * vec_set(d[c]), sum[c]);
    if constexpr (kMins) {
      const Vec min = vec_load(mins);
#pragma GCC unroll 12
      for (int c = 0; c < kColumns; ++c) sum[c] = vec_fma(min, vec_set(s[c]), sum[c]);
      mins += kGemmRows;
      s += kColumns;
    }
    quants += kGroup * kGemmRows;
    q += kGroup * kColumns;
    scales += kGemmRows;
    d += kColumns;
    init += kColumns;
  }
#pragma GCC unroll 12
  for (int c = 0; c < kColumns; ++c) {
    if (c >= n_columns) break;
    if (n_rows == kGemmRows) vec_store(y + c * y_stride, sum[c]);
    else vec_store_n(y + c * y_stride, sum[c], n_rows);
  }
}
