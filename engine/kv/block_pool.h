#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/backend.h"
#include "models/model.h"

// Keys and values of all sequences: one pool of blocks of kKvBlockLength cells, the same block numbers in every layer
// (Kwon et al. 2023, PagedAttention, arXiv:2309.06180).

namespace pio {

// Bytes that one token's keys and values take in all layers; a head takes whole blocks of its format.
std::uint64_t kv_bytes_per_token(const std::vector<KvLayout>& layers, DType dtype);

// And what the bounds of the pages' keys take beside them, for attention by pages.
std::uint64_t page_bounds_bytes_per_token(const std::vector<KvLayout>& layers);

// Which blocks are in use, and by how many. Pure bookkeeping.
class BlockAllocator {
 public:
  explicit BlockAllocator(std::int64_t n_blocks);
  std::int64_t n_blocks() const { return static_cast<std::int64_t>(references_.size()); }
  std::int64_t n_free() const { return static_cast<std::int64_t>(free_.size()); }
  // A block with one reference, or -1 when none is free.
  std::int32_t take();
  void share(std::int32_t block);     // one reference more: a prefix that two sequences have in common
  void release(std::int32_t block);   // one less; free again at none
  int references(std::int32_t block) const { return references_[block]; }

 private:
  std::vector<int> references_;       // [n_blocks]
  std::vector<std::int32_t> free_;    // the last one goes out first: recently used memory is warm
};

// The memory, and who holds what of it. One thread at a time.
class BlockPool {
 public:
  // Room for n_tokens, rounded up to blocks. Fails with out_of_memory{device, needed_bytes, free_bytes} (of all layers together),
  // not_available where the backend keeps no heads in this format, or bad_argument{limit, asked}.
  static Result<std::unique_ptr<BlockPool>> create(Backend& backend, const std::vector<KvLayout>& layers, DType dtype,
                                                   std::int64_t n_tokens, bool with_page_bounds = false);

  KvState& state() { return state_; }
  BlockAllocator& blocks() { return blocks_; }
  std::int64_t n_tokens() const { return n_tokens_; }  // as asked for: the most that all sequences may hold

 private:
  explicit BlockPool(std::int64_t n_tokens);
  std::int64_t n_tokens_;
  BlockAllocator blocks_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  KvState state_;
};

}  // namespace pio
