#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "engine/sampling/sampler.h"
#include "kernels/base/result.h"

// Numbers as people write them, on the command line and in a batch's lines: the whole text is the number, decimal, finite and within its
// bounds, or the error says which text of which option was found.

namespace pio::cli {

struct WholeBounds {
  std::int64_t least = 0, most = std::numeric_limits<std::int64_t>::max();
};
Result<std::int64_t> parse_whole(const std::string& what, std::string_view text, WholeBounds bounds = {});
// 0 to 2^64 - 1.
Result<std::uint64_t> parse_seed(const std::string& what, std::string_view text);

struct RealBounds {
  double least = 0, most = std::numeric_limits<double>::max();
  bool without_least = false;  // above the least, not from it on
};
Result<double> parse_real(const std::string& what, std::string_view text, RealBounds bounds = {});

// What is asked of sampling; unset: the model's recommended value.
struct SamplingChoice {
  std::optional<double> temperature, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty;
  std::optional<int> top_k;
  std::optional<std::uint64_t> seed;
  bool greedy = false;  // instead of a temperature; penalties are applied all the same, but only those that are set

  // Sets the member ("top_p") that a number belongs to. `what` is how messages call it. bad_argument where the number will not do.
  Result<void> set(std::string_view member, const std::string& what, std::string_view text);
  static bool has(std::string_view member);
  // This choice where it says something, else `other`.
  SamplingChoice over(const SamplingChoice& other) const;
  SamplingParams params(const SamplingParams& recommended) const;
};

}  // namespace pio::cli
