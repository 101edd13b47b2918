#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

// Stretches of n values by the Hadamard matrix over sqrt(n), in the order of sums that backend.h says. A workgroup has a stretch.
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer Shared { float v[]; };

layout(push_constant) uniform Params {
  Shared x;
  uint n_parts, n;
  float root;
};

void main() {
  const uint part = group_index();
  if (part >= n_parts) return;
  const uint first = part * n;
  for (uint apart = 1u; apart < n; apart *= 2u) {
    for (uint k = lane(); k < n / 2u; k += WIDTH) {
      const uint i = first + k / apart * 2u * apart + k % apart;
      const float a = x.v[i], b = x.v[i + apart];
      x.v[i] = a + b;
      x.v[i + apart] = a - b;
    }
    memoryBarrierBuffer();
    barrier();
  }
  for (uint k = lane(); k < n; k += WIDTH) x.v[first + k] = divided(x.v[first + k], root);
}
