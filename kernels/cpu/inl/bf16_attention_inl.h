// Attention over keys and values in F16, multiplied in bf16. Included inside the anonymous namespace of an instruction set's file, after
// integer_attention_inl.h.
//
// vdpbf16ps adds two neighbouring products to a float32: twice as many as float32 has itself. So dims are multiplied in pairs, and of values
// neighbouring cells. What is multiplied is rounded to 8 bits, each number by itself, sums are not; so a row's result depends on its query and on
// the cells it reads alone, and is the same whether keys are turned into pairs as they are read or beforehand.

#define PIO_BF16 __attribute__((target("avx512bf16")))

// Word 2 i of the result: first[i], the other one second[i].
PIO_BF16 inline __attribute__((always_inline)) __m512i bf16_pairs(Vec first, Vec second) {
  const __m512i order = _mm512_setr_epi32(0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007, 0x180008, 0x190009,
                                          0x1a000a, 0x1b000b, 0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f);
  return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

// n floats as bf16 in their order, zeros up to whole 32.
PIO_BF16 inline void round_to_bf16(const float* x, int n, uint32_t* out) {
  for (int i = 0; i < n; i += 32, out += 16) {
    const auto load = [&](int at) { return at + 16 <= n ? vec_load(x + at) : at < n ? vec_load_n(x + at, n - at) : vec_set(0); };
    const Vec low = load(i), high = load(i + 16);
    _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

// Rows of 32 numbers, two by two: rows of floats or halves, or pairs that were made of them.
PIO_BF16 inline __attribute__((always_inline)) __m512i pair_of(const uint32_t* pairs, int i, int, int v) {
  return _mm512_loadu_si512(pairs + i * kCells + v * kLanes);
}
template <class Number>
PIO_BF16 inline __attribute__((always_inline)) __m512i pair_of(const Number* rows, int i, int n, int v) {
  const Number* const row = rows + 2 * i * kCells + v * kLanes;
  return bf16_pairs(load_lanes(row), 2 * i + 1 < n ? load_lanes(row + kCells) : vec_set(0));
}

// out [(n + 1) / 2][32] pairs of n rows of 32.
template <class Number>
PIO_BF16 void make_pairs(const Number* rows, int n, uint32_t* out) {
  for (int i = 0; 2 * i < n; ++i)
    for (int v = 0; v < kCellVecs; ++v) _mm512_storeu_si512(out + i * kCells + v * kLanes, pair_of(rows, i, n, v));
}

// c[kRows][32] (+)= a[kRows][n] · b[n][32], a as pairs. What lies `ahead` bytes behind b is fetched meanwhile, unless that is 0.
template <int kRows, bool kAdd, class B>
PIO_BF16 void bf16_panel(const uint32_t* a, size_t a_stride, const B* b, int n, float* c, size_t c_stride, ptrdiff_t ahead) {
  __m512 sum[kRows][kCellVecs];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kCellVecs; ++v) sum[r][v] = kAdd ? vec_load(c + r * c_stride + v * kLanes) : vec_set(0);
  for (int i = 0; 2 * i < n; ++i) {
    if (ahead != 0) {
      const char* const next = reinterpret_cast<const char*>(b + 2 * i * kCells) + ahead;
      for (size_t line = 0; line < 2 * kCells * sizeof(B); line += 64) prefetch_far(next + line);
    }
    __m512i bv[kCellVecs];
#pragma GCC unroll 2
    for (int v = 0; v < kCellVecs; ++v) bv[v] = pair_of(b, i, n, v);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512i av = _mm512_set1_epi32(static_cast<int32_t>(a[r * a_stride + i]));
#pragma GCC unroll 2
      for (int v = 0; v < kCellVecs; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], (__m512bh)av, (__m512bh)bv[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kCellVecs; ++v) vec_store(c + r * c_stride + v * kLanes, sum[r][v]);
}

template <bool kAdd, int kRows = kPanelRows, class B>
inline void bf16_panels(const uint32_t* a, size_t a_stride, int n_rows, const B* b, int n, float* c, size_t c_stride, ptrdiff_t ahead) {
  int r = 0;
  for (; r + kRows <= n_rows; r += kRows, ahead = 0) bf16_panel<kRows, kAdd>(a + r * a_stride, a_stride, b, n, c + r * c_stride, c_stride, ahead);
  if constexpr (kRows > 1) {
    if (r < n_rows) bf16_panels<kAdd, kRows / 2>(a + r * a_stride, a_stride, n_rows - r, b, n, c + r * c_stride, c_stride, ahead);
  }
}

// The scratch of a task, taken from the front; from null it only counts.
struct Bf16Scratch {
  Bf16Scratch(float* memory, int n_rows, int head_dim) : query_stride(round_up_32(head_dim) / 2), next_(memory) {
    queries = reinterpret_cast<uint32_t*>(take(static_cast<size_t>(n_rows) * query_stride));
    probabilities = reinterpret_cast<uint32_t*>(take(static_cast<size_t>(n_rows) * kCells / 2));
    keys = reinterpret_cast<uint32_t*>(take(static_cast<size_t>(query_stride) * kCells));
    values = reinterpret_cast<uint32_t*>(take(kCells / 2 * kStrip));
    strip_keys = take(kCells * kStrip);
    strip_values = take(kCells * kStrip);
    scores = take(static_cast<size_t>(n_rows) * kCells);
  }

  size_t n_floats() const { return taken_; }

  size_t query_stride;      // pairs
  uint32_t* queries;        // [rows][query_stride]
  uint32_t* probabilities;  // [rows][16]
  uint32_t* keys;           // [dims / 2][32 cells]
  uint32_t* values;         // [16][32 dims] of a strip
  float* strip_keys;        // [32 dims][32 cells]
  float* strip_values;      // [32 cells][32 dims]
  float* scores;            // [rows][32]

 private:
  float* take(size_t n) {
    float* const p = next_;
    const size_t whole = (n + 15) / 16 * 16;
    if (next_) next_ += whole;
    taken_ += whole;
    return p;
  }
  float* next_;
  size_t taken_ = 0;
};

void attend_in_bf16(const AttendTask& task) {
  const int n_rows = task.n_tokens * task.n_group, head_dim = task.head_dim, v_dim = task.v_head_dim;
  const bool values_in_keys = task.v == task.k, are_few = n_rows <= kPanelRows;
  const size_t out_stride = static_cast<size_t>(v_dim);
  const Bf16Scratch at(task.scratch, n_rows, head_dim);
  const int longest = start_rows(task, out_stride);
  for (int r = 0; r < n_rows; ++r)
    round_to_bf16(task.q + r / task.n_group * task.q_token_stride + static_cast<size_t>(r % task.n_group) * head_dim, head_dim,
                  at.queries + r * at.query_stride);

  for_each_block(task, longest, are_few, [&](const AttendBlock& block) {
    const int row0 = block.first_row, rows = n_rows - row0;
    const auto* const keys = reinterpret_cast<const uint16_t*>(block.k);
    float* const scores = at.scores + static_cast<size_t>(row0) * kCells;
    const uint32_t* const queries = at.queries + row0 * at.query_stride;
    if (are_few) {
      bf16_panels<false>(queries, at.query_stride, rows, keys, head_dim, scores, kCells, block.k_ahead);
    } else {
      make_pairs(keys, head_dim, at.keys);
      bf16_panels<false>(queries, at.query_stride, rows, at.keys, head_dim, scores, kCells, 0);
    }
    for (int r = row0; r < n_rows; ++r) {
      float* const p = at.scores + static_cast<size_t>(r) * kCells;
      weigh_scores(task, r, block.number, out_stride, p);
      round_to_bf16(p, kCells, at.probabilities + r * (kCells / 2));
    }
    const uint32_t* const probabilities = at.probabilities + row0 * (kCells / 2);
    for (int first_dim = 0; first_dim < v_dim; first_dim += kStrip) {
      float* const out = task.out + row0 * out_stride + first_dim;
      if (values_in_keys) {
        decode_keys(KvFormat::f16, block.k, first_dim, kStrip, at.strip_keys);
        transpose_32_rows(at.strip_keys, kCells, at.strip_values);
        make_pairs(at.strip_values, block.n_cells, at.values);
        bf16_panels<true>(probabilities, kCells / 2, rows, at.values, block.n_cells, out, out_stride, 0);
        continue;
      }
      const auto* const values = reinterpret_cast<const uint16_t*>(block.v) + first_dim * kCells;
      if (are_few) {
        bf16_panels<true>(probabilities, kCells / 2, rows, values, block.n_cells, out, out_stride, block.v_ahead);
      } else {
        make_pairs(values, block.n_cells, at.values);
        bf16_panels<true>(probabilities, kCells / 2, rows, at.values, block.n_cells, out, out_stride, 0);
      }
    }
  });
}

// Whole pairs of dims, and whole strips of values.
inline bool is_for_bf16(const AttendTask& task) {
  return task.may_round && task.row_floats == 0 && task.k_format == KvFormat::f16 && task.v_format == KvFormat::f16 && task.head_dim % 2 == 0 &&
         task.v_head_dim % kStrip == 0;
}

void attend_with_bf16(const AttendTask& task) {
  if (is_for_bf16(task)) attend_in_bf16(task);
  else attend_in_any_format(task);
}

size_t attend_scratch_floats_with_bf16(int n_rows, int head_dim, int v_head_dim) {
  const size_t others = attend_scratch_floats_of_any(n_rows, head_dim, v_head_dim);
  const size_t own = Bf16Scratch(nullptr, n_rows, head_dim).n_floats();
  return others > own ? others : own;
}
