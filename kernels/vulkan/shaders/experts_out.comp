#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "formats.glsl"
#include "reduce.glsl"
#include "stop.glsl"

// y[t] = sum over j, in this order, of weights[t][j] * down_e hidden[t][j], e = ids[t][j]. A workgroup has an output of a token.
layout(push_constant) uniform Params {
  F32 y;
  F32 hidden;
  I32 ids;
  F32 weights;
  U32 table;
  Flag stop;
  uint first_group, end_group;
  uint k, dim, hidden_dim, row_bytes;
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint o = group % dim, t = group / dim;
  precise float sum = 0.0;
  for (uint j = 0u; j < k; ++j) {
    const uint place = t * k + j, expert = uint(ids.v[place]) * 6u;
    U8 down = U8(moved(uvec2(table.v[expert + 4u], table.v[expert + 5u]), o * row_bytes));
    float product = 0.0;
    for (uint i = lane() * RUN; i < hidden_dim; i += WIDTH * RUN) {
      float values[RUN];
      decode_run(down, i, hidden_dim, values);
      product = add_products(product, values, hidden, place * hidden_dim, i, hidden_dim);
    }
    sum = fma(weights.v[place], group_sum(product), sum);
  }
  if (lane() == 0u) y.v[group] = sum;
}
