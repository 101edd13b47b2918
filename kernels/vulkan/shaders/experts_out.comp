#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "dot.glsl"
#include "formats.glsl"
#include "reduce.glsl"
#include "products.glsl"
#include "stop.glsl"

// y[t] = sum over j, in this order, of weights[t][j] * down_e hidden[t][j], e = ids[t][j]; then the shared expert's, and all of it added to y where
// that is the residual stream. A workgroup has some outputs of a token. FORMAT: of down; FORMAT_B: of the shared expert's.
layout(constant_id = 9) const uint ADDS = 0;

layout(push_constant) uniform Params {
  F32 y;
  F32 hidden;
  I32 ids;
  F32 weights;
  U32 table;
  U8 shared_down;
  Flag stop;
  uint first_group, end_group;
  uint k, dim, hidden_dim, shared_dim;
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_groups = (dim + ROWS - 1u) / ROWS, o0 = group % n_groups * ROWS, t = group / n_groups, n_rows = min(ROWS, dim - o0);
  const uint from = t * (k * hidden_dim + shared_dim);
  float sums[N_ALL], squares[TOKENS], outputs[N_PRODUCTS];
  for (uint i = 0u; i < N_PRODUCTS; ++i) outputs[i] = 0.0;
  for (uint j = 0u; j < k; ++j) {
    const int id = ids.v[t * k + j];
    if (id < 0) continue;                         // computed elsewhere
    const uint expert = uint(max(id, 0)) * 6u;  // as in experts_in.comp
    for (uint i = 0u; i < N_PRODUCTS; ++i) sums[i] = 0.0;
    const Input row = Input(uvec2(hidden), from + j * hidden_dim, hidden_dim, 1u, hidden_dim, uvec2(hidden), false);
    add_products(FORMAT, row, uvec2(table.v[expert + 4u], table.v[expert + 5u]), o0, n_rows, 0u, sums, squares);
    reduce_all(sums, squares, false);
    for (uint r = lane(); r < N_PRODUCTS; r += WIDTH) {
      precise const float product = weights.v[t * k + j] * total_of(r);  // rounded before it is added, as sum_rows.comp does
      precise const float sum = outputs[r / WIDTH] + product;
      outputs[r / WIDTH] = sum;
    }
    barrier();
  }
  if (shared_dim > 0u) {
    for (uint i = 0u; i < N_PRODUCTS; ++i) sums[i] = 0.0;
    const Input row = Input(uvec2(hidden), from + k * hidden_dim, shared_dim, 1u, shared_dim, uvec2(hidden), false);
    add_products(FORMAT_B, row, uvec2(shared_down), o0, n_rows, 0u, sums, squares);
    reduce_all(sums, squares, false);
  }
  for (uint r = lane(); r < n_rows; r += WIDTH) {
    precise float sum = outputs[r / WIDTH];
    if (shared_dim > 0u) sum = sum + total_of(r);
    const uint at = t * dim + o0 + r;
    if (ADDS != 0u) sum = y.v[at] + sum;
    y.v[at] = sum;
  }
}
