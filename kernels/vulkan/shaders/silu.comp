#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "pairs.glsl"

// y = a / (1 + exp(-a))

void main() {
  const uint i = value_index();
  if (i >= n) return;
  precise const float value = silu_of(a.v[i]);
  y.v[i] = value;
}
