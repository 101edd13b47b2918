#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

// y[r][y_first + i] = x[r / repeats][x_first + i]
layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  uint n_rows, n, repeats;
  uint y_first, y_width, x_first, x_width;
};

void main() {
  const uint at = group_index() * WIDTH + lane(), r = at / n, i = at % n;
  if (r < n_rows) y.v[r * y_width + y_first + i] = x.v[r / repeats * x_width + x_first + i];
}
