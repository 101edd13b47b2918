#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "kv.glsl"

// Which blocks of its sequence each token keeps for each key head: its own, the protected ones, and of the others those of the highest score bounds.
// A workgroup has a key head of a token.
layout(constant_id = 3) const uint FORMAT = 0;
layout(constant_id = 4) const uint LAYOUT = 1;

layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer Scores { float v[]; };

layout(push_constant) uniform Params {
  U32 kept;       // [n_tokens, n_kv_heads, max_blocks]
  Scores scores;  // the same
  F32 q;
  U8 k_cache;
  I32 kv_lengths;
  I32 sequences;
  I32 block_table;
  I32 protected_blocks;
  F32 page_bounds;
  uint n_tokens, n_heads, n_kv_heads, head_dim, max_blocks, n_pages;
  uint has_protected, has_bounds;
};

const uint MANY = 0x7fffffffu;

void main() {
  const uint group = group_index(), kv_head = group % n_kv_heads, t = group / n_kv_heads;
  if (t >= n_tokens) return;
  const uint kv_length = uint(kv_lengths.v[t]);
  if (kv_length == 0u) return;
  const uint own = (kv_length - 1u) / KV_BLOCK, row = uint(sequences.v[t]) * max_blocks, to = group * max_blocks;
  const uint n_values = n_heads / n_kv_heads * head_dim, first = (t * n_heads + kv_head * (n_heads / n_kv_heads)) * head_dim;
  for (uint j = lane(); j <= own; j += WIDTH) {
    const bool is_given = j == own || (has_protected != 0u && protected_blocks.v[row + j] != 0);
    kept.v[to + j] = is_given ? MANY : 0u;
    if (is_given) continue;
    const uint block = uint(block_table.v[row + j]);
    precise float bound = 0.0;
    for (uint d = 0u; d < head_dim; ++d) {
      float smallest, largest;
      if (has_bounds != 0u) {
        const uint at = (block * n_kv_heads + kv_head) * 2u * head_dim + d;
        smallest = page_bounds.v[at];
        largest = page_bounds.v[at + head_dim];
      } else {
        smallest = uintBitsToFloat(0x7f800000u);
        largest = -smallest;
        for (uint c = 0u; c < KV_BLOCK; ++c) {
          const float key = kv_at(uvec2(k_cache), FORMAT, LAYOUT, block * KV_BLOCK + c, n_kv_heads, kv_head, head_dim, d);
          smallest = min(smallest, key);
          largest = max(largest, key);
        }
      }
      for (uint i = d; i < n_values; i += head_dim) {
        const float value = q.v[first + i];
        bound += max(value * smallest, value * largest);
      }
    }
    scores.v[to + j] = bound;
  }
  memoryBarrierBuffer();
  barrier();
  for (uint j = lane(); j < own; j += WIDTH) {
    if (kept.v[to + j] == MANY) continue;
    const float score = scores.v[to + j];
    uint n_better = 0u;
    for (uint i = 0u; i < own; ++i) {
      if (i == j || (has_protected != 0u && protected_blocks.v[row + i] != 0)) continue;
      const float other = scores.v[to + i];
      if (other > score || (other == score && i < j)) ++n_better;
    }
    if (n_better + 1u < n_pages) kept.v[to + j] = 1u;
  }
}
