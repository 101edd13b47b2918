#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "dot.glsl"
#include "formats.glsl"
#include "reduce.glsl"
#define N_MATRICES 2u
#include "products.glsl"
#include "stop.glsl"

// y = silu(h · gateᵀ) * (h · upᵀ), h = norm * x / sqrt(mean(x²) + eps) as in norm_matmul.comp.
layout(constant_id = 9) const uint EPS = 0;  // the bits of a float

layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  F32 norm;
  U8 gate, up;
  Flag stop;
  uint first_group, end_group;
  uint n_tokens, n_in, n_out;
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_tiles = (n_tokens + TOKENS - 1u) / TOKENS, t0 = group % n_tiles * TOKENS, o0 = group / n_tiles * ROWS;
  const uint n_rows = min(ROWS, n_out - o0);
  const uint stride = row_stride(n_in);
  const Input rows_of_x = Input(uvec2(x), t0 * stride, stride, min(TOKENS, n_tokens - t0), n_in, uvec2(norm), IS_ROUNDED == 0u);
  float sums[N_ALL], squares[TOKENS], unused[TOKENS];
  for (uint k = 0u; k < N_ALL; ++k) sums[k] = 0.0;
  for (uint t = 0u; t < TOKENS; ++t) squares[t] = 0.0;
  add_products(FORMAT, rows_of_x, uvec2(gate), o0, n_rows, 0u, sums, squares);
  add_products(FORMAT_B, rows_of_x, uvec2(up), o0, n_rows, N_PRODUCTS, sums, unused);
  reduce_all(sums, squares, IS_ROUNDED == 0u);
  for (uint k = lane(); k < N_PRODUCTS; k += WIDTH) {
    const uint t = t0 + k % TOKENS, o = o0 + k / TOKENS;
    if (t >= n_tokens || o >= n_out) continue;
    const float scale = scale_of_norm(rows_of_x, k % TOKENS, uintBitsToFloat(EPS));
    precise const float of_gate = total_of(k) * scale, of_up = total_of(N_PRODUCTS + k) * scale;
    precise const float value = silu_of(of_gate) * of_up;
    y.v[t * n_out + o] = value;
  }
}
