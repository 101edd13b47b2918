#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

// What fits where. Pure: values in, values out.

namespace pio {

// Tokens of a context that nobody asked for, where what else is there leaves no room to choose one.
inline constexpr std::int64_t kUnaskedContext = 4096;
// What temporaries take is asked for contexts up to this length: finding it out takes as long as the context is.
inline constexpr std::int64_t kLongestMeasuredContext = std::int64_t{1} << 20;

struct MemoryNeeds {
  std::uint64_t weight_bytes = 0;
  std::uint64_t scratch_bytes = 0;
  std::uint64_t state_bytes_per_token = 0;          // of the context: of all conversations that have such a one
  std::int64_t trained_context_length = 0;          // tokens
  std::int64_t longest_context_length = INT64_MAX;  // whose keys, and whose values, of a layer the device holds in one piece
};

struct MemoryRoom {
  std::uint64_t free_bytes = 0;  // or the person's budget
  bool is_budget = false;
};

struct Placement {
  bool fits = false;
  std::string why_not;              // "<thing>: <expected>, <found>", when it does not
  std::int64_t context_length = 0;  // tokens
  std::uint64_t needed_bytes = 0;
};

// Chooses the context: `wanted` tokens, or, where that is 0, as many as fit beside the weights, at most those that the model was trained
// for.
Placement place(const MemoryNeeds& needs, std::int64_t wanted, const MemoryRoom& room);

// Why no conversation can have a context of so many tokens; "" where one can.
std::string refused_context(std::int64_t n_tokens);

// Which weights stay in `room` bytes where not all do: layers from the first on, and all tables but the first n_away_tables.
struct StreamedPlacement {
  std::int64_t n_layers = 0;
  std::int64_t n_away_tables = 0;
  std::uint64_t away_bytes = 0;  // that a pass reads anew: of the tables the last one, whose rows are all read
};
// As few bytes anew as possible; nothing where even the slot that what is away shares does not fit. `layers`, `tables`: bytes of each;
// `table_slot_bytes`: what the slot has at least where a table is away.
std::optional<StreamedPlacement> place_streamed(std::span<const std::uint64_t> layers, std::span<const std::uint64_t> tables,
                                                std::uint64_t table_slot_bytes, std::uint64_t room);

// "2.5 GB", in powers of ten, as disks and peers count.
std::string gigabytes(std::uint64_t n_bytes, int n_decimals = 1);
// Two sizes with as many decimals as it takes to tell them apart.
std::pair<std::string, std::string> gigabytes_apart(std::uint64_t a, std::uint64_t b);

}  // namespace pio
