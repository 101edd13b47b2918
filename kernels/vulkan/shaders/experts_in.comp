#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "formats.glsl"
#include "reduce.glsl"
#include "stop.glsl"

// hidden[t][j] = silu(gate_e x[t]) * up_e x[t], e = ids[t][j]. A workgroup has a row of the two matrices and a choice of a token.
layout(push_constant) uniform Params {
  F32 hidden;
  F32 x;
  I32 ids;
  U32 table;  // of each expert the addresses of gate, up and down
  Flag stop;
  uint first_group, end_group;
  uint k, dim, hidden_dim, row_bytes;
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint o = group % hidden_dim, place = group / hidden_dim, t = place / k, expert = uint(ids.v[place]) * 6u;
  U8 gate = U8(moved(uvec2(table.v[expert], table.v[expert + 1u]), o * row_bytes));
  U8 up = U8(moved(uvec2(table.v[expert + 2u], table.v[expert + 3u]), o * row_bytes));
  float of_gate = 0.0, of_up = 0.0;
  for (uint i = lane() * RUN; i < dim; i += WIDTH * RUN) {
    float values[RUN];
    decode_run(gate, i, dim, values);
    of_gate = add_products(of_gate, values, x, t * dim, i, dim);
    decode_run(up, i, dim, values);
    of_up = add_products(of_up, values, x, t * dim, i, dim);
  }
  of_gate = group_sum(of_gate);
  of_up = group_sum(of_up);
  if (lane() == 0u) hidden.v[place * hidden_dim + o] = silu_of(of_gate) * of_up;
}
