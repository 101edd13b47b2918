#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "kv.glsl"

// y[i] = cache[cells[i]], decoded
layout(constant_id = 3) const uint FORMAT = 0;
layout(constant_id = 4) const uint LAYOUT = 0;

layout(push_constant) uniform Params {
  F32 y;
  U8 cache;
  I32 cells;
  uint n, n_heads, head_dim;
};

void main() {
  const uint at = group_index() * WIDTH + lane(), d = at % head_dim, head = at / head_dim % n_heads, i = at / head_dim / n_heads;
  if (i < n) y.v[at] = kv_at(uvec2(cache), FORMAT, LAYOUT, uint(cells.v[i]), n_heads, head, head_dim, d);
}
