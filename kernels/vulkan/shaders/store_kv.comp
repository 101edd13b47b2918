#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "encode.glsl"
#include "kv.glsl"
#include "store.glsl"

// cache[cells[t]] = x[t], rounded to the cache's format. An invocation has up to 32 dims of a head of a token.
layout(constant_id = 3) const uint FORMAT = 0;
layout(constant_id = 4) const uint LAYOUT = 0;

layout(push_constant) uniform Params {
  U8 cache;
  F32 x;
  I32 cells;
  uint n_tokens, n_heads, head_dim;
};

void main() {
  const uint n_groups = (head_dim + KV_GROUP - 1u) / KV_GROUP, at = group_index() * WIDTH + lane();
  const uint first = at % n_groups * KV_GROUP, head = at / n_groups % n_heads, t = at / n_groups / n_heads;
  if (t >= n_tokens) return;
  const uint from = (t * n_heads + head) * head_dim;
  float values[KV_GROUP];
  for (uint j = 0u; j < KV_GROUP; ++j) values[j] = first + j < head_dim ? x.v[from + first + j] : 0.0;
  store_dims(uvec2(cache), FORMAT, LAYOUT, uint(cells.v[t]), n_heads, head, head_dim, first, values);
}
