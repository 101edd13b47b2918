// The weight formats for the products. Included inside the anonymous namespace of an instruction set's file, after its primitives.
//
// A format cuts a row into runs of 32 numbers, and says
//   quants(block, i)   the raw numbers of run i of a block, a byte each: unsigned, or signed where kSigned. `block` is the bytes of one
//                      block, or of the same block of several rows where an instruction set takes rows together.
//   scales(...)        for `n_blocks` blocks the scale of each group of kGroup numbers, and for kMins its minimum:
//                      a number is scale * (raw - kOffset), or scale * raw + minimum
// kMaxRaw bounds the unsigned ones. kBlock, kBytes: numbers and bytes of a block. The layouts are models.md 8.2 and kernels/quant/*.h.
//
// A format that is laid out in lanes (lanes_inl.h) says besides
//   codes(block, i)    what quants() makes its numbers of, kBits wide: the numbers themselves, or where kIsTable their places in table()
//   kCodesFrom         where they begin in a block, in bytes, but for a multiple of four
//   fields(...)        the kLaneHalves halves of a block, and of each group the kLaneBytes bytes, signed where kSignedScales
//   four_bytes(block, i, which)  one of these bytes of groups 4i … 4i + 3 of many rows at once, where that is less work

// Halves that are kStride bytes apart, to floats; `out` is padded with zeros to a multiple of 8. Whole vectors are stored, also for the
// rest: who reads them a moment later gets them from the store queue.
template <int kStride>
inline void strided_halves(const uint8_t* p, int n, float* out) {
  int i = 0;
  for (; i + 8 <= n; i += 8) f8_store(out + i, f8_strided_halves<kStride>(p + static_cast<ptrdiff_t>(i) * kStride));
  if (i < n) f8_store(out + i, f8_strided_halves<kStride>(p + static_cast<ptrdiff_t>(i) * kStride, n - i));
}

// The same for two halves side by side: a scale and a minimum.
template <int kStride>
inline void strided_pairs(const uint8_t* p, int n, float* first, float* second) {
  int i = 0;
  for (; i + 8 <= n; i += 8) f8_store_strided_pairs<kStride>(p + static_cast<ptrdiff_t>(i) * kStride, first + i, second + i);
  if (i < n) {
    f8_store(first + i, f8_strided_halves<kStride>(p + static_cast<ptrdiff_t>(i) * kStride, n - i));
    f8_store(second + i, f8_strided_halves<kStride>(p + static_cast<ptrdiff_t>(i) * kStride + 2, n - i));
  }
}

struct Q4_0 {
  static constexpr int kBlock = 32, kBytes = 18, kGroup = 32, kOffset = 8, kMaxRaw = 15;
  static constexpr bool kSigned = false, kMins = false;
  template <class Block>
  static auto quants(Block block, int) {
    return bytes_nibbles(block + 2);
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) { strided_halves<kBytes>(p, n_blocks, scale); }

  static constexpr int kBits = 4, kLaneHalves = 1, kLaneBytes = 0, kCodesFrom = 2;
  static constexpr bool kIsTable = false, kSignedScales = false;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*)[2]) { halves[0] = read_u16(p); }
};

struct Q4_1 {
  static constexpr int kBlock = 32, kBytes = 20, kGroup = 32, kOffset = 0, kMaxRaw = 15;
  static constexpr bool kSigned = false, kMins = true;
  template <class Block>
  static auto quants(Block block, int) {
    return bytes_nibbles(block + 4);
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float* min) { strided_pairs<kBytes>(p, n_blocks, scale, min); }

  static constexpr int kBits = 4, kLaneHalves = 2, kLaneBytes = 0, kCodesFrom = 0;
  static constexpr bool kIsTable = false, kSignedScales = false;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*)[2]) {
    halves[0] = read_u16(p);
    halves[1] = read_u16(p + 2);
  }
};

struct Q5_0 {
  static constexpr int kBlock = 32, kBytes = 22, kGroup = 32, kOffset = 16, kMaxRaw = 31;
  static constexpr bool kSigned = false, kMins = false;
  template <class Block>
  static auto quants(Block block, int) {
    return bytes_or(bytes_nibbles(block + 6), bytes_from_bits(block + 2, 0x10));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) { strided_halves<kBytes>(p, n_blocks, scale); }

  static constexpr int kBits = 5, kLaneHalves = 1, kLaneBytes = 0, kCodesFrom = 2;
  static constexpr bool kIsTable = false, kSignedScales = false;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*)[2]) { halves[0] = read_u16(p); }
};

struct Q5_1 {
  static constexpr int kBlock = 32, kBytes = 24, kGroup = 32, kOffset = 0, kMaxRaw = 31;
  static constexpr bool kSigned = false, kMins = true;
  template <class Block>
  static auto quants(Block block, int) {
    return bytes_or(bytes_nibbles(block + 8), bytes_from_bits(block + 4, 0x10));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float* min) { strided_pairs<kBytes>(p, n_blocks, scale, min); }

  static constexpr int kBits = 5, kLaneHalves = 2, kLaneBytes = 0, kCodesFrom = 0;
  static constexpr bool kIsTable = false, kSignedScales = false;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*)[2]) {
    halves[0] = read_u16(p);
    halves[1] = read_u16(p + 2);
  }
};

struct Q8_0 {
  static constexpr int kBlock = 32, kBytes = 34, kGroup = 32, kOffset = 0, kMaxRaw = 255;
  static constexpr bool kSigned = true, kMins = false;
  template <class Block>
  static auto quants(Block block, int) {
    return bytes_load(block + 2);
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) { strided_halves<kBytes>(p, n_blocks, scale); }

  static constexpr int kBits = 8, kLaneHalves = 1, kLaneBytes = 0, kCodesFrom = 2;
  static constexpr bool kIsTable = false, kSignedScales = false;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*)[2]) { halves[0] = read_u16(p); }
};

struct IQ4_NL {
  static constexpr int kBlock = 32, kBytes = 18, kGroup = 32, kOffset = 0, kMaxRaw = 255;
  static constexpr bool kSigned = true, kMins = false;
  template <class Block>
  static auto quants(Block block, int) {
    return bytes_table(kIq4Values, bytes_nibbles(block + 2));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) { strided_halves<kBytes>(p, n_blocks, scale); }

  static constexpr int kBits = 4, kLaneHalves = 1, kLaneBytes = 0, kCodesFrom = 2;
  static constexpr bool kIsTable = true, kSignedScales = false;
  static const int8_t* table() { return kIq4Values; }
  template <class Block>
  static auto codes(Block block, int) {
    return bytes_nibbles(block + 2);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*)[2]) { halves[0] = read_u16(p); }
};

struct MXFP4 {
  static constexpr int kBlock = 32, kBytes = 17, kGroup = 32, kOffset = 0, kMaxRaw = 255;
  static constexpr bool kSigned = true, kMins = false;
  template <class Block>
  static auto quants(Block block, int) {
    return bytes_table(kMxfp4Values, bytes_nibbles(block + 1));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) {
    for (int b = 0; b < n_blocks; ++b) {
      const uint32_t e = p[b * kBytes];
      // 2^(e - 128): exponent field e - 1; for e = 0 and 1 the subnormals 2^-128 and 2^-127
      const uint32_t bits = e < 2 ? 0x00200000u << e : (e - 1) << 23;
      memcpy(scale + b, &bits, 4);
    }
    for (int b = n_blocks; b % 8 != 0; ++b) scale[b] = 0;
  }

  static constexpr int kBits = 4, kLaneHalves = 0, kLaneBytes = 1, kCodesFrom = 1;
  static constexpr bool kIsTable = true, kSignedScales = false;
  static const int8_t* table() { return kMxfp4Values; }
  template <class Block>
  static auto codes(Block block, int) {
    return bytes_nibbles(block + 1);
  }
  static void fields(const uint8_t* p, uint16_t*, uint8_t (*bytes)[2]) { bytes[0][0] = p[0]; }
};

inline uint64_t every_other_byte(uint64_t x) {
  x = (x | x << 16) & 0x0000ffff0000ffff;
  return (x | x << 8) & 0x00ff00ff00ff00ff;
}

// The eight scales of a block of IQ4_XS, 32 too large, a byte each.
inline uint64_t iq4_xs_scales(const uint8_t* p) {
  const uint32_t low = read_u32(p + 4);
  // four bits of each scale to the even and odd bytes, and its two upper bits above them
  const uint64_t lower = every_other_byte(low & 0x0f0f0f0f) | every_other_byte((low >> 4) & 0x0f0f0f0f) << 8;
  uint64_t high = read_u16(p + 2);
  high = (high | high << 24) & 0x000000ff000000ff;
  high = (high | high << 12) & 0x000f000f000f000f;
  high = (high | high << 6) & 0x0303030303030303;
  return lower | high << 4;
}

struct IQ4_XS {
  static constexpr int kBlock = 256, kBytes = 136, kGroup = 32, kOffset = 0, kMaxRaw = 255;
  static constexpr bool kSigned = true, kMins = false;
  template <class Block>
  static auto quants(Block block, int i) {
    return bytes_table(kIq4Values, bytes_nibbles(block + 8 + 16 * i));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) {
    for (int b = 0; b < n_blocks; ++b, p += kBytes, scale += 8) {
      const float d = half_to_float(read_u16(p));
      const uint64_t ls = iq4_xs_scales(p);
      f8_store(scale, (f8_from_u8(&ls) - f8_set(32)) * f8_set(d));
    }
  }

  static constexpr int kBits = 4, kLaneHalves = 1, kLaneBytes = 1, kCodesFrom = 0;
  static constexpr bool kIsTable = true, kSignedScales = true;
  static const int8_t* table() { return kIq4Values; }
  template <class Block>
  static auto codes(Block block, int i) {
    return bytes_nibbles(block + 8 + 16 * i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*bytes)[2]) {
    halves[0] = read_u16(p);
    const uint64_t ls = iq4_xs_scales(p);
    for (int g = 0; g < 8; ++g) bytes[g][0] = static_cast<uint8_t>((ls >> (8 * g) & 0xff) - 32);
  }
  template <class Block>
  static auto four_bytes(Block block, int i, int) {
    const auto low = int_and(int_words_right(int_load(block + 4), 16 * i), 0xffff), two = int_and(int_or(low, int_words_left(low, 8)), 0x00ff00ff);
    const auto high = int_and(int_words_right(int_load(block), 16 + 8 * i), 0xff),
               pairs = int_and(int_or(high, int_words_left(high, 12)), 0x000f000f);
    const auto lower = int_mask(int_or(two, int_words_left(two, 4)), 15), upper = int_mask(int_or(pairs, int_words_left(pairs, 6)), 3);
    return int_minus_bytes(int_or(lower, int_left(upper, 4)), 32);
  }
};

inline void k4_scales(const uint8_t* p, int n_blocks, int block_bytes, float* scale, float* min) {
  for (int b = 0; b < n_blocks; ++b, p += block_bytes, scale += 8, min += 8) k4_block_scales(p, scale, min);
}

// The halves and the six-bit numbers of a block of Q4_K or Q5_K.
inline void k4_fields(const uint8_t* p, uint16_t* halves, uint8_t (*bytes)[2]) {
  halves[0] = read_u16(p);
  halves[1] = read_u16(p + 2);
  const uint8_t* const six = p + 4;
  for (int g = 0; g < 4; ++g) {
    bytes[g][0] = six[g] & 63;
    bytes[g][1] = six[4 + g] & 63;
    bytes[4 + g][0] = static_cast<uint8_t>((six[8 + g] & 15) | (six[g] >> 6) << 4);
    bytes[4 + g][1] = static_cast<uint8_t>(six[8 + g] >> 4 | (six[4 + g] >> 6) << 4);
  }
}

// The six-bit numbers of four of the eight groups of many rows: scales, or minimums where `which` is 1. `six` is their 12 bytes.
template <class Block>
auto k4_four_bytes(Block six, int i, int which) {
  const auto low = int_load(six + 4 * which);
  if (i == 0) return int_mask(low, 63);
  const auto high = int_mask(int_right(int_load(six + 8), 4 * which), 15);
  return int_or(high, int_left(int_mask(int_right(low, 6), 3), 4));
}

struct Q4_K {
  static constexpr int kBlock = 256, kBytes = 144, kGroup = 32, kOffset = 0, kMaxRaw = 15;
  static constexpr bool kSigned = false, kMins = true;
  template <class Block>
  static auto quants(Block block, int i) {
    return bytes_shift_mask(bytes_load(block + 16 + 32 * (i / 2)), 4 * (i % 2), 15);
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float* min) { k4_scales(p, n_blocks, kBytes, scale, min); }

  static constexpr int kBits = 4, kLaneHalves = 2, kLaneBytes = 2, kCodesFrom = 0;
  static constexpr bool kIsTable = false, kSignedScales = false;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*bytes)[2]) { k4_fields(p, halves, bytes); }
  template <class Block>
  static auto four_bytes(Block block, int i, int which) {
    return k4_four_bytes(block + 4, i, which);
  }
};

struct Q5_K {
  static constexpr int kBlock = 256, kBytes = 176, kGroup = 32, kOffset = 0, kMaxRaw = 31;
  static constexpr bool kSigned = false, kMins = true;
  template <class Block>
  static auto quants(Block block, int i) {
    const auto low = bytes_shift_mask(bytes_load(block + 48 + 32 * (i / 2)), 4 * (i % 2), 15);
    return bytes_or(low, bytes_move_bits(bytes_load(block + 16), i, 4, 1));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float* min) { k4_scales(p, n_blocks, kBytes, scale, min); }

  static constexpr int kBits = 5, kLaneHalves = 2, kLaneBytes = 2, kCodesFrom = 0;
  static constexpr bool kIsTable = false, kSignedScales = false;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*bytes)[2]) { k4_fields(p, halves, bytes); }
  template <class Block>
  static auto four_bytes(Block block, int i, int which) {
    return k4_four_bytes(block + 4, i, which);
  }
};

struct Q6_K {
  static constexpr int kBlock = 256, kBytes = 210, kGroup = 16, kOffset = 32, kMaxRaw = 63;
  static constexpr bool kSigned = false, kMins = false;
  template <class Block>
  static auto quants(Block block, int i) {
    const int half = i / 4, k = i % 4;
    const auto low = bytes_shift_mask(bytes_load(block + 64 * half + 32 * (k % 2)), 4 * (k / 2), 15);
    return bytes_or(low, bytes_move_bits(bytes_load(block + 128 + 32 * half), 2 * k, 4, 3));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) {
    for (int b = 0; b < n_blocks; ++b, p += kBytes, scale += 16) {
      const Float8 d = f8_set(half_to_float(read_u16(p + 208)));
      f8_store(scale, f8_from_s8(p + 192) * d);
      f8_store(scale + 8, f8_from_s8(p + 200) * d);
    }
  }

  static constexpr int kBits = 6, kLaneHalves = 1, kLaneBytes = 1, kCodesFrom = 0;
  static constexpr bool kIsTable = false, kSignedScales = true;
  template <class Block>
  static auto codes(Block block, int i) {
    return quants(block, i);
  }
  static void fields(const uint8_t* p, uint16_t* halves, uint8_t (*bytes)[2]) {
    halves[0] = read_u16(p + 208);
    for (int g = 0; g < 16; ++g) bytes[g][0] = p[192 + g];
  }
  template <class Block>
  static auto four_bytes(Block block, int i, int) {
    return int_load(block + 192 + 4 * i);
  }
};

struct Q2_K {
  static constexpr int kBlock = 256, kBytes = 84, kGroup = 16, kOffset = 0, kMaxRaw = 3;
  static constexpr bool kSigned = false, kMins = true;
  template <class Block>
  static auto quants(Block block, int i) {
    return bytes_shift_mask(bytes_load(block + 16 + 32 * (i / 4)), 2 * (i % 4), 3);
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float* min) {
    for (int b = 0; b < n_blocks; ++b, p += kBytes, scale += 16, min += 16) {
      uint32_t s[4], m[4];
      for (int i = 0; i < 4; ++i) {
        s[i] = read_u32(p + 4 * i) & 0x0f0f0f0f;
        m[i] = (read_u32(p + 4 * i) >> 4) & 0x0f0f0f0f;
      }
      const Float8 d = f8_set(half_to_float(read_u16(p + 80))), dmin = f8_set(-half_to_float(read_u16(p + 82)));
      for (int i = 0; i < 16; i += 8) {
        f8_store(scale + i, f8_from_u8(s + i / 4) * d);
        f8_store(min + i, f8_from_u8(m + i / 4) * dmin);
      }
    }
  }

  static constexpr int kBits = 0;  // not laid out
};

struct Q3_K {
  static constexpr int kBlock = 256, kBytes = 110, kGroup = 16, kOffset = 4, kMaxRaw = 7;
  static constexpr bool kSigned = false, kMins = false;
  template <class Block>
  static auto quants(Block block, int i) {
    const auto low = bytes_shift_mask(bytes_load(block + 32 + 32 * (i / 4)), 2 * (i % 4), 3);
    return bytes_or(low, bytes_move_bits(bytes_load(block), i, 2, 1));
  }
  static void scales(const uint8_t* p, int n_blocks, float* scale, float*) {
    for (int b = 0; b < n_blocks; ++b, p += kBytes, scale += 16) {
      const uint32_t s0 = read_u32(p + 96), s1 = read_u32(p + 100), s2 = read_u32(p + 104);
      uint32_t sc[4];
      sc[0] = (s0 & 0x0f0f0f0f) | (s2 & 0x03030303) << 4;
      sc[1] = (s1 & 0x0f0f0f0f) | ((s2 >> 2) & 0x03030303) << 4;
      sc[2] = ((s0 >> 4) & 0x0f0f0f0f) | ((s2 >> 4) & 0x03030303) << 4;
      sc[3] = ((s1 >> 4) & 0x0f0f0f0f) | ((s2 >> 6) & 0x03030303) << 4;
      const Float8 d = f8_set(half_to_float(read_u16(p + 108)));
      f8_store(scale, (f8_from_u8(sc) - f8_set(32)) * d);
      f8_store(scale + 8, (f8_from_u8(sc + 2) - f8_set(32)) * d);
    }
  }

  static constexpr int kBits = 0;  // not laid out
};
