// Products in 16-bit integers: two neighbouring products are summed in 32 bits by one instruction, twice as many as float32 has. What is rounded
// has as many steps as let no sum leave 32 bits. Included inside the anonymous namespace of an instruction set's file,
// after elementwise_inl.h. The file defines kPairVecs, int_add_pairs(), int_from_float() and store_shorts().

constexpr int kPairRows = 6;  // rows of a panel: 6 x 4 sums in 32 registers, 6 x 2 in 16

inline int round_up_to(int n, int step) { return (n + step - 1) / step * step; }

// The largest |x|; NaN where one of them is not finite.
inline float largest_magnitude(const float* x, int n) {
  Vec largest = vec_set(0), zero = vec_set(0);
  for (int i = 0; i < n; i += kLanes) {
    const Vec v = i + kLanes <= n ? vec_load(x + i) : vec_load_n(x + i, n - i);
    largest = vec_max(vec_max(v, vec_set(0) - v), largest);
    zero = vec_fma(v, vec_set(0), zero);
  }
  return vec_largest(largest) + vec_sum(zero);
}

// Numbers times this are rounded. Where there is no inverse they become zeros, or what the scale, NaN, makes NaN again.
inline float inverse_of(float largest, float steps) { return largest > 1e-30f ? steps / largest : 0.0f; }

// n floats times `inverse` as n_padded shorts, a multiple of 2 * kLanes, zeros behind.
inline void round_to_shorts(const float* x, int n, int n_padded, float inverse, int16_t* out) {
  const Vec by = vec_set(inverse);
  int i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes)
    store_shorts(out + i, int_from_float(vec_load(x + i) * by), int_from_float(vec_load(x + i + kLanes) * by));
  for (; i < n_padded; i += 2 * kLanes) {
    const Vec low = i < n ? vec_load_n(x + i, n - i) : vec_set(0);
    const Vec high = i + kLanes < n ? vec_load_n(x + i + kLanes, n - i - kLanes) : vec_set(0);
    store_shorts(out + i, int_from_float(low * by), int_from_float(high * by));
  }
}

// out [kPairRows][kVecs * kLanes] = rows of a, pair by pair, times b [n_pairs][columns][2]. A function of its own, with nothing behind the loop
// and strides that it does not know: else g++ 12 does not keep the sums in registers.
#ifdef __clang__
#define PIO_APART __attribute__((noinline))
#else
#define PIO_APART __attribute__((noinline, noclone))
#endif
template <int kVecs>
PIO_APART void sum_pairs(const int16_t* a, size_t a_stride, const int16_t* b, size_t b_stride, int n_pairs, int32_t* out) {
  IntVec sum[kPairRows][kVecs];
#pragma GCC unroll 6
  for (int r = 0; r < kPairRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) sum[r][v] = int_set(0);
  for (int i = 0; i < n_pairs; ++i) {
    IntVec bv[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) bv[v] = int_load(reinterpret_cast<const uint8_t*>(b + i * b_stride + 2 * v * kLanes));
#pragma GCC unroll 6
    for (int r = 0; r < kPairRows; ++r) {
      int32_t pair;
      memcpy(&pair, a + r * a_stride + 2 * i, 4);
      const IntVec av = int_set(pair);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) sum[r][v] = int_add_pairs(sum[r][v], av, bv[v]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < kPairRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) int_store(reinterpret_cast<uint8_t*>(out + (r * kVecs + v) * kLanes), sum[r][v]);
}

inline IntVec load_ints(const int32_t* p) { return int_load(reinterpret_cast<const uint8_t*>(p)); }
