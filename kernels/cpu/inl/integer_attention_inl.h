// Attention over keys and values in 8 or 4 bits, multiplied in integers. Included inside the anonymous namespace of an instruction set's file, after
// attention_inl.h and gemm_inl.h. The file defines group_products(), transpose_quads(), largest_half_magnitude() and store_as_bytes().
//
// A group of a tile holds 32 numbers for each of 32 lanes, four of them side by side (kernels/kv_layout.h): of keys the dims of each cell, of values
// the cells of each dim. So scores and weighted values are one product, of a tile and of a panel of rows in 8 bits: of queries, rounded in
// groups of 32 dims, or of probabilities. A cell's scale of a group goes into its probability, and these products are rounded in steps of the
// row's largest probability in the block times the group's largest scale up to the row's length; so a row's result depends on its query and on the
// cells it reads alone.

constexpr int kWidestPanel = kGemmColumns[0];
static_assert(kWidestPanel > kGemmColumns[1] && kGemmColumns[1] > kGemmColumns[2]);

template <int kWidth>
struct PanelWidth {
  static constexpr int value = kWidth;
  static constexpr int vecs = kWidth == kGemmColumns[2] ? 2 : 1;  // of lanes at a time: so many sums as the registers hold
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

// Rows of numbers in 8 bits side by side, in groups of 32.
struct RoundedPanel {
  uint8_t* q;        // [groups][columns][32]
  float* d;          // [groups][columns]: what one step is
  int32_t* offsets;  // the same: where a group's sum begins, which takes off what the codes are moved up by
};

// The scratch of a task, taken from the front; from null it only counts.
struct IntegerScratch {
  IntegerScratch(float* memory, int n_rows, int head_dim, int v_dim) : key_groups(head_dim / kStrip), next_(memory) {
    const int value_groups = v_dim / kStrip;
    queries = take_panel(n_rows + kWidestPanel, key_groups);
    probabilities = take_panel(kWidestPanel, value_groups);
    turned = reinterpret_cast<uint8_t*>(take(static_cast<size_t>(v_dim) * kCells / 4));
    unpacked = reinterpret_cast<uint8_t*>(take(kStrip * kCells / 4));
    stepped_scales = take(static_cast<size_t>(kCells) * value_groups);
    scale_steps = take(value_groups);
    scores = take(static_cast<size_t>(n_rows + kWidestPanel) * kCells);
  }

  size_t n_floats() const { return taken_; }
  // Of the rows from `first` on.
  RoundedPanel queries_of(int first) const {
    const ptrdiff_t at = static_cast<ptrdiff_t>(first) * key_groups;
    return {queries.q + kStrip * at, queries.d + at, queries.offsets + at};
  }

  int key_groups;
  RoundedPanel queries;        // panel after panel
  RoundedPanel probabilities;  // of one panel
  uint8_t* turned;             // values made of keys: [v_dim / 32][8][32 dims][4 cells]
  uint8_t* unpacked;           // a group of keys: [8][32 cells][4 dims]
  float* stepped_scales;       // of the values: [v_dim / 32][32], from -127 to 127
  float* scale_steps;          // [v_dim / 32], the largest magnitude of each group by 127
  float* scores;               // [rows up to whole panels][32]

 private:
  float* take(size_t n) {
    const size_t whole = (n + 15) / 16 * 16;
    float* const p = next_;
    if (next_) next_ += whole;
    taken_ += whole;
    return p;
  }
  RoundedPanel take_panel(int n_rows, int n_groups) {
    const size_t n = static_cast<size_t>(n_rows) * n_groups;
    uint8_t* const q = reinterpret_cast<uint8_t*>(take(kStrip / 4 * n));
    float* const d = take(n);
    return {q, d, reinterpret_cast<int32_t*>(take(n))};
  }
  float* next_;
  size_t taken_ = 0;
};

// Query x as column `column` of a panel; null for one that is none.
template <int kColumns>
inline void round_query(const float* x, int n_groups, int column, int offset, const RoundedPanel& out) {
  for (int g = 0; g < n_groups; ++g) {
    uint8_t* const to = out.q + (g * kColumns + column) * kStrip;
    float step = 0;
    int sum_low = 0, sum_high = 0;
    if (!x) {
      memset(to, 0, kStrip);
    } else {
      const float* const from = x + g * kStrip;
      const Float8 x0 = f8_load(from), x1 = f8_load(from + 8), x2 = f8_load(from + 16), x3 = f8_load(from + 24);
      const float largest = f8_largest_magnitude(x0, x1, x2, x3);
      step = largest / 127.0f;  // NaN where the query is not finite
      bytes_store(to, f8_round_to_bytes(x0, x1, x2, x3, largest > 1e-36f ? 127.0f / largest : 0.0f, &sum_low, &sum_high));
    }
    out.d[g * kColumns + column] = step;
    out.offsets[g * kColumns + column] = -offset * (sum_low + sum_high);
  }
}

template <class F>
constexpr Codes kKeyCodes = F::kSigned ? Codes::bytes_with_sign : Codes::nibbles;

// scores[row][32 cells] of the first n_rows rows of a panel.
template <class F, class Width>
inline void score_cells(Width, const uint8_t* tile, int n_groups, const RoundedPanel& rows, int n_rows, float* scores, ptrdiff_t ahead) {
  constexpr int kColumns = Width::value, kVecs = Width::vecs;
  for (int lane = 0; lane < kCells; lane += kVecs * kLanes) {
    Vec sum[kColumns][kVecs];
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c)
      for (int v = 0; v < kVecs; ++v) sum[c][v] = vec_set(0);
    for (int g = 0; g < n_groups; ++g) {
      const uint8_t* const group = tile + static_cast<ptrdiff_t>(g) * kTileGroup<F>;
      if (ahead != 0 && lane == 0)
        for (int line = 0; line < kTileGroup<F>; line += 64) prefetch_far(group + ahead + line);
      IntVec products[kColumns][kVecs];
      group_products<kKeyCodes<F>>(group + kTileScales + 4 * lane, rows.q + static_cast<ptrdiff_t>(g) * kStrip * kColumns,
                                   rows.offsets + g * kColumns, products);
      Vec scale[kVecs];
      for (int v = 0; v < kVecs; ++v) scale[v] = vec_load_f16(group + 2 * (lane + v * kLanes));
#pragma GCC unroll 12
      for (int c = 0; c < kColumns; ++c) {
        const Vec d = vec_set(rows.d[g * kColumns + c]);
        for (int v = 0; v < kVecs; ++v) sum[c][v] = vec_fma(int_to_float(products[c][v]), scale[v] * d, sum[c][v]);
      }
    }
#pragma GCC unroll 12
    for (int c = 0; c < kColumns; ++c) {
      if (c >= n_rows) break;
      for (int v = 0; v < kVecs; ++v) vec_store(scores + c * kCells + lane + v * kLanes, sum[c][v]);
    }
  }
}

// out[row] += the values of a tile, weighted with the probabilities of the first n_rows rows of a panel. `codes`: of group 0.
template <Codes kCodes, class Width>
inline void add_weighted_values(Width, const uint8_t* codes, ptrdiff_t group_bytes, int n_groups, const RoundedPanel& rows, int n_rows, float* out,
                                size_t out_stride, ptrdiff_t ahead) {
  constexpr int kColumns = Width::value, kVecs = Width::vecs;
  for (int g = 0; g < n_groups; ++g, codes += group_bytes) {
    if (ahead != 0)
      for (ptrdiff_t line = 0; line < group_bytes; line += 64) prefetch_far(codes - kTileScales + ahead + line);
    for (int lane = 0; lane < kStrip; lane += kVecs * kLanes) {
      IntVec sum[kColumns][kVecs];
      group_products<kCodes>(codes + 4 * lane, rows.q + static_cast<ptrdiff_t>(g) * kStrip * kColumns, rows.offsets + g * kColumns, sum);
#pragma GCC unroll 12
      for (int c = 0; c < kColumns; ++c) {
        if (c >= n_rows) break;
        const Vec weight = vec_set(rows.d[g * kColumns + c]);
        for (int v = 0; v < kVecs; ++v) {
          float* const to = out + c * out_stride + g * kStrip + lane + v * kLanes;
          vec_store(to, vec_fma(int_to_float(sum[c][v]), weight, vec_load(to)));
        }
      }
    }
  }
}

// Keys as values: cells side by side where dims were. Bytes as they are, halves as numbers from 0 to 15.
template <class F>
inline void turn_keys(const uint8_t* tile, int n_groups, const IntegerScratch& at) {
  for (int g = 0; g < n_groups; ++g) {
    const uint8_t* codes = tile + static_cast<ptrdiff_t>(g) * kTileGroup<F> + kTileScales;
    if constexpr (!F::kSigned) {
      for (int i = 0; i < 16; ++i) {
        const Bytes both = bytes_load(codes + 32 * i);
        bytes_store(at.unpacked + 32 * i, bytes_shift_mask(both, 0, 15));
        bytes_store(at.unpacked + 512 + 32 * i, bytes_shift_mask(both, 4, 15));
      }
      codes = at.unpacked;
    }
    transpose_quads(codes, at.turned + static_cast<ptrdiff_t>(g) * kStrip * kCells);
  }
}

// The scales of the values of the first n cells in steps, the others zero.
template <class F>
inline void step_scales(const uint8_t* tile, int n_groups, int n, const IntegerScratch& at) {
  for (int g = 0; g < n_groups; ++g) {
    const uint8_t* halves = tile + static_cast<ptrdiff_t>(g) * kTileGroup<F>;
    alignas(64) uint8_t own[kTileScales];
    if (n < kCells) {
      memset(own, 0, sizeof own);
      memcpy(own, halves, 2 * static_cast<size_t>(n));
      halves = own;
    }
    const float most = half_to_float(largest_half_magnitude(halves));  // not finite where one is not
    at.scale_steps[g] = most / 127.0f + 0.0f * most;
    const Vec steps = vec_set(most > 1e-36f ? 127.0f / most : 0.0f);
    for (int c = 0; c < kCells; c += kLanes)
      vec_store(at.stepped_scales + g * kCells + c, vec_max(vec_min(vec_load_f16(halves + 2 * c) * steps, vec_set(127)), vec_set(-127)));
  }
}

// Column `column` of the panel: the probabilities p [32] of a row times the scales of each group. Where one is no number, the row's sum is none.
template <int kColumns>
inline void round_probabilities(const float* p, int column, int n_groups, int offset, const IntegerScratch& at) {
  Vec parts[kCellVecs], largest = vec_set(0);
  for (int v = 0; v < kCellVecs; ++v) {
    parts[v] = vec_load(p + v * kLanes);
    largest = vec_max(parts[v], largest);
  }
  const float most = vec_largest(largest);
  const Vec inverse = vec_set(most > 1e-36f ? 1.0f / most : 0.0f);
  for (int v = 0; v < kCellVecs; ++v) parts[v] = parts[v] * inverse;
  for (int g = 0; g < n_groups; ++g) {
    Vec sum = vec_set(0);
    for (int v = 0; v < kCellVecs; ++v) {
      const IntVec rounded = int_from_float(parts[v] * vec_load(at.stepped_scales + g * kCells + v * kLanes));
      store_as_bytes(at.probabilities.q + (g * kColumns + column) * kStrip + v * kLanes, rounded);
      if (offset != 0) sum = sum + int_to_float(rounded);
    }
    at.probabilities.d[g * kColumns + column] = most * at.scale_steps[g];
    at.probabilities.offsets[g * kColumns + column] = offset != 0 ? -offset * static_cast<int>(vec_sum(sum)) : 0;
  }
}

template <class F>
void attend_in_integers(const AttendTask& task) {
  const int n_rows = task.n_tokens * task.n_group, head_dim = task.head_dim, v_dim = task.v_head_dim;
  const int key_groups = head_dim / kStrip, value_groups = v_dim / kStrip;
  const bool values_in_keys = task.v == task.k, are_few = n_rows <= kGemmColumns[1];
  // Scales of Q8_0 are not negative (kernels/quant/q32.h rounds so), and neither are the probabilities times them; of Q4_0 they have signs.
  constexpr int key_offset = F::kSigned ? kSignedOffset : F::kOffset, value_offset = F::kSigned ? 0 : F::kOffset;
  const size_t out_stride = static_cast<size_t>(v_dim);
  const IntegerScratch at(task.scratch, n_rows, head_dim, v_dim);
  const int longest = start_rows(task, out_stride);
  for_each_panel(n_rows, [&](auto width, int first, int n) {
    for (int c = 0; c < width.value; ++c) {
      const int token = (first + c) / task.n_group, head = (first + c) % task.n_group;
      const float* const query = task.q + token * task.q_token_stride + static_cast<size_t>(head) * head_dim;
      round_query<width.value>(c < n ? query : nullptr, key_groups, c, key_offset, at.queries_of(first));
    }
  });

  for_each_block(task, longest, are_few, [&](const AttendBlock& block) {
    const int row0 = block.first_row, first_cell = block.number * kCells;

    for_each_panel(n_rows, [&](auto width, int first, int n) {
      if (first + n <= row0) return;
      score_cells<F>(width, block.k, key_groups, at.queries_of(first), n, at.scores + first * kCells, block.k_ahead);
    });
    for (int r = row0; r < n_rows; ++r) weigh_scores(task, r, block.number, out_stride, at.scores + static_cast<size_t>(r) * kCells);

    if (values_in_keys) turn_keys<F>(block.k, value_groups, at);
    int n_stepped = 0;
    for_each_panel(n_rows - row0, [&](auto width, int first, int n) {
      for (int c = 0; c < n; ++c) {
        const int row = row0 + first + c, length = task.kv_lengths[row / task.n_group] - first_cell, n_own = length < kCells ? length : kCells;
        if (n_own != n_stepped) step_scales<F>(block.v, value_groups, n_own, at);
        n_stepped = n_own;
        round_probabilities<width.value>(at.scores + static_cast<size_t>(row) * kCells, c, value_groups, value_offset, at);
      }
      float* const out = task.out + (row0 + first) * out_stride;
      if (values_in_keys) {
        add_weighted_values<F::kSigned ? Codes::bytes_by_magnitudes : Codes::magnitudes>(width, at.turned, kStrip * kCells, value_groups,
                                                                                         at.probabilities, n, out, out_stride, 0);
      } else {
        add_weighted_values<F::kSigned ? Codes::bytes_by_magnitudes : Codes::nibbles>(width, block.v + kTileScales, kTileGroup<F>, value_groups,
                                                                                      at.probabilities, n, out, out_stride, block.v_ahead);
      }
    });
  });
}

inline bool is_for_integers(const AttendTask& task) {
  return task.may_round && task.row_floats == 0 && task.k_format == task.v_format &&
         (task.k_format == KvFormat::q8_0 || task.k_format == KvFormat::q4_0) && task.head_dim % 32 == 0 && task.v_head_dim % 32 == 0;
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
