#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "app/cli/lines.h"
#include "engine/engine.h"

namespace pio::cli {

using Json = nlohmann::ordered_json;

// One JSON value and a newline on standard output, at once. Text that is not UTF-8 has its bad bytes replaced. Fails as print_text.
Result<void> print_json(const Json& value);
// Text on standard output as it is, at once. The first failure (nobody reads, the disk is full) pulls the stop token, so that no answer is
// made for nobody, and is returned by every later call.
Result<void> print_text(std::string_view text);
// That failure, if there was one.
Result<void> output_status();

// On standard error, dim on a terminal.
void print_aside(std::string_view text);
// What a person should know of the loaded model, on standard error.
void print_notes(const Engine& engine);
void print_notes(const std::string& name, const std::vector<ModelNote>& notes);
void print_note(const std::string& name, const std::string& note);
// The same of what memory lost meanwhile; nothing where nothing went.
void print_given_back(const std::string& name, const GivenBack& given_back);

// "2.4 GB": powers of ten.
std::string human_bytes(std::uint64_t bytes);

Json devices_json(const DeviceWork& work);
Json stats_json(const GenerationStats& stats);
// Where weights lie, or will: "layout" of cli.md.
Json layout_json(const WeightLayout& layout);

// A file's text, or standard input's for "-" and "".
Result<std::string> read_text(const std::string& path);
// The JSON value of such a file; number spellings and the order of keys are kept.
Result<JsonValue> read_json(const std::string& path);
// The JSON object of one line; bad_argument otherwise. Number spellings and the order of keys are kept.
Result<JsonValue> parse_object(std::string_view line);

}  // namespace pio::cli
