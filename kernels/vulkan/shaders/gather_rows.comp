#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

// y[i] = x[rows[i]]
layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  I32 rows;
  uint n, dim;
};

void main() {
  const uint at = group_index() * WIDTH + lane(), i = at / dim;
  if (i < n) y.v[at] = x.v[uint(rows.v[i]) * dim + at % dim];
}
