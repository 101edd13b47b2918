// Rows of weights, decoded where they are multiplied: every number comes out with the bits of kernels/quant. Which format: a constant of the pipeline,
// numbered as DType.

const uint F_F32 = 0, F_F16 = 1, F_BF16 = 2, F_Q4_0 = 4, F_Q4_1 = 5, F_Q5_0 = 6, F_Q5_1 = 7, F_Q8_0 = 8, F_Q2_K = 9, F_Q3_K = 10, F_Q4_K = 11,
           F_Q5_K = 12, F_Q6_K = 13, F_IQ4_NL = 14, F_IQ4_XS = 15, F_MXFP4 = 16;

layout(constant_id = 1) const uint FORMAT = 0;

const int IQ4_VALUES[16] = int[16](-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
const int MXFP4_VALUES[16] = int[16](0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

// Values that one invocation decodes together. All have one scale.
const uint RUN = 8;

uint byte_at(U8 p, uint i) { return uint(p.v[i]); }
int signed_byte_at(U8 p, uint i) { return int(byte_at(p, i) << 24) >> 24; }
float half_at(U8 p, uint i) { return half_to_float(uint(U16(p).v[i / 2u])); }

// Eight bytes at an even place.
void bytes_at(U8 p, uint i, out uint b[RUN]) {
  U16 pairs = U16(p);
  [[unroll]] for (uint j = 0u; j < 4u; ++j) {
    const uint pair = uint(pairs.v[i / 2u + j]);
    b[2u * j] = pair & 255u;
    b[2u * j + 1u] = pair >> 8;
  }
}

// 6-bit scale and minimum of run j of a Q4_K or Q5_K block whose twelve bytes lie at s.
uvec2 scale_min(U8 p, uint s, uint j) {
  if (j < 4u) return uvec2(byte_at(p, s + j) & 63u, byte_at(p, s + j + 4u) & 63u);
  const uint both = byte_at(p, s + j + 4u);
  return uvec2((both & 15u) | (byte_at(p, s + j - 4u) >> 6) << 4, (both >> 4) | (byte_at(p, s + j) >> 6) << 4);
}

// Values i … i + 7 of a row of n; i is a multiple of 8. Those from n on are 0.
void decode_run(U8 row, uint i, uint n, out float v[RUN]) {
  uint b[RUN];
  precise float scale, least;
  if (FORMAT == F_F32) {
    [[unroll]] for (uint j = 0u; j < RUN; ++j) v[j] = i + j < n ? F32(row).v[i + j] : 0.0;
    return;
  }
  if (FORMAT == F_F16) {
    [[unroll]] for (uint j = 0u; j < RUN; ++j) v[j] = i + j < n ? half_to_float(uint(U16(row).v[i + j])) : 0.0;
    return;
  }
  if (FORMAT == F_BF16) {
    [[unroll]] for (uint j = 0u; j < RUN; ++j) v[j] = i + j < n ? uintBitsToFloat(uint(U16(row).v[i + j]) << 16) : 0.0;
    return;
  }
  if (FORMAT == F_Q8_0) {
    const uint block = i / 32u * 34u;
    scale = half_at(row, block);
    bytes_at(row, block + 2u + i % 32u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) v[j] = scale * float(int(b[j] << 24) >> 24);
    return;
  }
  if (FORMAT == F_Q4_0 || FORMAT == F_IQ4_NL) {
    const uint block = i / 32u * 18u, shift = i % 32u / 16u * 4u;
    scale = half_at(row, block);
    bytes_at(row, block + 2u + i % 16u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      const uint code = b[j] >> shift & 15u;
      v[j] = scale * float(FORMAT == F_Q4_0 ? int(code) - 8 : IQ4_VALUES[code]);
    }
    return;
  }
  if (FORMAT == F_Q4_1) {
    const uint block = i / 32u * 20u, shift = i % 32u / 16u * 4u;
    scale = half_at(row, block);
    least = half_at(row, block + 2u);
    bytes_at(row, block + 4u + i % 16u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      precise const float product = scale * float(b[j] >> shift & 15u);
      precise const float value = product + least;
      v[j] = value;
    }
    return;
  }
  if (FORMAT == F_Q5_0 || FORMAT == F_Q5_1) {
    const uint head = FORMAT == F_Q5_0 ? 2u : 4u, block = i / 32u * (head + 20u), shift = i % 32u / 16u * 4u;
    scale = half_at(row, block);
    least = FORMAT == F_Q5_1 ? half_at(row, block + 2u) : 0.0;
    const uint fifth = byte_at(row, block + head + i % 32u / 8u);
    bytes_at(row, block + head + 4u + i % 16u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      const uint code = (b[j] >> shift & 15u) | (fifth >> j & 1u) << 4;
      if (FORMAT == F_Q5_0) {
        v[j] = scale * float(int(code) - 16);
      } else {
        precise const float product = scale * float(code);
        precise const float value = product + least;
        v[j] = value;
      }
    }
    return;
  }
  if (FORMAT == F_MXFP4) {  // blocks of 17 bytes: no number wider than a byte is aligned
    const uint block = i / 32u * 17u, shift = i % 32u / 16u * 4u, e = byte_at(row, block);
    scale = uintBitsToFloat(e < 2u ? 0x00200000u << e : (e - 1u) << 23);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) v[j] = float(MXFP4_VALUES[byte_at(row, block + 1u + i % 16u + j) >> shift & 15u]) * scale;
    return;
  }
  const uint k = i % 256u;
  if (FORMAT == F_Q2_K) {
    const uint block = i / 256u * 84u, sub = k / 16u, both = byte_at(row, block + sub);
    scale = half_at(row, block + 80u) * float(both & 15u);
    least = half_at(row, block + 82u) * float(both >> 4);
    bytes_at(row, block + 16u + 32u * (sub / 8u) + k % 32u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      precise const float product = scale * float(b[j] >> 2u * (sub / 2u % 4u) & 3u);
      precise const float value = product - least;
      v[j] = value;
    }
    return;
  }
  if (FORMAT == F_Q3_K) {
    const uint block = i / 256u * 110u, sub = k / 16u, s = block + 96u;
    const uint low = sub < 8u ? byte_at(row, s + sub) & 15u : byte_at(row, s + sub - 8u) >> 4;
    const uint high = byte_at(row, s + 8u + sub % 4u) >> 2u * (sub / 4u) & 3u;
    scale = half_at(row, block + 108u) * float(int(low | high << 4) - 32);
    uint third[RUN];
    bytes_at(row, block + k % 32u, third);
    bytes_at(row, block + 32u + 32u * (sub / 8u) + k % 32u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      const uint code = (b[j] >> 2u * (sub / 2u % 4u) & 3u) | (third[j] >> sub / 2u & 1u) << 2;
      v[j] = scale * float(int(code) - 4);
    }
    return;
  }
  if (FORMAT == F_Q4_K || FORMAT == F_Q5_K) {
    const uint block = i / 256u * (FORMAT == F_Q4_K ? 144u : 176u), sub = k / 32u, codes = block + (FORMAT == F_Q4_K ? 16u : 48u);
    const uvec2 s = scale_min(row, block + 4u, sub);
    scale = half_at(row, block) * float(s.x);
    least = half_at(row, block + 2u) * float(s.y);
    uint fifth[RUN];
    if (FORMAT == F_Q5_K) bytes_at(row, block + 16u + k % 32u, fifth);
    bytes_at(row, codes + 32u * (sub / 2u) + k % 32u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      uint code = b[j] >> 4u * (sub % 2u) & 15u;
      if (FORMAT == F_Q5_K) code |= (fifth[j] >> sub & 1u) << 4;
      precise const float product = scale * float(code);
      precise const float value = product - least;
      v[j] = value;
    }
    return;
  }
  if (FORMAT == F_Q6_K) {
    const uint block = i / 256u * 210u, part = k / 128u, quarter = k / 32u % 4u;
    scale = half_at(row, block + 208u) * float(signed_byte_at(row, block + 192u + k / 16u));
    uint high[RUN];
    bytes_at(row, block + 64u * part + 32u * (quarter % 2u) + k % 32u, b);
    bytes_at(row, block + 128u + 32u * part + k % 32u, high);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) {
      const uint code = (b[j] >> 4u * (quarter / 2u) & 15u) | (high[j] >> 2u * quarter & 3u) << 4;
      v[j] = scale * float(int(code) - 32);
    }
    return;
  }
  if (FORMAT == F_IQ4_XS) {
    const uint block = i / 256u * 136u, sub = k / 32u, shift = k % 32u / 16u * 4u;
    const uint low = byte_at(row, block + 4u + sub / 2u) >> 4u * (sub % 2u) & 15u;
    const uint high = uint(U16(row).v[block / 2u + 1u]) >> 2u * sub & 3u;
    scale = half_at(row, block) * float(int(low | high << 4) - 32);
    bytes_at(row, block + 8u + 16u * sub + k % 16u, b);
    [[unroll]] for (uint j = 0u; j < RUN; ++j) v[j] = scale * float(IQ4_VALUES[b[j] >> shift & 15u]);
    return;
  }
}

// Adds the products of values i … i + 7 of a row with those of x, one after the other.
float add_products(float sum, float w[RUN], F32 x, uint x_first, uint i, uint n) {
  precise float s = sum;
  [[unroll]] for (uint j = 0u; j < RUN; ++j) {
    if (i + j < n) s = fma(w[j], x.v[x_first + i + j], s);
  }
  return s;
}
