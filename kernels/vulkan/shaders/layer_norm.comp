#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "reduce.glsl"

// (x - mean) / sqrt(variance + eps) * w + bias. A workgroup has a row; the variance is of what is left of the mean, so rows far from 0 keep it.
layout(push_constant) uniform Params {
  F32 y;
  F32 x;
  F32 w;
  F32 bias;
  uint n_rows, dim;
  float eps;
};

void main() {
  const uint row = group_index();
  if (row >= n_rows) return;
  precise float sum = 0.0;
  for (uint i = lane(); i < dim; i += WIDTH) sum += x.v[row * dim + i];
  const float mean = group_sum(sum) / float(dim);
  precise float squares = 0.0;
  for (uint i = lane(); i < dim; i += WIDTH) {
    const float d = x.v[row * dim + i] - mean;
    squares = fma(d, d, squares);
  }
  const float scale = 1.0 / sqrt(group_sum(squares) / float(dim) + eps);
  for (uint i = lane(); i < dim; i += WIDTH) y.v[row * dim + i] = (x.v[row * dim + i] - mean) * scale * w.v[i] + bias.v[i];
}
