#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace pio::cli {

using Json = nlohmann::ordered_json;

// One JSON value and a newline on standard output. Text that is not UTF-8 has its bad bytes replaced.
void print_json(const Json& value);
// Text on standard output as it is, at once.
void print_text(std::string_view text);

// The same on standard error, dim on a terminal.
void print_aside(std::string_view text);
// What a person should know of the loaded model, on standard error.
void print_notes(const Engine& engine);

Json stats_json(const GenerationStats& stats);

// A file's text, or standard input's for "-" and "".
Result<std::string> read_text(const std::string& path);
// The JSON value of such a file; number spellings and the order of keys are kept.
Result<JsonValue> read_json(const std::string& path);
// Calls `line` for each line that is not empty; an error ends it and gets the line's number.
Result<void> for_each_line(const std::string& path, const std::function<Result<void>(std::string_view line)>& line);
// A JSON object from one line; bad_argument otherwise.
Result<Json> parse_json(std::string_view text);

}  // namespace pio::cli
