// Attention over the blocks of the KV pool, with the running softmax of Milakov & Gimelshein 2018 (arXiv:1805.02867) tiled as in Dao et al.
// 2022 (arXiv:2205.14135). Included inside the anonymous namespace of an instruction set's file, after formats_inl.h and elementwise_inl.h.

constexpr int kCells = 32;  // kKvBlockLength; attention.cpp asserts it
constexpr int kCellVecs = kCells / kLanes;

inline int round_up_32(int n) { return (n + 31) / 32 * 32; }

inline size_t kv_bytes(KvFormat format, int64_t n) {
  switch (format) {
    case KvFormat::f32: return 4 * n;
    case KvFormat::f16: return 2 * n;
    case KvFormat::q8_0: return n / 32 * Q8_0::kBytes;
    case KvFormat::q4_0: return n / 32 * Q4_0::kBytes;
  }
  return 0;
}

inline void decode_kv(KvFormat format, const uint8_t* p, float* out, int n) {
  switch (format) {
    case KvFormat::f32: memcpy(out, p, 4 * static_cast<size_t>(n)); break;
    case KvFormat::f16: decode_half<F16>(p, out, n); break;
    case KvFormat::q8_0: decode<Q8_0>(p, out, n); break;
    case KvFormat::q4_0: decode<Q4_0>(p, out, n); break;
  }
}

inline Vec load_lanes(const float* p) { return vec_load(p); }
inline Vec load_lanes(const uint16_t* p) { return vec_load_f16(reinterpret_cast<const uint8_t*>(p)); }

// c[kRows][32] (+)= a[kRows][k] · b[k][32], b of floats or halves.
template <int kRows, bool kAdd, class B>
inline void panel(const float* a, const size_t* a_rows, const B* b, size_t b_stride, int k, float* c, size_t c_stride, ptrdiff_t ahead = 0) {
  Vec sum[kRows][kCellVecs];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kCellVecs; ++v) sum[r][v] = kAdd ? vec_load(c + r * c_stride + v * kLanes) : vec_set(0);
  for (int i = 0; i < k; ++i) {
    Vec bv[kCellVecs];
    if (ahead != 0) prefetch_far(b + i * static_cast<ptrdiff_t>(b_stride) + ahead);
    for (int v = 0; v < kCellVecs; ++v) bv[v] = load_lanes(b + i * b_stride + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Vec av = vec_set(a[a_rows[r] + i]);
      for (int v = 0; v < kCellVecs; ++v) sum[r][v] = vec_fma(av, bv[v], sum[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kCellVecs; ++v) vec_store(c + r * c_stride + v * kLanes, sum[r][v]);
}

// As many rows at a time as the registers hold, then half as many: a row by itself waits for its own sums.
template <bool kAdd, int kRows = kPanelRows, class B>
inline void panels(const float* a, const size_t* a_rows, int n_rows, const B* b, size_t b_stride, int k, float* c, size_t c_stride,
                   ptrdiff_t ahead = 0) {
  int r = 0;
  for (; r + kRows <= n_rows; r += kRows) panel<kRows, kAdd>(a, a_rows + r, b, b_stride, k, c + r * c_stride, c_stride, ahead);
  if constexpr (kRows > 1) {
    if (r < n_rows) panels<kAdd, kRows / 2>(a, a_rows + r, n_rows - r, b, b_stride, k, c + r * c_stride, c_stride, ahead);
  }
}

// y[t][o] = sum over i of x[t][i] * w[i][o].
void matmul_f32_transposed(const float* w, size_t w_stride, int64_t n_in, int64_t n_columns, const float* x, size_t x_stride, int64_t n_tokens,
                           float* y, size_t y_stride) {
  int64_t o = 0;
  for (; o + 32 <= n_columns; o += 32) {
    for (int64_t t = 0; t < n_tokens; t += kPanelRows) {
      const int n = n_tokens - t < kPanelRows ? static_cast<int>(n_tokens - t) : kPanelRows;
      size_t rows[kPanelRows];
      for (int r = 0; r < n; ++r) rows[r] = (t + r) * x_stride;
      panels<false>(x, rows, n, w + o, w_stride, static_cast<int>(n_in), y + t * y_stride + o, y_stride);
    }
  }
  for (; o < n_columns; o += kLanes) {
    const int rest = n_columns - o < kLanes ? static_cast<int>(n_columns - o) : kLanes;
    for (int64_t t = 0; t < n_tokens; ++t) {
      Vec sum = vec_set(0);
      for (int64_t i = 0; i < n_in; ++i) sum = vec_fma(vec_set(x[t * x_stride + i]), vec_load_n(w + i * w_stride + o, rest), sum);
      vec_store_n(y + t * y_stride + o, sum, rest);
    }
  }
}

// Rows of queries that take keys and values in 16 bits as they lie: the more there are, the sooner it pays to have them as floats.
constexpr int kFewRows = 2 * kPanelRows;

// n numbers of 32 cells in halves, cell_bytes apart, → out [n][32]; cells from n_cells on are zeros. n is a multiple of 8, `whole` [32][n].
inline void transpose_half_cells(const uint8_t* p, size_t cell_bytes, int n_cells, int n, uint16_t* whole, uint16_t* out, ptrdiff_t ahead) {
  if (n_cells < kCells) {
    for (int c = 0; c < n_cells; ++c) memcpy(whole + c * n, p + c * cell_bytes, 2 * static_cast<size_t>(n));
    memset(whole + n_cells * n, 0, 2 * static_cast<size_t>(kCells - n_cells) * n);
    p = reinterpret_cast<const uint8_t*>(whole);
    cell_bytes = 2 * static_cast<size_t>(n);
    ahead = 0;
  }
  for (int i = 0; i < n; i += 8, p += 16) {
    if (i % 32 == 0 && ahead != 0)
      for (int c = 0; c < kCells; ++c) prefetch_far(p + c * cell_bytes + ahead);
    transpose_32x8_halves(p, cell_bytes, out + static_cast<size_t>(i) * kCells);
  }
}

size_t attend_scratch_floats(int n_rows, int head_dim, int v_head_dim) {
  const size_t row_offsets = static_cast<size_t>(n_rows) * (sizeof(size_t) / sizeof(float)) * 2;
  return static_cast<size_t>(kCells) * (2 * round_up_32(head_dim) + round_up_32(v_head_dim)) + static_cast<size_t>(n_rows) * kCells + row_offsets +
         64;
}

// Row r's scores of a block become its weights, exp(scaled score - largest so far); what the row has so far shrinks where the largest grows.
inline void weigh_scores(const AttendTask& task, int r, int block, size_t out_stride, float* s) {
  const int token = r / task.n_group, first = block * kCells;
  const int length = task.kv_lengths[token] - first;
  const bool has_hole = task.window > 0 && !(task.open && task.open[block]);
  const int hole = has_hole && task.n_sinks > first ? task.n_sinks - first : 0;
  const int hole_end = has_hole ? length - task.window : 0;
  const bool is_chosen = !task.chosen || task.chosen[token * task.chosen_stride + block];
  if (length <= 0 || !is_chosen || (hole == 0 && hole_end >= kCells)) {  // nothing here for this row
    for (int c = 0; c < kCells; c += kLanes) vec_store(s + c, vec_set(0));
    return;
  }
  for (int c = length; c < kCells; ++c) s[c] = -__builtin_inff();
  for (int c = hole; c < hole_end && c < kCells; ++c) s[c] = -__builtin_inff();
  Vec largest = vec_set(-__builtin_inff());
  for (int c = 0; c < kCells; c += kLanes) {
    const Vec scaled = vec_load(s + c) * vec_set(task.scale);
    vec_store(s + c, scaled);
    largest = vec_max(scaled, largest);
  }
  for (int c = length; c < kCells; ++c) s[c] = -__builtin_inff();  // a negative scale makes the marks positive
  for (int c = hole; c < hole_end && c < kCells; ++c) s[c] = -__builtin_inff();
  const float before = task.largest[r];
  float now = vec_largest(largest);
  now = now > before ? now : before;
  if (now == -__builtin_inff()) now = 0;  // every score is -infinity: weights 0, not NaN
  Vec sum = vec_set(0);
  for (int c = 0; c < kCells; c += kLanes) {
    const Vec p = vec_exp(vec_load(s + c) - vec_set(now));
    vec_store(s + c, p);
    sum = sum + p;
  }
  if (now != before) {
    const float shrink = vec_first(vec_exp(vec_set(before - now)));
    task.sum[r] *= shrink;
    float* out = task.out + r * out_stride;
    for (size_t i = 0; i < out_stride; i += kLanes) vec_store(out + i, vec_load(out + i) * vec_set(shrink));
    task.largest[r] = now;
  }
  task.sum[r] += vec_sum(sum);
}

// Nothing is attended to yet; returns how far the longest row reaches.
inline int start_rows(const AttendTask& task, size_t out_stride) {
  const int n_rows = task.n_tokens * task.n_group;
  for (int r = 0; r < n_rows; ++r) {
    task.largest[r] = -__builtin_inff();
    task.sum[r] = 0;
    for (size_t i = 0; i < out_stride; i += kLanes) vec_store(task.out + r * out_stride + i, vec_set(0));
  }
  int longest = 0;
  for (int t = 0; t < task.n_tokens; ++t) longest = task.kv_lengths[t] > longest ? task.kv_lengths[t] : longest;
  return longest;
}

// Tokens come in order, so with causal lengths the rows that reach beyond `cell` are the last ones.
inline int first_row(const AttendTask& task, int cell) {
  int row = 0;
  while (row < task.n_tokens * task.n_group && task.kv_lengths[row / task.n_group] <= cell) ++row;
  return row;
}

void attend(const AttendTask& task) {
  const int n_rows = task.n_tokens * task.n_group;
  const int head_dim = task.head_dim, v_dim = task.v_head_dim;
  const size_t out_stride = round_up_32(v_dim);
  float* next = task.scratch;
  const auto take = [&next](size_t n) {
    float* p = next;
    next += (n + 15) / 16 * 16;
    return p;
  };
  float* const keys = take(static_cast<size_t>(kCells) * round_up_32(head_dim));             // [32][head_dim]
  float* const transposed_keys = take(static_cast<size_t>(kCells) * round_up_32(head_dim));  // [head_dim][32]
  float* const values = take(kCells * out_stride);                                           // [32][out_stride]
  float* const scores = take(static_cast<size_t>(n_rows) * kCells);
  size_t* const q_rows = reinterpret_cast<size_t*>(take(static_cast<size_t>(n_rows) * 2));
  size_t* const score_rows = reinterpret_cast<size_t*>(take(static_cast<size_t>(n_rows) * 2));

  uint16_t* const transposed_halves = reinterpret_cast<uint16_t*>(transposed_keys);
  const bool half_keys = n_rows <= kFewRows && task.k_format == KvFormat::f16 && head_dim % 8 == 0;
  const bool half_values = n_rows <= kFewRows && task.v_format == KvFormat::f16 && v_dim % 32 == 0;

  const int longest = start_rows(task, out_stride);
  for (int r = 0; r < n_rows; ++r) {
    q_rows[r] = r / task.n_group * task.q_token_stride + static_cast<size_t>(r % task.n_group) * head_dim;
    score_rows[r] = static_cast<size_t>(r) * kCells;
  }
  // beyond v_dim the values stay zero for the whole task
  if (v_dim % 32 != 0) memset(values, 0, kCells * out_stride * sizeof(float));

  for (int place = task.first_block; place < task.end_block; ++place) {
    const int block = task.visit ? task.visit[place] : place;
    const int first = block * kCells;
    const int n_cells = longest - first < kCells ? longest - first : kCells;
    if (n_cells <= 0 || task.stopped(task.stop_context)) break;
    const size_t cell = static_cast<size_t>(task.blocks[block]) * kCells;
    const int next_block = place + 1 >= task.end_block ? block : task.visit ? task.visit[place + 1] : place + 1;
    const ptrdiff_t cells_ahead = static_cast<ptrdiff_t>(task.blocks[next_block] - task.blocks[block]) * kCells;
    const int row0 = first_row(task, first);
    const int rows = n_rows - row0;

    // The keys are transposed once, so that scores of 32 cells come out side by side; each is one sum over rising dims.
    const uint8_t* k = task.k + cell * task.k_cell_bytes;
    float* const block_scores = scores + static_cast<size_t>(row0) * kCells;
    if (half_keys) {
      transpose_half_cells(k, task.k_cell_bytes, n_cells, head_dim, reinterpret_cast<uint16_t*>(keys), transposed_halves,
                           cells_ahead * static_cast<ptrdiff_t>(task.k_cell_bytes));
      panels<false>(task.q, q_rows + row0, rows, transposed_halves, kCells, head_dim, block_scores, kCells);
    } else {
      for (int c = 0; c < n_cells; ++c) decode_kv(task.k_format, k + c * task.k_cell_bytes, keys + static_cast<size_t>(c) * head_dim, head_dim);
      for (int c = n_cells; c < kCells; ++c) memset(keys + static_cast<size_t>(c) * head_dim, 0, head_dim * sizeof(float));
      transpose_32_rows(keys, head_dim, transposed_keys);
      panels<false>(task.q, q_rows + row0, rows, transposed_keys, kCells, head_dim, block_scores, kCells);
    }

    for (int r = row0; r < n_rows; ++r) weigh_scores(task, r, block, out_stride, scores + static_cast<size_t>(r) * kCells);

    const uint8_t* v = task.v + cell * task.v_cell_bytes;
    const auto add_values = [&](const auto* values_of_cells, size_t stride, ptrdiff_t ahead = 0) {
      for (size_t i = 0; i < out_stride; i += 32) {
        panels<true>(scores, score_rows + row0, rows, values_of_cells + i, stride, n_cells, task.out + row0 * out_stride + i, out_stride, ahead);
      }
    };
    if (half_values) {
      add_values(reinterpret_cast<const uint16_t*>(v), task.v_cell_bytes / 2, cells_ahead * static_cast<ptrdiff_t>(task.v_cell_bytes / 2));
    } else if (task.v == task.k && v_dim % 32 == 0 && !half_keys) {  // values that begin the keys were decoded with them
      add_values(keys, head_dim);
    } else if (task.v_format == KvFormat::f32 && v_dim % 32 == 0) {
      add_values(reinterpret_cast<const float*>(v), task.v_cell_bytes / sizeof(float));
    } else {
      for (int c = 0; c < n_cells; ++c) decode_kv(task.v_format, v + c * task.v_cell_bytes, values + c * out_stride, v_dim);
      add_values(values, out_stride);
    }
  }
}

float score_bound(const float* q, int n_rows, int head_dim, const float* bounds) {
  Vec sum = vec_set(0);
  for (int i = 0; i < head_dim; i += kLanes) {
    const int n = head_dim - i < kLanes ? head_dim - i : kLanes;
    const Vec smallest = vec_load_n(bounds + i, n), largest = vec_load_n(bounds + head_dim + i, n);
    for (int r = 0; r < n_rows; ++r) {
      const Vec value = vec_load_n(q + r * head_dim + i, n);
      sum = sum + vec_max(value * smallest, value * largest);
    }
  }
  return vec_sum(sum);
}

void merge_attention(float* largest, float* sum, float* out, float part_largest, float part_sum, const float* part_out, int n) {
  if (part_largest == -__builtin_inff()) return;
  const bool is_first = *largest == -__builtin_inff();
  const float top = part_largest > *largest ? part_largest : *largest;
  const float scale = is_first ? 0.0f : vec_first(vec_exp(vec_set(*largest - top))), part_scale = vec_first(vec_exp(vec_set(part_largest - top)));
  *largest = top;
  *sum = *sum * scale + part_sum * part_scale;
  for (int i = 0; i < n; i += kLanes) vec_store(out + i, vec_fma(vec_load(part_out + i), vec_set(part_scale), vec_load(out + i) * vec_set(scale)));
}

void divide_attention(float* y, float sum, const float* out, int n) {
  const Vec s = vec_set(sum != 0 ? 1.0f / sum : 0.0f);
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) vec_store(y + i, vec_load(out + i) * s);
  if (i < n) vec_store_n(y + i, vec_load_n(out + i, n - i) * s, n - i);
}
