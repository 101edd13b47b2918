#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/backend.h"

// Who holds which block of the cache: blocks of kKvBlockLength cells, the same numbers in every layer (Kwon et al. 2023, PagedAttention,
// arXiv:2309.06180). Pure bookkeeping; the memory is kv_memory.h's.

namespace pio {

// Which blocks are in use, and by how many.
class BlockAllocator {
 public:
  explicit BlockAllocator(std::int64_t n_blocks);
  std::int64_t n_blocks() const { return static_cast<std::int64_t>(references_.size()); }
  std::int64_t n_free() const { return static_cast<std::int64_t>(free_.size()); }
  // A block with one reference, or -1 when none is free.
  std::int32_t take();
  void share(std::int32_t block);    // one reference more: a prefix that two sequences have in common
  void release(std::int32_t block);  // one less; free again at none
  int references(std::int32_t block) const { return references_[block]; }

 private:
  std::vector<int> references_;     // [n_blocks]
  std::vector<std::int32_t> free_;  // the last one goes out first: recently used memory is warm
};

// The blocks of all sequences together. One thread at a time.
class BlockPool {
 public:
  // For n_sequences of n_tokens each, rounded up to blocks; more of them may share the room. Fails with bad_argument{limit, asked}.
  static Result<std::unique_ptr<BlockPool>> create(std::int64_t n_tokens, std::int64_t n_sequences = 1);

  BlockAllocator& blocks() { return blocks_; }
  std::int64_t n_tokens() const { return n_tokens_; }  // as asked for: the most that one sequence may hold

 private:
  BlockPool(std::int64_t n_tokens, std::int64_t n_sequences);
  std::int64_t n_tokens_;
  BlockAllocator blocks_;
};

}  // namespace pio
