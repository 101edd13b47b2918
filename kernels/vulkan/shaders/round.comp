#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "dot.glsl"
#include "reduce.glsl"

// Rows of x rounded to 8 bits in blocks, as products.glsl does it where it reads few rows: the same bits. Of a norm the weights are multiplied in
// before, and what all of a row is to be multiplied by comes behind its blocks; `normed` takes the row, normed and not rounded. A workgroup has a row.
layout(constant_id = 3) const uint HAS_NORM = 0;

layout(push_constant) uniform Params {
  U32 y;
  F32 x;
  F32 norm;
  F32 normed;
  uint n_rows, n_in;
  uint n_heads, stride, head_stride;  // of x, in floats
  float eps;
};

void main() {
  const uint row = group_index();
  if (row >= n_rows) return;
  const uint from = row / n_heads * stride + row % n_heads * head_stride, to = row * (n_in / ROUNDED_BLOCK * (ROUNDED_WORDS + 1u) + 1u);
  float squares = 0.0;
  for (uint i = lane() * ROUNDED_BLOCK; i < n_in; i += WIDTH * ROUNDED_BLOCK) {
    float values[ROUNDED_BLOCK];
    for (uint j = 0u; j < ROUNDED_BLOCK; ++j) {
      const float value = x.v[from + i + j];
      precise const float product = HAS_NORM != 0u ? value * norm.v[i + j] : value;
      squares = fma(value, value, squares);
      values[j] = product;
    }
    uint codes[ROUNDED_WORDS];
    float scale;
    round_to_8_bits(values, codes, scale);
    const uint at = to + i / ROUNDED_BLOCK * (ROUNDED_WORDS + 1u);
    for (uint word = 0u; word < ROUNDED_WORDS; ++word) y.v[at + word] = codes[word];
    y.v[at + ROUNDED_WORDS] = floatBitsToUint(scale);
  }
  if (HAS_NORM == 0u) return;
  const float scale = 1.0 / sqrt(group_sum(squares) / float(n_in) + eps);
  if (lane() == 0u) y.v[to + n_in / ROUNDED_BLOCK * (ROUNDED_WORDS + 1u)] = floatBitsToUint(scale);
  if (uvec2(normed) == uvec2(0u)) return;
  for (uint i = lane(); i < n_in; i += WIDTH) {
    precise const float weighted = x.v[from + i] * norm.v[i];
    precise const float value = weighted * scale;
    normed.v[row * n_in + i] = value;
  }
}
