#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "angles.glsl"
#include "encode.glsl"
#include "kv.glsl"
#include "reduce.glsl"
#include "store.glsl"

// A head of queries, keys or values of a token on its way from the projections: its norm, its rope and what rotates it beside that; queries stay where
// they are, keys and values go into their cells. A workgroup has a head.
layout(constant_id = 3) const uint MOST_DIMS = 64;  // of a head
layout(constant_id = 4) const uint K_FORMAT = 0;
layout(constant_id = 5) const uint K_LAYOUT = 1;
layout(constant_id = 6) const uint V_FORMAT = 0;
layout(constant_id = 7) const uint V_LAYOUT = 2;

layout(push_constant) uniform Params {
  F32 q;
  F32 k;
  F32 v;
  F32 q_norm;
  F32 k_norm;
  I32 positions;
  F32 frequencies;
  I32 axes;
  I32 cells;
  U8 k_cache;
  U8 v_cache;
  uint n_tokens;
  uint heads;       // of queries, and above 16 bits of keys
  uint dims;        // of a query, and above 16 bits of a key
  uint v_dim_pairs; // of a value, and above 16 bits pairs that are rotated
  uint first_dims;  // of rope in a query, and above 16 bits in a key
  uint k_norm_dims; // above 16 bits: whether pairs are neighbours
  uint hadamard_length;
  float root;       // of it
  float eps;
};

shared float head[MOST_DIMS];

bool is_none(uvec2 address) { return address == uvec2(0u); }

void norm_head(F32 weights, uint n) {
  precise float sum = 0.0;
  for (uint i = lane(); i < n; i += WIDTH) sum = fma(head[i], head[i], sum);
  const float scale = 1.0 / sqrt(group_sum(sum) / float(n) + eps);
  for (uint i = lane(); i < n; i += WIDTH) {
    precise const float weighted = weights.v[i] * head[i];
    head[i] = weighted * scale;
  }
  barrier();
}

void turn_head(uint t, uint first_dim) {
  const uint n_pairs = v_dim_pairs >> 16;
  const bool is_interleaved = k_norm_dims >> 16 != 0u;
  for (uint i = lane(); i < n_pairs; i += WIDTH) {
    const uint axis = is_none(uvec2(axes)) ? 0u : uint(axes.v[i]);
    const vec2 turn = turn_of(positions.v[axis * n_tokens + t], frequencies.v[i]);
    const uint first = first_dim + (is_interleaved ? 2u * i : i), second = is_interleaved ? first + 1u : first + n_pairs;
    const vec2 pair = turned(vec2(head[first], head[second]), turn);
    head[first] = pair.x;
    head[second] = pair.y;
  }
  barrier();
}

// In the order of sums that backend.h says.
void mix_head(uint dim) {
  if (hadamard_length == 0u) return;
  for (uint apart = 1u; apart < hadamard_length; apart *= 2u) {
    for (uint j = lane(); j < dim / 2u; j += WIDTH) {
      const uint i = j / apart * 2u * apart + j % apart;
      const float a = head[i], b = head[i + apart];
      head[i] = a + b;
      head[i + apart] = a - b;
    }
    barrier();
  }
  for (uint i = lane(); i < dim; i += WIDTH) head[i] = divided(head[i], root);
  barrier();
}

void store_head(uvec2 cache, uint format, uint layout_of, uint cell, uint n_heads, uint h, uint dim) {
  for (uint first = lane() * KV_GROUP; first < dim; first += WIDTH * KV_GROUP) {
    float values[KV_GROUP];
    for (uint j = 0u; j < KV_GROUP; ++j) values[j] = first + j < dim ? head[first + j] : 0.0;
    store_dims(cache, format, layout_of, cell, n_heads, h, dim, first, values);
  }
}

void main() {
  const uint n_heads = heads & 0xffffu, n_kv_heads = heads >> 16, q_dim = dims & 0xffffu, k_dim = dims >> 16, v_dim = v_dim_pairs & 0xffffu;
  const uint n_all = n_heads + n_kv_heads * (is_none(uvec2(v)) ? 1u : 2u), group = group_index(), t = group / n_all, h = group % n_all;
  if (t >= n_tokens) return;
  const bool is_query = h < n_heads, is_value = h >= n_heads + n_kv_heads;
  const uint kv_head = is_query ? 0u : (h - n_heads) % n_kv_heads, dim = is_query ? q_dim : is_value ? v_dim : k_dim;
  const uint at = (is_query ? t * n_heads + h : t * n_kv_heads + kv_head) * dim;
  F32 from = F32(is_query ? uvec2(q) : is_value ? uvec2(v) : uvec2(k));
  for (uint i = lane(); i < dim; i += WIDTH) head[i] = from.v[at + i];
  barrier();
  const uint n_normed = is_value ? 0u : !is_query ? k_norm_dims & 0xffffu : is_none(uvec2(q_norm)) ? 0u : q_dim;
  if (n_normed > 0u) norm_head(F32(is_query ? uvec2(q_norm) : uvec2(k_norm)), n_normed);
  if (!is_value) {
    turn_head(t, is_query ? first_dims & 0xffffu : first_dims >> 16);
    mix_head(dim);
  }
  if (is_query) {
    for (uint i = lane(); i < dim; i += WIDTH) q.v[at + i] = head[i];
  } else if (is_value) {
    store_head(uvec2(v_cache), V_FORMAT, V_LAYOUT, uint(cells.v[t]), n_kv_heads, kv_head, dim);
  } else {
    store_head(uvec2(k_cache), K_FORMAT, K_LAYOUT, uint(cells.v[t]), n_kv_heads, kv_head, dim);
  }
}
