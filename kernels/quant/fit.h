#pragma once

#include <cmath>

// The search of the encoders with small scales (K and IQ4 formats): for a run of values, a scale and codes of little squared error. A few
// scales around the one that just holds the largest value give codes; each set of codes gives its own best scale by least squares; the
// best pair is kept. Private to kernels/quant.
//
// Values are normalized to at most 1 before they come here, so that no square overflows. Loops have a fixed length and keep partial
// sums in lanes of eight, so that compilers turn them into vectors without reordering any sum.

namespace pio::quant {

constexpr int kLanes = 8;

// To the nearest whole number, ties to even, for |x| < 2^22: the sum has no bits left below one.
inline float nearest(float x) { return (x + 12582912.0f) - 12582912.0f; }

inline float limit(float x, float lowest, float highest) {
  x = x > lowest ? x : lowest;
  return x < highest ? x : highest;
}

inline float sum_of(const float (&lanes)[kLanes]) {
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

// `n` values, divided by the largest magnitude; NaN becomes 0, infinity the largest. The scale is 0, and so are the values, where no f16
// scale could hold them: 1e-20 is far below the smallest f16, 6e-8, times the most that any code and small scale multiply it with.
inline float normalize(const float* values, int n, float* normalized) {
  constexpr float kLargest = 1e37f;
  float largest = 0;
  for (int i = 0; i < n; ++i) largest = std::fabs(values[i]) > largest ? std::fabs(values[i]) : largest;
  if (!(largest > 1e-20f)) {
    for (int i = 0; i < n; ++i) normalized[i] = 0;
    return 0;
  }
  largest = largest < kLargest ? largest : kLargest;
  const float inverse = 1 / largest;
  for (int i = 0; i < n; ++i) normalized[i] = values[i] == values[i] ? limit(values[i] * inverse, -1, 1) : 0;
  return largest;
}

// The value of largest magnitude, with its sign.
template <int n>
float extreme(const float* x) {
  float value = 0;
  for (int i = 0; i < n; ++i) value = std::fabs(x[i]) > std::fabs(value) ? x[i] : value;
  return value;
}

// Codes for x / scale in lowest … highest.
template <int n>
void codes_of(const float* x, float inverse_scale, float offset, float lowest, float highest, float* codes) {
  for (int i = 0; i < n; ++i) codes[i] = limit(nearest((x[i] + offset) * inverse_scale), lowest, highest);
}

// x ≈ scale * q, q in -n_codes … n_codes - 1; the scale may be negative.
template <int n>
float fit_scale(const float* x, int n_codes) {
  const float largest = extreme<n>(x);
  if (std::fabs(largest) < 1e-15f) return 0;
  const auto limit_of = static_cast<float>(n_codes);
  float best_gain = -1, best = 0, codes[n];
  for (int step = -9; step <= 9; ++step) {
    codes_of<n>(x, -(limit_of + 0.1f * static_cast<float>(step)) / largest, 0, -limit_of, limit_of - 1, codes);
    float xq[kLanes] = {}, qq[kLanes] = {};
    for (int i = 0; i < n; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        xq[lane] += x[i + lane] * codes[i + lane];
        qq[lane] += codes[i + lane] * codes[i + lane];
      }
    }
    const float sum_xq = sum_of(xq), sum_qq = sum_of(qq);
    if (sum_qq > 0 && sum_xq * sum_xq > best_gain * sum_qq) {
      best_gain = sum_xq * sum_xq / sum_qq;
      best = sum_xq / sum_qq;
    }
  }
  return best;
}

struct ScaleMin {
  float scale = 0, min = 0;  // both at least 0
};

// x ≈ scale * q - min, q in 0 … highest.
template <int n>
ScaleMin fit_scale_min(const float* x, int highest) {
  float low = 0, high = x[0];
  for (int i = 0; i < n; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  if (high - low < 1e-15f) return {0, -low};
  float sum_x[kLanes] = {};
  for (int i = 0; i < n; ++i) sum_x[i % kLanes] += x[i];
  const float sx = sum_of(sum_x), count = n;

  const auto top = static_cast<float>(highest);
  ScaleMin best;
  float best_error = 0, codes[n];
  for (int step = 0; step <= 20; ++step) {
    const float inverse = (top - 1 + 0.1f * static_cast<float>(step)) / (high - low);
    codes_of<n>(x, inverse, -low, 0, top, codes);
    float q[kLanes] = {}, qq[kLanes] = {}, xq[kLanes] = {};
    for (int i = 0; i < n; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) {
        q[lane] += codes[i + lane];
        qq[lane] += codes[i + lane] * codes[i + lane];
        xq[lane] += x[i + lane] * codes[i + lane];
      }
    }
    const float sq = sum_of(q), sqq = sum_of(qq), sxq = sum_of(xq), determinant = count * sqq - sq * sq;
    if (!(determinant > 0) || !(sqq > 0)) continue;
    float scale = (count * sxq - sx * sq) / determinant, min = (sq * sxq - sqq * sx) / determinant;
    if (min < 0) {
      min = 0;
      scale = sxq / sqq;
    }
    if (!(scale > 0)) continue;
    // Squared error less the sum of x²
    const float error = scale * (scale * sqq - 2 * sxq) + min * (count * min - 2 * scale * sq + 2 * sx);
    if (best.scale == 0 || error < best_error) {
      best_error = error;
      best = {scale, min};
    }
  }
  return best;
}

}  // namespace pio::quant
