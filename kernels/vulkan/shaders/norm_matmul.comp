#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "dot.glsl"
#include "formats.glsl"
#include "reduce.glsl"
#include "products.glsl"
#include "stop.glsl"

// h = norm * x / sqrt(mean(x²) + eps), and y = h · wᵀ (+ bias) of up to three matrices. What all of a row is multiplied by comes last, so each
// workgroup finds the squares on its way through x.
layout(constant_id = 9) const uint EPS = 0;  // the bits of a float

layout(push_constant) uniform Params {
  F32 y_a, y_b, y_c;
  U8 w_a, w_b, w_c;
  F32 bias_a, bias_b, bias_c;
  F32 x;
  F32 norm;
  F32 normed;
  Flag stop;
  uint first_group, end_group;
  uint n_tokens_in;  // tokens, and above 16 bits inputs
  uint n_out_a, n_out_b, n_out_c;
};

bool is_none(uvec2 address) { return address == uvec2(0u); }
uint row_groups(uint n_out) { return (n_out + ROWS - 1u) / ROWS; }

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_tokens = n_tokens_in & 0xffffu, n_in = n_tokens_in >> 16;
  const uint n_tiles = (n_tokens + TOKENS - 1u) / TOKENS, t0 = group % n_tiles * TOKENS;
  const uint stride = row_stride(n_in);
  const Input rows_of_x = Input(uvec2(x), t0 * stride, stride, min(TOKENS, n_tokens - t0), n_in, uvec2(norm), IS_ROUNDED == 0u);
  float sums[N_ALL], squares[TOKENS];
  for (uint k = 0u; k < N_PRODUCTS; ++k) sums[k] = 0.0;
  for (uint t = 0u; t < TOKENS; ++t) squares[t] = 0.0;

  uint row_group = group / n_tiles, n_out = n_out_a, format = FORMAT;
  const bool is_first = row_group == 0u;
  F32 y = y_a, bias = bias_a;
  U8 w = w_a;
  if (row_group >= row_groups(n_out_a)) {
    row_group -= row_groups(n_out_a);
    n_out = n_out_b, y = y_b, bias = bias_b, w = w_b, format = FORMAT_B;
    if (row_group >= row_groups(n_out_b)) {
      row_group -= row_groups(n_out_b);
      n_out = n_out_c, y = y_c, bias = bias_c, w = w_c, format = FORMAT_C;
    }
  }
  const uint o0 = row_group * ROWS, n_rows = min(ROWS, n_out - o0);
  // One of these is left where the formats are the same.
  if (format == FORMAT) add_products(FORMAT, rows_of_x, uvec2(w), o0, n_rows, 0u, sums, squares);
  else if (FORMAT_B != FORMAT && format == FORMAT_B) add_products(FORMAT_B, rows_of_x, uvec2(w), o0, n_rows, 0u, sums, squares);
  else if (FORMAT_C != FORMAT && FORMAT_C != FORMAT_B) add_products(FORMAT_C, rows_of_x, uvec2(w), o0, n_rows, 0u, sums, squares);

  reduce_all(sums, squares, IS_ROUNDED == 0u);
  for (uint k = lane(); k < N_PRODUCTS; k += WIDTH) {
    const uint t = t0 + k % TOKENS, o = o0 + k / TOKENS;
    if (t >= n_tokens || o >= n_out) continue;
    precise float product = total_of(k) * scale_of_norm(rows_of_x, k % TOKENS, uintBitsToFloat(EPS));
    if (!is_none(uvec2(bias))) product = product + bias.v[o];
    y.v[t * n_out + o] = product;
  }
  if (!is_first || is_none(uvec2(normed))) return;
  for (uint t = 0u; t < rows_of_x.n_tokens; ++t) {
    const float scale = scale_of_norm(rows_of_x, t, uintBitsToFloat(EPS));
    for (uint i = lane(); i < n_in; i += WIDTH) {
      float unused = 0.0;
      precise const float value = weighted(x.v[(t0 + t) * n_in + i], rows_of_x, i, unused) * scale;
      normed.v[(t0 + t) * n_in + i] = value;
    }
  }
}
