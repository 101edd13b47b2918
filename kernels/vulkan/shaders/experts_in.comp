#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "dot.glsl"
#include "formats.glsl"
#include "reduce.glsl"
#define N_MATRICES 2u
#include "products.glsl"
#include "stop.glsl"

// hidden[t][j] = silu(gate_e x[t]) * up_e x[t], e = ids[t][j], and behind them the same of the shared expert. A workgroup has some rows of the two
// matrices of one of a token's experts. FORMAT: of gate and up; FORMAT_B: of the shared expert's.
layout(push_constant) uniform Params {
  F32 hidden;
  F32 x;
  I32 ids;
  U32 table;  // of each expert the addresses of gate, up and down
  U8 shared_gate, shared_up;
  Flag stop;
  uint first_group, end_group;
  uint k, dim, hidden_dim, shared_dim;
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint of_expert = (hidden_dim + ROWS - 1u) / ROWS, of_token = k * of_expert + (shared_dim + ROWS - 1u) / ROWS;
  const uint t = group / of_token, in_token = group % of_token;
  const Input row_of_x = Input(uvec2(x), t * dim, dim, 1u, dim, uvec2(x), false);
  float sums[N_ALL], squares[TOKENS];
  for (uint i = 0u; i < N_ALL; ++i) sums[i] = 0.0;
  const bool is_shared = in_token >= k * of_expert;
  const uint place = is_shared ? k : in_token / of_expert, in_place = in_token - place * of_expert;
  const uint o0 = in_place * ROWS, n_out = is_shared ? shared_dim : hidden_dim, n_rows = min(ROWS, n_out - o0);
  const int id = is_shared ? 0 : ids.v[t * k + place];
  if (id < 0) return;                           // computed elsewhere
  const uint expert = uint(max(id, 0)) * 6u;  // a place of the table in any case: some devices read for invocations that have returned too
  for (uint matrix = 0u; matrix < 2u; ++matrix) {  // gate, up
    uvec2 w = matrix == 0u ? uvec2(shared_gate) : uvec2(shared_up);
    if (!is_shared) w = uvec2(table.v[expert + 2u * matrix], table.v[expert + 2u * matrix + 1u]);
    if (!is_shared || FORMAT_B == FORMAT) add_products(FORMAT, row_of_x, w, o0, n_rows, matrix * N_PRODUCTS, sums, squares);
    else add_products(FORMAT_B, row_of_x, w, o0, n_rows, matrix * N_PRODUCTS, sums, squares);
  }
  reduce_all(sums, squares, false);
  for (uint r = lane(); r < n_rows; r += WIDTH) {
    precise const float value = silu_of(total_of(r)) * total_of(N_PRODUCTS + r);
    hidden.v[t * (k * hidden_dim + shared_dim) + place * hidden_dim + o0 + r] = value;
  }
}
