#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/backend.h"
#include "kernels/buffer_set.h"
#include "models/model.h"

// The cells of keys and values of some layers on one backend.

namespace pio {

// Bytes that one token's keys and values take in these layers; a head takes whole blocks of its format.
std::uint64_t kv_bytes_per_token(std::span<const KvLayout> layers, DType dtype);

// And what the score bounds of the pages' keys take beside them, for attention by pages.
std::uint64_t page_bounds_bytes_per_token(std::span<const KvLayout> layers);

// Whether keys are rotated before they are rounded (QkvHeads::hadamard_length): by themselves those of Q8_0 and Q4_0, whose small dims would be lost
// beside large ones.
enum class KeyRotation { automatic, on, off };

// The cells of one layer in n_blocks blocks: shapes and the order that they lie in, no buffer yet. v is empty where only keys are kept, and both are of a
// layer without heads.
KvLayer kv_tensors(const KvLayout& layout, DType dtype, std::int64_t n_blocks, KeyRotation rotation = KeyRotation::automatic);

struct KvMemoryRequest {
  std::span<const KvLayout> layers;  // of the model, from first_layer on
  std::int64_t first_layer = 0;
  DType dtype = DType::f16;
  std::int64_t n_blocks = 0;
  bool has_page_bounds = false;
  KeyRotation rotation = KeyRotation::automatic;
};

class KvMemory {
 public:
  // Fails with out_of_memory{device, needed_bytes, free_bytes} (of all these layers together), or with not_available where the backend keeps
  // no heads in this format.
  static Result<std::unique_ptr<KvMemory>> create(Backend& backend, const KvMemoryRequest& request);

  KvState& state() { return state_; }
  std::size_t n_bytes() const { return buffers_.n_bytes(); }

  // What a block takes in each layer, as plain numbers: keys, values, bounds, layer after layer.
  std::vector<Tensor> block(std::int64_t j) const;
  // Everything of one block into another.
  void copy_block(Backend& backend, std::int64_t from, std::int64_t to) const;

 private:
  explicit KvMemory(const Backend& backend) : buffers_(backend.most_bytes_at_once()) {}
  Result<void> add_layer(Backend& backend, const KvLayout& layout, const KvMemoryRequest& request);

  BufferSet buffers_;
  std::vector<BufferSet::Place> places_;  // of the tensors, in their order
  KvState state_;
};

}  // namespace pio
