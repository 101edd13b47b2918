// Where the numbers of a cache lie: kernels/kv_layout.h. Formats are numbered as DType, layouts as below.

const uint KV_F32 = 0, KV_F16 = 1, KV_Q4_0 = 4, KV_Q8_0 = 8;
const uint IN_ROWS = 0, AS_KEYS = 1, AS_VALUES = 2;

// First byte of what a head has in a block, and of a head's row in a cell.
uint kv_head_bytes(uint format, uint n) { return format == KV_F32 ? n * 4u : format == KV_F16 ? n * 2u : n / KV_GROUP * (format == KV_Q8_0 ? 34u : 18u); }

uvec2 kv_tile(uvec2 cache, uint format, uint block, uint n_heads, uint head, uint head_dim) {
  return moved(cache, (block * n_heads + head) * kv_head_bytes(format, KV_BLOCK * head_dim));
}

uvec2 kv_row(uvec2 cache, uint format, uint cell, uint n_heads, uint head, uint head_dim) {
  return moved(cache, (cell * n_heads + head) * kv_head_bytes(format, head_dim));
}

// Number of a plain format in its tile.
uint kv_plain_place(uint layout_of, uint head_dim, uint c, uint d) {
  if (layout_of == AS_KEYS) return d * KV_BLOCK + c;
  const uint first = d / KV_GROUP * KV_GROUP, n = min(KV_GROUP, head_dim - first);
  return first * KV_BLOCK + c * n + d - first;
}

// Of a quantized format: the byte of the scale of cell c in its group, and the byte and the shift of dim k of the group.
uint kv_group(uint format, uint d) { return d / KV_GROUP * (format == KV_Q8_0 ? 34u : 18u) * KV_BLOCK; }
uint kv_scale_place(uint format, uint c, uint d) { return kv_group(format, d) + 2u * c; }
uvec2 kv_code_place(uint format, uint layout_of, uint c, uint d) {
  const uint k = d % KV_GROUP, codes = kv_group(format, d) + 2u * KV_BLOCK;
  if (format == KV_Q8_0) {
    if (layout_of == AS_KEYS) return uvec2(codes + (k / 4u * KV_BLOCK + c) * 4u + k % 4u, 0u);
    return uvec2(codes + (c / 4u * KV_GROUP + k) * 4u + c % 4u, 0u);
  }
  if (layout_of == AS_KEYS) return uvec2(codes + (k % (KV_GROUP / 2u) / 4u * KV_BLOCK + c) * 4u + k % 4u, k / (KV_GROUP / 2u) * 4u);
  return uvec2(codes + (c % (KV_BLOCK / 2u) / 4u * KV_GROUP + k) * 4u + c % 4u, c / (KV_BLOCK / 2u) * 4u);
}

// Dim d of cell c of a tile.
float kv_in_tile(uvec2 tile, uint format, uint layout_of, uint head_dim, uint c, uint d) {
  if (format == KV_F32) return F32(tile).v[kv_plain_place(layout_of, head_dim, c, d)];
  if (format == KV_F16) return half_to_float(uint(U16(tile).v[kv_plain_place(layout_of, head_dim, c, d)]));
  const float scale = half_to_float(uint(U16(tile).v[kv_scale_place(format, c, d) / 2u]));
  const uvec2 place = kv_code_place(format, layout_of, c, d);
  const uint code = uint(U8(tile).v[place.x]) >> place.y;
  return scale * float(format == KV_Q8_0 ? int(code << 24) >> 24 : int(code & 15u) - 8);
}

// Dim d of a head's row.
float kv_in_row(uvec2 row, uint format, uint d) {
  if (format == KV_F32) return F32(row).v[d];
  if (format == KV_F16) return half_to_float(uint(U16(row).v[d]));
  const uint block = kv_head_bytes(format, d / KV_GROUP * KV_GROUP), k = d % KV_GROUP;
  const float scale = half_to_float(uint(U16(row).v[block / 2u]));
  if (format == KV_Q8_0) return scale * float(int(uint(U8(row).v[block + 2u + k]) << 24) >> 24);
  return scale * float(int(uint(U8(row).v[block + 2u + k % (KV_GROUP / 2u)]) >> k / (KV_GROUP / 2u) * 4u & 15u) - 8);
}

float kv_at(uvec2 cache, uint format, uint layout_of, uint cell, uint n_heads, uint head, uint head_dim, uint d) {
  if (layout_of == IN_ROWS) return kv_in_row(kv_row(cache, format, cell, n_heads, head, head_dim), format, d);
  return kv_in_tile(kv_tile(cache, format, cell / KV_BLOCK, n_heads, head, head_dim), format, layout_of, head_dim, cell % KV_BLOCK, d);
}
