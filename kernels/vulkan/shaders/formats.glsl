// Rows of weights, decoded where they are multiplied: every number comes out with the bits of kernels/quant. Formats are numbered as DType and come
// as constants of the pipeline, so that a device compiles one of the cases below.

const uint F_F32 = 0, F_F16 = 1, F_BF16 = 2, F_Q4_0 = 4, F_Q4_1 = 5, F_Q5_0 = 6, F_Q5_1 = 7, F_Q8_0 = 8, F_Q2_K = 9, F_Q3_K = 10, F_Q4_K = 11,
           F_Q5_K = 12, F_Q6_K = 13, F_IQ4_NL = 14, F_IQ4_XS = 15, F_MXFP4 = 16;

const int IQ4_VALUES[16] = int[16](-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
const int MXFP4_VALUES[16] = int[16](0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

bool is_plain(uint format) { return format <= F_BF16; }

uint row_bytes_of(uint format, uint n) {
  if (format == F_F32) return n * 4u;
  if (format == F_F16 || format == F_BF16) return n * 2u;
  const uint block_bytes = format == F_Q4_0 || format == F_IQ4_NL ? 18u
                           : format == F_Q4_1                     ? 20u
                           : format == F_Q5_0                     ? 22u
                           : format == F_Q5_1                     ? 24u
                           : format == F_Q8_0                     ? 34u
                           : format == F_MXFP4                    ? 17u
                           : format == F_Q2_K                     ? 84u
                           : format == F_Q3_K                     ? 110u
                           : format == F_Q4_K                     ? 144u
                           : format == F_Q5_K                     ? 176u
                           : format == F_Q6_K                     ? 210u
                                                                  : 136u;
  const bool is_short = format <= F_Q8_0 || format == F_IQ4_NL || format == F_MXFP4;
  return n / (is_short ? SHORT_BLOCK : LONG_BLOCK) * block_bytes;
}

uint byte_at(U8 p, uint i) { return uint(p.v[i]); }
int signed_byte_at(U8 p, uint i) { return int(byte_at(p, i) << 24) >> 24; }
float half_at(U8 p, uint i) { return half_to_float(uint(U16(p).v[i / 2u])); }

// Eight bytes at an even place.
uvec2 bytes_at(U8 p, uint i) {
  U16 pairs = U16(p);
  const uint at = i / 2u;
  return uvec2(uint(pairs.v[at]) | uint(pairs.v[at + 1u]) << 16, uint(pairs.v[at + 2u]) | uint(pairs.v[at + 3u]) << 16);
}

// The lowest four bits of x, one a byte.
uint spread(uint x) { return (x & 15u) * 0x00204081u & 0x01010101u; }

// A table's number for each of four codes of 4 bits.
uint looked_up(uint codes, bool is_iq4) {
  uint word = 0u;
  [[unroll]] for (uint j = 0u; j < IN_A_WORD; ++j) {
    const uint code = codes >> 8u * j & 15u;
    word |= uint((is_iq4 ? IQ4_VALUES[code] : MXFP4_VALUES[code]) & 255) << 8u * j;
  }
  return word;
}

// 6-bit scale and minimum of run j of a Q4_K or Q5_K block whose twelve bytes lie at s.
uvec2 scale_min(U8 p, uint s, uint j) {
  if (j < 4u) return uvec2(byte_at(p, s + j) & 63u, byte_at(p, s + j + 4u) & 63u);
  const uint both = byte_at(p, s + j + 4u);
  return uvec2((both & 15u) | (byte_at(p, s + j - 4u) >> 6) << 4, (both >> 4) | (byte_at(p, s + j) >> 6) << 4);
}

// What a quantized format's codes are too large by, and whether something is added behind the scale.
int offset_of(uint format) {
  return format == F_Q4_0 ? 8 : format == F_Q5_0 ? 16 : format == F_Q3_K ? 4 : format == F_Q6_K ? 32 : 0;
}
bool has_least(uint format) { return format == F_Q4_1 || format == F_Q5_1 || format == F_Q2_K || format == F_Q4_K || format == F_Q5_K; }

// Run i … i + 7 of a row in a quantized format: value = scale * (code - offset) + least. Codes are 8-bit integers with a sign.
void codes_of_run(uint format, U8 row, uint i, out uvec2 codes, out float scale, out float least) {
  least = 0.0;
  const uint s = i % SHORT_BLOCK, k = i % LONG_BLOCK, n_block = i / SHORT_BLOCK, n_long = i / LONG_BLOCK;
  const uint half_shift = s / SCALE_GROUP * 4u;
  if (format == F_Q8_0) {
    const uint block = n_block * 34u;
    scale = half_at(row, block);
    codes = bytes_at(row, block + 2u + s);
  } else if (format == F_Q4_0 || format == F_IQ4_NL) {
    const uint block = n_block * 18u;
    scale = half_at(row, block);
    codes = bytes_at(row, block + 2u + s % SCALE_GROUP) >> half_shift & 0x0f0f0f0fu;
    if (format == F_IQ4_NL) codes = uvec2(looked_up(codes.x, true), looked_up(codes.y, true));
  } else if (format == F_Q4_1) {
    const uint block = n_block * 20u;
    scale = half_at(row, block);
    least = half_at(row, block + 2u);
    codes = bytes_at(row, block + 4u + s % SCALE_GROUP) >> half_shift & 0x0f0f0f0fu;
  } else if (format == F_Q5_0 || format == F_Q5_1) {
    const uint head = format == F_Q5_0 ? 2u : 4u, block = n_block * (head + 20u);
    scale = half_at(row, block);
    if (format == F_Q5_1) least = half_at(row, block + 2u);
    const uint fifth = byte_at(row, block + head + s / RUN);
    codes = (bytes_at(row, block + head + 4u + s % SCALE_GROUP) >> half_shift & 0x0f0f0f0fu) | uvec2(spread(fifth), spread(fifth >> 4)) << 4;
  } else if (format == F_MXFP4) {  // blocks of 17 bytes: no number wider than a byte is aligned
    const uint block = n_block * 17u, e = byte_at(row, block), first = block + 1u + s % SCALE_GROUP;
    scale = uintBitsToFloat(e < 2u ? 0x00200000u << e : (e - 1u) << 23);
    codes = uvec2(0u);
    [[unroll]] for (uint j = 0u; j < IN_A_WORD; ++j) {
      codes |= uvec2(byte_at(row, first + j), byte_at(row, first + IN_A_WORD + j)) << 8u * j;
    }
    codes = codes >> half_shift & 0x0f0f0f0fu;
    codes = uvec2(looked_up(codes.x, false), looked_up(codes.y, false));
  } else if (format == F_Q2_K) {
    const uint block = n_long * 84u, sub = k / SCALE_GROUP, both = byte_at(row, block + sub);
    precise const float step = half_at(row, block + 80u) * float(both & 15u), from = half_at(row, block + 82u) * float(both >> 4);
    scale = step;
    least = -from;
    codes = bytes_at(row, block + 16u + 32u * (k / (LONG_BLOCK / 2u)) + s) >> 2u * (sub / 2u % 4u) & 0x03030303u;
  } else if (format == F_Q3_K) {
    const uint block = n_long * 110u, sub = k / SCALE_GROUP, at = block + 96u;
    const uint low = sub < 8u ? byte_at(row, at + sub) & 15u : byte_at(row, at + sub - 8u) >> 4;
    const uint high = byte_at(row, at + 8u + sub % 4u) >> 2u * (sub / 4u) & 3u;
    precise const float step = half_at(row, block + 108u) * float(int(low | high << 4) - 32);
    scale = step;
    const uvec2 third = bytes_at(row, block + s) >> sub / 2u & 0x01010101u;
    codes = (bytes_at(row, block + 32u + 32u * (k / (LONG_BLOCK / 2u)) + s) >> 2u * (sub / 2u % 4u) & 0x03030303u) | third << 2;
  } else if (format == F_Q4_K || format == F_Q5_K) {
    const uint block = n_long * (format == F_Q4_K ? 144u : 176u), sub = k / SHORT_BLOCK, first = block + (format == F_Q4_K ? 16u : 48u);
    const uvec2 both = scale_min(row, block + 4u, sub);
    precise const float step = half_at(row, block) * float(both.x), from = half_at(row, block + 2u) * float(both.y);
    scale = step;
    least = -from;
    codes = bytes_at(row, first + 32u * (sub / 2u) + s) >> 4u * (sub % 2u) & 0x0f0f0f0fu;
    if (format == F_Q5_K) codes |= (bytes_at(row, block + 16u + s) >> sub & 0x01010101u) << 4;
  } else if (format == F_Q6_K) {
    const uint block = n_long * 210u, part = k / (LONG_BLOCK / 2u), quarter = k / SHORT_BLOCK % 4u;
    precise const float step = half_at(row, block + 208u) * float(signed_byte_at(row, block + 192u + k / SCALE_GROUP));
    scale = step;
    codes = (bytes_at(row, block + 64u * part + 32u * (quarter % 2u) + s) >> 4u * (quarter / 2u) & 0x0f0f0f0fu) |
            (bytes_at(row, block + 128u + 32u * part + s) >> 2u * quarter & 0x03030303u) << 4;
  } else {  // IQ4_XS
    const uint block = n_long * 136u, sub = k / SHORT_BLOCK;
    const uint low = byte_at(row, block + 4u + sub / 2u) >> 4u * (sub % 2u) & 15u;
    const uint high = uint(U16(row).v[block / 2u + 1u]) >> 2u * sub & 3u;
    precise const float step = half_at(row, block) * float(int(low | high << 4) - 32);
    scale = step;
    codes = bytes_at(row, block + 8u + 16u * sub + s % SCALE_GROUP) >> half_shift & 0x0f0f0f0fu;
    codes = uvec2(looked_up(codes.x, true), looked_up(codes.y, true));
  }
}

// Values i … i + 7 of a row of n; i is a multiple of 8. Those from n on are 0.
void decode_run(uint format, U8 row, uint i, uint n, out float v[RUN]) {
  if (is_plain(format)) {
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      v[j] = 0.0;
      if (i + j >= n) continue;
      if (format == F_F32) v[j] = F32(row).v[i + j];
      else if (format == F_F16) v[j] = half_to_float(uint(U16(row).v[i + j]));
      else v[j] = uintBitsToFloat(uint(U16(row).v[i + j]) << 16);
    }
    return;
  }
  uvec2 codes;
  float scale, least;
  codes_of_run(format, row, i, codes, scale, least);
  [[unroll]] for (uint j = 0u; j < RUN; ++j) {
    const int code = int(codes[j / IN_A_WORD] << 24u - 8u * (j % IN_A_WORD)) >> 24;
    precise const float product = scale * float(code - offset_of(format));
    precise const float value = has_least(format) ? product + least : product;
    v[j] = value;
  }
}
