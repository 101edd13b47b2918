#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kv/block_pool.h"

namespace pio {

// One sequence of tokens whose keys and values are in the pool. Gives its blocks back when it goes. Move-only.
class Sequence {
 public:
  explicit Sequence(BlockPool& pool) : pool_(&pool) {}
  Sequence(Sequence&& other) noexcept : pool_(other.pool_), tokens_(std::move(other.tokens_)), blocks_(std::move(other.blocks_)) {
    other.tokens_.clear();
    other.blocks_.clear();
  }
  Sequence& operator=(Sequence&&) = delete;
  ~Sequence() { truncate(0); }

  std::int64_t n_tokens() const { return static_cast<std::int64_t>(tokens_.size()); }
  std::span<const int> tokens() const { return tokens_; }
  // Block j holds tokens j * kKvBlockLength and on.
  std::span<const std::int32_t> blocks() const { return blocks_; }
  // How many tokens `ids` and this begin with in common.
  std::int64_t longest_common_prefix(std::span<const int> ids) const;

  // Takes blocks for n more tokens. Fails with context_full{limit, asked} when the pool has too few; then nothing was taken.
  Result<void> reserve(std::int64_t n);
  // How many more tokens reserve would find room for.
  std::int64_t n_spare_cells() const;
  // The cell of the token at `position`, which is reserved.
  std::int32_t cell(std::int64_t position) const {
    return blocks_[position / kKvBlockLength] * kKvBlockLength + static_cast<std::int32_t>(position % kKvBlockLength);
  }
  // These tokens' keys and values now are in their reserved cells.
  void append(std::span<const int> ids);
  // Begins an empty sequence with whole blocks that hold these tokens already. It shares them: neither writes where the other reads.
  void adopt(std::span<const int> ids, std::span<const std::int32_t> blocks);
  // And one more that begins with these tokens, fewer than a block or all of it; nobody else may read its other cells.
  void adopt_block(std::span<const int> ids, std::int32_t block);
  // Forgets all tokens from n on, and every block behind them, reserved ones too. Returns how many tokens stay: n, or fewer where n lies
  // inside a block that another sequence shares, since the next token would be written into it.
  std::int64_t truncate(std::int64_t n);

 private:
  BlockPool* pool_;
  std::vector<int> tokens_;
  std::vector<std::int32_t> blocks_;
};

}  // namespace pio
