#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "stop.glsl"

// Reads every word of a buffer once, to measure how fast that is. A workgroup has a stretch.
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Words { uvec4 v[]; };

layout(push_constant) uniform Params {
  Words x;
  U32 sum;
  Flag stop;
  uint first_group, end_group;
  uint n;  // four words each
};

void main() {
  const uint group = first_group + group_index();
  if (group >= end_group || is_stopped(stop)) return;
  uvec4 total = uvec4(0u);
  const uint first = group * READ_STRETCH, end = min(first + READ_STRETCH, n);
  for (uint i = first + lane(); i < end; i += WIDTH) total += x.v[i];
  atomicAdd(sum.v[0], total.x + total.y + total.z + total.w);
}
