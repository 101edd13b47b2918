// Parts of attention put together: each has its largest score, and its weights and weighted values relative to it.

// Takes a part into what is there; both are to be multiplied by `factors`. False where nothing of the part was kept.
bool merge(inout float largest, inout float total, float of_part, float total_of_part, out vec2 factors) {
  if (total_of_part == 0.0) return false;
  const float larger = max(largest, of_part);
  factors = vec2(largest == larger ? 1.0 : exp_of(largest - larger), of_part == larger ? 1.0 : exp_of(of_part - larger));
  largest = larger;
  precise const float kept = total * factors.x;
  precise const float sum = fma(total_of_part, factors.y, kept);
  total = sum;
  return true;
}

float merged(float value, float of_part, vec2 factors) {
  precise const float kept = value * factors.x;
  precise const float sum = fma(of_part, factors.y, kept);
  return sum;
}

float quotient(float value, float total) { return total == 1.0 ? value : value / total; }
