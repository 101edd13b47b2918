// Attention over keys and values in 8 or 4 bits, multiplied in integers as gemm_inl.h does it. Included inside the anonymous namespace of an
// instruction set's file, after attention_inl.h and gemm_inl.h. The file defines store_quads(), int_add_quads() and store_as_bytes().
//
// Scores: a block's 32 cells are rows of weights, the queries, rounded to 8 bits in groups of 32 dims, the panel. Values: a group of 32 dims are
// the rows, the 32 cells what is summed over. A cell's scale of a group goes into its probability, and these products are rounded in steps of
// the row's largest probability in the block times the group's largest scale up to the row's length; so a row's result depends on its query and
// on the cells it reads alone.

template <class F>
constexpr int kCellOffset = F::kSigned ? kSignedOffset : F::kOffset;  // what the bytes below are moved up by
template <class F>
constexpr int kCellMaxRaw = F::kSigned ? 255 : F::kMaxRaw;

alignas(64) constexpr float kZeros[kGemmRows] = {};

constexpr int kWidestPanel = kGemmColumns[0];
static_assert(kGemmRows == kLanes && kWidestPanel > kGemmColumns[1] && kGemmColumns[1] > kGemmColumns[2]);

template <int kWidth>
struct PanelWidth {
  static constexpr int value = kWidth;
};

// body(PanelWidth, first, n) for rows [first, first + n) of a panel: the widest ones, and for the rest the narrowest that holds it.
template <class Body>
inline void for_each_panel(int n_rows, const Body& body) {
  int first = 0;
  for (; first + kWidestPanel <= n_rows; first += kWidestPanel) body(PanelWidth<kGemmColumns[0]>{}, first, kWidestPanel);
  const int rest = n_rows - first;
  if (rest > kGemmColumns[1]) body(PanelWidth<kGemmColumns[0]>{}, first, rest);
  else if (rest > kGemmColumns[2]) body(PanelWidth<kGemmColumns[1]>{}, first, rest);
  else if (rest > 0) body(PanelWidth<kGemmColumns[2]>{}, first, rest);
}

// Rows of numbers rounded to 8 bits in groups of 32, as panels.
struct RoundedRows {
  int8_t* q;      // [rows up to whole panels][32 * n_groups]
  float* d;       // [rows up to whole panels][n_groups]
  float* s;       // the same
  int32_t* init;  // the same
  int n_groups;

  int8_t* q_of(int first) const { return q + static_cast<ptrdiff_t>(first) * 32 * n_groups; }
  float* d_of(int first) const { return d + static_cast<ptrdiff_t>(first) * n_groups; }
  float* s_of(int first) const { return s + static_cast<ptrdiff_t>(first) * n_groups; }
  int32_t* init_of(int first) const { return init + static_cast<ptrdiff_t>(first) * n_groups; }
  GemmPanel panel(int first) const { return {q_of(first), d_of(first), s_of(first), init_of(first)}; }
};

// The scratch of a task, taken from the front; from null it only counts.
struct IntegerScratch {
  IntegerScratch(float* memory, int n_rows, int head_dim, int v_dim) : next_(memory) {
    const int key_groups = head_dim / 32, value_groups = v_dim / 32;
    queries = take_rows(n_rows + kWidestPanel, key_groups);
    probabilities = reinterpret_cast<uint8_t*>(take(8 * static_cast<size_t>(kWidestPanel) * value_groups));
    keys = {reinterpret_cast<uint8_t*>(take(kCells * head_dim / 4)), take(kCells * key_groups), nullptr};
    values = reinterpret_cast<uint8_t*>(take(kCells * v_dim / 4));
    value_scales = take(kCells * value_groups);
    scale_steps = take(value_groups);
    inverse_steps = take(value_groups);
    weights = take(static_cast<size_t>(kWidestPanel) * value_groups);
    scores = take(static_cast<size_t>(n_rows + kWidestPanel) * kCells);
    for (Q8Row& row : rounded) {
      row.q = reinterpret_cast<int8_t*>(take(8 * static_cast<size_t>(key_groups)));
      row.d = take(static_cast<size_t>(key_groups));
      row.sum16 = reinterpret_cast<int32_t*>(take(2 * static_cast<size_t>(key_groups)));
      row.sum32 = take(static_cast<size_t>(key_groups));
    }
  }

  size_t n_floats() const { return taken_; }

  RoundedRows queries;
  uint8_t* probabilities;  // of a panel: [v_dim / 32][8][columns][4 cells]
  GemmWeights keys;        // kGemmRows cells after the other: [kCells / kGemmRows] of [head_dim / 4][kGemmRows][4]
  uint8_t* values;         // signed: [v_dim / kLanes][8][kLanes][4 cells]
  float* value_scales;     // magnitudes: [v_dim / 32][32]
  float* scale_steps;      // [v_dim / 32], the largest of each group by 127
  float* inverse_steps;    // the same
  float* weights;          // of a panel, what a step of probability and scale is: [v_dim / 32][columns]
  float* scores;           // [rows up to whole panels][32]
  Q8Row rounded[kWidestPanel];

 private:
  float* take(size_t n) {
    const size_t whole = (n + 15) / 16 * 16;
    float* const p = next_;
    if (next_) next_ += whole;
    taken_ += whole;
    return p;
  }
  RoundedRows take_rows(int n_rows, int n_groups) {
    const size_t n = static_cast<size_t>(n_rows) * n_groups;
    int8_t* const q = reinterpret_cast<int8_t*>(take(8 * n));
    float* const d = take(n);
    float* const s = take(n);
    return {q, d, s, reinterpret_cast<int32_t*>(take(n)), n_groups};
  }
  float* next_;
  size_t taken_ = 0;
};

// The scales of a group of 32 cells, of which those from n_cells on are zero.
inline void cell_scales(const uint8_t* p, size_t cell_bytes, int n_cells, float* out) {
  alignas(64) uint16_t halves[kCells] = {};
  for (int c = 0; c < n_cells; ++c) halves[c] = read_u16(p + c * cell_bytes);
  for (int c = 0; c < kCells; c += kLanes) vec_store(out + c, vec_load_f16(reinterpret_cast<const uint8_t*>(halves + c)));
}

// The block's keys as weights; cells from n_cells on are the last with a scale of zero.
template <class F>
inline void pack_keys(const uint8_t* k, size_t cell_bytes, int n_cells, int head_dim, const GemmWeights& out) {
  const int n_groups = head_dim / 32;
  for (int g = 0; g < n_groups; ++g, k += F::kBytes) {
    alignas(64) float scale[kCells];
    cell_scales(k, cell_bytes, n_cells, scale);
    for (int first = 0; first < kCells; first += kGemmRows) {
      Bytes runs[kGemmRows];
#pragma GCC unroll 16
      for (int r = 0; r < kGemmRows; ++r) runs[r] = F::quants(k + (first + r < n_cells ? first + r : n_cells - 1) * cell_bytes, 0);
      transpose_runs<F::kSigned>(runs, out.quants + (static_cast<ptrdiff_t>(first) * n_groups + static_cast<ptrdiff_t>(g) * kGemmRows) * 32);
      vec_store(out.scales + static_cast<ptrdiff_t>(first) * n_groups + g * kGemmRows, vec_load(scale + first));
    }
  }
}

// The block's values with four cells of a dim side by side, and their scales; cells from n_cells on are zeros.
template <class F>
inline void pack_values(const uint8_t* v, size_t cell_bytes, int n_cells, int v_dim, const IntegerScratch& out) {
  alignas(32) static const uint8_t zeros[F::kBytes] = {};
  for (int g = 0; g < v_dim / 32; ++g, v += F::kBytes) {
    for (int c = 0; c < kCells; c += 4) {
      Bytes four[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {  // the scale's sign goes into the numbers: probabilities are unsigned
        const uint8_t* const from = c + i < n_cells ? v + (c + i) * cell_bytes : zeros;
        four[i] = bytes_with_sign(F::quants(from, 0), F::kSigned ? 0 : F::kOffset, (from[1] & 0x80) != 0);
      }
      store_quads(four, out.values + 32 * kCells * g + kLanes * c, static_cast<size_t>(kLanes) * kCells);
    }
    float* const scale = out.value_scales + kCells * g;
    cell_scales(v, cell_bytes, n_cells, scale);
    for (int c = 0; c < kCells; c += kLanes) vec_store(scale + c, vec_max(vec_load(scale + c), vec_set(0) - vec_load(scale + c)));
  }
}

// Steps of the scales of the first n cells.
inline void step_scales(int n, int n_groups, const IntegerScratch& out) {
  for (int g = 0; g < n_groups; ++g) {
    const float* const scale = out.value_scales + kCells * g;
    float most = 0, not_finite = 0;  // 0, or NaN
    for (int c = 0; c < n; ++c) {
      most = scale[c] > most ? scale[c] : most;
      not_finite += 0.0f * scale[c];
    }
    out.scale_steps[g] = most / 127.0f + not_finite;
    out.inverse_steps[g] = most > 1e-36f ? 127.0f / most : 0.0f;
  }
}

// Row r of a panel: its probabilities p [32] times the scales of each group, in bytes.
template <int kColumns>
inline void round_probabilities(const float* p, int r, int n_groups, const IntegerScratch& out) {
  Vec largest = vec_set(0), zero = vec_set(0);
  for (int c = 0; c < kCells; c += kLanes) {
    const Vec x = vec_load(p + c);
    largest = vec_max(x, largest);
    zero = vec_fma(x, vec_set(0), zero);
  }
  const float most = vec_largest(largest), step = most + vec_sum(zero);
  const Vec inverse = vec_set(most > 1e-36f ? 1.0f / most : 0.0f);
  Vec parts[kCellVecs];
  for (int v = 0; v < kCellVecs; ++v) parts[v] = vec_load(p + v * kLanes) * inverse;
  for (int g = 0; g < n_groups; ++g) {
    alignas(32) uint8_t bytes[kCells];
    const Vec steps = vec_set(out.inverse_steps[g]);
    for (int v = 0; v < kCellVecs; ++v) {
      // cells beyond the row's have no probability, and perhaps a scale that is no number
      const Vec scale = vec_min(vec_load(out.value_scales + g * kCells + v * kLanes) * steps, vec_set(127));
      store_as_bytes(bytes + v * kLanes, parts[v] * scale);
    }
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) memcpy(out.probabilities + ((g * 8 + k) * kColumns + r) * 4, bytes + 4 * k, 4);
    out.weights[g * kColumns + r] = step * out.scale_steps[g];
  }
}

// out[r] += the values, weighted with the probabilities of row r of a panel.
template <int kColumns>
inline void add_weighted_values(const IntegerScratch& block, int v_dim, int n_rows, float* out, size_t out_stride) {
  for (int i = 0; i < v_dim; i += kLanes) {
    const uint8_t* const values = block.values + i * kCells;
    const uint8_t* const p = block.probabilities + static_cast<ptrdiff_t>(i / 32) * 32 * kColumns;
    IntVec sum[kColumns];
#pragma GCC unroll 12
    for (int r = 0; r < kColumns; ++r) sum[r] = int_set(0);
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      const IntVec v = int_load(values + k * 4 * kLanes);
#pragma GCC unroll 12
      for (int r = 0; r < kColumns; ++r) {
        int32_t four;
        memcpy(&four, p + (k * kColumns + r) * 4, 4);
        sum[r] = int_add_quads(sum[r], int_set(four), v);
      }
    }
    const float* const weight = block.weights + i / 32 * kColumns;
#pragma GCC unroll 12
    for (int r = 0; r < kColumns; ++r) {
      if (r >= n_rows) break;
      float* const to = out + r * out_stride + i;
      vec_store(to, vec_fma(int_to_float(sum[r]), vec_set(weight[r]), vec_load(to)));
    }
  }
}

// A head's part of each cell is kilobytes from the next, which the processor does not read ahead by itself.
inline void prefetch_cells(const uint8_t* p, size_t cell_bytes, size_t n_bytes) {
  for (int c = 0; c < kCells; ++c, p += cell_bytes)
    for (size_t i = 0; i < n_bytes + 63; i += 64) prefetch_far(p + (i < n_bytes ? i : n_bytes - 1));
}

template <class F>
void attend_in_integers(const AttendTask& task) {
  const int n_rows = task.n_tokens * task.n_group, head_dim = task.head_dim, v_dim = task.v_head_dim;
  const size_t out_stride = static_cast<size_t>(v_dim);
  IntegerScratch at(task.scratch, n_rows, head_dim, v_dim);
  const int longest = start_rows(task, out_stride);
  for_each_panel(n_rows, [&](auto width, int first, int n) {
    for (int r = 0; r < n; ++r) {
      const int token = (first + r) / task.n_group, head = (first + r) % task.n_group;
      quantize_q8(task.q + token * task.q_token_stride + static_cast<size_t>(head) * head_dim, head_dim, 32, at.rounded[r]);
    }
    pack_panel(at.rounded, n, width.value, head_dim, 32, 32, kCellOffset<F>, at.queries.q_of(first), at.queries.d_of(first), at.queries.s_of(first),
               at.queries.init_of(first));
  });

  for (int place = task.first_block; place < task.end_block; ++place) {
    const int block = task.visit ? task.visit[place] : place;
    const int first_cell = block * kCells;
    const int n_cells = longest - first_cell < kCells ? longest - first_cell : kCells;
    if (n_cells <= 0 || task.stopped(task.stop_context)) break;
    const size_t cell = static_cast<size_t>(task.blocks[block]) * kCells;
    const int row0 = first_row(task, first_cell);
    const uint8_t* const k = task.k + cell * task.k_cell_bytes;
    const uint8_t* const v = task.v + cell * task.v_cell_bytes;
    if (place + 1 < task.end_block) {
      const size_t next = static_cast<size_t>(task.blocks[task.visit ? task.visit[place + 1] : place + 1]) * kCells;
      prefetch_cells(task.k + next * task.k_cell_bytes, task.k_cell_bytes, kv_bytes(task.k_format, head_dim));
      if (task.v != task.k) prefetch_cells(task.v + next * task.v_cell_bytes, task.v_cell_bytes, kv_bytes(task.v_format, v_dim));
    }

    pack_keys<F>(k, task.k_cell_bytes, n_cells, head_dim, at.keys);
    for_each_panel(n_rows, [&](auto width, int first, int n) {
      if (first + n <= row0) return;
      for (int c = 0; c < kCells; c += kGemmRows) {
        const GemmWeights cells{at.keys.quants + static_cast<ptrdiff_t>(c) * head_dim, at.keys.scales + static_cast<ptrdiff_t>(c) * (head_dim / 32),
                                nullptr};
        gemm<width.value, 32, 32, false, kCellOffset<F> != 0, F::kSigned, kCellMaxRaw<F>>(cells, at.queries.panel(first), head_dim, kZeros,
                                                                                          at.scores + first * kCells + c, kCells, kGemmRows, n);
      }
    });
    for (int r = row0; r < n_rows; ++r) weigh_scores(task, r, block, out_stride, at.scores + static_cast<size_t>(r) * kCells);

    pack_values<F>(v, task.v_cell_bytes, n_cells, v_dim, at);
    int n_stepped = 0;
    for_each_panel(n_rows - row0, [&](auto width, int first, int n) {
      for (int r = 0; r < n; ++r) {
        const int row = row0 + first + r, length = task.kv_lengths[row / task.n_group] - first_cell, n_own = length < kCells ? length : kCells;
        if (n_own != n_stepped) step_scales(n_own, v_dim / 32, at);
        n_stepped = n_own;
        round_probabilities<width.value>(at.scores + static_cast<size_t>(row) * kCells, r, v_dim / 32, at);
      }
      add_weighted_values<width.value>(at, v_dim, n, task.out + (row0 + first) * out_stride, out_stride);
    });
  }
}

inline bool is_for_integers(const AttendTask& task) {
  return task.in_integers && task.k_format == task.v_format && (task.k_format == KvFormat::q8_0 || task.k_format == KvFormat::q4_0) &&
         task.head_dim % 32 == 0 && task.v_head_dim % 32 == 0;
}

void attend_in_any_format(const AttendTask& task) {
  if (!is_for_integers(task)) return attend(task);
  if (task.k_format == KvFormat::q8_0) attend_in_integers<Q8_0>(task);
  else attend_in_integers<Q4_0>(task);
}

size_t attend_scratch_floats_of_any(int n_rows, int head_dim, int v_head_dim) {
  const size_t floats = attend_scratch_floats(n_rows, head_dim, v_head_dim);
  const size_t integers = IntegerScratch(nullptr, n_rows, round_up_32(head_dim), round_up_32(v_head_dim)).n_floats();
  return floats > integers ? floats : integers;
}
