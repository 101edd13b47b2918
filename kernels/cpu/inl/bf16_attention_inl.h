// Attention over keys and values in F16, multiplied in bf16. Included inside the anonymous namespace of an instruction set's file, after bf16_inl.h.
//
// Dims are multiplied in pairs, and of values neighbouring cells. A row's result depends on its query and on the cells it reads alone, and is the
// same whether keys are turned into pairs as they are read or beforehand.

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
      bf16_panels<false>(queries, at.query_stride, rows, keys, kCells, head_dim, scores, kCells, block.k_ahead);
    } else {
      make_pairs(keys, head_dim, kCells, at.keys);
      bf16_panels<false>(queries, at.query_stride, rows, at.keys, kCells, head_dim, scores, kCells, 0);
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
        make_pairs(at.strip_values, block.n_cells, kStrip, at.values);
        bf16_panels<true>(probabilities, kCells / 2, rows, at.values, kStrip, block.n_cells, out, out_stride, 0);
        continue;
      }
      const auto* const values = reinterpret_cast<const uint16_t*>(block.v) + first_dim * kCells;
      if (are_few) {
        bf16_panels<true>(probabilities, kCells / 2, rows, values, kStrip, block.n_cells, out, out_stride, block.v_ahead);
      } else {
        make_pairs(values, block.n_cells, kStrip, at.values);
        bf16_panels<true>(probabilities, kCells / 2, rows, at.values, kStrip, block.n_cells, out, out_stride, 0);
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
