#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "kv.glsl"
#include "merge.glsl"
#include "stop.glsl"

// Grouped-query attention over cached tokens, block by block, with the softmax's maximum, sum and weighted values carried along (Milakov &
// Gimelshein 2018, arXiv:1805.02867). Cached tokens are cut into parts, whose results are merged in order: a workgroup has a head of a token and a
// part, merged by merge_attention.comp, or all parts one after the other, which gives the same bits.
layout(constant_id = 3) const uint K_FORMAT = 0;
layout(constant_id = 4) const uint K_LAYOUT = 1;
layout(constant_id = 5) const uint V_FORMAT = 0;
layout(constant_id = 6) const uint V_LAYOUT = 2;
layout(constant_id = 7) const uint N_SUMS = 1;          // dims of the value that an invocation has
layout(constant_id = 8) const uint VALUES_IN_KEYS = 0;  // the first dims of each key are its value
layout(constant_id = 9) const uint IN_PARTS = 0;        // y takes each part's largest score, sum of weights and weighted values

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

struct Place {
  uint kv_head, kv_length;
  uint query, row, kept;  // where the head's query, the sequence's blocks and the choice among them begin
};

void clear(out float largest, out float total, out float values[N_SUMS]) {
  largest = uintBitsToFloat(0xff800000u);
  total = 0.0;
  for (uint i = 0u; i < N_SUMS; ++i) values[i] = 0.0;
}

void go_over(Place place, uint part, out float largest, out float total, out float values[N_SUMS]) {
  const uint n_kv_heads = heads >> 16, head_dim = dims & 0xffffu, v_head_dim = dims >> 16, kind = selection & 255u;
  const uint end = min((part + 1u) * ATTENTION_PART, place.kv_length);
  clear(largest, total, values);
  for (uint first = part * ATTENTION_PART; first < end; first += KV_BLOCK) {
    const uint j = first / KV_BLOCK, n = min(KV_BLOCK, place.kv_length - first);
    const bool is_protected = (selection >> 8) != 0u && protected_blocks.v[place.row + j] != 0;
    if (kind == SELECT_PAGES && kept.v[place.kept + j] == 0u) continue;
    const bool is_cut = kind == SELECT_WINDOW && !is_protected;
    if (is_cut && first >= n_sinks && first + n + window <= place.kv_length) continue;
    const uint block = uint(block_table.v[place.row + j]);

    // scores
    for (uint at = lane(); at < PARTS * KV_BLOCK; at += WIDTH) {
      const uint c = at % KV_BLOCK;
      precise float product = 0.0;
      if (c < n) {
        for (uint d = at / KV_BLOCK; d < head_dim; d += PARTS) {
          product = fma(q.v[place.query + d], kv_at(uvec2(k_cache), K_FORMAT, K_LAYOUT, block * KV_BLOCK + c, n_kv_heads, place.kv_head, head_dim, d), product);
        }
      }
      products[at] = product;
    }
    barrier();
    for (uint c = lane(); c < KV_BLOCK; c += WIDTH) {
      precise float score = 0.0;
      for (uint p = 0u; p < PARTS; ++p) score += products[p * KV_BLOCK + c];
      const bool is_kept = c < n && (!is_cut || first + c < n_sinks || first + c + window >= place.kv_length);
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
      const bool is_kept = c < n && (!is_cut || first + c < n_sinks || first + c + window >= place.kv_length);
      weights[c] = !is_kept ? 0.0 : has_nan ? uintBitsToFloat(0x7fc00000u) : weights[c] == larger ? 1.0 : exp_of(weights[c] - larger);
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
        const bool is_kept = !is_cut || first + c < n_sinks || first + c + window >= place.kv_length;
        if (!is_kept) continue;
        const float value = VALUES_IN_KEYS != 0u
                                ? kv_at(uvec2(k_cache), K_FORMAT, K_LAYOUT, block * KV_BLOCK + c, n_kv_heads, place.kv_head, head_dim, d)
                                : kv_at(uvec2(v_cache), V_FORMAT, V_LAYOUT, block * KV_BLOCK + c, n_kv_heads, place.kv_head, v_head_dim, d);
        sum = fma(weights[c], value, sum);
      }
      values[i] = fma(values[i], shrink, sum);
    }
    barrier();
  }
}

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  const uint n_heads = heads & 0xffffu, n_kv_heads = heads >> 16, head_dim = dims & 0xffffu, v_head_dim = dims >> 16;
  const uint n_parts = (max_blocks * KV_BLOCK + ATTENTION_PART - 1u) / ATTENTION_PART;
  const uint query = IN_PARTS != 0u ? group / n_parts : group, head = query % n_heads, t = query / n_heads;
  Place place;
  place.kv_head = head / (n_heads / n_kv_heads);
  place.kv_length = uint(kv_lengths.v[t]);
  place.query = query * head_dim;
  place.row = place.kv_length > 0u ? uint(sequences.v[t]) * max_blocks : 0u;
  place.kept = (t * n_kv_heads + place.kv_head) * max_blocks;
  float largest, total, values[N_SUMS];
  if (IN_PARTS != 0u) {
    const uint part = group % n_parts, to = group * (v_head_dim + 2u);
    if (part * ATTENTION_PART >= place.kv_length) return;
    go_over(place, part, largest, total, values);
    if (lane() == 0u) {
      y.v[to] = largest;
      y.v[to + 1u] = total;
    }
    for (uint i = 0u; i < N_SUMS; ++i) {
      const uint d = i * WIDTH + lane();
      if (d < v_head_dim) y.v[to + 2u + d] = values[i];
    }
    return;
  }
  float largest_of_all, total_of_all, of_all[N_SUMS];
  clear(largest_of_all, total_of_all, of_all);
  for (uint part = 0u; part * ATTENTION_PART < place.kv_length; ++part) {
    go_over(place, part, largest, total, values);
    vec2 factors;
    if (!merge(largest_of_all, total_of_all, largest, total, factors)) continue;
    for (uint i = 0u; i < N_SUMS; ++i) of_all[i] = merged(of_all[i], values[i], factors);
  }
  for (uint i = 0u; i < N_SUMS; ++i) {
    const uint d = i * WIDTH + lane();
    if (d < v_head_dim) y.v[query * v_head_dim + d] = place.kv_length == 0u ? 0.0 : quotient(of_all[i], total_of_all);
  }
}
