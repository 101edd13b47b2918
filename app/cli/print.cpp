#include "app/cli/print.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>

#include "app/cli/interrupt.h"
#include "engine/files/mapped_file.h"

namespace pio::cli {
namespace {

constexpr std::size_t kTextLimit = std::size_t{1} << 30;  // of a text on the command line's behalf

Result<void>& output() {
  static Result<void> status;
  return status;
}

void wait_writable(int file) {
  pollfd wanted{file, POLLOUT, 0};
  poll(&wanted, 1, -1);
}

}  // namespace

Result<void> print_json(const Json& value) { return print_text(value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"); }

Result<void> print_text(std::string_view text) {
  Result<void>& status = output();
  while (status && !text.empty()) {
    const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    else if (n < 0 && errno == EAGAIN) wait_writable(STDOUT_FILENO);
    else if (n == 0 || errno != EINTR) {
      status = make_error(ErrorCode::io,
                          std::string("standard output: expected to write, found: ") + (n == 0 ? "nothing was taken" : std::strerror(errno)));
      stop_work();
    }
  }
  return status;
}

Result<void> output_status() { return output(); }

void print_aside(std::string_view text) {
  static const bool is_terminal = isatty(STDERR_FILENO) == 1;
  const int n = static_cast<int>(text.size());
  if (is_terminal) std::fprintf(stderr, "\033[2m%.*s\033[0m", n, text.data());
  else std::fprintf(stderr, "%.*s", n, text.data());
}

std::string human_bytes(std::uint64_t bytes) {
  char text[32];
  if (bytes >= 1'000'000'000) std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
  else std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

void print_notes(const Engine& engine) { print_notes(engine.loaded()->name, engine.loaded()->notes); }

void print_notes(const std::string& name, const std::vector<ModelNote>& notes) {
  for (const ModelNote& note : notes) print_note(name, text_of(note));
}

void print_note(const std::string& name, const std::string& note) { std::fprintf(stderr, "%s: %s\n", name.c_str(), note.c_str()); }

void print_given_back(const std::string& name, const GivenBack& given_back) {
  if (!given_back.is_anything()) return;
  std::string note = "memory got short:";
  if (given_back.n_slots > 0)
    note += " " + std::to_string(given_back.n_slots) + " experts fewer are kept (" + human_bytes(given_back.slot_bytes) + "), answers take longer;";
  if (given_back.n_models > 0) note += " " + std::to_string(given_back.n_models) + " waiting models went;";
  if (given_back.snapshot_bytes > 0) note += " conversations kept in memory went (" + human_bytes(given_back.snapshot_bytes) + ");";
  note.pop_back();
  print_note(name, note);
}

Json layout_json(const WeightLayout& layout) {
  const char* form = "placed";
  if (layout.form == WeightLayout::Form::streamed) form = "streamed";
  if (layout.form == WeightLayout::Form::in_slots) form = "slots";
  return {{"form", form},
          {"isa", layout.isa},
          {"lanes", layout.lanes},
          {"file_bytes", layout.file_bytes},
          {"resident_bytes", layout.resident_bytes},
          {"padding_bytes", layout.padding_bytes},
          {"huge_page_bytes", layout.huge_page_bytes},
          {"mapped_bytes", layout.mapped_bytes ? Json(*layout.mapped_bytes) : Json()},
          {"streamed_bytes", layout.streamed_bytes}};
}

Json devices_json(const DeviceWork& work) {
  Json devices = Json::array();
  for (const DeviceStats& device : work.devices) {
    devices.push_back({{"name", device.name},
                       {"weight_bytes", device.weight_bytes},
                       {"bytes", static_cast<std::uint64_t>(device.bytes)},
                       {"launches", static_cast<std::uint64_t>(device.launches)},
                       {"experts", device.n_experts},
                       {"hit_rate", device.expert_choices > 0 ? Json(device.expert_hits / device.expert_choices) : Json()}});
  }
  return devices;
}

Json stats_json(const GenerationStats& stats) {
  const std::int64_t n_asked = stats.expert_hits + stats.expert_misses;
  return {{"prompt_tokens", stats.prompt_tokens},
          {"reused_tokens", stats.reused_tokens},
          {"shared_tokens", stats.shared_tokens},
          {"read_tokens", stats.read_tokens},
          {"restored_from", name_of(stats.restored_from)},
          {"restored_bytes", stats.restored_bytes},
          {"generated_tokens", stats.generated_tokens},
          {"prefill_seconds", stats.prefill_seconds},
          {"first_token_seconds", stats.first_token_seconds},
          {"decode_seconds", stats.decode_seconds},
          {"tokens_per_second", stats.tokens_per_second},
          {"context_used", stats.context_used},
          {"context_length", stats.context_length},
          {"drafted_tokens", stats.drafted_tokens},
          {"accepted_tokens", stats.accepted_tokens},
          {"steps_waited_longest", stats.steps_waited_longest},
          {"devices", devices_json(stats.decode_work)},
          {"host_seconds", stats.decode_work.host_seconds},
          {"sync_seconds", stats.decode_work.sync_seconds},
          {"staged", {{"experts", stats.staged_experts}, {"bytes", stats.staged_bytes}}},
          {"given_back",
           {{"slots", stats.given_back.n_slots},
            {"slot_bytes", stats.given_back.slot_bytes},
            {"models", stats.given_back.n_models},
            {"snapshot_bytes", stats.given_back.snapshot_bytes}}},
          {"hit_rate", n_asked > 0 ? Json(static_cast<double>(stats.expert_hits) / static_cast<double>(n_asked)) : Json()},
          {"hit_rate_per_layer", stats.layer_hit_rates},
          {"read_bytes_per_second", stats.disk_seconds > 0 ? static_cast<double>(stats.disk_bytes_read) / stats.disk_seconds : 0},
          {"stall_seconds", stats.disk_waiting_seconds},
          {"next_gigabyte", {{"hit_rate", stats.more_hit_rate}, {"tokens_per_second", stats.more_tokens_per_second}}},
          {"bytes_per_tier", {{"ram", stats.weight_bytes_read}, {"disk", stats.disk_bytes_read}}}};
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

Result<JsonValue> parse_object(std::string_view line) {
  ASSIGN_OR_RETURN(JsonValue value, JsonValue::parse(line));
  if (!value.is_object()) return make_error(ErrorCode::bad_argument, "line: a JSON object, found something else");
  return value;
}

}  // namespace pio::cli
