// Attention to keys and values in 16-bit integers, with the running softmax of attention_inl.h: of all tokens of a segment to all of the same one,
// or of a row to the first of them. Included inside the anonymous namespace of an instruction set's file, after pairs_inl.h. The file defines
// int_join_shorts() and vec_exp2().
//
// Queries, keys and values are rounded by rows, each in steps of the largest. A value's step goes into its probability; these products are rounded
// by row and block. So a row's result depends on its query and on the keys and values that it attends to alone.

// Steps of probabilities and values: 8,191 * 2,000 * 128 keys fit 31 bits, with room for what a probability is rounded above 1.
constexpr float kMaxProbability = 8191;
constexpr int kMaxValue = 2000;

// Steps of queries and keys: n_dims * their square fits 31 bits.
inline float steps_of_dims(int n_dims) {
  const double steps = __builtin_floor(__builtin_sqrt(static_cast<double>(INT32_MAX / n_dims)));
  return steps < 32767 ? static_cast<float>(steps) : 32767.0f;
}

void pack_segment(const float* k, size_t k_stride, const float* v, size_t v_stride, int first, int n, int head_dim, int v_dim,
                  const SegmentBlock& out) {
  const float steps = steps_of_dims(head_dim);
  const int n_pairs = (head_dim + 1) / 2, width = round_up_to(v_dim, 16);
  alignas(64) int16_t row[kMaxSegmentDims + 2 * kLanes] = {};
  for (int c = 0; c < n; ++c) {
    const float largest = largest_magnitude(k + c * k_stride, head_dim);
    out.k_scales[first + c] = largest / steps;  // NaN where one is not finite
    round_to_shorts(k + c * k_stride, head_dim, round_up_to(head_dim, 2 * kLanes), inverse_of(largest, steps), row);
    for (int i = 0; i < n_pairs; ++i) memcpy(out.k + (static_cast<size_t>(i) * kSegmentKeys + first + c) * 2, row + 2 * i, 4);
  }
  for (int c = 0; c < n; c += 2) {
    const bool is_pair = c + 1 < n;
    float inverses[2] = {};
    for (int i = 0; i < (is_pair ? 2 : 1); ++i) {
      const float largest = largest_magnitude(v + (c + i) * v_stride, v_dim);
      out.v_scales[first + c + i] = largest / kMaxValue;
      inverses[i] = inverse_of(largest, kMaxValue);
    }
    const Vec by_first = vec_set(inverses[0]), by_second = vec_set(inverses[1]);
    for (int i = 0; i < width; i += kLanes) {
      const int n_here = v_dim - i < kLanes ? (v_dim - i > 0 ? v_dim - i : 0) : kLanes;
      const auto load = [&](int of) { return n_here == kLanes ? vec_load(v + of * v_stride + i) : vec_load_n(v + of * v_stride + i, n_here); };
      const Vec one = load(c), other = is_pair ? load(c + 1) : vec_set(0);
      int_store(reinterpret_cast<uint8_t*>(out.v + (static_cast<size_t>(first + c) / 2 * width + i) * 2),
                int_join_shorts(int_from_float(one * by_first), int_from_float(other * by_second)));
    }
  }
}

// The rows of a panel: what they have so far shrinks and takes the values of a block, whose probabilities weigh `weight`.
template <int kVecs>
inline void add_values(const int16_t* p, const SegmentBlock& block, int width, int column, const float* shrink, const float* weight, float* out) {
  alignas(64) int32_t sums[kPairRows * kVecs * kLanes];
  sum_pairs<kVecs>(p, kSegmentKeys, block.v + 2 * column, 2 * static_cast<size_t>(width), kSegmentKeys / 2, sums);
  for (int r = 0; r < kPairRows; ++r) {
    for (int v = 0; v < kVecs; ++v) {
      float* const at = out + r * width + column + v * kLanes;
      vec_store(at, vec_fma(int_to_float(load_ints(sums + (r * kVecs + v) * kLanes)), vec_set(weight[r]), vec_load(at) * vec_set(shrink[r])));
    }
  }
}

// Where the pieces of a task's scratch lie, in floats.
struct SegmentScratch {
  SegmentScratch(int head_dim, int v_dim)
      : n_dims(round_up_to(head_dim, 2 * kLanes)), width(round_up_to(v_dim, 16)), q(0), out(q + kMaxSegmentRows * n_dims / 2) {
    row_scale = out + kMaxSegmentRows * width;
    largest = row_scale + kMaxSegmentRows;
    sum = largest + kMaxSegmentRows;
    scores = sum + kMaxSegmentRows;
    probabilities = scores + kPairRows * kSegmentKeys;
    own = probabilities + kPairRows * kSegmentKeys / 2;
    n_floats = own + 3 * kSegmentKeys;
  }
  int n_dims, width;
  int q, out, row_scale, largest, sum, scores, probabilities, own, n_floats;
};

size_t segment_scratch_floats(int head_dim, int v_dim) { return static_cast<size_t>(SegmentScratch(head_dim, v_dim).n_floats); }

constexpr int kScoreColumns = kPairVecs * kLanes;

// Row r's scores, kScoreColumns at a time, as sum_pairs() leaves them.
inline int32_t* row_scores(int32_t* scores, int r, int first_key) {
  return scores + (first_key / kScoreColumns * kPairRows + r) * kScoreColumns + first_key % kScoreColumns;
}

// The keys of a block that a row attends to: the scales of others are 0, and their scores less infinity.
struct OwnKeys {
  const float* k_scales;
  const float* v_scales;
  const float* marks;
};

// What a row keeps while the blocks pass by.
struct RowState {
  float scale;    // of its scores, as powers of two
  float largest;  // so far
  float sum;      // of 2^(score - largest)
};

// Row r's scores become its probabilities times the scales of the values, in steps of `weight`; `shrink` is for what the row has so far.
inline void weigh_scores(int32_t* scores, int r, const OwnKeys& keys, RowState& row, float* shrink, float* weight, int16_t* p) {
  Vec largest = vec_set(-__builtin_inff()), zero = vec_set(0);
#pragma GCC unroll 4
  for (int c = 0; c < kSegmentKeys; c += kLanes) {
    int32_t* const at = row_scores(scores, r, c);
    const Vec s = int_to_float(load_ints(at)) * vec_load(keys.k_scales + c);
    zero = vec_fma(s, vec_set(0), zero);  // NaN where a key is
    const Vec scaled = vec_fma(s, vec_set(row.scale), vec_load(keys.marks + c));
    largest = vec_max(scaled, largest);
    vec_store(reinterpret_cast<float*>(at), scaled);
  }
  const float before = row.largest, top = vec_largest(largest);
  row.largest = top > before ? top : before;
  const Vec minus_largest = vec_set(0 - row.largest);
  Vec sum = zero, most = vec_set(0);
#pragma GCC unroll 4
  for (int c = 0; c < kSegmentKeys; c += kLanes) {
    float* const at = reinterpret_cast<float*>(row_scores(scores, r, c));
    const Vec chance = vec_exp2(vec_load(at) + minus_largest);
    sum = sum + chance;
    const Vec share = chance * vec_load(keys.v_scales + c);
    zero = vec_fma(share, vec_set(0), zero);
    most = vec_max(share, most);
    vec_store(at, share);
  }
  const float step = vec_largest(most) / kMaxProbability + vec_sum(zero);
  const Vec by = vec_set(step > 1e-36f ? 1.0f / step : 0.0f);
#pragma GCC unroll 4
  for (int c = 0; c < kSegmentKeys; c += 2 * kLanes) {
    const float* const at = reinterpret_cast<const float*>(row_scores(scores, r, c));
    const float* const next = reinterpret_cast<const float*>(row_scores(scores, r, c + kLanes));
    store_shorts(p + c, int_from_float(vec_load(at) * by), int_from_float(vec_load(next) * by));
  }
  *shrink = vec_first(vec_exp2(vec_set(before - row.largest)));
  *weight = step;
  row.sum = row.sum * *shrink + vec_sum(sum);
}

void attend_segment(const SegmentTask& task) {
  const SegmentScratch at(task.head_dim, task.v_dim);
  const int n_pairs = (task.head_dim + 1) / 2, n_rows = round_up_to(task.n_rows, kPairRows);
  int16_t* const q = reinterpret_cast<int16_t*>(task.scratch + at.q);
  int16_t* const probabilities = reinterpret_cast<int16_t*>(task.scratch + at.probabilities);
  int32_t* const scores = reinterpret_cast<int32_t*>(task.scratch + at.scores);
  float* const out = task.scratch + at.out;
  RowState rows[kMaxSegmentRows + kPairRows];

  const float steps = steps_of_dims(task.head_dim);
  for (int r = 0; r < n_rows; ++r) {
    const bool is_row = r < task.n_rows;  // the others fill the last panel up
    const float* const from = task.q + r * task.q_stride;
    const float of_row = is_row ? largest_magnitude(from, task.head_dim) : 0;
    round_to_shorts(from, is_row ? task.head_dim : 0, at.n_dims, inverse_of(of_row, steps), q + r * at.n_dims);
    rows[r] = {of_row / steps * task.scale * 1.44269504f, -__builtin_inff(), 0};
  }
  memset(out, 0, static_cast<size_t>(n_rows) * at.width * sizeof(float));

  float* const own = task.scratch + at.own;  // of a row that does not attend to all keys of a block
  const float no_marks[kSegmentKeys] = {};
  for (int b = 0; b < task.n_blocks && !task.stopped(task.stop_context); ++b) {
    const SegmentBlock& block = task.blocks[b];
    const auto n_own_of = [&](int r) {
      if (r >= task.n_rows) return 0;
      const int n = task.lengths ? task.lengths[r] - b * kSegmentKeys : block.n_keys;
      return n < 0 ? 0 : n < kSegmentKeys ? n : kSegmentKeys;
    };
    for (int row = 0; row < n_rows; row += kPairRows) {
      int most_own = 0;
      for (int r = 0; r < kPairRows; ++r) most_own = n_own_of(row + r) > most_own ? n_own_of(row + r) : most_own;
      if (most_own == 0) continue;
      for (int c = 0; c < kSegmentKeys; c += kScoreColumns) {
        sum_pairs<kPairVecs>(q + row * at.n_dims, static_cast<size_t>(at.n_dims), block.k + 2 * c, 2 * kSegmentKeys, n_pairs,
                             row_scores(scores, 0, c));
      }
      float shrink[kPairRows], weight[kPairRows];
      for (int r = 0; r < kPairRows; ++r) {
        const int n = n_own_of(row + r);
        int16_t* const p = probabilities + r * kSegmentKeys;
        if (n == 0) {
          shrink[r] = 1;
          weight[r] = 0;
          memset(p, 0, kSegmentKeys * sizeof(int16_t));
          continue;
        }
        OwnKeys keys{block.k_scales, block.v_scales, no_marks};
        if (n < kSegmentKeys) {
          keys = {own, own + kSegmentKeys, own + 2 * kSegmentKeys};
          for (int c = 0; c < kSegmentKeys; ++c) {
            own[c] = c < n ? block.k_scales[c] : 0;
            own[kSegmentKeys + c] = c < n ? block.v_scales[c] : 0;
            own[2 * kSegmentKeys + c] = c < n ? 0 : -__builtin_inff();
          }
        }
        weigh_scores(scores, r, keys, rows[row + r], shrink + r, weight + r, p);
      }
      int column = 0;
      for (; column + kScoreColumns <= at.width; column += kScoreColumns)
        add_values<kPairVecs>(probabilities, block, at.width, column, shrink, weight, out + row * at.width);
      for (; column < at.width; column += kLanes) add_values<1>(probabilities, block, at.width, column, shrink, weight, out + row * at.width);
    }
  }
  for (int r = 0; r < task.n_rows; ++r) divide_attention(task.y + r * task.y_stride, rows[r].sum, out + r * at.width, task.v_dim);
}
