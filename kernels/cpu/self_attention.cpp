#include "kernels/cpu/self_attention.h"

#include <algorithm>
#include <span>

namespace pio {
namespace {

// The memory of a SegmentBlock.
struct BlockLayout : Layout {
  explicit BlockLayout(std::int64_t head_dim)
      : k(add<std::int16_t>(round_up(head_dim, 2) * kSegmentKeys)),
        v(add<std::int16_t>(round_up(head_dim, 16) * kSegmentKeys)),
        k_scale(add<float>(1)),
        v_scale(add<float>(round_up(head_dim, 16))) {}
  SegmentBlock in(std::byte* memory, std::int64_t n_keys) const {
    return {k.in(memory), v.in(memory), k_scale.in(memory), v_scale.in(memory), static_cast<int>(n_keys)};
  }
  Piece<std::int16_t> k, v;
  Piece<float> k_scale, v_scale;
};

}  // namespace

void CpuSelfAttention::run(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& starts_tensor, std::int64_t first_head,
                           float scale) {
  const std::span<const std::int32_t> starts(host_pointer<std::int32_t>(starts_tensor), static_cast<std::size_t>(starts_tensor.shape[0]));
  const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], token_floats = n_heads * head_dim;
  keys_.clear();
  queries_.clear();
  std::int64_t work = 0;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    const std::int64_t first_block = std::ssize(keys_), end = starts[s + 1];
    for (std::int64_t t = starts[s]; t < end; t += kSegmentKeys) keys_.push_back({t, std::min<std::int64_t>(kSegmentKeys, end - t)});
    for (std::int64_t t = starts[s]; t < end; t += kMaxSegmentRows) {
      queries_.push_back({t, std::min<std::int64_t>(kMaxSegmentRows, end - t), first_block, std::ssize(keys_) - first_block});
    }
    work += (end - starts[s]) * (end - starts[s]);
  }

  const BlockLayout block_layout(head_dim);
  const std::int64_t n_blocks = std::ssize(keys_), n_queries = std::ssize(queries_);
  Layout shared;
  const Layout::Repeated block_memories = shared.add(n_heads * n_blocks, block_layout);
  std::byte* const memory = context_.scratch.reserve(shared.n_bytes());
  blocks_.resize(static_cast<std::size_t>(n_heads * n_blocks));
  context_.for_each_tile(n_heads * n_blocks, n_blocks * kSegmentKeys * token_floats * 8, [&](std::int64_t i, int) {
    const Keys& of = keys_[i % n_blocks];
    const std::int64_t at = of.first * token_floats + i / n_blocks * head_dim;
    blocks_[i] = block_layout.in(block_memories.in(memory, i), of.n);
    kernels_.pack_segment(host_pointer<float>(k) + at, host_pointer<float>(v) + at, token_floats, static_cast<int>(of.n), static_cast<int>(head_dim),
                          blocks_[i]);
  });
  if (context_.stop_requested()) return;  // blocks may be unfinished

  context_.reserve_worker_scratch(kernels_.segment_scratch_floats(static_cast<int>(head_dim)) * sizeof(float));
  context_.for_each_tile(n_heads * n_queries, work * token_floats, [&](std::int64_t tile, int worker) {
    // a head's queries one after the other: its keys stay in the cache
    const Queries& of = queries_[tile % n_queries];
    const std::int64_t h = tile / n_queries;
    SegmentTask task{};
    task.q = host_pointer<float>(q) + of.first * token_floats + h * head_dim;
    task.q_stride = token_floats;
    task.blocks = blocks_.data() + h * n_blocks + of.first_block;
    task.n_rows = static_cast<int>(of.n);
    task.n_blocks = static_cast<int>(of.n_blocks);
    task.head_dim = static_cast<int>(head_dim);
    task.scale = scale;
    task.stopped = [](const void* context) { return static_cast<const CpuContext*>(context)->stop_requested(); };
    task.stop_context = &context_;
    task.scratch = context_.worker_floats(worker);
    task.y = host_pointer<float>(y) + (of.first * y.shape[1] + first_head + h) * head_dim;
    task.y_stride = y.shape[1] * head_dim;
    kernels_.attend_segment(task);
  });
}

}  // namespace pio
