// A block of 32 numbers as Q8_0 or Q4_0, with the bits of kernels/quant/q32.cpp.

// The value of largest magnitude with its sign; the first of equals.
float extreme_of(float x[KV_GROUP]) {
  float largest = 0.0, value = 0.0;
  for (uint j = 0u; j < KV_GROUP; ++j) {
    if (abs(x[j]) > largest) {
      largest = abs(x[j]);
      value = x[j];
    }
  }
  return value;
}

// Towards zero, into the range of the codes.
int to_code(float x, int least, int most) {
  if (!(x > float(least))) return least;
  return x >= float(most) ? most : int(x);
}

// Halves away from zero.
float rounded(float x) {
  const float whole = trunc(x);
  return abs(x - whole) >= 0.5 ? whole + sign(x) : whole;
}

float scale_of_q8_0(float x[KV_GROUP]) { return divided(abs(extreme_of(x)), 127.0); }
float scale_of_q4_0(float x[KV_GROUP]) { return extreme_of(x) * -0.125; }
float inverse_of(float d) { return d != 0.0 ? divided(1.0, d) : 0.0; }

int code_of_q8_0(float x, float inverse) {
  precise const float product = x * inverse;
  return to_code(rounded(product), -127, 127);
}

int code_of_q4_0(float x, float inverse) {
  precise const float product = x * inverse;
  precise const float shifted = product + 8.5;
  return to_code(shifted, 0, 15);
}
