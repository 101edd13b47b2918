// The product of one token with quantized weights: kLanes rows at a time, a lane a row. Included inside the anonymous namespace of an
// instruction set's file, after dot_inl.h. The file defines kSignedOffset, transpose_scales() and group_sums().
//
// Order of sums, of all products with quantized weights: a row's sum starts at its bias and takes the blocks of activations one after the
// other, each times its d. A block's sum takes the groups of weights one after the other, each an exact integer times its scale, and then its
// minimum times the sum of the group's activations. A block that is one group starts with that, others with 0.

// Numbers whose scales are held at once, in two orders: small enough for the nearest cache.
constexpr int kGemvRun = 256;

// Of the activations of a group of weights.
template <class F>
inline float group_sum(const Q8Row& a, int64_t group) {
  return F::kGroup == 32 ? a.sum32[group] : static_cast<float>(a.sum16[group]);
}

template <class F>
void gemv(const uint8_t* w, size_t row_bytes, int64_t n_rows, int64_t n_in, const Q8Row& a, const float* bias, float* y) {
  constexpr int kOffset = F::kSigned ? kSignedOffset : F::kOffset;
  constexpr int kGroups = kGemvRun / F::kGroup;
  constexpr int kRuns = F::kBlock / 32, kGroupsPerRun = 32 / F::kGroup;
  alignas(64) float scale[kLanes][kGroups];
  alignas(64) float min[kLanes][F::kMins ? kGroups : 8];
  alignas(64) float scales[kGroups * kLanes];  // [groups][rows]
  alignas(64) float mins[F::kMins ? kGroups * kLanes : 8];
  int32_t start[kGroups];  // takes the offset off
  for (int64_t r = 0; r < n_rows; r += kLanes) {
    const int n_here = static_cast<int>(n_rows - r < kLanes ? n_rows - r : kLanes);
    const uint8_t* rows[kLanes];
    for (int k = 0; k < kLanes; ++k) rows[k] = w + static_cast<size_t>(r + (k < n_here ? k : n_here - 1)) * row_bytes;
    // The rows are one piece of memory, but are read as many streams, which the hardware does not foresee. So the next ones are fetched in
    // order into the second cache, a little with each run: many at once would fill the queue that loads wait in. Past the end of the weights
    // a prefetch does nothing.
    const uint8_t* next = rows[0] + kLanes * row_bytes;
    Vec total = bias ? vec_load_n(bias + r, n_here) : vec_set(0);
    int64_t group = 0;
    ptrdiff_t at = 0;  // in each row
    for (int64_t done = 0; done < n_in; done += kGemvRun) {
      const int n = static_cast<int>(n_in - done < kGemvRun ? n_in - done : kGemvRun);
      const int n_blocks = n / F::kBlock;
      for (int k = 0; k < kLanes; ++k) F::scales(rows[k] + at, n_blocks, scale[k], min[k]);
      transpose_scales(scale[0], kGroups, n / F::kGroup, scales);
      if constexpr (F::kMins) transpose_scales(min[0], kGroups, n / F::kGroup, mins);
      if constexpr (kOffset != 0) {
        for (int g = 0; g < n / F::kGroup; ++g) {
          start[g] = -kOffset * (F::kGroup == 16 ? a.sum16[group + g] : a.sum16[2 * (group + g)] + a.sum16[2 * (group + g) + 1]);
        }
      }
      const int32_t* row_start = start;
      const float* row_scales = scales;
      const float* row_mins = mins;
      const int8_t* q = a.q + done;
      for (int b = 0; b < n_blocks; ++b, at += F::kBytes) {
#pragma GCC unroll 8
        for (int i = 0; i < kRuns; ++i, q += 32) {
#pragma GCC unroll 8
          for (int line = 0; line < kLanes * F::kBytes / kRuns; line += 64) prefetch_far(next + line);
          next += kLanes * F::kBytes / kRuns;
          IntVec products[kGroupsPerRun];
          Vec sum = vec_set(0);
          group_sums<F>(rows, at, i, q, products);
#pragma GCC unroll 2
          for (int g = 0; g < kGroupsPerRun; ++g, ++group, row_scales += kLanes) {
            if constexpr (kOffset != 0) products[g] = int_add(products[g], int_set(*row_start++));
            const Vec product = int_to_float(products[g]);
            sum = F::kGroup == kActivationBlock ? product * vec_load(row_scales) : vec_fma(product, vec_load(row_scales), sum);
            if constexpr (F::kMins) {
              sum = vec_fma(vec_load(row_mins), vec_set(group_sum<F>(a, group)), sum);
              row_mins += kLanes;
            }
          }
          total = vec_fma(sum, vec_set(a.d[(done + b * F::kBlock) / 32 + i]), total);
        }
      }
    }
    vec_store_n(y + r, total, n_here);
  }
}
