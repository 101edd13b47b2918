#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/cli/numbers.h"
#include "models/json_value.h"

namespace pio::cli {

// One line of `pio batch`. What is unset is as the command line says.
struct BatchLine {
  // One of the three.
  std::optional<std::string> prompt;
  std::optional<std::vector<int>> ids;
  std::optional<JsonValue> messages;

  std::optional<JsonValue> tools;  // null where the line says so: none
  std::optional<bool> thinking, clear_thinking;
  std::optional<std::int64_t> max_tokens;
  std::optional<std::vector<std::string>> stop;
  std::optional<bool> ignore_eos;
  SamplingChoice sampling;
  std::string logits_out;
  std::int64_t at = 0;                  // joins at this step of the batch, or as soon as there is a place then
  std::optional<std::int64_t> stop_at;  // ends at this one with what was generated
};

// Fails with bad_argument: no JSON object, a member that is unknown, of the wrong type or out of range, none or several of prompt, ids and
// messages, or tools and thinking for a text that is only carried on.
Result<BatchLine> parse_batch_line(std::string_view text);

// A list of ids: whole numbers, 0 to 2^31 - 1.
Result<std::vector<int>> ids_of(const JsonValue& list);

}  // namespace pio::cli
