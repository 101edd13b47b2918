// Both kinds of gelu. erfc: Press et al., Numerical Recipes, erfcc: 1.2e-7 of its value everywhere, so large negative x keep their digits.

float erfc_of(float x) {
  const float z = abs(x), t = 1.0 / (1.0 + 0.5 * z);
  float p = 0.17087277;
  p = p * t - 0.82215223;
  p = p * t + 1.48851587;
  p = p * t - 1.13520398;
  p = p * t + 0.27886807;
  p = p * t - 0.18628806;
  p = p * t + 0.09678418;
  p = p * t + 0.37409196;
  p = p * t + 1.00002368;
  const float tail = t * exp_of(-z * z - 1.26551223 + t * p);
  return x >= 0.0 ? tail : 2.0 - tail;
}

float gelu_erf(float x) { return is_nan(x) ? x : 0.5 * x * erfc_of(-x * 0.70710678); }

float gelu_tanh(float x) {
  const float u = 0.79788456 * (x + 0.044715 * x * x * x);
  return is_nan(x) ? x : x / (1.0 + exp_of(-2.0 * u));
}
