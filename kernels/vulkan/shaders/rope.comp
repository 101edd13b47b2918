#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "angles.glsl"

// Rotates pairs of dims. An invocation has a pair of all heads of a token.
layout(push_constant) uniform Params {
  F32 x;
  I32 positions;
  F32 frequencies;
  I32 axes;
  uint n_tokens, n_heads, head_dim, n_pairs, first_dim;
  uint is_interleaved, has_axes;
};

void main() {
  const uint at = group_index() * WIDTH + lane(), t = at / n_pairs, i = at % n_pairs;
  if (t >= n_tokens) return;
  const uint axis = has_axes != 0u ? uint(axes.v[i]) : 0u;
  const vec2 turn = turn_of(positions.v[axis * n_tokens + t], frequencies.v[i]);
  const uint first = first_dim + (is_interleaved != 0u ? 2u * i : i), second = is_interleaved != 0u ? first + 1u : first + n_pairs;
  for (uint h = 0u; h < n_heads; ++h) {
    const uint head = (t * n_heads + h) * head_dim;
    const vec2 pair = turned(vec2(x.v[head + first], x.v[head + second]), turn);
    x.v[head + first] = pair.x;
    x.v[head + second] = pair.y;
  }
}
