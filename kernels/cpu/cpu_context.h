#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/thread_pool.h"

// What the ops of the CPU backend share: the kernels of the instruction set, the threads, and their temporary memory.

namespace pio {

inline const std::uint8_t* bytes_at(const Tensor& t) { return host_pointer<const std::uint8_t>(t); }

class CpuContext {
 public:
  // Below this much work (bytes moved, or multiplications / 4) an op stays on the calling thread: handing out costs 1 to 2 microseconds.
  static constexpr std::int64_t kAloneBytes = 48 * 1024;
  // Tokens between two looks at the stop token; a multiple of all kMatmulTokens and kPanelRows.
  static constexpr std::int64_t kTokensAtOnce = 48;

  // `backend` is asked whether a stop was requested, and outlives this.
  CpuContext(const CpuKernels& cpu_kernels, int n_threads, Activations read_as, const Backend& backend)
      : kernels(cpu_kernels), activations(read_as), backend_(backend), pool_(n_threads), worker_scratch_(n_threads) {}

  const CpuKernels& kernels;
  const Activations activations;
  Scratch scratch;  // of the op that runs; written before its tiles or in disjoint pieces by them

  int n_threads() const { return pool_.n_threads(); }
  // For tests: loops that were handed out, and from how many bytes on they are instead of kAloneBytes.
  std::uint64_t n_regions() const { return pool_.n_regions(); }
  void hand_out_from(std::int64_t n_bytes) { alone_bytes_ = n_bytes; }
  bool stop_requested() const { return backend_.stop_requested(); }

  // body(tile, worker) for each tile until a stop is requested; on this thread alone when the whole moves few bytes.
  template <class Body>
  void for_each_tile(std::int64_t n_tiles, std::int64_t n_bytes, const Body& body) {
    const auto unless_stopped = [&](std::int64_t tile, int worker) {
      if (!stop_requested()) body(tile, worker);
    };
    if (n_bytes < alone_bytes_) {
      for (std::int64_t tile = 0; tile < n_tiles; ++tile) unless_stopped(tile, 0);
    } else {
      pool_.for_each_tile(n_tiles, unless_stopped);
    }
  }

  // body(first, n) for spans of [0, n_items).
  template <class Body>
  void for_each_span(std::int64_t n_items, std::int64_t bytes_per_item, const Body& body) {
    const std::int64_t span = std::max<std::int64_t>(1, kAloneBytes / std::max<std::int64_t>(1, bytes_per_item));
    for_each_tile((n_items + span - 1) / span, n_items * bytes_per_item,
                  [&](std::int64_t tile, int) { body(tile * span, std::min(span, n_items - tile * span)); });
  }

  // One memory a worker, for its own use inside a tile. Reserved before the tiles run.
  void reserve_worker_scratch(std::size_t n_bytes) {
    for (Scratch& one : worker_scratch_) one.reserve(n_bytes);
  }
  std::byte* worker_scratch(int worker) const { return worker_scratch_[worker].data(); }
  float* worker_floats(int worker) const { return reinterpret_cast<float*>(worker_scratch(worker)); }

  // Bytes of one matrix [n_rows, n_in] in lines (kernel_table.h); 0 where it is not laid out so.
  std::size_t lines_bytes(DType dtype, std::int64_t n_rows, std::int64_t n_in) const;
  // The line of a laid out matrix that begins with `row`, a multiple of gemm_lanes.
  const std::uint8_t* line_at(const Tensor& w, std::int64_t row) const;
  // Some matrices of a laid out stack; and one.
  Tensor matrices(Tensor stack, std::int64_t first, std::int64_t n) const;
  Tensor matrix(Tensor stack, std::int64_t i) const { return matrices(stack, i, 1).reshaped({stack.shape[1], stack.shape[2]}); }

  // n values of any weight format to f32.
  void decode_row(DType dtype, const std::uint8_t* from, float* to, std::int64_t n) const;

  // The same, or the place itself where they are f32 already; `memory` takes them otherwise.
  const float* floats_of(DType dtype, const std::uint8_t* from, std::int64_t n, float* memory) const;

  // y may be x.
  void gelu(float* y, const float* x, std::int64_t n, Gelu kind) const;

  // The kernels of a weight format whose numbers are multiplied as integers; null for the others, which are decoded to f32.
  const QuantKernels* quant_kernels(DType dtype) const;

 private:
  const Backend& backend_;
  ThreadPool pool_;
  std::vector<Scratch> worker_scratch_;
  std::int64_t alone_bytes_ = kAloneBytes;
};

}  // namespace pio
