#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/backend.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/kv_cells.h"
#include "tests/support/random_tensor.h"

// A small world for attention: sequences of known keys and values, laid into the blocks of a pool in random order, as the KV pool does it.

namespace pio {

struct SceneSizes {
  std::int64_t n_heads = 4, n_kv_heads = 2, head_dim = 64, v_head_dim = 64;
  // A step of several tokens: of each sequence, how many tokens it has, and how many of these (the last ones) are in the step.
  std::vector<std::int32_t> lengths = {1};
  std::vector<std::int32_t> in_step = {1};
  DType dtype = DType::f32;
  float q_size = 1;
  bool values_in_keys = false;  // no cache of values: they are the first v_head_dim of each key
  KvSelection selection = {};
  bool protects = false;         // about every fifth block
  bool has_page_bounds = false;  // the scene gives the op the bounds of the keys
  bool in_rows = false;          // keys and values lie cell after cell
};

class AttentionScene {
 public:
  AttentionScene(Random& random, const SceneSizes& sizes) : sizes(sizes) {
    const auto n_sequences = static_cast<std::int64_t>(sizes.lengths.size());
    std::int64_t n_blocks = 0;
    for (const std::int32_t length : sizes.lengths) {
      const std::int64_t blocks = (length + kKvBlockLength - 1) / kKvBlockLength;
      n_blocks += blocks;
      max_blocks = std::max(max_blocks, blocks + 1);  // one entry at least that no length reaches
    }
    n_blocks += 2;  // and two blocks that belong to nobody
    std::vector<std::int32_t> order(static_cast<std::size_t>(n_blocks));
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = n_blocks - 1; i > 0; --i)
      std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(i + 1))]);
    n_cells = n_blocks * kKvBlockLength;

    // All ones is a NaN in f32, f16 and as the scale of q8_0 and q4_0: a cell read without being attended to shows.
    k_cache.assign(bytes_of(sizes.dtype, n_cells * sizes.n_kv_heads * sizes.head_dim), std::byte{0xFF});
    v_cache.assign(bytes_of(sizes.dtype, n_cells * sizes.n_kv_heads * sizes.v_head_dim), std::byte{0xFF});
    block_table.assign(static_cast<std::size_t>(n_sequences * max_blocks), std::numeric_limits<std::int32_t>::max());
    std::size_t next_block = 0;
    for (std::size_t s = 0; s < sizes.lengths.size(); ++s) {
      keys.emplace_back();
      values.emplace_back();
      for (std::int32_t j = 0; j < sizes.lengths[s]; ++j) {
        std::int32_t& block = block_table[s * static_cast<std::size_t>(max_blocks) + static_cast<std::size_t>(j / kKvBlockLength)];
        if (j % kKvBlockLength == 0) block = order[next_block++];
        const std::int64_t cell = std::int64_t{block} * kKvBlockLength + j % kKvBlockLength;
        put(random, k_cache, cell, TensorLayout::keys, sizes.head_dim, keys.back());
        if (!sizes.values_in_keys) {
          put(random, v_cache, cell, TensorLayout::values, sizes.v_head_dim, values.back());
          continue;
        }
        for (std::int64_t h = 0; h < sizes.n_kv_heads; ++h) {
          const auto key = keys.back().end() - (sizes.n_kv_heads - h) * sizes.head_dim;
          values.back().insert(values.back().end(), key, key + sizes.v_head_dim);
        }
      }
      for (std::int32_t i = 0; i < sizes.in_step[s]; ++i) {
        sequences.push_back(static_cast<std::int32_t>(s));
        kv_lengths.push_back(sizes.lengths[s] - sizes.in_step[s] + i + 1);
      }
    }
    n_tokens = static_cast<std::int64_t>(sequences.size());
    if (sizes.protects) {
      for (std::int64_t i = 0; i < n_sequences * max_blocks; ++i) protected_blocks.push_back(random.below(5) == 0);
    }
    if (sizes.has_page_bounds) bound_pages();
    q = normal_values(random, n_tokens * sizes.n_heads * sizes.head_dim, sizes.q_size);
  }

  // Runs the op on `backend`, twice, and returns y.
  template <class Run>
  std::vector<float> attend(Backend& backend, AttentionParams params, const Run& run_twice) const {
    GuardedTensor q_tensor(backend, {n_tokens, sizes.n_heads, sizes.head_dim}, q);
    GuardedTensor k_tensor(backend, sizes.dtype, {n_cells, sizes.n_kv_heads, sizes.head_dim}, k_cache.data());
    GuardedTensor v_tensor(backend, sizes.dtype, {n_cells, sizes.n_kv_heads, sizes.v_head_dim}, v_cache.data());
    GuardedTensor lengths_tensor(backend, {n_tokens}, kv_lengths), sequences_tensor(backend, {n_tokens}, sequences);
    GuardedTensor table_tensor(backend, {static_cast<std::int64_t>(sizes.lengths.size()), max_blocks}, block_table);
    GuardedTensor y(backend, DType::f32, {n_tokens, sizes.n_heads, sizes.v_head_dim});
    GuardedTensor protected_tensor(backend, DType::i32, {static_cast<std::int64_t>(sizes.lengths.size()), max_blocks});
    GuardedTensor bounds_tensor(backend, DType::f32, {n_cells / kKvBlockLength, sizes.n_kv_heads, 2, sizes.head_dim});
    Step step;
    step.kv_lengths = lengths_tensor;
    step.sequences = sequences_tensor;
    step.block_table = table_tensor;
    step.selection = sizes.selection;
    if (sizes.protects) {
      protected_tensor.upload(protected_blocks.data());
      step.protected_blocks = protected_tensor;
    }
    if (sizes.has_page_bounds) {
      bounds_tensor.upload(page_bounds.data());
      params.page_bounds = bounds_tensor;
    }
    const Tensor cached_keys = k_tensor.as(layout(TensorLayout::keys)),
                 cached_values = sizes.values_in_keys ? Tensor{} : v_tensor.as(layout(TensorLayout::values));
    return run_twice(backend, y, [&] { backend.attention(y, q_tensor, cached_keys, cached_values, step, params); });
  }

  SceneSizes sizes;
  std::int64_t n_tokens = 0, n_cells = 0, max_blocks = 0;
  std::vector<float> q;                          // [n_tokens, n_heads, head_dim]
  std::vector<std::vector<float>> keys, values;  // of each sequence, as the cache's format holds them: [length, n_kv_heads, …]
  std::vector<std::byte> k_cache, v_cache;
  std::vector<std::int32_t> block_table, sequences, kv_lengths, protected_blocks;
  std::vector<float> page_bounds;

 private:
  // Of full blocks; those of the others are never read.
  void bound_pages() {
    page_bounds.assign(static_cast<std::size_t>(n_cells / kKvBlockLength * sizes.n_kv_heads * 2 * sizes.head_dim), std::nanf(""));
    for (std::size_t s = 0; s < sizes.lengths.size(); ++s) {
      const std::int64_t width = sizes.n_kv_heads * sizes.head_dim;
      for (std::int64_t i = 0; i < sizes.lengths[s] / kKvBlockLength * width; ++i) {  // block, head and dim
        const std::int64_t page = i / width, column = i % width;
        float smallest = keys[s][static_cast<std::size_t>(page * kKvBlockLength * width + column)], largest = smallest;
        for (std::int64_t c = 1; c < kKvBlockLength; ++c) {
          const float key = keys[s][static_cast<std::size_t>((page * kKvBlockLength + c) * width + column)];
          smallest = std::min(smallest, key);
          largest = std::max(largest, key);
        }
        const std::int64_t block = block_table[s * static_cast<std::size_t>(max_blocks) + static_cast<std::size_t>(page)];
        const std::int64_t place = (block * sizes.n_kv_heads + column / sizes.head_dim) * 2 * sizes.head_dim + column % sizes.head_dim;
        page_bounds[static_cast<std::size_t>(place)] = smallest;
        page_bounds[static_cast<std::size_t>(place + sizes.head_dim)] = largest;
      }
    }
  }

  TensorLayout layout(TensorLayout tiles) const { return sizes.in_rows ? TensorLayout::rows : tiles; }

  // Normal numbers into a cell; what the format keeps of them is appended to `kept`.
  void put(Random& random, std::vector<std::byte>& cache, std::int64_t cell, TensorLayout tiles, std::int64_t head_dim,
           std::vector<float>& kept) const {
    const std::vector<float> x = normal_values(random, sizes.n_kv_heads * head_dim);
    CachePlace{layout(tiles), sizes.dtype, sizes.n_kv_heads, head_dim}.put_cell(cache, cell, x.data(), &kept);
  }
};

}  // namespace pio
