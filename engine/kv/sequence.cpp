#include "engine/kv/sequence.h"

#include <algorithm>

namespace pio {

std::int64_t Sequence::longest_common_prefix(std::span<const int> ids) const {
  const auto n = std::min(ids.size(), tokens_.size());
  return std::mismatch(tokens_.begin(), tokens_.begin() + n, ids.begin()).first - tokens_.begin();
}

std::int64_t Sequence::n_spare_cells() const {
  return std::min(pool_->n_tokens(), (static_cast<std::int64_t>(blocks_.size()) + pool_->blocks().n_free()) * kKvBlockLength) - n_tokens();
}

Result<void> Sequence::reserve(std::int64_t n) {
  const std::int64_t wanted = n_tokens() + n;
  const std::int64_t n_blocks = (wanted + kKvBlockLength - 1) / kKvBlockLength - static_cast<std::int64_t>(blocks_.size());
  if (n_blocks > pool_->blocks().n_free() || wanted > pool_->n_tokens()) {
    Error error;
    error.code = ErrorCode::context_full;
    error.limit = static_cast<std::uint64_t>(n_tokens() + n_spare_cells());
    error.asked = static_cast<std::uint64_t>(wanted);
    const char* beside = wanted > pool_->n_tokens() ? "" : " beside what other conversations hold";
    error.message = "context: at most " + std::to_string(error.limit) + " tokens" + beside + ", found " + std::to_string(wanted);
    return error;
  }
  if (n_blocks <= 0) return {};
  blocks_.reserve(blocks_.size() + n_blocks);  // so that no taken block is lost where there is no memory
  for (std::int64_t i = 0; i < n_blocks; ++i) blocks_.push_back(pool_->blocks().take());
  return {};
}

void Sequence::append(std::span<const int> ids) {
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
  CHECK(tokens_.size() <= blocks_.size() * kKvBlockLength, "append: the cells were not reserved");
}

void Sequence::adopt(std::span<const int> ids, std::span<const std::int32_t> blocks) {
  CHECK(tokens_.empty() && blocks_.empty(), "adopt: expected an empty sequence");
  CHECK(ids.size() == blocks.size() * kKvBlockLength, "adopt: expected whole blocks");
  blocks_.reserve(blocks.size());  // first: where memory is missing, no token may stay without its block
  tokens_.assign(ids.begin(), ids.end());
  for (const std::int32_t block : blocks) {
    pool_->blocks().share(block);
    blocks_.push_back(block);
  }
}

void Sequence::adopt_block(std::span<const int> ids, std::int32_t block) {
  CHECK(tokens_.size() == blocks_.size() * kKvBlockLength, "adopt_block: expected whole blocks before it");
  CHECK(!ids.empty() && std::ssize(ids) <= kKvBlockLength, "adopt_block: expected the tokens of one block");
  blocks_.reserve(blocks_.size() + 1);
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
  pool_->blocks().share(block);
  blocks_.push_back(block);
}

std::int64_t Sequence::truncate(std::int64_t n) {
  CHECK(n >= 0, "truncate: a negative number of tokens");
  n = std::min(n, n_tokens());
  if (n % kKvBlockLength != 0 && pool_->blocks().references(blocks_[n / kKvBlockLength]) > 1) n -= n % kKvBlockLength;
  tokens_.resize(n);
  const auto n_blocks = static_cast<std::size_t>((n + kKvBlockLength - 1) / kKvBlockLength);
  while (blocks_.size() > n_blocks) {
    pool_->blocks().release(blocks_.back());
    blocks_.pop_back();
  }
  return n;
}

}  // namespace pio
