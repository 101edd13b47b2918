#include "engine/kv/block_pool.h"

#include <algorithm>
#include <numeric>
#include <string>

namespace pio {
namespace {

// Cells are counted in i32 on the device.
constexpr std::int64_t kMaxTokens = std::int64_t{1} << 30;

}  // namespace

BlockAllocator::BlockAllocator(std::int64_t n_blocks) : references_(n_blocks, 0), free_(n_blocks) { std::iota(free_.rbegin(), free_.rend(), 0); }

std::int32_t BlockAllocator::take() {
  if (free_.empty()) return -1;
  const std::int32_t block = free_.back();
  free_.pop_back();
  references_[block] = 1;
  return block;
}

void BlockAllocator::share(std::int32_t block) {
  CHECK(references_[block] > 0, "share: the block is free");
  ++references_[block];
}

void BlockAllocator::release(std::int32_t block) {
  CHECK(references_[block] > 0, "release: the block is free");
  if (--references_[block] == 0) free_.push_back(block);
}

BlockPool::BlockPool(std::int64_t n_tokens, std::int64_t n_sequences)
    : n_tokens_(n_tokens), blocks_(n_sequences * ((n_tokens + kKvBlockLength - 1) / kKvBlockLength)) {}

Result<std::unique_ptr<BlockPool>> BlockPool::create(std::int64_t n_tokens, std::int64_t n_sequences) {
  CHECK(n_sequences >= 1, "pool: one sequence at least");
  const std::int64_t most = kMaxTokens / n_sequences / kKvBlockLength * kKvBlockLength;
  if (n_tokens >= 1 && n_tokens <= most) return std::unique_ptr<BlockPool>(new BlockPool(n_tokens, n_sequences));
  Error error = make_error(ErrorCode::bad_argument, "context: expected 1 to " + std::to_string(most) + " tokens, found " + std::to_string(n_tokens));
  error.limit = static_cast<std::uint64_t>(most);
  error.asked = static_cast<std::uint64_t>(std::max<std::int64_t>(n_tokens, 0));
  return error;
}

}  // namespace pio
