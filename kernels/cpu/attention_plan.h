#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/kernel_table.h"

namespace pio {

constexpr std::int64_t blocks_of(std::int64_t n_cells) { return (n_cells + kKvBlockLength - 1) / kKvBlockLength; }

inline KvFormat kv_format(DType dtype) {
  switch (dtype) {
    case DType::f32: return KvFormat::f32;
    case DType::f16: return KvFormat::f16;
    case DType::q8_0: return KvFormat::q8_0;
    case DType::q4_0: return KvFormat::q4_0;
    default: CHECK(false, "no format for keys and values");
  }
}

// The cached tokens of a sequence are cut here, whatever attends to them: a row's sums are those of its parts, merged in their order.
constexpr std::int64_t kBlocksOfPart = 8;

// Queries that attend together, and how many keys the longest of them reaches, from first_key on.
struct AttentionRun {
  std::int64_t first, n_tokens, first_key, n_keys;
  std::int64_t n_blocks() const { return blocks_of(n_keys); }
  // At least one: queries that see nothing get the zeros of a part without blocks.
  std::int64_t n_parts() const { return std::max<std::int64_t>(1, (n_blocks() + kBlocksOfPart - 1) / kBlocksOfPart); }
};

// What an attention over cached tokens reads, and how it is cut.
struct AttentionPlan {
  const Tensor& y;
  const Tensor& q;
  const Tensor& k_cache;
  const Tensor& v_cache;
  const Step& step;
  const AttentionParams& params;
  std::vector<AttentionRun>& runs;  // tokens of one sequence each, by rising token
  std::int64_t most_tokens = 0;     // of a run
  std::int64_t longest = 0;         // blocks that any run reaches
  std::int64_t n_bytes = 0;         // of work

  std::int64_t n_tokens() const { return q.shape[0]; }
  std::int64_t n_heads() const { return q.shape[1]; }
  std::int64_t head_dim() const { return q.shape[2]; }
  std::int64_t v_head_dim() const { return y.shape[2]; }
  std::int64_t n_kv_heads() const { return k_cache.shape[1]; }
  std::int64_t n_group() const { return n_heads() / n_kv_heads(); }
  std::int64_t most_parts() const { return (longest + kBlocksOfPart - 1) / kBlocksOfPart; }
  std::int64_t most_rows() const { return std::min(most_tokens, n_tokens()) * n_group(); }
  std::int64_t n_runs() const { return static_cast<std::int64_t>(runs.size()); }
  const std::int32_t* lengths() const { return host_pointer<std::int32_t>(step.kv_lengths); }
  // A run's row of the block table, and of the protected blocks (null: there are none).
  const std::int32_t* blocks(const AttentionRun& run) const { return row_of(step.block_table, run); }
  const std::int32_t* protected_blocks(const AttentionRun& run) const { return step.protected_blocks ? row_of(step.protected_blocks, run) : nullptr; }

 private:
  const std::int32_t* row_of(const Tensor& table, const AttentionRun& run) const {
    return host_pointer<std::int32_t>(table) + host_pointer<std::int32_t>(step.sequences)[run.first] * step.block_table.shape[1];
  }
};

}  // namespace pio
