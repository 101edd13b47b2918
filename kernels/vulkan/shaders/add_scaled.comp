#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "pairs.glsl"

// y += factor * a, the product rounded before it is added

float scaled(float x) {
  precise const float product = factor * x;
  return product;
}

void main() {
  const uint i = value_index();
  if (i >= n) return;
  precise const float value = y.v[i] + scaled(a.v[i]);
  y.v[i] = value;
}
