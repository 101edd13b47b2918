// Products with one token, four rows at a time in 512-bit registers: a lane of 16 bytes a row, so that the activations are read once for
// four rows and scaling costs a quarter. Included inside the anonymous namespace of kernels_avx512.cpp, after dot_inl.h.
#define PIO_CPU_GEMV4

// Four rows of 16 scales → 16 fours: out[4 g + r] = in[r][g] * d[g]. Of the scales the first eight are there, or all (`both`); what lies
// behind the first eight may be anything, and a subnormal there would be slow.
inline void turn_scales(const float* in, size_t stride, bool both, const float* d, float* out) {
  // in halves: they were stored so a moment ago, and a wider load would have to wait for both stores to reach the cache
  const auto load = [both, d](const float* p) {
    const __m256 first = _mm256_loadu_ps(p) * _mm256_loadu_ps(d);
    const __m256 second = both ? _mm256_loadu_ps(p + 8) * _mm256_loadu_ps(d + 8) : _mm256_setzero_ps();
    return _mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
  };
  const __m512 r0 = load(in), r1 = load(in + stride), r2 = load(in + 2 * stride), r3 = load(in + 3 * stride);
  const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r0, r1)), b = _mm512_castps_pd(_mm512_unpacklo_ps(r2, r3));
  const __m512d c = _mm512_castps_pd(_mm512_unpackhi_ps(r0, r1)), e = _mm512_castps_pd(_mm512_unpackhi_ps(r2, r3));
  // lane l of part k holds group 4 l + k
  const __m512 part[4] = {_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)),
                          _mm512_castpd_ps(_mm512_unpacklo_pd(c, e)), _mm512_castpd_ps(_mm512_unpackhi_pd(c, e))};
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    _mm_storeu_ps(out + 4 * k, _mm512_castps512_ps128(part[k]));
    _mm_storeu_ps(out + 16 + 4 * k, _mm512_extractf32x4_ps(part[k], 1));
    _mm_storeu_ps(out + 32 + 4 * k, _mm512_extractf32x4_ps(part[k], 2));
    _mm_storeu_ps(out + 48 + 4 * k, _mm512_extractf32x4_ps(part[k], 3));
  }
}

// sum += scale * (four rows · activations) of run i of the block; scales four a group, init one a group.
template <class F>
inline __m512 four_rows_run(Rows4 block, int i, const int8_t* a, const float* scale, const int32_t* init, __m512 sum) {
  constexpr int kOffset = F::kSigned ? 128 : F::kOffset;
  Bytes4 w = F::quants(block, i);
  if constexpr (F::kSigned) {
    // vpdpbusd takes one unsigned side: the sums start at -128 times the sum of the activations instead
    const __m512i up = _mm512_set1_epi8(static_cast<char>(0x80));
    w = {_mm512_xor_si512(w.low, up), _mm512_xor_si512(w.high, up)};
  }
  const __m512i a_low = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)));
  const __m512i a_high = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + 16)));
  const __m512i spread = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const auto scales_at = [&](const float* s) {
    return _mm512_permutexvar_ps(spread, _mm512_castps128_ps512(_mm_loadu_ps(s)));
  };
  const auto start = [&](int group) { return kOffset != 0 ? _mm512_set1_epi32(init[group]) : _mm512_setzero_si512(); };
  if constexpr (F::kGroup == 32) {
    const __m512i p = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(start(i), w.low, a_low), w.high, a_high);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(p), scales_at(scale + 4 * i), sum);
  } else {
    const __m512i low = _mm512_dpbusd_epi32(start(2 * i), w.low, a_low), high = _mm512_dpbusd_epi32(start(2 * i + 1), w.high, a_high);
    sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(low), scales_at(scale + 8 * i), sum);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(high), scales_at(scale + 8 * i + 4), sum);
  }
}

template <class F>
void gemv4(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const Q8Row& a, float* y) {
  constexpr int kOffset = F::kSigned ? 128 : F::kOffset;
  constexpr int kGroups = kRun / F::kGroup;
  constexpr int kRuns = F::kBlock / 32;
  alignas(64) float scale[4][kGroups];
  alignas(64) float min[4][F::kMins ? kGroups : 16];
  alignas(64) float turned[4 * kGroups];
  alignas(64) int32_t init[kGroups];
  const float* const a_d = F::kGroup == 32 ? a.d32 : a.d16;
  const float* const a_s = F::kGroup == 32 ? a.s32 : a.s16;
  int64_t r = 0;
  for (; r + 4 <= n_rows; r += 4) {
    Rows4 block{w + r * row_bytes, row_bytes};
    // Four rows are one piece of memory, but are read as four streams, which the hardware does not foresee. So the next four are fetched
    // in order, into the second cache: on Zen 4 Q8_0 went from 10 to 23 GB/s a core, and ran beyond a plain read. Past the end of the
    // weights a prefetch does nothing.
    const uint8_t* next = block.p + 4 * row_bytes + 4096;
    __m512 sum[4];
    Float8 constant[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      sum[k] = _mm512_setzero_ps();
      constant[k] = f8_set(0);
    }
    for (int64_t done = 0; done < n_in; done += kRun) {
      const int n = static_cast<int>(n_in - done < kRun ? n_in - done : kRun);
      const int n_blocks = n / F::kBlock, n_groups = n / F::kGroup;
      const int64_t group0 = done / F::kGroup;
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) F::scales(block.p + k * row_bytes, n_blocks, scale[k], min[k]);
      if constexpr (F::kMins) {
        for (int g = 0; g < n_groups; g += 8) {
          const Float8 s = f8_load(a_s + group0 + g);
#pragma GCC unroll 4
          for (int k = 0; k < 4; ++k) constant[k] = f8_fma(f8_load(min[k] + g), s, constant[k]);
        }
      }
      for (int g = 0; g < n_groups; g += 16) {
        turn_scales(scale[0] + g, kGroups, g + 8 < n_groups, a_d + group0 + g, turned + 4 * g);
      }
      if constexpr (kOffset != 0) {
        // each of a row's four lanes starts at a quarter of -offset * sum; offsets are multiples of 4
        for (int g = 0; g < n_groups; ++g) {
          const int32_t total = F::kGroup == 16 ? a.sum16[group0 + g] : a.sum16[2 * (group0 + g)] + a.sum16[2 * (group0 + g) + 1];
          init[g] = -(kOffset / 4) * total;
        }
      }
      const int8_t* q = a.q + done;
      const float* s = turned;
      const int32_t* start = init;
      if constexpr (kRuns == 1) {
        const auto four_blocks = [&] {
#pragma GCC unroll 12
          for (int line = 0; line < 16 * F::kBytes; line += 64) prefetch_far(next + line);
          next += 16 * F::kBytes;
#pragma GCC unroll 4
          for (int k = 0; k < 4; ++k) {
            sum[k] = four_rows_run<F>(block + k * F::kBytes, 0, q + 32 * k, s + 4 * k, start + k, sum[k]);
          }
        };
        int b = 0;
        for (; b + 4 <= n_blocks; b += 4) {
          four_blocks();
          block = block + 4 * F::kBytes;
          q += 128;
          s += 16;
          start += 4;
        }
        for (; b < n_blocks; ++b) {
          for (int line = 0; line < 4 * F::kBytes; line += 64) prefetch_far(next + line);
          next += 4 * F::kBytes;
          sum[0] = four_rows_run<F>(block, 0, q, s, start, sum[0]);
          block = block + F::kBytes;
          q += 32;
          s += 4;
          start += 1;
        }
      } else {
        for (int b = 0; b < n_blocks; ++b) {
#pragma GCC unroll 16
          for (int line = 0; line < 4 * F::kBytes; line += 64) prefetch_far(next + line);
          next += 4 * F::kBytes;
#pragma GCC unroll 8
          for (int i = 0; i < 8; ++i) sum[i % 4] = four_rows_run<F>(block, i, q + 32 * i, s, start, sum[i % 4]);
          block = block + F::kBytes;
          q += 256;
          s += 4 * (256 / F::kGroup);
          start += 256 / F::kGroup;
        }
      }
    }
    __m512 all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    all = all + _mm512_permute_ps(all, 0xb1);
    all = all + _mm512_permute_ps(all, 0x4e);
    __m128 four = _mm512_castps512_ps128(_mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), all));
    if constexpr (F::kMins) {
      four = _mm_add_ps(four, _mm_setr_ps(f8_sum(constant[0]), f8_sum(constant[1]), f8_sum(constant[2]), f8_sum(constant[3])));
    }
    _mm_storeu_ps(y + r, four);
  }
  if (r < n_rows) gemv<F>(w + r * row_bytes, row_bytes, n_rows - r, n_in, a, y + r);
}
