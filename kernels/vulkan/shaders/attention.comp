#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "kv.glsl"
#include "stop.glsl"

// Grouped-query attention over cached tokens, block by block, with the softmax's maximum, sum and weighted values carried along (Milakov &
// Gimelshein 2018, arXiv:1805.02867). A workgroup has a head of a token.
layout(constant_id = 1) const uint K_FORMAT = 0;
layout(constant_id = 2) const uint K_LAYOUT = 1;
layout(constant_id = 3) const uint V_FORMAT = 0;
layout(constant_id = 4) const uint V_LAYOUT = 2;
layout(constant_id = 5) const uint N_SUMS = 1;          // dims of the value that an invocation has
layout(constant_id = 6) const uint VALUES_IN_KEYS = 0;  // the first dims of each key are its value

const uint SELECT_WINDOW = 1, SELECT_PAGES = 2;

layout(push_constant) uniform Params {
  F32 y;
  F32 q;
  U8 k_cache;
  U8 v_cache;
  I32 kv_lengths;
  I32 sequences;
  I32 block_table;
  I32 protected_blocks;
  U32 kept;
  Flag stop;
  uint first_group, end_group;
  uint heads;  // query heads, and above 16 bits key heads
  uint dims;   // of a key, and above 16 bits of a value
  uint max_blocks;
  uint selection;  // its kind, and above 8 bits whether there are protected blocks
  uint n_sinks, window;
  float scale;
};

const uint PARTS = WIDTH < KV_BLOCK ? 1u : WIDTH / KV_BLOCK;  // invocations that share the dims of a key
shared float products[PARTS * KV_BLOCK];
shared float weights[KV_BLOCK];

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_heads = heads & 0xffffu, n_kv_heads = heads >> 16, head_dim = dims & 0xffffu, v_head_dim = dims >> 16;
  const uint head = group % n_heads, t = group / n_heads, kv_head = head / (n_heads / n_kv_heads);
  const uint kv_length = uint(kv_lengths.v[t]);
  const uint from = group * head_dim, to = group * v_head_dim;

  float sums[N_SUMS];
  for (uint i = 0u; i < N_SUMS; ++i) sums[i] = 0.0;
  float largest = uintBitsToFloat(0xff800000u), total = 0.0;
  const uint row = kv_length > 0u ? uint(sequences.v[t]) * max_blocks : 0u, kind = selection & 255u;
  for (uint first = 0u; first < kv_length; first += KV_BLOCK) {
    const uint j = first / KV_BLOCK, n = min(KV_BLOCK, kv_length - first);
    const bool is_protected = (selection >> 8) != 0u && protected_blocks.v[row + j] != 0;
    if (kind == SELECT_PAGES && kept.v[(t * n_kv_heads + kv_head) * max_blocks + j] == 0u) continue;
    const bool is_cut = kind == SELECT_WINDOW && !is_protected;
    if (is_cut && first >= n_sinks && first + n + window <= kv_length) continue;
    const uint block = uint(block_table.v[row + j]);

    // scores
    for (uint at = lane(); at < PARTS * KV_BLOCK; at += WIDTH) {
      const uint c = at % KV_BLOCK;
      precise float product = 0.0;
      if (c < n) {
        for (uint d = at / KV_BLOCK; d < head_dim; d += PARTS) {
          product = fma(q.v[from + d], kv_at(uvec2(k_cache), K_FORMAT, K_LAYOUT, block * KV_BLOCK + c, n_kv_heads, kv_head, head_dim, d), product);
        }
      }
      products[at] = product;
    }
    barrier();
    for (uint c = lane(); c < KV_BLOCK; c += WIDTH) {
      precise float score = 0.0;
      for (uint part = 0u; part < PARTS; ++part) score += products[part * KV_BLOCK + c];
      const bool is_kept = c < n && (!is_cut || first + c < n_sinks || first + c + window >= kv_length);
      weights[c] = is_kept ? scale * score : uintBitsToFloat(0xff800000u);
    }
    barrier();
    float larger = largest;
    bool has_nan = false;
    for (uint c = 0u; c < n; ++c) {
      larger = max(larger, weights[c]);
      if (is_nan(weights[c])) has_nan = true;
    }
    const float shrink = largest == larger ? 1.0 : exp_of(largest - larger);
    largest = larger;
    barrier();
    for (uint c = lane(); c < KV_BLOCK; c += WIDTH) {
      const bool is_kept = c < n && (!is_cut || first + c < n_sinks || first + c + window >= kv_length);
      weights[c] = !is_kept ? 0.0 : has_nan ? uintBitsToFloat(0x7fc00000u) : weights[c] == largest ? 1.0 : exp_of(weights[c] - largest);
    }
    barrier();

    precise float of_block = 0.0;
    for (uint c = 0u; c < n; ++c) of_block += weights[c];
    total = fma(total, shrink, of_block);
    for (uint i = 0u; i < N_SUMS; ++i) {
      const uint d = i * WIDTH + lane();
      if (d >= v_head_dim) continue;
      precise float sum = 0.0;
      for (uint c = 0u; c < n; ++c) {
        const bool is_kept = !is_cut || first + c < n_sinks || first + c + window >= kv_length;
        if (!is_kept) continue;
        const float value = VALUES_IN_KEYS != 0u
                                ? kv_at(uvec2(k_cache), K_FORMAT, K_LAYOUT, block * KV_BLOCK + c, n_kv_heads, kv_head, head_dim, d)
                                : kv_at(uvec2(v_cache), V_FORMAT, V_LAYOUT, block * KV_BLOCK + c, n_kv_heads, kv_head, v_head_dim, d);
        sum = fma(weights[c], value, sum);
      }
      sums[i] = fma(sums[i], shrink, sum);
    }
    barrier();
  }
  for (uint i = 0u; i < N_SUMS; ++i) {
    const uint d = i * WIDTH + lane();
    if (d < v_head_dim) y.v[to + d] = kv_length == 0u ? 0.0 : total == 1.0 ? sums[i] : sums[i] / total;
  }
}
