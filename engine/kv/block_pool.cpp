#include "engine/kv/block_pool.h"

#include <numeric>

namespace pio {
namespace {

std::int64_t n_blocks_for(std::int64_t n_tokens) { return (n_tokens + kKvBlockLength - 1) / kKvBlockLength; }

}  // namespace

std::uint64_t kv_bytes_per_token(const std::vector<KvLayout>& layers, DType dtype) {
  std::uint64_t n_bytes = 0;
  for (const KvLayout& layer : layers)
    n_bytes += bytes_of(dtype, layer.n_kv_heads * layer.k_head_dim) + bytes_of(dtype, layer.n_kv_heads * layer.v_head_dim);
  return n_bytes;
}

BlockAllocator::BlockAllocator(std::int64_t n_blocks) : references_(n_blocks, 0), free_(n_blocks) {
  std::iota(free_.rbegin(), free_.rend(), 0);
}

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

BlockPool::BlockPool(std::int64_t n_tokens) : n_tokens_(n_tokens), blocks_(n_blocks_for(n_tokens)) {}

Result<std::unique_ptr<BlockPool>> BlockPool::create(Backend& backend, const std::vector<KvLayout>& layers, DType dtype, std::int64_t n_tokens) {
  std::unique_ptr<BlockPool> pool(new BlockPool(n_tokens));
  const std::int64_t n_cells = pool->blocks_.n_blocks() * kKvBlockLength;
  for (const KvLayout& layer : layers) {
    const auto make = [&](std::int64_t head_dim) -> Result<Tensor> {
      const Shape shape{n_cells, layer.n_kv_heads, head_dim};
      ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, backend.allocate(bytes_of(dtype, shape.n_values())));
      pool->buffers_.push_back(std::move(buffer));
      return Tensor{dtype, shape, pool->buffers_.back().get(), 0};
    };
    KvLayer cells;
    ASSIGN_OR_RETURN(cells.k, make(layer.k_head_dim));
    ASSIGN_OR_RETURN(cells.v, make(layer.v_head_dim));
    pool->state_.layers.push_back(cells);
  }
  return pool;
}

}  // namespace pio
