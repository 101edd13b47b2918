#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>

#include "kernels/base/result.h"

namespace pio {

// Numbers in a tile of loading: about a megabyte, some ten milliseconds, soon stopped.
inline constexpr std::int64_t kLoadingTileValues = 1 << 18;

// body(first, n) for tiles of [0, n_items), on n_threads threads of its own. Fails with the first error of a tile, or with cancelled after a
// stop; throws what a tile threw.
Result<void> for_each_tile_of_loading(std::int64_t n_items, std::int64_t tile, int n_threads, const std::stop_token& stop,
                                      const std::function<Result<void>(std::int64_t first, std::int64_t n)>& body);

}  // namespace pio
