#include "kernels/cpu/self_attention.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "kernels/cpu/attention_plan.h"

namespace pio {
namespace {

// The memory of a SegmentBlock.
struct BlockLayout : Layout {
  BlockLayout(std::int64_t head_dim, std::int64_t v_dim)
      : k(add<std::int16_t>(round_up(head_dim, 2) * kSegmentKeys)),
        v(add<std::int16_t>(round_up(v_dim, 16) * kSegmentKeys)),
        k_scales(add<float>(kSegmentKeys)),
        v_scales(add<float>(kSegmentKeys)) {}
  SegmentBlock in(std::byte* memory, std::int64_t n_keys) const {
    return {k.in(memory), v.in(memory), k_scales.in(memory), v_scales.in(memory), static_cast<int>(n_keys)};
  }
  Piece<std::int16_t> k, v;
  Piece<float> k_scales, v_scales;
};

// What the blocks of heads that attend together may take.
constexpr std::int64_t kBlocksBytes = 8 << 20;

}  // namespace

// Where the rows of head 0 lie; those of the next head come behind, dims_of_head floats on.
struct CpuSelfAttention::Rows {
  float* first;
  std::int64_t stride, dims_of_head;
  float* of(std::int64_t row, std::int64_t head) const { return first + row * stride + head * dims_of_head; }
};

void CpuSelfAttention::self_attention(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& starts_tensor,
                                      std::int64_t first_head, float scale) {
  const std::span<const std::int32_t> starts(host_pointer<std::int32_t>(starts_tensor), static_cast<std::size_t>(starts_tensor.shape[0]));
  const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2];
  keys_.clear();
  queries_.clear();
  work_ = 0;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    const std::int64_t first_block = std::ssize(keys_), end = starts[s + 1];
    for (std::int64_t t = starts[s]; t < end; t += kSegmentKeys) keys_.push_back({t, std::min<std::int64_t>(kSegmentKeys, end - t)});
    for (std::int64_t t = starts[s]; t < end; t += kMaxSegmentRows) {
      queries_.push_back({t, std::min<std::int64_t>(kMaxSegmentRows, end - t), first_block, std::ssize(keys_) - first_block});
    }
    work_ += (end - starts[s]) * (end - starts[s]);
  }
  const auto rows_of = [&](const Tensor& t) { return Rows{host_pointer<float>(t), t.shape[1] * head_dim, head_dim}; };
  Rows to = rows_of(y);
  to.first += first_head * head_dim;
  run(to, rows_of(q), rows_of(k), rows_of(v), nullptr, nullptr, n_heads, head_dim, head_dim, scale);
}

void CpuSelfAttention::attention(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Step& step, float scale) {
  const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], head_dim = q.shape[2], v_dim = v.shape[2];
  const std::int32_t* const lengths = host_pointer<std::int32_t>(step.kv_lengths);
  const std::int32_t* const sequences = host_pointer<std::int32_t>(step.sequences);
  keys_.clear();
  queries_.clear();
  block_numbers_.clear();
  work_ = 0;
  for (std::int64_t t = 0; t < n_tokens;) {
    const std::int64_t first = t, first_block = std::ssize(keys_);
    std::int64_t longest = 0;
    for (; t < n_tokens && sequences[t] == sequences[first]; ++t) longest = std::max<std::int64_t>(longest, lengths[t]);
    const std::int32_t* const blocks = host_pointer<std::int32_t>(step.block_table) + sequences[first] * step.block_table.shape[1];
    for (std::int64_t c = 0; c < longest; c += kSegmentKeys) {
      keys_.push_back({std::ssize(block_numbers_), std::min<std::int64_t>(kSegmentKeys, longest - c)});
      for (std::int64_t b = c / kKvBlockLength; b < blocks_of(std::min(longest, c + kSegmentKeys)); ++b) block_numbers_.push_back(blocks[b]);
    }
    // the longest ones first: they take longest
    for (std::int64_t end = t; end > first; end -= kMaxSegmentRows) {
      const std::int64_t from = std::max(first, end - kMaxSegmentRows);
      std::int64_t reach = 0;
      for (std::int64_t i = from; i < end; ++i) reach = std::max<std::int64_t>(reach, lengths[i]);
      queries_.push_back({from, end - from, first_block, (reach + kSegmentKeys - 1) / kSegmentKeys});
      work_ += reach * (end - from);
    }
  }
  const auto rows_of = [](const Tensor& t) { return Rows{host_pointer<float>(t), t.shape[1] * t.shape[2], t.shape[2]}; };
  run(rows_of(y), rows_of(q), rows_of(k), rows_of(v), lengths, block_numbers_.data(), n_heads, head_dim, v_dim, scale);
}

// `lengths`: how many of its sequence's tokens each row attends to; null: to all. `blocks`: where keys_ say which of them a block of keys consists
// of; null: they say its first row.
void CpuSelfAttention::run(const Rows& y, const Rows& q, const Rows& k, const Rows& v, const std::int32_t* lengths, const std::int32_t* blocks,
                           std::int64_t n_heads, std::int64_t head_dim, std::int64_t v_dim, float scale) {
  const BlockLayout block_layout(head_dim, v_dim);
  const std::int64_t n_blocks = std::ssize(keys_), n_queries = std::ssize(queries_);
  const std::int64_t head_bytes = n_blocks * static_cast<std::int64_t>(block_layout.n_bytes());
  const std::int64_t heads_at_once = std::clamp<std::int64_t>(kBlocksBytes / std::max<std::int64_t>(head_bytes, 1), 1, n_heads);
  Layout shared;
  const Layout::Repeated block_memories = shared.add(heads_at_once * n_blocks, block_layout);
  std::byte* const memory = context_.scratch.reserve(shared.n_bytes());
  blocks_.resize(static_cast<std::size_t>(heads_at_once * n_blocks));
  const int dims = static_cast<int>(head_dim), v_dims = static_cast<int>(v_dim);
  context_.reserve_worker_scratch(kernels_.segment_scratch_floats(dims, v_dims) * sizeof(float));
  for (std::int64_t first_head = 0; first_head < n_heads; first_head += heads_at_once) {
    const std::int64_t n = std::min(heads_at_once, n_heads - first_head);
    context_.for_each_tile(n * n_blocks, n * n_blocks * kSegmentKeys * (head_dim + v_dim) * 8, [&](std::int64_t i, int) {
      const Keys& of = keys_[i % n_blocks];
      const std::int64_t h = first_head + i / n_blocks, piece = blocks ? kKvBlockLength : kSegmentKeys;
      std::byte* const at = block_memories.in(memory, i);
      if (of.n < kSegmentKeys) std::memset(at, 0, block_layout.n_bytes());
      blocks_[i] = block_layout.in(at, of.n);
      for (std::int64_t c = 0; c < of.n; c += piece) {
        const std::int64_t row = blocks ? blocks[of.first + c / kKvBlockLength] * kKvBlockLength : of.first;
        kernels_.pack_segment(k.of(row, h), static_cast<std::size_t>(k.stride), v.of(row, h), static_cast<std::size_t>(v.stride), static_cast<int>(c),
                              static_cast<int>(std::min(piece, of.n - c)), dims, v_dims, blocks_[i]);
      }
    });
    if (context_.stop_requested()) return;  // blocks may be unfinished

    context_.for_each_tile(n * n_queries, n * work_ * (head_dim + v_dim), [&](std::int64_t tile, int worker) {
      // a head's queries one after the other: its keys stay in the cache
      const Queries& of = queries_[tile % n_queries];
      const std::int64_t h = tile / n_queries;
      SegmentTask task{};
      task.q = q.of(of.first, first_head + h);
      task.q_stride = static_cast<std::size_t>(q.stride);
      task.blocks = blocks_.data() + h * n_blocks + of.first_block;
      task.lengths = lengths ? lengths + of.first : nullptr;
      task.n_rows = static_cast<int>(of.n);
      task.n_blocks = static_cast<int>(of.n_blocks);
      task.head_dim = dims;
      task.v_dim = v_dims;
      task.scale = scale;
      task.stopped = [](const void* context) { return static_cast<const CpuContext*>(context)->stop_requested(); };
      task.stop_context = &context_;
      task.scratch = context_.worker_floats(worker);
      task.y = y.of(of.first, first_head + h);
      task.y_stride = static_cast<std::size_t>(y.stride);
      kernels_.attend_segment(task);
    });
  }
}

}  // namespace pio
