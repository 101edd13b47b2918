#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "gelu.glsl"
#include "pairs.glsl"

// y = gelu(a), by tanh where factor is not 0
void main() {
  const uint i = value_index();
  if (i >= n) return;
  y.v[i] = factor != 0.0 ? gelu_tanh(a.v[i]) : gelu_erf(a.v[i]);
}
