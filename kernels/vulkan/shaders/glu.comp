#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "pairs.glsl"

// y = silu(a) * b

void main() {
  const uint i = value_index();
  if (i >= n) return;
  precise const float value = silu_of(a.v[i]) * b.v[i];
  y.v[i] = value;
}
