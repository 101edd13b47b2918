#include "app/cli/print.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "engine/files/mapped_file.h"

namespace pio::cli {
namespace {

constexpr std::size_t kTextLimit = std::size_t{1} << 30;  // of a text on the command line's behalf

}  // namespace

void print_json(const Json& value) { print_text(value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"); }

void print_text(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_aside(std::string_view text) {
  static const bool is_terminal = isatty(STDERR_FILENO) == 1;
  const int n = static_cast<int>(text.size());
  if (is_terminal) std::fprintf(stderr, "\033[2m%.*s\033[0m", n, text.data());
  else std::fprintf(stderr, "%.*s", n, text.data());
}

void print_notes(const Engine& engine) {
  for (const std::string& note : engine.loaded()->notes) std::fprintf(stderr, "%s: %s\n", engine.loaded()->name.c_str(), note.c_str());
}

Json stats_json(const GenerationStats& stats) {
  return {{"prompt_tokens", stats.prompt_tokens},       {"reused_tokens", stats.reused_tokens},
          {"generated_tokens", stats.generated_tokens}, {"prefill_seconds", stats.prefill_seconds},
          {"first_token_seconds", stats.first_token_seconds}, {"decode_seconds", stats.decode_seconds},
          {"tokens_per_second", stats.tokens_per_second},
          {"context_used", stats.context_used}, {"context_length", stats.context_length},
          {"bytes_per_tier", {{"ram", stats.weight_bytes_read}}}};
}

Result<std::string> read_text(const std::string& path) {
  if (!path.empty() && path != "-") return read_text_file(path, kTextLimit);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

Result<JsonValue> read_json(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_text(path));
  Result<JsonValue> value = JsonValue::parse(text);
  if (value) return value;
  Error error = value.error();
  error.message = path + ": " + error.message;
  return error;
}

Result<void> for_each_line(const std::string& path, const std::function<Result<void>(std::string_view)>& line) {
  ASSIGN_OR_RETURN(const std::string text, read_text(path));
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    std::string_view row(text.data() + at, end - at);
    at = end + 1;
    ++number;
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (const Result<void> status = line(row); !status) {
      Error error = status.error();
      error.message = path + ":" + std::to_string(number) + ": " + error.message;
      return error;
    }
  }
  return {};
}

Result<Json> parse_json(std::string_view text) {
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return make_error(ErrorCode::bad_argument, "line: a JSON object, found something else");
  return value;
}

}  // namespace pio::cli
