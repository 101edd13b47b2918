#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

// The place of the largest of each row, the lowest of equals; a NaN is never it. A workgroup has a row.
layout(push_constant) uniform Params {
  I32 y;
  F32 x;
  uint n_rows, dim;
};

shared float values[WIDTH];
shared uint places[WIDTH];

const uint NONE = 0xffffffffu;

bool is_better(float value, uint place, float than_value, uint than_place) {
  if (place == NONE) return false;
  return than_place == NONE || value > than_value || (value == than_value && place < than_place);
}

void main() {
  const uint row = group_index();
  if (row >= n_rows) return;
  float best = 0.0;
  uint place = NONE;
  for (uint i = lane(); i < dim; i += WIDTH) {
    const float value = x.v[row * dim + i];
    if (!is_nan(value) && is_better(value, i, best, place)) {
      best = value;
      place = i;
    }
  }
  values[lane()] = best;
  places[lane()] = place;
  barrier();
  for (uint apart = WIDTH / 2u; apart > 0u; apart /= 2u) {
    if (lane() < apart && is_better(values[lane() + apart], places[lane() + apart], values[lane()], places[lane()])) {
      values[lane()] = values[lane() + apart];
      places[lane()] = places[lane() + apart];
    }
    barrier();
  }
  if (lane() == 0u) y.v[row] = places[0] == NONE ? 0 : int(places[0]);
}
