// Attention over the blocks of the KV pool, with the running softmax of Milakov & Gimelshein 2018 (arXiv:1805.02867) tiled as in Dao et al.
// 2022 (arXiv:2205.14135). Included inside the anonymous namespace of an instruction set's file, after formats_inl.h and elementwise_inl.h.

constexpr int kCells = 32;  // kKvBlockLength; attention.cpp asserts it
constexpr int kCellVecs = kCells / kLanes;

inline int round_up_32(int n) { return (n + 31) / 32 * 32; }

// ---- tiles: the cells of a block of one head, in the order of kernels/kv_layout.h -------------------------------------------------------

constexpr int kStrip = 32;               // dims of a strip of values, or with one scale
constexpr int kTileScales = 2 * kCells;  // bytes before the codes of a group
template <class F>
constexpr int kTileGroup = F::kBytes* kCells;  // bytes of a group

// A group's numbers, out [32][32]: of keys dim by dim, of values cell by cell.
template <class F, bool kKeys>
inline void decode_group(const uint8_t* group, float* out) {
  constexpr bool kNibbles = !F::kSigned;
  alignas(64) float scales[kCells];
  for (int c = 0; c < kCells; c += kLanes) vec_store(scales + c, vec_load_f16(group + 2 * c));
  for (int k = 0; k < 8; ++k) {
    const uint8_t* const codes = group + kTileScales + (kNibbles ? k % 4 : k) * 4 * kCells;
    for (int b = 0; b < 4; ++b) {
      const int row = 4 * k + b;
      for (int lane = 0; lane < kCells; lane += kLanes) {
        const Vec scale = kKeys ? vec_load(scales + lane) : vec_set(scales[row]);
        const Vec code =
            kNibbles ? vec_from_bits(codes + 4 * lane, 0x88888888u, 28 - 8 * b - k / 4 * 4, 28) : vec_from_bits(codes + 4 * lane, 0, 24 - 8 * b, 24);
        vec_store(out + row * kCells + lane, code * scale);
      }
    }
  }
}

// Dims [first, first + n) of a tile of keys → out [n][32]. Quantized ones in whole groups.
inline void decode_keys(KvFormat format, const uint8_t* tile, int first, int n, float* out) {
  switch (format) {
    case KvFormat::f32: memcpy(out, tile + static_cast<size_t>(first) * 4 * kCells, static_cast<size_t>(n) * 4 * kCells); break;
    case KvFormat::f16:
      tile += static_cast<size_t>(first) * 2 * kCells;
      for (int i = 0; i < n * kCells; i += kLanes) vec_store(out + i, vec_load_f16(tile + 2 * i));
      break;
    case KvFormat::q8_0:
      for (int i = 0; i < n; i += kStrip) decode_group<Q8_0, true>(tile + (first + i) / kStrip * kTileGroup<Q8_0>, out + i * kCells);
      break;
    case KvFormat::q4_0:
      for (int i = 0; i < n; i += kStrip) decode_group<Q4_0, true>(tile + (first + i) / kStrip * kTileGroup<Q4_0>, out + i * kCells);
      break;
  }
}

void decode_key_tile(KvFormat format, const uint8_t* tile, int head_dim, float* out) { decode_keys(format, tile, 0, head_dim, out); }

// Strip `strip` of a tile of values, `width` dims of n_cells cells → out [n_cells][32].
inline void decode_values(KvFormat format, const uint8_t* tile, int strip, int width, int n_cells, float* out) {
  switch (format) {
    case KvFormat::f32:
      tile += static_cast<size_t>(strip) * 4 * kStrip * kCells;
      for (int c = 0; c < n_cells; ++c) memcpy(out + c * kStrip, tile + static_cast<size_t>(c) * 4 * width, 4 * static_cast<size_t>(width));
      break;
    case KvFormat::f16:
      tile += static_cast<size_t>(strip) * 2 * kStrip * kCells;
      if (width == kStrip) {
        for (int i = 0; i < n_cells * kStrip; i += kLanes) vec_store(out + i, vec_load_f16(tile + 2 * i));
      } else {
        for (int c = 0; c < n_cells; ++c) decode_half<F16>(tile + static_cast<size_t>(c) * 2 * width, out + c * kStrip, width);
      }
      break;
    case KvFormat::q8_0: decode_group<Q8_0, false>(tile + strip * kTileGroup<Q8_0>, out); break;
    case KvFormat::q4_0: decode_group<Q4_0, false>(tile + strip * kTileGroup<Q4_0>, out); break;
  }
}

inline const uint8_t* tile_of(const uint8_t* p, size_t block_bytes, int32_t block) { return p + block_bytes * static_cast<size_t>(block); }

// How far behind the block at `place` the one lies that is visited next, in blocks; 0 where there is none.
inline ptrdiff_t blocks_ahead(const AttendTask& task, int place) {
  if (place + 1 >= task.n_places) return 0;
  const int block = task.visit ? task.visit[place] : place, next = task.visit ? task.visit[place + 1] : place + 1;
  return static_cast<ptrdiff_t>(task.blocks[next]) - task.blocks[block];
}

inline Vec load_lanes(const float* p) { return vec_load(p); }
inline Vec load_lanes(const uint16_t* p) { return vec_load_f16(reinterpret_cast<const uint8_t*>(p)); }

// c[kRows][32] (+)= a[kRows][k] · b[k][32], b of floats or halves. What lies `ahead` bytes behind b is fetched meanwhile, unless that is 0.
template <int kRows, bool kAdd, class B>
inline void panel(const float* a, const size_t* a_rows, const B* b, size_t b_stride, int k, float* c, size_t c_stride, ptrdiff_t ahead = 0) {
  Vec sum[kRows][kCellVecs];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kCellVecs; ++v) sum[r][v] = kAdd ? vec_load(c + r * c_stride + v * kLanes) : vec_set(0);
  for (int i = 0; i < k; ++i) {
    Vec bv[kCellVecs];
    if (ahead != 0) {
      const char* const next = reinterpret_cast<const char*>(b + i * static_cast<ptrdiff_t>(b_stride)) + ahead;
      for (size_t line = 0; line < kCells * sizeof(B); line += 64) prefetch_far(next + line);
    }
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
  for (; r + kRows <= n_rows; r += kRows, ahead = 0) panel<kRows, kAdd>(a, a_rows + r, b, b_stride, k, c + r * c_stride, c_stride, ahead);
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

size_t attend_scratch_floats(int n_rows, int head_dim, int /*v_head_dim*/) {
  const size_t row_offsets = static_cast<size_t>(n_rows) * (sizeof(size_t) / sizeof(float)) * 2;
  return static_cast<size_t>(kCells) * (2 * round_up_32(head_dim) + 2 * kStrip) + static_cast<size_t>(n_rows) * kCells + row_offsets + 96;
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

// A block of cells that rows from first_row on read.
struct AttendBlock {
  int number;   // in the sequence
  int n_cells;  // that any row reaches
  int first_row;
  const uint8_t* k;  // its tiles
  const uint8_t* v;
  ptrdiff_t k_ahead;  // bytes to those that are visited next, where these are to be fetched meanwhile; else 0
  ptrdiff_t v_ahead;
};

// Those of the task, until it is stopped.
template <class Body>
inline void for_each_block(const AttendTask& task, int longest, bool fetches_ahead, const Body& body) {
  for (int place = task.first_block; place < task.end_block; ++place) {
    const int block = task.visit ? task.visit[place] : place;
    const int first = block * kCells, n_cells = longest - first < kCells ? longest - first : kCells;
    if (n_cells <= 0 || task.stopped(task.stop_context)) break;
    const ptrdiff_t ahead = fetches_ahead ? blocks_ahead(task, place) : 0;
    body(AttendBlock{block, n_cells, first_row(task, first), tile_of(task.k, task.k_block_bytes, task.blocks[block]),
                     tile_of(task.v, task.v_block_bytes, task.blocks[block]), ahead * static_cast<ptrdiff_t>(task.k_block_bytes),
                     ahead * static_cast<ptrdiff_t>(task.v_block_bytes)});
  }
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
  float* const keys = take(static_cast<size_t>(kCells) * round_up_32(head_dim));      // [head_dim][32]
  float* const key_rows = take(static_cast<size_t>(kCells) * round_up_32(head_dim));  // [32][head_dim], of a cache in rows
  float* const strip_keys = take(kCells * kStrip);                                    // [32][32], dim by dim
  float* const strip_values = take(kCells * kStrip);                                  // [32][32], cell by cell
  float* const scores = take(static_cast<size_t>(n_rows) * kCells);
  size_t* const q_rows = reinterpret_cast<size_t*>(take(static_cast<size_t>(n_rows) * 2));
  size_t* const score_rows = reinterpret_cast<size_t*>(take(static_cast<size_t>(n_rows) * 2));

  const bool are_few = n_rows <= kFewRows, values_in_keys = task.v == task.k;
  const int longest = start_rows(task, out_stride);
  for (int r = 0; r < n_rows; ++r) {
    q_rows[r] = r / task.n_group * task.q_token_stride + static_cast<size_t>(r % task.n_group) * head_dim;
    score_rows[r] = static_cast<size_t>(r) * kCells;
  }
  // beyond the dims there are the values stay zero for the whole task
  memset(strip_keys, 0, kCells * kStrip * sizeof(float));
  memset(strip_values, 0, kCells * kStrip * sizeof(float));

  for_each_block(task, longest, are_few, [&](const AttendBlock& block) {
    const int n_cells = block.n_cells, row0 = block.first_row, rows = n_rows - row0;
    const uint8_t* const k = block.k;
    const uint8_t* const v = block.v;

    // Scores of 32 cells come out side by side; each is one sum over rising dims.
    float* const block_scores = scores + static_cast<size_t>(row0) * kCells;
    const auto score = [&](const auto* keys_of_dims, ptrdiff_t bytes_ahead) {
      panels<false>(task.q, q_rows + row0, rows, keys_of_dims, kCells, head_dim, block_scores, kCells, bytes_ahead);
    };
    const float* decoded_keys = nullptr;  // [head_dim][32]
    if (task.row_floats > 0) {
      for (int c = 0; c < n_cells; ++c)
        memcpy(key_rows + static_cast<size_t>(c) * head_dim, reinterpret_cast<const float*>(k) + c * task.row_floats, head_dim * sizeof(float));
      memset(key_rows + static_cast<size_t>(n_cells) * head_dim, 0, static_cast<size_t>(kCells - n_cells) * head_dim * sizeof(float));
      transpose_32_rows(key_rows, head_dim, keys);
      score(keys, 0);
    } else if (task.k_format == KvFormat::f32) {
      decoded_keys = reinterpret_cast<const float*>(k);
      score(decoded_keys, block.k_ahead);
    } else if (task.k_format == KvFormat::f16 && are_few) {
      score(reinterpret_cast<const uint16_t*>(k), block.k_ahead);
    } else {
      decode_keys(task.k_format, k, 0, head_dim, keys);
      decoded_keys = keys;
      score(keys, 0);
    }

    for (int r = row0; r < n_rows; ++r) weigh_scores(task, r, block.number, out_stride, scores + static_cast<size_t>(r) * kCells);

    for (int strip = 0; strip * kStrip < v_dim; ++strip) {
      const int first_dim = strip * kStrip, width = v_dim - first_dim < kStrip ? v_dim - first_dim : kStrip;
      const auto add_values = [&](const auto* values_of_cells, size_t stride, ptrdiff_t bytes_ahead) {
        panels<true>(scores, score_rows + row0, rows, values_of_cells, stride, n_cells, task.out + row0 * out_stride + first_dim, out_stride,
                     bytes_ahead);
      };
      if (task.row_floats > 0) {
        const float* const values = reinterpret_cast<const float*>(v) + first_dim;
        if (width < kStrip)
          for (int c = 0; c < n_cells; ++c) memcpy(strip_values + c * kStrip, values + c * task.v_row_floats, width * sizeof(float));
        if (width < kStrip) add_values(strip_values, kStrip, 0);
        else add_values(values, task.v_row_floats, 0);
      } else if (values_in_keys) {
        const int n_dims = head_dim - first_dim < kStrip ? head_dim - first_dim : kStrip;
        const float* dims = decoded_keys ? decoded_keys + first_dim * kCells : strip_keys;
        if (!decoded_keys) decode_keys(task.k_format, k, first_dim, n_dims, strip_keys);
        if (decoded_keys && n_dims < kStrip) {
          memcpy(strip_keys, dims, static_cast<size_t>(n_dims) * kCells * sizeof(float));
          dims = strip_keys;
        }
        transpose_32_rows(dims, kCells, strip_values);
        add_values(strip_values, kStrip, 0);
      } else if (task.v_format == KvFormat::f16 && are_few && width == kStrip) {
        add_values(reinterpret_cast<const uint16_t*>(v) + first_dim * kCells, kStrip, block.v_ahead);
      } else if (task.v_format == KvFormat::f32 && width == kStrip) {
        add_values(reinterpret_cast<const float*>(v) + first_dim * kCells, kStrip, block.v_ahead);
      } else {
        decode_values(task.v_format, v, strip, width, n_cells, strip_values);
        add_values(strip_values, kStrip, 0);
      }
    }
  });
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
