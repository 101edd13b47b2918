#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "kv.glsl"

// The smallest and the largest of each dim of the keys of every block that these cells lie in, up to the last of them: a block's cells follow each
// other, so that is the one behind which another block, or nothing, comes.
layout(constant_id = 3) const uint FORMAT = 0;
layout(constant_id = 4) const uint LAYOUT = 0;

layout(push_constant) uniform Params {
  F32 bounds;
  U8 cache;
  I32 cells;
  uint n_tokens, n_heads, head_dim;
};

void main() {
  const uint at = group_index() * WIDTH + lane(), d = at % head_dim, head = at / head_dim % n_heads, t = at / head_dim / n_heads;
  if (t >= n_tokens) return;
  const uint cell = uint(cells.v[t]), block = cell / KV_BLOCK;
  if (t + 1u < n_tokens && uint(cells.v[t + 1u]) / KV_BLOCK == block) return;
  float smallest = uintBitsToFloat(0x7f800000u), largest = -smallest;
  for (uint c = block * KV_BLOCK; c <= cell; ++c) {
    const float key = kv_at(uvec2(cache), FORMAT, LAYOUT, c, n_heads, head, head_dim, d);
    smallest = min(smallest, key);
    largest = max(largest, key);
  }
  const uint to = (block * n_heads + head) * 2u * head_dim + d;
  bounds.v[to] = smallest;
  bounds.v[to + head_dim] = largest;
}
