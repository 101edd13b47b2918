#pragma once

#include <vector>

#include "kernels/cpu/cpu_context.h"

// self_attention in 16-bit integers, for Activations::q8.

namespace pio {

class CpuSelfAttention {
 public:
  explicit CpuSelfAttention(CpuContext& context) : context_(context), kernels_(context.kernels) {}

  // Whether products of heads this wide are rounded: never by how many tokens there are.
  bool rounds(std::int64_t head_dim) const {
    return context_.activations == Activations::q8 && kernels_.attend_segment && head_dim <= kMaxSegmentDims;
  }
  void run(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& starts, std::int64_t first_head, float scale);

 private:
  // A block of keys of a segment, and queries that attend to the blocks of one.
  struct Keys {
    std::int64_t first, n;
  };
  struct Queries {
    std::int64_t first, n, first_block, n_blocks;
  };

  CpuContext& context_;
  const CpuKernels& kernels_;
  std::vector<Keys> keys_;
  std::vector<Queries> queries_;
  std::vector<SegmentBlock> blocks_;  // of a head, one head after the other
};

}  // namespace pio
