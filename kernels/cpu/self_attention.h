#pragma once

#include <vector>

#include "kernels/cpu/cpu_context.h"

// Attention in 16-bit integers, for Activations::q8: self_attention, and attention over keys and values that lie in rows.

namespace pio {

class CpuSelfAttention {
 public:
  explicit CpuSelfAttention(CpuContext& context) : context_(context), kernels_(context.kernels) {}

  // Whether products of heads this wide are rounded: never by how many tokens there are.
  bool rounds(std::int64_t head_dim, std::int64_t v_dim) const {
    return context_.activations == Activations::q8 && kernels_.attend_segment && std::max(head_dim, v_dim) <= kMaxSegmentDims;
  }
  void self_attention(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& starts, std::int64_t first_head, float scale);
  // As the op, over a cache of floats in rows with as many heads as queries have, without a selection.
  void attention(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Step& step, float scale);

 private:
  struct Rows;
  // A block of keys of a segment, and queries that attend to the blocks of one.
  struct Keys {
    std::int64_t first, n;
  };
  struct Queries {
    std::int64_t first, n, first_block, n_blocks;
  };
  void run(const Rows& y, const Rows& q, const Rows& k, const Rows& v, const std::int32_t* lengths, const std::int32_t* blocks, std::int64_t n_heads,
           std::int64_t head_dim, std::int64_t v_dim, float scale);

  CpuContext& context_;
  const CpuKernels& kernels_;
  std::vector<Keys> keys_;
  std::vector<Queries> queries_;
  std::vector<std::int32_t> block_numbers_;  // in the cache
  std::vector<SegmentBlock> blocks_;         // of a head, one head after the other
  std::int64_t work_ = 0;
};

}  // namespace pio
