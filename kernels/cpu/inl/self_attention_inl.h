// Attention of all tokens of a segment to all of the same one, in 16-bit integers, with the running softmax of attention_inl.h. Included inside
// the anonymous namespace of an instruction set's file, after pairs_inl.h. The file defines int_join_shorts(), int_max() and vec_exp2().
//
// Queries are rounded by rows, keys by blocks, values by dims of a block, probabilities by rows of a block, each in steps of the largest; so a
// row's result depends on its query and on its segment's keys and values alone.

// Steps of probabilities and values: 8,191 * 2,000 * 128 keys fit 31 bits, with room for what a probability is rounded above 1.
constexpr float kLog2OfMaxProbability = 12.9998239f;  // of 8,191
constexpr int kMaxValue = 2000;

// Steps of queries and keys: n_dims * their square fits 31 bits.
inline float steps_of_dims(int n_dims) {
  const double steps = __builtin_floor(__builtin_sqrt(static_cast<double>(INT32_MAX / n_dims)));
  return steps < 32767 ? static_cast<float>(steps) : 32767.0f;
}

void pack_segment(const float* k, const float* v, size_t stride, int n_keys, int head_dim, const SegmentBlock& out) {
  const float steps = steps_of_dims(head_dim);
  const int n_pairs = (head_dim + 1) / 2, width = round_up_to(head_dim, 16);
  float largest_key = 0, not_finite = 0;  // 0, or NaN
  for (int c = 0; c < n_keys; ++c) {
    const float largest = largest_magnitude(k + c * stride, head_dim);
    largest_key = largest > largest_key ? largest : largest_key;
    not_finite += 0.0f * largest;
  }
  *out.k_scale = largest_key / steps + not_finite;
  const float inverse = inverse_of(largest_key, steps);
  alignas(64) int16_t row[kMaxSegmentDims + 2 * kLanes] = {};
  for (int c = 0; c < kSegmentKeys; ++c) {
    if (c < n_keys) round_to_shorts(k + c * stride, head_dim, round_up_to(head_dim, 2 * kLanes), inverse, row);
    if (c == n_keys) memset(row, 0, sizeof row);
    for (int i = 0; i < n_pairs; ++i) memcpy(out.k + (static_cast<size_t>(i) * kSegmentKeys + c) * 2, row + 2 * i, 4);
  }

  for (int i = 0; i < width; i += kLanes) {
    const int n = head_dim - i < kLanes ? head_dim - i : kLanes;
    Vec largest = vec_set(0), zero = vec_set(0);
    for (int c = 0; c < n_keys && n > 0; ++c) {
      const Vec x = vec_load_n(v + c * stride + i, n);
      largest = vec_max(vec_max(x, vec_set(0) - x), largest);
      zero = vec_fma(x, vec_set(0), zero);
    }
    vec_store(out.v_scale + i, vec_fma(largest, vec_set(1.0f / kMaxValue), zero));  // NaN where a value is not finite
    alignas(64) float inverses[kLanes];
    vec_store(inverses, largest);
    for (float& one : inverses) one = inverse_of(one, kMaxValue);
    const Vec by = vec_load(inverses);
    for (int c = 0; c < kSegmentKeys; c += 2) {
      const Vec first = c < n_keys && n > 0 ? vec_load_n(v + c * stride + i, n) : vec_set(0);
      const Vec second = c + 1 < n_keys && n > 0 ? vec_load_n(v + (c + 1) * stride + i, n) : vec_set(0);
      int_store(reinterpret_cast<uint8_t*>(out.v + (static_cast<size_t>(c / 2) * width + i) * 2),
                int_join_shorts(int_from_float(first * by), int_from_float(second * by)));
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
      const Vec scale = vec_load(block.v_scale + column + v * kLanes) * vec_set(weight[r]);
      vec_store(at, vec_fma(int_to_float(load_ints(sums + (r * kVecs + v) * kLanes)), scale, vec_load(at) * vec_set(shrink[r])));
    }
  }
}

// Where the pieces of a task's scratch lie, in floats.
struct SegmentScratch {
  explicit SegmentScratch(int head_dim)
      : n_dims(round_up_to(head_dim, 2 * kLanes)), width(round_up_to(head_dim, 16)), q(0), out(q + kMaxSegmentRows * n_dims / 2) {
    row_scale = out + kMaxSegmentRows * width;
    largest = row_scale + kMaxSegmentRows;
    sum = largest + kMaxSegmentRows;
    scores = sum + kMaxSegmentRows;
    probabilities = scores + kPairRows * kSegmentKeys;
    n_floats = probabilities + kPairRows * kSegmentKeys / 2;
  }
  int n_dims, width;
  int q, out, row_scale, largest, sum, scores, probabilities, n_floats;
};

size_t segment_scratch_floats(int head_dim) { return static_cast<size_t>(SegmentScratch(head_dim).n_floats); }

constexpr int kScoreColumns = kPairVecs * kLanes;

// Row r's scores, kScoreColumns at a time, as sum_pairs() leaves them.
inline int32_t* row_scores(int32_t* scores, int r, int first_key) {
  return scores + (first_key / kScoreColumns * kPairRows + r) * kScoreColumns + first_key % kScoreColumns;
}

// exp2(scores * scale - top) of a row in steps, as shorts; returns their sum.
inline float weigh_scores(int32_t* scores, int r, float scale, float top, int16_t* p) {
  const Vec by = vec_set(scale), minus_top = vec_set(kLog2OfMaxProbability - top);
  IntVec total = int_set(0);
#pragma GCC unroll 4
  for (int c = 0; c < kSegmentKeys; c += 2 * kLanes) {
    const int32_t* const s = row_scores(scores, r, c);
    const IntVec low = int_from_float(vec_exp2(vec_fma(int_to_float(load_ints(s)), by, minus_top)));
    const IntVec high = int_from_float(vec_exp2(vec_fma(int_to_float(load_ints(s + kLanes)), by, minus_top)));
    total = int_add(total, int_add(low, high));
    store_shorts(p + c, low, high);
  }
  return vec_sum(int_to_float(total));
}

void attend_segment(const SegmentTask& task) {
  const SegmentScratch at(task.head_dim);
  const int n_pairs = (task.head_dim + 1) / 2, n_rows = round_up_to(task.n_rows, kPairRows);
  int16_t* const q = reinterpret_cast<int16_t*>(task.scratch + at.q);
  int16_t* const probabilities = reinterpret_cast<int16_t*>(task.scratch + at.probabilities);
  int32_t* const scores = reinterpret_cast<int32_t*>(task.scratch + at.scores);
  float* const out = task.scratch + at.out;
  float* const row_scale = task.scratch + at.row_scale;
  float* const largest = task.scratch + at.largest;
  float* const sum = task.scratch + at.sum;

  const float steps = steps_of_dims(task.head_dim);
  for (int r = 0; r < n_rows; ++r) {
    const bool is_row = r < task.n_rows;  // the others fill the last panel up
    const float* const from = task.q + r * task.q_stride;
    const float of_row = is_row ? largest_magnitude(from, task.head_dim) : 0;
    // Scores are powers of two; a negative scale turns the queries, so that the largest score is the largest sum.
    const float inverse = inverse_of(of_row, steps);
    round_to_shorts(from, is_row ? task.head_dim : 0, at.n_dims, task.scale < 0 ? -inverse : inverse, q + r * at.n_dims);
    row_scale[r] = of_row / steps * (task.scale < 0 ? -task.scale : task.scale) * 1.44269504f;
    largest[r] = -__builtin_inff();
    sum[r] = 0;
  }
  memset(out, 0, static_cast<size_t>(n_rows) * at.width * sizeof(float));

  for (int b = 0; b < task.n_blocks && !task.stopped(task.stop_context); ++b) {
    const SegmentBlock& block = task.blocks[b];
    for (int row = 0; row < n_rows; row += kPairRows) {
      for (int c = 0; c < kSegmentKeys; c += kScoreColumns) {
        sum_pairs<kPairVecs>(q + row * at.n_dims, static_cast<size_t>(at.n_dims), block.k + 2 * c, 2 * kSegmentKeys, n_pairs,
                             row_scores(scores, 0, c));
      }
      float scale[kLanes] = {}, top[kLanes] = {}, before[kLanes] = {}, now[kLanes] = {}, of_block[kPairRows], shrink[kLanes], weight[kLanes];
      for (int r = 0; r < kPairRows; ++r) {
        for (int c = block.n_keys; c < kSegmentKeys; ++c) *row_scores(scores, r, c) = INT32_MIN;
        IntVec most = load_ints(row_scores(scores, r, 0));
        for (int c = kLanes; c < kSegmentKeys; c += kLanes) most = int_max(most, load_ints(row_scores(scores, r, c)));
        scale[r] = row_scale[row + r] * *block.k_scale;
        top[r] = vec_largest(int_to_float(most)) * scale[r];  // NaN where a query or a key is, and then all that follows
        before[r] = largest[row + r];
        now[r] = top[r] > before[r] ? top[r] : before[r];
        largest[row + r] = now[r];
        int16_t* const p = probabilities + r * kSegmentKeys;
        of_block[r] = weigh_scores(scores, r, scale[r], top[r], p);
        if (block.n_keys == kSegmentKeys) continue;
        of_block[r] = 0;
        for (int c = 0; c < block.n_keys; ++c) of_block[r] += p[c];
        for (int c = block.n_keys; c < kSegmentKeys; ++c) p[c] = 0;
      }
      vec_store(shrink, vec_exp2(vec_load(before) - vec_load(now)));
      vec_store(weight, vec_exp2(vec_load(top) - vec_load(now)));
      for (int r = 0; r < kPairRows; ++r) sum[row + r] = sum[row + r] * shrink[r] + of_block[r] * weight[r];
      int column = 0;
      for (; column + kScoreColumns <= at.width; column += kScoreColumns)
        add_values<kPairVecs>(probabilities, block, at.width, column, shrink, weight, out + row * at.width);
      for (; column < at.width; column += kLanes) add_values<1>(probabilities, block, at.width, column, shrink, weight, out + row * at.width);
    }
  }
  for (int r = 0; r < task.n_rows; ++r) divide_attention(task.y + r * task.y_stride, sum[r], out + r * at.width, task.head_dim);
}
