#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

// y[t] = sum over j, in this order, of weights[t][j] * x[rows[t][j]]
layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  I32 rows;
  F32 weights;
  uint n, k, dim;
};

void main() {
  const uint at = group_index() * WIDTH + lane(), t = at / dim, i = at % dim;
  if (t >= n) return;
  precise float sum = 0.0;
  for (uint j = 0u; j < k; ++j) {
    precise const float product = weights.v[t * k + j] * x.v[uint(rows.v[t * k + j]) * dim + i];
    sum = sum + product;
  }
  y.v[at] = sum;
}
