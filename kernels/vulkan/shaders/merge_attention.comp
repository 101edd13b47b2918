#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "merge.glsl"

// The parts that attention.comp left of each head of each token. A workgroup has a head of a token.
layout(push_constant) uniform Params {
  F32 y;
  F32 parts;
  I32 kv_lengths;
  uint n_heads, v_head_dim, n_parts;
};

void main() {
  const uint query = group_index(), kv_length = uint(kv_lengths.v[query / n_heads]);
  for (uint d = lane(); d < v_head_dim; d += WIDTH) {
    float largest = uintBitsToFloat(0xff800000u), total = 0.0, value = 0.0;
    for (uint part = 0u; part * ATTENTION_PART < kv_length; ++part) {
      const uint from = (query * n_parts + part) * (v_head_dim + 2u);
      vec2 factors;
      if (merge(largest, total, parts.v[from], parts.v[from + 1u], factors)) value = merged(value, parts.v[from + 2u + d], factors);
    }
    y.v[query * v_head_dim + d] = kv_length == 0u ? 0.0 : quotient(value, total);
  }
}
