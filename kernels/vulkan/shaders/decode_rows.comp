#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "formats.glsl"

// Rows of weights as float32: those that ids name, or n_rows of them from the first on. An invocation has a run of values.
layout(constant_id = 3) const uint FORMAT = 0;

layout(push_constant) uniform Params {
  F32 y;
  U8 w;
  I32 ids;
  uint n_rows, n_in, row_bytes, has_ids;
};

void main() {
  const uint n_runs = (n_in + RUN - 1u) / RUN, at = group_index() * WIDTH + lane();
  const uint r = at / n_runs, i = at % n_runs * RUN;
  if (r >= n_rows) return;
  const uint row = has_ids != 0u ? uint(ids.v[r]) : r;
  float values[RUN];
  decode_run(FORMAT, U8(moved_by(uvec2(w), row, row_bytes)), i, n_in, values);
  for (uint j = 0u; j < RUN && i + j < n_in; ++j) y.v[r * n_in + i + j] = values[j];
}
