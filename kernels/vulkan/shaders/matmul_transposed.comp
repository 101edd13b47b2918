#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "formats.glsl"
#include "stop.glsl"

// y[t][h][o] = sum over rows i of x[t][h][i] * w[h][i][o]. An invocation has a run of columns of a head of a token.
layout(constant_id = 3) const uint FORMAT = 0;

layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  U8 w;
  Flag stop;
  uint first_group, end_group;
  uint n_tokens, n_heads, n_rows, n_columns, row_bytes;
  uint x_stride, x_head_stride;
  uint y_stride, y_head_stride;
  uint head_rows;
  uint n_following;  // as in matmul.comp
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_runs = (n_columns + RUN - 1u) / RUN, at = group * WIDTH + lane();
  const uint i = at % n_runs * RUN, head = at / n_runs % n_heads, t = at / n_runs / n_heads;
  if (t >= n_tokens) return;
  float sums[RUN];
  [[unroll]] for (uint j = 0u; j < RUN; ++j) sums[j] = 0.0;
  for (uint r = 0u; r < n_rows; ++r) {
    float values[RUN];
    decode_run(FORMAT, U8(moved_by(uvec2(w), head * head_rows + r, row_bytes)), i, n_columns, values);
    const float factor = x.v[t * x_stride + head * x_head_stride + r];
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      precise const float sum = fma(factor, values[j], sums[j]);
      sums[j] = sum;
    }
  }
  for (uint j = 0u; j < RUN && i + j < n_columns; ++j) y.v[t * y_stride + head * y_head_stride + i + j] = sums[j];
  for (uint j = 0u; i == 0u && j < n_following; ++j) {
    y.v[t * y_stride + head * y_head_stride + n_columns + j] = x.v[t * x_stride + head * x_head_stride + n_rows + j];
  }
}
