#include "engine/kv/block_pool.h"

#include <algorithm>
#include <numeric>

namespace pio {
namespace {

// Cells are counted in i32 on the device.
constexpr std::int64_t kMaxTokens = std::int64_t{1} << 30;

std::int64_t n_blocks_for(std::int64_t n_tokens) { return (n_tokens + kKvBlockLength - 1) / kKvBlockLength; }

// A head in whole blocks: 16 values of q8_0 take as much as 32 (no backend stores them, but a plan may ask).
std::uint64_t bytes_of_head(DType dtype, std::int64_t head_dim) {
  const std::int64_t block_length = info(dtype).block_length;
  return bytes_of(dtype, (head_dim + block_length - 1) / block_length * block_length);
}

// The cells of one layer's keys or values.
Result<Tensor> make_cells(Backend& backend, std::vector<std::unique_ptr<Buffer>>& buffers, DType dtype, Shape shape) {
  if (!backend.supports_kv(dtype, shape.back())) {
    Error error = make_error(ErrorCode::not_available, "cache: expected a format that " + backend.device().name + " keeps heads of " +
                                                           std::to_string(shape.back()) + " values in, found " + info(dtype).name);
    error.device = backend.device().name;
    return error;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, backend.allocate(bytes_of(dtype, shape.n_values())));
  buffers.push_back(std::move(buffer));
  return Tensor{dtype, shape, buffers.back().get(), 0};
}

}  // namespace

std::uint64_t kv_bytes_per_token(const std::vector<KvLayout>& layers, DType dtype) {
  std::uint64_t n_bytes = 0;
  for (const KvLayout& layer : layers)
    n_bytes += layer.n_kv_heads * (bytes_of_head(dtype, layer.k_head_dim) + bytes_of_head(dtype, layer.v_head_dim));
  return n_bytes;
}

std::uint64_t page_bounds_bytes_per_token(const std::vector<KvLayout>& layers) {
  std::uint64_t n_bytes = 0;
  for (const KvLayout& layer : layers) n_bytes += layer.n_kv_heads * layer.k_head_dim * 2 * sizeof(float);
  return (n_bytes + kKvBlockLength - 1) / kKvBlockLength;
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

BlockPool::BlockPool(std::int64_t n_tokens) : n_tokens_(n_tokens), blocks_(0) {}

Result<std::unique_ptr<BlockPool>> BlockPool::create(Backend& backend, const std::vector<KvLayout>& layers, DType dtype,
                                                     std::int64_t n_tokens, bool with_page_bounds) {
  if (n_tokens < 1 || n_tokens > kMaxTokens) {
    Error error = make_error(ErrorCode::bad_argument,
                             "context: expected 1 to " + std::to_string(kMaxTokens) + " tokens, found " + std::to_string(n_tokens));
    error.limit = kMaxTokens;
    error.asked = static_cast<std::uint64_t>(std::max<std::int64_t>(n_tokens, 0));
    return error;
  }
  std::unique_ptr<BlockPool> pool(new BlockPool(n_tokens));
  const std::int64_t n_cells = n_blocks_for(n_tokens) * kKvBlockLength;
  const auto fill = [&]() -> Result<void> {
    for (const KvLayout& layer : layers) {
      KvLayer cells;
      ASSIGN_OR_RETURN(cells.k, make_cells(backend, pool->buffers_, dtype, {n_cells, layer.n_kv_heads, layer.k_head_dim}));
      if (layer.v_head_dim > 0) {
        ASSIGN_OR_RETURN(cells.v, make_cells(backend, pool->buffers_, dtype, {n_cells, layer.n_kv_heads, layer.v_head_dim}));
      }
      if (with_page_bounds) {
        const Shape shape{n_cells / kKvBlockLength, layer.n_kv_heads, 2, layer.k_head_dim};
        ASSIGN_OR_RETURN(std::unique_ptr<Buffer> bounds, backend.allocate(bytes_of(DType::f32, shape.n_values())));
        pool->buffers_.push_back(std::move(bounds));
        cells.page_bounds = {DType::f32, shape, pool->buffers_.back().get(), 0};
      }
      pool->state_.layers.push_back(cells);
    }
    return {};
  };
  const Result<void> filled = fill();
  if (filled) {
    pool->blocks_ = BlockAllocator(n_blocks_for(n_tokens));
    return pool;
  }
  Error error = filled.error();
  if (error.code == ErrorCode::out_of_memory) {
    // The buffer that failed is one of many: a person needs the whole, and what was free before the first.
    std::uint64_t held = 0;
    for (const std::unique_ptr<Buffer>& buffer : pool->buffers_) held += buffer->n_bytes();
    const std::uint64_t per_token = kv_bytes_per_token(layers, dtype) + (with_page_bounds ? page_bounds_bytes_per_token(layers) : 0);
    error.needed_bytes = per_token * static_cast<std::uint64_t>(n_cells);
    error.free_bytes += held;
    error.message = "cache of " + std::to_string(n_tokens) + " tokens: expected " + std::to_string(error.needed_bytes) + " bytes, found " +
                    std::to_string(error.free_bytes) + " free";
  }
  return error;
}

}  // namespace pio
