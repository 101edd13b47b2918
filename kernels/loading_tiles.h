#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "kernels/base/result.h"

namespace pio {

// Numbers in a tile of loading: some hundred kilobytes, milliseconds of a disk, soon stopped.
inline constexpr std::int64_t kLoadingTileValues = 1 << 19;

// body(first, n, worker) for tiles of [0, n_items), on n_threads threads of its own; worker is in [0, n_threads), and no two calls with one
// worker overlap. Fails with the first error of a tile, or with cancelled after a stop; throws what a tile threw.
Result<void> for_each_tile_of_loading(std::int64_t n_items, std::int64_t tile, int n_threads, const std::stop_token& stop,
                                      const std::function<Result<void>(std::int64_t first, std::int64_t n, int worker)>& body);

// Threads that place weights: some wait for the disk while others compute.
inline int n_loading_threads(int n_threads) { return n_threads < 4 ? 2 * n_threads : n_threads; }

// Memory of a worker for the rows of a tile, uninitialised.
class LoadingScratch {
 public:
  explicit LoadingScratch(int n_threads) : memory_(static_cast<std::size_t>(n_threads)) {}
  std::byte* reserve(int worker, std::size_t n_bytes) {
    Piece& piece = memory_[static_cast<std::size_t>(worker)];
    if (piece.n_bytes < n_bytes) piece = {std::make_unique_for_overwrite<std::byte[]>(n_bytes), n_bytes};
    return piece.memory.get();
  }

 private:
  struct Piece {
    std::unique_ptr<std::byte[]> memory;
    std::size_t n_bytes = 0;
  };
  std::vector<Piece> memory_;
};

}  // namespace pio
