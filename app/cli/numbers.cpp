#include "app/cli/numbers.h"

#include <charconv>
#include <climits>
#include <cmath>

namespace pio::cli {
namespace {

Error refused(const std::string& what, const std::string& expected, std::string_view text) {
  constexpr std::size_t kShown = 40;
  const std::string shown(text.substr(0, kShown));
  return make_error(ErrorCode::bad_argument,
                    what + ": " + expected + ", found " + (text.empty() ? "nothing" : "\"" + shown + (text.size() > kShown ? "…" : "") + "\""));
}

template <class T>
bool parse_all(std::string_view text, T& value) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return status == std::errc() && end == text.data() + text.size();
}

std::string spelled(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// "1 or more", "0 to 1,024", "above 0, at most 1"
std::string words_of(const std::string& least, const std::string& most, bool has_most, bool without_least) {
  if (without_least) return "above " + least + (has_most ? ", at most " + most : "");
  return has_most ? least + " to " + most : least + " or more";
}

// The numbers of sampling by their names in JSON.
struct Member {
  const char* name;
  std::optional<double> SamplingChoice::*real;
  RealBounds bounds;
};
constexpr Member kReals[] = {
    {"temperature", &SamplingChoice::temperature, {}},
    {"top_p", &SamplingChoice::top_p, {.most = 1, .without_least = true}},
    {"min_p", &SamplingChoice::min_p, {.most = 1}},
    {"repeat_penalty", &SamplingChoice::repeat_penalty, {.without_least = true}},
    {"presence_penalty", &SamplingChoice::presence_penalty, {}},
    {"frequency_penalty", &SamplingChoice::frequency_penalty, {}},
};

}  // namespace

Result<std::int64_t> parse_whole(const std::string& what, std::string_view text, WholeBounds bounds) {
  std::int64_t value = 0;
  if (parse_all(text, value) && value >= bounds.least && value <= bounds.most) return value;
  const bool has_most = bounds.most != std::numeric_limits<std::int64_t>::max();
  return refused(what, "a whole number, " + words_of(std::to_string(bounds.least), std::to_string(bounds.most), has_most, false), text);
}

Result<std::uint64_t> parse_seed(const std::string& what, std::string_view text) {
  std::uint64_t value = 0;
  if (parse_all(text, value)) return value;
  return refused(what, "a whole number, 0 to " + std::to_string(UINT64_MAX), text);
}

Result<double> parse_real(const std::string& what, std::string_view text, RealBounds bounds) {
  double value = 0;
  const bool is_number = parse_all(text, value) && std::isfinite(value);
  if (is_number && (bounds.without_least ? value > bounds.least : value >= bounds.least) && value <= bounds.most) return value;
  const bool has_most = bounds.most != std::numeric_limits<double>::max();
  return refused(what, "a number, " + words_of(spelled(bounds.least), spelled(bounds.most), has_most, bounds.without_least), text);
}

bool SamplingChoice::has(std::string_view member) {
  for (const Member& known : kReals) {
    if (member == known.name) return true;
  }
  return member == "top_k" || member == "seed";
}

Result<void> SamplingChoice::set(std::string_view member, const std::string& what, std::string_view text) {
  if (member == "top_k") {
    ASSIGN_OR_RETURN(const std::int64_t value, parse_whole(what, text, {.most = INT_MAX}));
    top_k = static_cast<int>(value);
    return {};
  }
  if (member == "seed") {
    ASSIGN_OR_RETURN(seed, parse_seed(what, text));
    return {};
  }
  for (const Member& known : kReals) {
    if (member != known.name) continue;
    ASSIGN_OR_RETURN(this->*known.real, parse_real(what, text, known.bounds));
    return {};
  }
  return make_error(ErrorCode::bad_argument, what + ": a sampling value, found another name");
}

SamplingChoice SamplingChoice::over(const SamplingChoice& other) const {
  SamplingChoice both = *this;
  for (const Member& known : kReals) {
    if (!(both.*known.real)) both.*known.real = other.*known.real;
  }
  if (!both.top_k) both.top_k = other.top_k;
  if (!both.seed) both.seed = other.seed;
  both.greedy = greedy || (other.greedy && !temperature);
  return both;
}

SamplingParams SamplingChoice::params(const SamplingParams& recommended) const {
  SamplingParams params = recommended;
  if (greedy) params.repeat_penalty = 1, params.presence_penalty = params.frequency_penalty = 0;
  params.temperature = greedy ? 0 : temperature.value_or(params.temperature);
  params.top_k = top_k.value_or(params.top_k);
  params.top_p = top_p.value_or(params.top_p);
  params.min_p = min_p.value_or(params.min_p);
  params.repeat_penalty = repeat_penalty.value_or(params.repeat_penalty);
  params.presence_penalty = presence_penalty.value_or(params.presence_penalty);
  params.frequency_penalty = frequency_penalty.value_or(params.frequency_penalty);
  params.seed = seed.value_or(params.seed);
  return params;
}

}  // namespace pio::cli
