#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "encode.glsl"
#include "kv.glsl"

// cache[cells[t]] = x[t], rounded to the cache's format. An invocation has up to 32 dims of a head of a token.
layout(constant_id = 1) const uint FORMAT = 0;
layout(constant_id = 2) const uint LAYOUT = 0;

layout(push_constant) uniform Params {
  U8 cache;
  F32 x;
  I32 cells;
  uint n_tokens, n_heads, head_dim;
};

void main() {
  const uint n_groups = (head_dim + 31u) / 32u, at = group_index() * WIDTH + lane();
  const uint first = at % n_groups * 32u, head = at / n_groups % n_heads, t = at / n_groups / n_heads;
  if (t >= n_tokens) return;
  const uint cell = uint(cells.v[t]), c = cell % KV_BLOCK, from = (t * n_heads + head) * head_dim;
  const uvec2 place = LAYOUT == IN_ROWS ? kv_row(uvec2(cache), FORMAT, cell, n_heads, head, head_dim)
                                        : kv_tile(uvec2(cache), FORMAT, cell / KV_BLOCK, n_heads, head, head_dim);
  if (FORMAT == KV_F32 || FORMAT == KV_F16) {
    for (uint d = first; d < min(first + 32u, head_dim); ++d) {
      const uint to = LAYOUT == IN_ROWS ? d : kv_plain_place(LAYOUT, head_dim, c, d);
      if (FORMAT == KV_F32) F32(place).v[to] = x.v[from + d];
      else U16(place).v[to] = uint16_t(float_to_half(x.v[from + d]));
    }
    return;
  }
  float values[32];
  for (uint j = 0u; j < 32u; ++j) values[j] = x.v[from + first + j];
  const float scale = FORMAT == KV_Q8_0 ? scale_of_q8_0(values) : scale_of_q4_0(values), inverse = inverse_of(scale);
  const uint row_block = kv_head_bytes(FORMAT, first);
  U16(place).v[(LAYOUT == IN_ROWS ? row_block : kv_scale_place(FORMAT, c, first)) / 2u] = uint16_t(float_to_half(scale));
  if (FORMAT == KV_Q8_0) {
    for (uint j = 0u; j < 32u; ++j) {
      const uint to = LAYOUT == IN_ROWS ? row_block + 2u + j : kv_code_place(FORMAT, LAYOUT, c, first + j).x;
      U8(place).v[to] = uint8_t(uint(code_of_q8_0(values[j], inverse)) & 255u);
    }
    return;
  }
  for (uint j = 0u; j < 16u; ++j) {
    const uint low = uint(code_of_q4_0(values[j], inverse)), high = uint(code_of_q4_0(values[j + 16u], inverse));
    if (LAYOUT != AS_VALUES) {
      const uint to = LAYOUT == IN_ROWS ? row_block + 2u + j : kv_code_place(FORMAT, LAYOUT, c, first + j).x;
      U8(place).v[to] = uint8_t(low | high << 4);
      continue;
    }
    // Cells share bytes: each clears and sets its own bits only.
    for (uint part = 0u; part < 2u; ++part) {
      const uvec2 to = kv_code_place(FORMAT, LAYOUT, c, first + j + 16u * part);
      const uint shift = to.x % 4u * 8u + to.y;
      atomicAnd(U32(place).v[to.x / 4u], ~(15u << shift));
      atomicOr(U32(place).v[to.x / 4u], (part == 0u ? low : high) << shift);
    }
  }
}
