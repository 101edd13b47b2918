#include "engine/kv/kv_memory.h"

#include <string>

namespace pio {
namespace {

// A head in whole blocks: 16 values of q8_0 take as much as 32 (no backend stores them, but a plan may ask).
std::uint64_t bytes_of_head(DType dtype, std::int64_t head_dim) {
  const std::int64_t block_length = info(dtype).block_length;
  return bytes_of(dtype, (head_dim + block_length - 1) / block_length * block_length);
}

}  // namespace

std::uint64_t kv_bytes_per_token(std::span<const KvLayout> layers, DType dtype) {
  std::uint64_t n_bytes = 0;
  for (const KvLayout& layer : layers)
    n_bytes += layer.n_kv_heads * (bytes_of_head(dtype, layer.k_head_dim) + bytes_of_head(dtype, layer.v_head_dim));
  return n_bytes;
}

std::uint64_t page_bounds_bytes_per_token(std::span<const KvLayout> layers) {
  std::uint64_t n_bytes = 0;
  for (const KvLayout& layer : layers) n_bytes += layer.n_kv_heads * layer.k_head_dim * 2 * sizeof(float);
  return (n_bytes + kKvBlockLength - 1) / kKvBlockLength;
}

Result<void> KvMemory::add_layer(Backend& backend, const KvLayout& layout, const KvMemoryRequest& request) {
  for (const std::int64_t head_dim : {layout.k_head_dim, layout.v_head_dim})
    if (head_dim > 0) RETURN_IF_ERROR(backend.supports(Op::store_kv, request.dtype, {layout.n_kv_heads, head_dim}));
  const std::int64_t n_cells = request.n_blocks * kKvBlockLength;
  KvLayer cells;
  ASSIGN_OR_RETURN(cells.k, backend.allocate_tensor(request.dtype, {n_cells, layout.n_kv_heads, layout.k_head_dim}, buffers_));
  if (layout.v_head_dim > 0) {
    ASSIGN_OR_RETURN(cells.v, backend.allocate_tensor(request.dtype, {n_cells, layout.n_kv_heads, layout.v_head_dim}, buffers_));
  }
  if (request.has_page_bounds) {
    ASSIGN_OR_RETURN(cells.page_bounds, backend.allocate_tensor(DType::f32, {request.n_blocks, layout.n_kv_heads, 2, layout.k_head_dim}, buffers_));
  }
  state_.layers.push_back(cells);
  return {};
}

Result<std::unique_ptr<KvMemory>> KvMemory::create(Backend& backend, const KvMemoryRequest& request) {
  std::unique_ptr<KvMemory> memory(new KvMemory);
  memory->state_.first_layer = request.first_layer;
  for (const KvLayout& layout : request.layers) {
    const Result<void> added = memory->add_layer(backend, layout, request);
    if (added) continue;
    Error error = added.error();
    if (error.code != ErrorCode::out_of_memory) return error;
    // The buffer that failed is one of many: a person needs the whole, and what was free before the first.
    for (const std::unique_ptr<Buffer>& buffer : memory->buffers_) error.free_bytes += buffer->n_bytes();
    const std::int64_t n_tokens = request.n_blocks * kKvBlockLength;
    const std::uint64_t per_token =
        kv_bytes_per_token(request.layers, request.dtype) + (request.has_page_bounds ? page_bounds_bytes_per_token(request.layers) : 0);
    error.needed_bytes = per_token * static_cast<std::uint64_t>(n_tokens);
    error.message = "cache of " + std::to_string(n_tokens) + " tokens: expected " + std::to_string(error.needed_bytes) + " bytes, found " +
                    std::to_string(error.free_bytes) + " free";
    return error;
  }
  return memory;
}

}  // namespace pio
