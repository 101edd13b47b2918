#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "dot.glsl"
#include "formats.glsl"
#include "gelu.glsl"
#include "reduce.glsl"
#include "products.glsl"
#include "stop.glsl"

// y = x · wᵀ (+ bias), or y += it, or y = gelu of it; each head by a matrix of its own.
layout(constant_id = 9) const uint AFTER = 0;  // 0: y = p, 1: y += p, 2: y = gelu(p) by erf, 3: by tanh

layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  U8 w;
  F32 bias;
  Flag stop;
  uint first_group, end_group;
  uint n_tokens, n_in, n_out;
  uint x_stride, x_head_stride;  // floats from token to token, and from head to head
  uint y_stride, y_head_stride;
  uint head_rows;    // rows of w from head to head
  uint n_following;  // columns of x behind those that are multiplied, copied behind those that are written
  uint has_bias;
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_tiles = (n_tokens + TOKENS - 1u) / TOKENS, n_row_groups = (n_out + ROWS - 1u) / ROWS;
  const uint t0 = group % n_tiles * TOKENS, o0 = group / n_tiles % n_row_groups * ROWS, head = group / n_tiles / n_row_groups;
  const Input rows_of_x = Input(uvec2(x), t0 * x_stride + head * x_head_stride, x_stride, min(TOKENS, n_tokens - t0), n_in, uvec2(x), false);
  float sums[N_ALL], squares[TOKENS];
  for (uint k = 0u; k < N_PRODUCTS; ++k) sums[k] = 0.0;
  add_products(FORMAT, rows_of_x, uvec2(w), head * head_rows + o0, min(ROWS, n_out - o0), 0u, sums, squares);
  reduce_all(sums, squares, false);
  for (uint k = lane(); k < N_PRODUCTS; k += WIDTH) {
    const uint t = t0 + k % TOKENS, o = o0 + k / TOKENS;
    if (t >= n_tokens || o >= n_out) continue;
    precise float product = total_of(k);
    if (has_bias != 0u) product = product + bias.v[o];
    const uint at = t * y_stride + head * y_head_stride + o;
    if (AFTER == 1u) {
      precise const float sum = y.v[at] + product;
      y.v[at] = sum;
    } else {
      y.v[at] = AFTER == 2u ? gelu_erf(product) : AFTER == 3u ? gelu_tanh(product) : product;
    }
  }
  if (n_following == 0u || o0 != 0u) return;
  for (uint k = lane(); k < n_following * rows_of_x.n_tokens; k += WIDTH) {
    const uint t = t0 + k / n_following, i = k % n_following;
    y.v[t * y_stride + head * y_head_stride + n_out + i] = x.v[t * x_stride + head * x_head_stride + n_in + i];
  }
}
