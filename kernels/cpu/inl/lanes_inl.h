// Weights laid out when a model is loaded, so that they are read as one stream: a line is kLanes rows side by side, input by input.
// Included inside the anonymous namespace of an instruction set's file, after formats_inl.h. The file defines kSignedOffset, kDotsSideBySide and the
// functions of IntVec.
//
// A line is units of kUnit inputs, one after the other, each:
//   halves   [kUnit / kBlock][kLaneHalves][kLanes] f16: the scales of blocks, and their minimums
// and then for each 64 inputs
//   bytes    [64 / kGroup][kLaneBytes][kLanes]: the scales of groups, and their minimums
//   codes    registers of four bytes a row: register k has inputs 4k … 4k + 3.
//            Of 8 bits 16 registers; else 8 registers of the low four bits, k in the low and k + 8 in the high nibbles, and the
//            fifth bits of eight registers in one (register j's in bit j), or bits 4 and 5 of four registers in one (j's in bits 2j, 2j + 1).
// All of it lies in the order in which gemv first reads it: the hardware fetches rising addresses ahead, others not in time (Q6_K from memory
// 21.7 GB/s a thread with its planes and bytes apart, 28.7 so; plain reads 33).
// Inputs that fill up the last unit are zeros. Rows that fill up the last line repeat its last one.

constexpr int kCode = 4 * kLanes;  // bytes of a register of codes

// How far ahead of a product its lines are fetched into the first cache, up to the end of the tile: the hardware fetches them into the second,
// where a product waits for them. Of plain reads (31 GB/s, two threads of a Xeon) products of one token take so 83 % (Q4_K), 88 (Q4_0) and 99
// (Q8_0), without 75, 67 and 91; with AVX2 86, 87 and 95, without 68, 62 and 75. 2 KB to 4 KB are alike.
constexpr ptrdiff_t kLinesAhead = 3072;

template <class F>
struct Lanes {
  static constexpr int kUnit = F::kBlock < 64 ? 64 : F::kBlock;
  static constexpr int kHalves = kUnit / F::kBlock * F::kLaneHalves, kBytes = kUnit / F::kGroup * F::kLaneBytes;
  static constexpr int kCodesAt = kBytes / (kUnit / 64) * kLanes;  // in what 64 inputs take
  static constexpr int kPair = kCodesAt + (F::kBits == 8 ? 16 : 8 + 2 * (F::kBits - 4)) * kCode;
  static constexpr size_t kPairsAt = 2 * kHalves * kLanes;
  static constexpr size_t kUnitBytes = kPairsAt + kUnit / 64 * kPair;
  // Where the registers of 64 inputs lie: of the low four bits, and of the others.
  static constexpr int low_at(int j) { return (F::kBits == 5 ? 1 + j : F::kBits == 6 ? 1 + j + j / 4 : j) * kCode; }
  static constexpr int plane_at(int i) { return (F::kBits == 5 ? 9 * i : i < 2 ? 5 * i : 8 + i) * kCode; }
  // Byte `which` of group g of a unit.
  static constexpr size_t byte_at(int g, int which) {
    constexpr int kGroups = 64 / F::kGroup;
    return kPairsAt + g / kGroups * kPair + (g % kGroups * F::kLaneBytes + which) * kLanes;
  }
  static size_t line_bytes(int64_t n_in) { return static_cast<size_t>((n_in + kUnit - 1) / kUnit) * kUnitBytes; }
};

// Four bytes of each row, inputs 4k … 4k + 3 of the 64 whose codes begin at p: the raw numbers, as F::quants gives them.
template <class F>
inline IntVec lane_quants(const uint8_t* p, int k) {
  if constexpr (F::kBits == 8) return int_load(p + k * kCode);
  IntVec low = int_load(p + Lanes<F>::low_at(k % 8));
  low = int_mask(k < 8 ? low : int_right(low, 4), 15);
  if constexpr (F::kBits == 5) {
    const IntVec plane = int_load(p + Lanes<F>::plane_at(k / 8));
    low = int_or(low, int_mask(k % 8 < 4 ? int_left(plane, 4 - k % 8) : int_right(plane, k % 8 - 4), 0x10));
  }
  if constexpr (F::kBits == 6) {
    const IntVec plane = int_load(p + Lanes<F>::plane_at(k / 4));
    low = int_or(low, int_mask(k % 4 < 2 ? int_left(plane, 4 - 2 * (k % 4)) : int_right(plane, 2 * (k % 4) - 4), 0x30));
  }
  if constexpr (F::kIsTable) return int_table(F::table(), low);
  else return low;
}

// The scales of the kLanes rows, and their minimums, of a group of a unit.
template <class F>
struct LaneScales {
  explicit LaneScales(const uint8_t* p) : unit(p) {
    if constexpr (F::kLaneBytes > 0 && F::kLaneHalves > 0) d = vec_load_f16(p);
    if constexpr (F::kLaneBytes > 0 && F::kLaneHalves > 1) minus_dmin = -vec_load_f16(p + 2 * kLanes);
  }
  Vec scale(int g) const {
    if constexpr (F::kLaneHalves == 0) return vec_from_e8m0(byte(g, 0));
    else if constexpr (F::kLaneBytes == 0) return vec_load_f16(unit + g * F::kLaneHalves * 2 * kLanes);
    else if constexpr (F::kSignedScales) return vec_from_s8(byte(g, 0)) * d;
    else return vec_from_u8(byte(g, 0)) * d;
  }
  Vec min(int g) const {
    if constexpr (F::kLaneBytes == 0) return vec_load_f16(unit + (g * F::kLaneHalves + 1) * 2 * kLanes);
    else return vec_from_u8(byte(g, 1)) * minus_dmin;
  }
  const uint8_t* byte(int g, int which) const { return unit + Lanes<F>::byte_at(g, which); }
  const uint8_t* unit;
  Vec d, minus_dmin;
};

// A block of kLanes rows with four bytes of each row side by side: what is alike for all bytes is done for all rows together.
// `at` counts a block's bytes from kCodesFrom on.
struct LaneBlock {
  const uint8_t* words;
  int at;
  LaneBlock operator+(int n) const { return {words, at + n}; }
};
// 32 bytes of each row.
struct LaneRun {
  IntVec four[8];
};
inline IntVec int_load(LaneBlock b) { return int_load(b.words + b.at / 4 * kCode); }
inline LaneRun bytes_load(LaneBlock b) {
  LaneRun run;
  for (int k = 0; k < 8; ++k) run.four[k] = int_load(b + 4 * k);
  return run;
}
inline LaneRun bytes_nibbles(LaneBlock b) {
  LaneRun run;
  for (int k = 0; k < 4; ++k) {
    const IntVec four = int_load(b + 4 * k);
    run.four[k] = int_mask(four, 15);
    run.four[4 + k] = int_mask(int_right(four, 4), 15);
  }
  return run;
}
inline LaneRun bytes_or(LaneRun a, const LaneRun& b) {
  for (int k = 0; k < 8; ++k) a.four[k] = int_or(a.four[k], b.four[k]);
  return a;
}
inline LaneRun bytes_shift_mask(LaneRun run, int n, uint8_t mask) {
  for (IntVec& four : run.four) four = int_mask(int_right(four, n), mask);
  return run;
}
inline LaneRun bytes_move_bits(LaneRun run, int from, int to, uint8_t mask) {
  for (IntVec& four : run.four)
    four = int_mask(from >= to ? int_right(four, from - to) : int_left(four, to - from), static_cast<uint8_t>(mask << to));
  return run;
}
// Bit 4k + j of the 32 of each row as `value`, a power of two, in byte j of register k.
inline LaneRun bytes_from_bits(LaneBlock b, uint8_t value) {
  LaneRun run;
  for (int k = 0; k < 8; ++k) {
    const IntVec four = int_and(int_words_right(int_load(b), 4 * k), 0xf);
    const IntVec two = int_and(int_or(four, int_words_left(four, 14)), 0x00030003);
    run.four[k] = int_left(int_and(int_or(two, int_words_left(two, 7)), 0x01010101), __builtin_ctz(value));
  }
  return run;
}

// Words [first, first + 8) of a row, of the n that it has.
inline Bytes lane_words(const uint8_t* row, int first, int n) {
  return n - first >= 8 ? bytes_load(row + 4 * first) : bytes_load_words(row + 4 * first, n - first);
}

// Lays out n_rows (1 … kLanes) rows at w as a line.
template <class F>
void lanes_place(const uint8_t* w, size_t row_bytes, int n_rows, int64_t n_in, uint8_t* line) {
  using L = Lanes<F>;
  constexpr int kGroups = F::kBlock / F::kGroup, kRuns = F::kBlock / 32, kWords = (F::kBytes - F::kCodesFrom) / 4;
  constexpr bool kFourBytes = requires(LaneBlock b) { F::four_bytes(b, 0, 0); };
  alignas(64) uint8_t words[(kWords + 7) / 8][8][kCode];
  alignas(64) uint8_t codes[L::kUnit / 32][8][kCode];
  for (int64_t done = 0; done < n_in; done += L::kUnit, line += L::kUnitBytes) {
    const int n_blocks = static_cast<int>((n_in - done < L::kUnit ? n_in - done : L::kUnit) / F::kBlock);
    if (n_blocks < L::kUnit / F::kBlock) {
      memset(codes, 0, sizeof codes);
      memset(line, 0, L::kPairsAt);
      for (int pair = 0; pair < L::kUnit / 64; ++pair) memset(line + L::kPairsAt + pair * L::kPair, 0, L::kCodesAt);
    }
    for (int b = 0; b < n_blocks; ++b) {
      const uint8_t* rows[kLanes];
      for (int r = 0; r < kLanes; ++r) {
        rows[r] = w + static_cast<size_t>(r < n_rows ? r : n_rows - 1) * row_bytes + (done / F::kBlock + b) * F::kBytes;
        uint16_t halves[2];
        uint8_t bytes[kGroups][2];
        F::fields(rows[r], halves, bytes);
        for (int h = 0; h < F::kLaneHalves; ++h) memcpy(line + 2 * ((b * F::kLaneHalves + h) * kLanes + r), halves + h, 2);
        if constexpr (!kFourBytes)
          for (int g = 0; g < kGroups; ++g)
            for (int i = 0; i < F::kLaneBytes; ++i) line[L::byte_at(b * kGroups + g, i) + r] = bytes[g][i];
      }
      for (int first = 0; first < kWords; first += 8) {
        Bytes runs[kLanes];
        for (int r = 0; r < kLanes; ++r) runs[r] = lane_words(rows[r] + F::kCodesFrom, first, kWords);
        transpose_runs<false>(runs, words[first / 8][0]);
      }
      const LaneBlock block{words[0][0], -F::kCodesFrom};
      if constexpr (kFourBytes) {
        for (int i = 0; i < kGroups / 4; ++i) {
          for (int which = 0; which < F::kLaneBytes; ++which) {
            alignas(64) uint8_t four[4][kLanes];
            int_store_bytes(four[0], F::four_bytes(block, i, which));
            for (int g = 0; g < 4; ++g) memcpy(line + L::byte_at(b * kGroups + 4 * i + g, which), four[g], kLanes);
          }
        }
      }
#pragma GCC unroll 8
      for (int i = 0; i < kRuns; ++i) {
        const LaneRun run = F::codes(block, i);
        for (int k = 0; k < 8; ++k) int_store(codes[b * kRuns + i][k], run.four[k]);
      }
    }
    uint8_t* out = line + L::kPairsAt + L::kCodesAt;
    for (int pair = 0; pair < L::kUnit / 64; ++pair, out += L::kPair) {
      const uint8_t* from = codes[2 * pair][0];
      if constexpr (F::kBits == 8) {
        memcpy(out, from, L::kPair - L::kCodesAt);
      } else {
        for (int k = 0; k < 8; ++k) {
          const IntVec low = int_mask(int_load(from + k * kCode), 15), high = int_mask(int_load(from + (k + 8) * kCode), 15);
          int_store(out + L::low_at(k), int_or(low, int_left(high, 4)));
        }
        constexpr int kPlaneBits = F::kBits - 4, kInPlane = kPlaneBits == 0 ? 16 : 8 / kPlaneBits;
        for (int plane = 0; plane < 2 * kPlaneBits; ++plane) {
          IntVec bits = int_set(0);
          for (int j = 0; j < kInPlane; ++j) {
            const IntVec upper = int_mask(int_right(int_load(from + (plane * kInPlane + j) * kCode), 4), (1 << kPlaneBits) - 1);
            bits = int_or(bits, int_left(upper, j * kPlaneBits));
          }
          int_store(out + L::plane_at(plane), bits);
        }
      }
    }
  }
}

// Where q, d and the sums of a line's columns are read, from its first input on: of one row or two by themselves (kPanel false), of more side by
// side in a panel, so that one register says where all of them lie.
template <class F, int kColumns, bool kPanel>
struct LaneColumns;

template <class F, int kColumns>
struct LaneColumns<F, kColumns, false> {
  static constexpr int kOffset = F::kSigned ? kSignedOffset : F::kOffset, kStride = 4;
  const Q8Row* rows;
  int64_t at = 0, group = 0;
  const int8_t* q(int c) const { return rows[c].q + at; }
  float d(int c) const { return rows[c].d[at / kActivationBlock]; }
  float sum(int c) const { return group_sum<F>(rows[c], group); }
  int32_t start(int c) const {
    const int32_t* const sums = rows[c].sum16;
    return -kOffset * (F::kGroup == 16 ? sums[group] : sums[2 * group] + sums[2 * group + 1]);
  }
  void next_group(bool) {
    ++group;
    at += F::kGroup;
  }
};

template <class F, int kColumns>
struct LaneColumns<F, kColumns, true> {
  static constexpr int kStride = 4 * kColumns;
  GemmPanel at;
  const int8_t* q(int c) const { return at.q + 4 * c; }
  float d(int c) const { return at.d[c]; }
  float sum(int c) const { return at.sum[c]; }
  int32_t start(int c) const { return at.init[c]; }
  void next_group(bool ends_block) {
    at.q += F::kGroup * kColumns;
    at.sum += kColumns;
    at.init += kColumns;
    if (ends_block) at.d += kColumns;
  }
};

// y[c][r] = bias[r] + row r · column c for the n_columns first columns, in gemv's order of sums (gemv_inl.h).
template <class F, int kColumns, bool kPanel>
inline __attribute__((always_inline)) void multiply_lines(const uint8_t* lines, int64_t n_rows, int64_t n_in,
                                                          const LaneColumns<F, kColumns, kPanel>& columns, const float* bias, float* y,
                                                          size_t y_stride, int n_columns) {
  using L = Lanes<F>;
  constexpr int kOffset = F::kSigned ? kSignedOffset : F::kOffset, kSteps = F::kGroup / 4, kGroupsInPair = 64 / F::kGroup;
  constexpr bool kSideBySide = kDotsSideBySide && kColumns > 2;
  constexpr int kPairs = L::kUnit / 64, kCacheLines = static_cast<int>(L::kUnitBytes + 63) / 64;  // of a unit
  const uint8_t* unit = lines;
  const uint8_t* const end = lines + static_cast<size_t>((n_rows + kLanes - 1) / kLanes) * L::line_bytes(n_in);
  for (int64_t r = 0; r < n_rows; r += kLanes) {
    const int n_here = static_cast<int>(n_rows - r < kLanes ? n_rows - r : kLanes);
    LaneColumns<F, kColumns, kPanel> x = columns;
    Vec total[kColumns], sum[kColumns];
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c) {
      total[c] = bias ? vec_load_n(bias + r, n_here) : vec_set(0);
      sum[c] = vec_set(0);
    }
    for (int64_t done = 0; done < n_in; done += L::kUnit, unit += L::kUnitBytes) {
      const LaneScales<F> scales(unit);
      const uint8_t* codes = unit + L::kPairsAt + L::kCodesAt;
      const uint8_t* next = unit + kLinesAhead + L::kUnitBytes <= end ? unit + kLinesAhead : unit;
#pragma GCC unroll 4
      for (int pair = 0; pair < L::kUnit / 64; ++pair, codes += L::kPair) {
        asm volatile("" : "+r"(next));  // in turns with the products: the compiler would fetch a whole unit at once, more than can be under way
#pragma GCC unroll 32
        for (int i = pair * kCacheLines / kPairs; i < (pair + 1) * kCacheLines / kPairs; ++i) prefetch_near(next + 64 * i);
#pragma GCC unroll 4
        for (int g = 0; g < kGroupsInPair; ++g) {
          if (F::kBlock < 64 && g * F::kGroup >= 32 && done + 32 >= n_in) break;  // half a unit is left
          const bool ends_block = (pair * 64 + (g + 1) * F::kGroup) % kActivationBlock == 0;
          const Vec scale = scales.scale(pair * kGroupsInPair + g);
          Vec min = scale;
          if constexpr (F::kMins) min = scales.min(pair * kGroupsInPair + g);
          IntVec quants[kSteps], products[kColumns];
#pragma GCC unroll 8
          for (int k = 0; k < kSteps; ++k) quants[k] = lane_quants<F>(codes, g * kSteps + k);
          if constexpr (kSideBySide) {
            // A column's products wait for one another, so those of all columns take turns.
#pragma GCC unroll 12
            for (int c = 0; c < kColumns; ++c) products[c] = int_set(kOffset != 0 ? x.start(c) : 0);
#pragma GCC unroll 8
            for (int k = 0; k < kSteps; ++k)
#pragma GCC unroll 12
              for (int c = 0; c < kColumns; ++c) products[c] = lanes_step<F::kSigned>(products[c], quants[k], x.q(c) + x.kStride * k);
          }
#pragma GCC unroll 12
          for (int c = 0; c < kColumns; ++c) {
            if constexpr (!kSideBySide) {
              products[c] = lanes_dot<F::kSigned, F::kMaxRaw, kSteps, x.kStride>(quants, x.q(c));
              if constexpr (kOffset != 0) products[c] = int_add(products[c], int_set(x.start(c)));
            }
            const Vec number = int_to_float(products[c]);
            sum[c] = F::kGroup == kActivationBlock ? number * scale : vec_fma(number, scale, sum[c]);
            if constexpr (F::kMins) sum[c] = vec_fma(min, vec_set(x.sum(c)), sum[c]);
            if (ends_block) {
              total[c] = vec_fma(sum[c], vec_set(x.d(c)), total[c]);
              sum[c] = vec_set(0);
            }
          }
          x.next_group(ends_block);
        }
      }
    }
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c)
      if (c < n_columns) vec_store_n(y + c * y_stride + r, total[c], n_here);
  }
}

template <class F, int kColumns>
void lanes_gemv(const uint8_t* lines, int64_t n_rows, int64_t n_in, const Q8Row* rows, const float* bias, float* y, size_t y_stride) {
  multiply_lines<F, kColumns, false>(lines, n_rows, n_in, {rows}, bias, y, y_stride, kColumns);
}

template <class F, int kColumns>
void lanes_gemm(const uint8_t* lines, int64_t n_rows, int64_t n_in, const GemmPanel& panel, const float* bias, float* y, size_t y_stride,
                int n_columns) {
  multiply_lines<F, kColumns, true>(lines, n_rows, n_in, {panel}, bias, y, y_stride, n_columns);
}

// A line as `pack` (gemm_inl.h) makes it of rows.
template <class F>
void lanes_pack(const uint8_t* line, int64_t n_in, const GemmWeights& out) {
  using L = Lanes<F>;
  constexpr int kGroups = L::kUnit / F::kGroup;
  uint8_t* quants = out.quants;
  for (int64_t done = 0; done < n_in; done += L::kUnit, line += L::kUnitBytes) {
    const LaneScales<F> scales(line);
    const int64_t group = done / F::kGroup, left = n_in - done;
    for (int g = 0; g < kGroups && g * F::kGroup < left; ++g) {
      vec_store(out.scales + (group + g) * kLanes, scales.scale(g));
      if constexpr (F::kMins) vec_store(out.mins + (group + g) * kLanes, scales.min(g));
    }
    const uint8_t* codes = line + L::kPairsAt + L::kCodesAt;
    for (int pair = 0; pair < L::kUnit / 64; ++pair, codes += L::kPair) {
#pragma GCC unroll 16
      for (int k = 0; k < 16; ++k) {
        if (F::kBlock < 64 && 4 * k >= left) return;
        const IntVec v = lane_quants<F>(codes, k);
        int_store(quants, F::kSigned ? int_moved_up(v) : v);
        quants += kCode;
      }
    }
  }
}

// Rows first … first + n - 1 of a line to f32, as `decode` (dot_inl.h) does.
template <class F>
void lanes_decode(const uint8_t* line, int first, int n, int64_t n_in, float* values) {
  using L = Lanes<F>;
  constexpr int kGroups = L::kUnit / F::kGroup;
  alignas(64) float scale[kGroups][kLanes], min[F::kMins ? kGroups : 1][kLanes];
  alignas(64) uint8_t quants[8][kCode];
  alignas(64) uint8_t raw[32];
  for (int64_t done = 0; done < n_in; done += L::kUnit, line += L::kUnitBytes) {
    const LaneScales<F> scales(line);
    for (int g = 0; g < kGroups; ++g) {
      vec_store(scale[g], scales.scale(g));
      if constexpr (F::kMins) vec_store(min[g], scales.min(g));
    }
    for (int run = 0; run < L::kUnit / 32 && done + 32 * run < n_in; ++run) {
      const uint8_t* const codes = line + L::kPairsAt + run / 2 * L::kPair + L::kCodesAt;
      for (int k = 0; k < 8; ++k) int_store(quants[k], run % 2 ? lane_quants<F>(codes, 8 + k) : lane_quants<F>(codes, k));
      for (int r = first; r < first + n; ++r) {
        float* const to = values + (r - first) * n_in + done + 32 * run;
        for (int k = 0; k < 8; ++k) memcpy(raw + 4 * k, quants[k] + 4 * r, 4);
        for (int j = 0; j < 32; j += 8) {
          const int g = (32 * run + j) / F::kGroup;
          const Float8 q = F::kSigned ? f8_from_s8(raw + j) : f8_from_u8(raw + j);
          const Float8 m = f8_set(F::kMins ? min[g][r] : -F::kOffset * scale[g][r]);
          f8_store(to + j, f8_fma(f8_set(scale[g][r]), q, m));
        }
      }
    }
  }
}
