#include "engine/plan/placement.h"

#include <algorithm>

#include "kernels/base/number_text.h"

namespace pio {
namespace {

// Below this a conversation has no room; so many are tried even where less is free, and the refusal then says what is missing.
constexpr std::int64_t kLeastUnaskedContext = 512;
// Positions are i32 on the device, and their products with extents must stay so.
constexpr std::int64_t kLongestContext = INT32_MAX / 2;

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

}  // namespace

std::string gigabytes(std::uint64_t n_bytes, int n_decimals) {
  if (n_bytes < 100'000'000) return fixed_text(static_cast<double>(n_bytes) / 1e6, std::clamp(n_decimals - 1, 0, 6)) + " MB";
  return fixed_text(static_cast<double>(n_bytes) / 1e9, std::clamp(n_decimals, 1, 9)) + " GB";
}

std::pair<std::string, std::string> gigabytes_apart(std::uint64_t a, std::uint64_t b) {
  int n_decimals = 1;
  while (a != b && n_decimals < 9 && gigabytes(a, n_decimals) == gigabytes(b, n_decimals)) ++n_decimals;
  return {gigabytes(a, n_decimals), gigabytes(b, n_decimals)};
}

std::string refused_context(std::int64_t n_tokens) {
  if (n_tokens <= kLongestContext) return {};
  return "context of " + std::to_string(n_tokens) + " tokens: expected at most " + std::to_string(kLongestContext) + ", found more";
}

std::optional<StreamedPlacement> place_streamed(std::span<const std::uint64_t> layers, std::span<const std::uint64_t> tables,
                                                std::uint64_t table_slot_bytes, std::uint64_t room) {
  std::optional<StreamedPlacement> best;
  for (std::size_t n_away = 0; n_away <= tables.size(); ++n_away) {
    std::uint64_t kept = 0, slot = 0;
    for (const std::uint64_t table : tables.subspan(n_away)) kept += table;
    for (const std::uint64_t table : tables.first(n_away)) slot = std::max(slot, std::min(table, table_slot_bytes));
    std::uint64_t away = n_away == tables.size() && n_away > 0 ? tables.back() : 0;
    for (const std::uint64_t layer : layers) kept += layer;
    // layers go from the last on, until the others fit
    std::size_t n_layers = layers.size();
    while (n_layers > 0 && kept + slot > room) {
      const std::uint64_t layer = layers[--n_layers];
      kept -= layer;
      slot = std::max(slot, layer);
      away += layer;
    }
    if (kept + slot > room || (best && best->away_bytes <= away)) continue;
    best = {.n_layers = static_cast<std::int64_t>(n_layers), .n_away_tables = static_cast<std::int64_t>(n_away), .away_bytes = away};
  }
  return best;
}

Placement place(const MemoryNeeds& needs, std::int64_t wanted, const MemoryRoom& room) {
  const std::uint64_t own_bytes = needs.weight_bytes + needs.scratch_bytes;
  const std::uint64_t bytes_per_token = std::max<std::uint64_t>(needs.state_bytes_per_token, 1);

  Placement placement;
  placement.context_length = wanted;
  if (wanted <= 0) {
    const std::int64_t trained = std::clamp<std::int64_t>(needs.trained_context_length, 1, kLongestContext);
    const auto n_fitting = static_cast<std::int64_t>(std::min<std::uint64_t>(less(room.free_bytes, own_bytes) / bytes_per_token, kLongestContext));
    placement.context_length =
        std::min({trained, std::max(n_fitting, kLeastUnaskedContext), std::max<std::int64_t>(needs.longest_context_length, 1)});
  }

  placement.why_not = refused_context(placement.context_length);
  if (!placement.why_not.empty()) return placement;
  const std::uint64_t state_bytes = static_cast<std::uint64_t>(placement.context_length) * bytes_per_token;
  placement.needed_bytes = own_bytes + state_bytes;
  placement.fits = placement.needed_bytes <= room.free_bytes;
  if (placement.fits && placement.context_length > needs.longest_context_length) {
    placement.fits = false;
    placement.why_not = "cache: expected at most " + std::to_string(needs.longest_context_length) +
                        " tokens, whose keys of a layer are one allocation of the driver, found " + std::to_string(placement.context_length);
  } else if (!placement.fits) {
    const auto [free, needed] = gigabytes_apart(room.free_bytes, placement.needed_bytes);
    placement.why_not = "memory: at most " + free + (room.is_budget ? " as asked" : " free") + ", found " + needed + " needed (" +
                        gigabytes(state_bytes) + " of it for a context of " + std::to_string(placement.context_length) + " tokens)";
  }
  return placement;
}

}  // namespace pio
