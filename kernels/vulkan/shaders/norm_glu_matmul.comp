#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "dot.glsl"
#include "formats.glsl"
#include "reduce.glsl"
#include "products.glsl"
#include "stop.glsl"

// y = silu(h · gateᵀ) * (h · upᵀ), h = norm * x / sqrt(mean(x²) + eps) as in norm_matmul.comp, or x itself.
layout(constant_id = 8) const uint EPS = 0;       // the bits of a float
layout(constant_id = 9) const uint HAS_NORM = 1;

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
  const Input rows_of_x = Input(uvec2(x), t0 * n_in, n_in, min(TOKENS, n_tokens - t0), n_in, uvec2(norm), HAS_NORM != 0u);
  float gates[N_PRODUCTS], ups[N_PRODUCTS], squares[TOKENS], unused[TOKENS];
  for (uint k = 0u; k < N_PRODUCTS; ++k) gates[k] = ups[k] = 0.0;
  for (uint t = 0u; t < TOKENS; ++t) squares[t] = 0.0;
  add_products(FORMAT, rows_of_x, uvec2(gate), o0, n_rows, gates, squares);
  add_products(FORMAT_B, rows_of_x, uvec2(up), o0, n_rows, ups, unused);
  float scales[TOKENS];
  for (uint t = 0u; t < TOKENS; ++t) {
    scales[t] = HAS_NORM != 0u ? 1.0 / sqrt(group_sum(squares[t]) / float(n_in) + uintBitsToFloat(EPS)) : 1.0;
  }
  reduce_all(gates);
  // An invocation reads the same sums of both.
  for (uint k = lane(); k < N_PRODUCTS; k += WIDTH) gates[k / WIDTH] = total_of(k);
  barrier();
  reduce_all(ups);
  for (uint k = lane(); k < N_PRODUCTS; k += WIDTH) {
    const uint t = t0 + k % TOKENS, o = o0 + k / TOKENS;
    if (t >= n_tokens || o >= n_out) continue;
    const float scale = scales[k % TOKENS];
    precise const float of_gate = gates[k / WIDTH] * scale, of_up = total_of(k) * scale;
    precise const float value = silu_of(of_gate) * of_up;
    y.v[t * n_out + o] = value;
  }
}
