// Dims first … first + 31 of a head, fewer at the end of a plain format, rounded to the cache's format and put into a cell.
void store_dims(uvec2 cache, uint format, uint layout_of, uint cell, uint n_heads, uint head, uint head_dim, uint first, float values[KV_GROUP]) {
  const uint c = cell % KV_BLOCK;
  const uvec2 place = layout_of == IN_ROWS ? kv_row(cache, format, cell, n_heads, head, head_dim)
                                           : kv_tile(cache, format, cell / KV_BLOCK, n_heads, head, head_dim);
  if (format == KV_F32 || format == KV_F16) {
    for (uint d = first; d < min(first + KV_GROUP, head_dim); ++d) {
      const uint to = layout_of == IN_ROWS ? d : kv_plain_place(layout_of, head_dim, c, d);
      if (format == KV_F32) F32(place).v[to] = values[d - first];
      else U16(place).v[to] = uint16_t(float_to_half(values[d - first]));
    }
    return;
  }
  const float scale = format == KV_Q8_0 ? scale_of_q8_0(values) : scale_of_q4_0(values), inverse = inverse_of(scale);
  const uint row_block = kv_head_bytes(format, first);
  U16(place).v[(layout_of == IN_ROWS ? row_block : kv_scale_place(format, c, first)) / 2u] = uint16_t(float_to_half(scale));
  if (format == KV_Q8_0) {
    for (uint j = 0u; j < KV_GROUP; ++j) {
      const uint to = layout_of == IN_ROWS ? row_block + 2u + j : kv_code_place(format, layout_of, c, first + j).x;
      U8(place).v[to] = uint8_t(uint(code_of_q8_0(values[j], inverse)) & 255u);
    }
    return;
  }
  for (uint j = 0u; j < KV_GROUP / 2u; ++j) {
    const uint low = uint(code_of_q4_0(values[j], inverse)), high = uint(code_of_q4_0(values[j + KV_GROUP / 2u], inverse));
    if (layout_of != AS_VALUES) {
      const uint to = layout_of == IN_ROWS ? row_block + 2u + j : kv_code_place(format, layout_of, c, first + j).x;
      U8(place).v[to] = uint8_t(low | high << 4);
      continue;
    }
    // Cells share bytes: each clears and sets its own bits only.
    for (uint part = 0u; part < 2u; ++part) {
      const uvec2 to = kv_code_place(format, layout_of, c, first + j + KV_GROUP / 2u * part);
      const uint shift = to.x % 4u * 8u + to.y;
      atomicAnd(U32(place).v[to.x / 4u], ~(15u << shift));
      atomicOr(U32(place).v[to.x / 4u], (part == 0u ? low : high) << shift);
    }
  }
}
