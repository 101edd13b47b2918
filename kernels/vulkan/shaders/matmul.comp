#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "formats.glsl"
#include "stop.glsl"
#include "gelu.glsl"

// y = x · wᵀ (+ bias), or y += it, or y = gelu of it; each head by a matrix of its own. A workgroup has one row of w and some rows of x.
layout(constant_id = 2) const uint TOKENS = 1;  // rows of x of a workgroup
layout(constant_id = 3) const uint AFTER = 0;   // 0: y = p, 1: y += p, 2: y = gelu(p) by erf, 3: by tanh

layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  U8 w;
  F32 bias;
  Flag stop;
  uint first_group, end_group;
  uint n_tokens, n_in, n_out, row_bytes;
  uint x_stride, x_head_stride;  // floats from token to token, and from head to head
  uint y_stride, y_head_stride;
  uint head_rows;  // rows of w from head to head
  uint has_bias;
};

shared float partial[TOKENS * WIDTH];

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_tiles = (n_tokens + TOKENS - 1u) / TOKENS;
  const uint tile = group % n_tiles, o = group / n_tiles % n_out, head = group / n_tiles / n_out;
  const uint first_token = tile * TOKENS, row_first = (head * head_rows + o) * row_bytes;

  float sums[TOKENS];
  for (uint t = 0u; t < TOKENS; ++t) sums[t] = 0.0;
  U8 row = U8(moved(uvec2(w), row_first));
  for (uint i = lane() * RUN; i < n_in; i += WIDTH * RUN) {
    float values[RUN];
    decode_run(row, i, n_in, values);
    for (uint t = 0u; t < TOKENS; ++t) {
      if (first_token + t < n_tokens) sums[t] = add_products(sums[t], values, x, (first_token + t) * x_stride + head * x_head_stride, i, n_in);
    }
  }
  for (uint t = 0u; t < TOKENS; ++t) partial[t * WIDTH + lane()] = sums[t];
  barrier();
  for (uint apart = WIDTH / 2u; apart > 0u; apart /= 2u) {
    if (lane() < apart) {
      for (uint t = 0u; t < TOKENS; ++t) partial[t * WIDTH + lane()] += partial[t * WIDTH + lane() + apart];
    }
    barrier();
  }
  for (uint t = lane(); t < TOKENS; t += WIDTH) {
    if (first_token + t >= n_tokens) continue;
    precise float product = partial[t * WIDTH];
    if (has_bias != 0u) product = product + bias.v[o];
    const uint at = (first_token + t) * y_stride + head * y_head_stride + o;
    if (AFTER == 1u) {
      precise const float sum = y.v[at] + product;
      y.v[at] = sum;
    } else {
      y.v[at] = AFTER == 2u ? gelu_erf(product) : AFTER == 3u ? gelu_tanh(product) : product;
    }
  }
}
