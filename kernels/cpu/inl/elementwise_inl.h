// Norms, activations, rotations, and the exponential they share. Included inside the anonymous namespace of an instruction set's file,
// after its primitives.

// e^x, within 2 ulp; 0 below -104, infinity above 88.73, NaN stays. Cody and Waite reduction by ln 2 in two parts, then the degree 5
// polynomial of Cephes expf on [-ln 2 / 2, ln 2 / 2].
inline Vec vec_exp(Vec x) {
  x = vec_max(vec_set(-104.0f), x);  // this order keeps NaN
  x = vec_min(vec_set(89.0f), x);
  const Vec magic = vec_set(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vec n = vec_fma(x, vec_set(1.44269504f), magic) - magic;
  Vec r = vec_fma(n, vec_set(-0.693359375f), x);
  r = vec_fma(n, vec_set(2.12194440e-4f), r);
  Vec p = vec_set(1.9875691500e-4f);
  p = vec_fma(p, r, vec_set(1.3981999507e-3f));
  p = vec_fma(p, r, vec_set(8.3334519073e-3f));
  p = vec_fma(p, r, vec_set(4.1665795894e-2f));
  p = vec_fma(p, r, vec_set(1.6666665459e-1f));
  p = vec_fma(p, r, vec_set(5.0000001201e-1f));
  return vec_times_power_of_two(vec_fma(p, r * r, r) + vec_set(1.0f), n);
}

// Sum of squares: four partial vectors, widened never. dim is a few thousand, so the error is some 1e-7 relative.
void rms_norm(float* y, const float* x, const float* w, int64_t n, float eps) {
  Vec sum0 = vec_set(0), sum1 = sum0;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const Vec a = vec_load(x + i), b = vec_load(x + i + kLanes);
    sum0 = vec_fma(a, a, sum0);
    sum1 = vec_fma(b, b, sum1);
  }
  for (; i < n; i += kLanes) {
    const Vec a = vec_load_n(x + i, n - i < kLanes ? static_cast<int>(n - i) : kLanes);
    sum0 = vec_fma(a, a, sum0);
  }
  const float scale = 1.0f / __builtin_sqrtf(vec_sum(sum0 + sum1) / static_cast<float>(n) + eps);
  const Vec s = vec_set(scale);
  for (i = 0; i + kLanes <= n; i += kLanes) vec_store(y + i, vec_load(x + i) * s * vec_load(w + i));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vec_store_n(y + i, vec_load_n(x + i, rest) * s * vec_load_n(w + i, rest), rest);
  }
}

// Two passes: the mean first, so that the variance of rows far from 0 keeps its digits.
void layer_norm(float* y, const float* x, const float* w, const float* bias, int64_t n, float eps) {
  Vec sum = vec_set(0);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sum = sum + vec_load(x + i);
  if (i < n) sum = sum + vec_load_n(x + i, static_cast<int>(n - i));
  const float mean = vec_sum(sum) / static_cast<float>(n);
  sum = vec_set(0);
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const Vec d = vec_load(x + i) - vec_set(mean);
    sum = vec_fma(d, d, sum);
  }
  float rest_of_sum = 0;
  for (; i < n; ++i) rest_of_sum += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / __builtin_sqrtf((vec_sum(sum) + rest_of_sum) / static_cast<float>(n) + eps);
  const Vec m = vec_set(mean), s = vec_set(scale);
  for (i = 0; i + kLanes <= n; i += kLanes) vec_store(y + i, vec_fma((vec_load(x + i) - m) * s, vec_load(w + i), vec_load(bias + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vec_store_n(y + i, vec_fma((vec_load_n(x + i, rest) - m) * s, vec_load_n(w + i, rest), vec_load_n(bias + i, rest)), rest);
  }
}

void add(float* y, const float* a, const float* b, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vec_store(y + i, vec_load(a + i) + vec_load(b + i));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vec_store_n(y + i, vec_load_n(a + i, rest) + vec_load_n(b + i, rest), rest);
  }
}

void add_scaled(float* y, const float* x, float scale, int64_t n) {
  const Vec s = vec_set(scale);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vec_store(y + i, vec_fma(vec_load(x + i), s, vec_load(y + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vec_store_n(y + i, vec_fma(vec_load_n(x + i, rest), s, vec_load_n(y + i, rest)), rest);
  }
}

// 0.5 x (1 + tanh(u)) = x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3): no cancellation where tanh nears -1.
inline Vec gelu_tanh(Vec x) {
  const Vec u2 = x * vec_fma(x * x, vec_set(-2 * 0.79788456f * 0.044715f), vec_set(-2 * 0.79788456f));
  return x / (vec_set(1.0f) + vec_exp(u2));
}

void gelu_tanh(float* y, const float* x, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vec_store(y + i, gelu_tanh(vec_load(x + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vec_store_n(y + i, gelu_tanh(vec_load_n(x + i, rest)), rest);
  }
}

inline Vec swiglu(Vec gate, Vec up) { return gate / (vec_set(1.0f) + vec_exp(vec_set(0) - gate)) * up; }

void glu(float* y, const float* gate, const float* up, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vec_store(y + i, swiglu(vec_load(gate + i), vec_load(up + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vec_store_n(y + i, swiglu(vec_load_n(gate + i, rest), vec_load_n(up + i, rest)), rest);
  }
}

inline void rotate(float* first, float* second, const float* cos, const float* sin, int n) {
  const Vec a = vec_load_n(first, n), b = vec_load_n(second, n), c = vec_load_n(cos, n), s = vec_load_n(sin, n);
  vec_store_n(first, a * c - b * s, n);
  vec_store_n(second, b * c + a * s, n);
}

void rope_half(float* x, const float* cos, const float* sin, int64_t n_pairs) {
  for (int64_t i = 0; i < n_pairs; i += kLanes) {
    rotate(x + i, x + n_pairs + i, cos + i, sin + i, n_pairs - i < kLanes ? static_cast<int>(n_pairs - i) : kLanes);
  }
}

void rope_interleaved(float* x, const float* cos, const float* sin, int64_t n_pairs) {
  for (int64_t i = 0; i < n_pairs; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cos[i] - b * sin[i];
    x[2 * i + 1] = b * cos[i] + a * sin[i];
  }
}

// The largest of short runs in vectors, then the place inside the winning run. NaN never wins; all NaN gives 0.
int64_t argmax(const float* x, int64_t n) {
  constexpr int64_t kSpan = 1024;
  float best = -__builtin_inff();
  int64_t best_span = 0;
  for (int64_t first = 0; first < n; first += kSpan) {
    const int64_t end = first + kSpan < n ? first + kSpan : n;
    Vec largest = vec_set(-__builtin_inff());
    int64_t i = first;
    for (; i + kLanes <= end; i += kLanes) largest = vec_max(vec_load(x + i), largest);
    float m = vec_largest(largest);
    for (; i < end; ++i) m = x[i] > m ? x[i] : m;
    if (m > best) {
      best = m;
      best_span = first;
    }
  }
  for (int64_t i = best_span; i < n; ++i)
    if (x[i] == best) return i;
  return 0;
}

uint64_t read_words(const uint64_t* words, size_t n) {
  uint64_t sum[32] = {};
  size_t i = 0;
  for (; i + 32 <= n; i += 32)
    for (int k = 0; k < 32; ++k) sum[k] += words[i + k];
  for (; i < n; ++i) sum[0] += words[i];
  uint64_t all = 0;
  for (int k = 0; k < 32; ++k) all += sum[k];
  return all;
}
