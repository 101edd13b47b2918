#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "encode.glsl"

// From float32 into F16, BF16, Q8_0 or Q4_0. An invocation has 32 numbers, fewer at the end of a plain format.
layout(constant_id = 3) const uint FORMAT = 1;

layout(push_constant) uniform Params {
  U8 y;
  F32 x;
  uint n;
};

void main() {
  const uint first = (group_index() * WIDTH + lane()) * SHORT_BLOCK;
  if (first >= n) return;
  if (FORMAT == 1u || FORMAT == 2u) {
    for (uint i = first; i < min(first + SHORT_BLOCK, n); ++i) {
      U16(y).v[i] = uint16_t(FORMAT == 1u ? float_to_half(x.v[i]) : float_to_bfloat(x.v[i]));
    }
    return;
  }
  float values[SHORT_BLOCK];
  for (uint j = 0u; j < SHORT_BLOCK; ++j) values[j] = x.v[first + j];
  if (FORMAT == 8u) {
    const float d = scale_of_q8_0(values), inverse = inverse_of(d);
    const uint block = first / SHORT_BLOCK * 34u;
    U16(y).v[block / 2u] = uint16_t(float_to_half(d));
    for (uint j = 0u; j < SHORT_BLOCK; ++j) y.v[block + 2u + j] = uint8_t(uint(code_of_q8_0(values[j], inverse)) & 255u);
  } else {
    const float d = scale_of_q4_0(values), inverse = inverse_of(d);
    const uint block = first / SHORT_BLOCK * 18u;
    U16(y).v[block / 2u] = uint16_t(float_to_half(d));
    for (uint j = 0u; j < SHORT_BLOCK / 2u; ++j) {
      y.v[block + 2u + j] = uint8_t(uint(code_of_q4_0(values[j], inverse)) | uint(code_of_q4_0(values[j + SHORT_BLOCK / 2u], inverse)) << 4);
    }
  }
}
