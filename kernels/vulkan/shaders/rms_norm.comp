#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "reduce.glsl"

// y = w * x / sqrt(mean(x²) + eps). A workgroup has a row.
layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  F32 w;
  uint n_rows, dim;
  float eps;
};

void main() {
  const uint row = group_index();
  if (row >= n_rows) return;
  precise float sum = 0.0;
  for (uint i = lane(); i < dim; i += WIDTH) sum = fma(x.v[row * dim + i], x.v[row * dim + i], sum);
  const float scale = 1.0 / sqrt(group_sum(sum) / float(dim) + eps);
  for (uint i = lane(); i < dim; i += WIDTH) {
    precise const float weighted = w.v[i] * x.v[row * dim + i];
    y.v[row * dim + i] = weighted * scale;
  }
}
