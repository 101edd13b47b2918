#include "engine/kv/kv_memory.h"

#include <string>

#include "kernels/host_buffer.h"

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

KvLayer kv_tensors(const KvLayout& layout, DType dtype, std::int64_t n_blocks, KeyRotation rotation) {
  if (layout.n_kv_heads == 0) return {};
  const std::int64_t n_cells = n_blocks * kKvBlockLength;
  KvLayer cells;
  cells.k = {dtype, {n_cells, layout.n_kv_heads, layout.k_head_dim}, nullptr, 0, TensorLayout::keys};
  if (layout.v_head_dim > 0) cells.v = {dtype, {n_cells, layout.n_kv_heads, layout.v_head_dim}, nullptr, 0, TensorLayout::values};
  const bool is_rotated = rotation == KeyRotation::on || (rotation == KeyRotation::automatic && info(dtype).block_length > 1);
  // the largest power of two that divides a head; latent keys are values too and stay as they are
  if (is_rotated && layout.v_head_dim > 0) cells.hadamard_length = layout.k_head_dim & -layout.k_head_dim;
  return cells;
}

Result<void> KvMemory::add_layer(Backend& backend, const KvLayout& layout, const KvMemoryRequest& request) {
  for (const std::int64_t head_dim : {layout.k_head_dim, layout.v_head_dim})
    if (head_dim > 0 && layout.n_kv_heads > 0) RETURN_IF_ERROR(backend.supports(Op::store_kv, request.dtype, {layout.n_kv_heads, head_dim}));
  KvLayer cells = kv_tensors(layout, request.dtype, request.n_blocks, request.rotation);
  if (request.has_page_bounds && layout.n_kv_heads > 0) cells.page_bounds = {DType::f32, {request.n_blocks, layout.n_kv_heads, 2, layout.k_head_dim}};
  for (Tensor* tensor : {&cells.k, &cells.v, &cells.page_bounds}) {
    if (tensor->shape.rank() == 0) continue;
    places_.push_back(buffers_.add((tensor->n_bytes() + kHostAlignment - 1) / kHostAlignment * kHostAlignment));
    tensor->offset = places_.back().offset;
  }
  state_.layers.push_back(cells);
  return {};
}

Result<std::unique_ptr<KvMemory>> KvMemory::create(Backend& backend, const KvMemoryRequest& request) {
  std::unique_ptr<KvMemory> memory(new KvMemory(backend));
  memory->state_.first_layer = request.first_layer;
  for (const KvLayout& layout : request.layers) RETURN_IF_ERROR(memory->add_layer(backend, layout, request));
  // One buffer of all layers, where a device gives it: it has huge pages, which tiles, kilobytes apart, are read faster from.
  if (const Result<void> allocated = memory->buffers_.allocate(backend); !allocated) {
    Error error = allocated.error();
    if (error.code != ErrorCode::out_of_memory) return error;
    error.message = "cache of " + std::to_string(request.n_blocks * kKvBlockLength) + " tokens: expected " + std::to_string(error.needed_bytes) +
                    " bytes, found " + std::to_string(error.free_bytes) + " free";
    return error;
  }
  std::size_t next = 0;
  for (KvLayer& layer : memory->state_.layers)
    for (Tensor* tensor : {&layer.k, &layer.v, &layer.page_bounds})
      if (tensor->shape.rank() > 0) tensor->buffer = memory->buffers_.at(memory->places_[next++]);
  return memory;
}

std::vector<Tensor> KvMemory::block(std::int64_t j) const {
  std::vector<Tensor> parts;
  for (const KvLayer& layer : state_.layers) {
    for (const Tensor* tensor : {&layer.k, &layer.v, &layer.page_bounds}) {
      if (tensor->shape.rank() == 0) continue;
      const std::int64_t n_blocks = tensor == &layer.page_bounds ? tensor->shape[0] : tensor->shape[0] / kKvBlockLength;
      // A block's part is a multiple of 64 bytes long (kernels/kv_layout.h), so any format is copied as f32.
      const std::size_t n_bytes = tensor->n_bytes() / static_cast<std::size_t>(n_blocks);
      parts.push_back(
          {DType::f32, {static_cast<std::int64_t>(n_bytes / sizeof(float))}, tensor->buffer, tensor->offset + static_cast<std::size_t>(j) * n_bytes});
    }
  }
  return parts;
}

void KvMemory::copy_block(Backend& backend, std::int64_t from, std::int64_t to) const {
  const std::vector<Tensor> source = block(from), destination = block(to);
  for (std::size_t i = 0; i < source.size(); ++i) backend.copy(destination[i], source[i]);
}

}  // namespace pio
