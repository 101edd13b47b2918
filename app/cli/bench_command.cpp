// bench: how fast, and where the weights lie meanwhile.

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "app/cli/options.h"
#include "app/cli/print.h"
#include "app/cli/trace_file.h"
#include "engine/experts/trace_player.h"

namespace pio::cli {
namespace {

constexpr std::uint64_t kFewWeights = 64 << 20;  // bytes below which no huge pages are asked for

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Json load_json(const LoadMeasures& loading) {
  const char* source = "cache";
  if (loading.source == LoadMeasures::Source::direct) source = "direct";
  if (loading.source == LoadMeasures::Source::buffered) source = "buffered";
  return {{"seconds", loading.seconds},
          {"bytes", loading.bytes},
          {"source", source},
          {"read_bytes_per_second", loading.read_bytes_per_second},
          {"first_touch_bytes_per_second", loading.touch_bytes_per_second}};
}

Json probe_json(const BenchResult& result) {
  Json probes = Json::array();
  const auto add = [&](const char* what, const std::vector<BenchResult::ReadRates>& reads) {
    for (const auto& [before, after] : reads)
      probes.push_back({{"before", what}, {"read_bytes_per_second", before}, {"read_bytes_per_second_after", after}});
  };
  add("prefill", result.prefill_reads);
  add("decode", result.decode_reads);
  return probes;
}

Json offload_json(const OffloadMeasures& offload) {
  const double n_asked = static_cast<double>(std::max<std::int64_t>(1, offload.hits + offload.misses));
  return {{"slots", offload.n_slots},
          {"slot_bytes", offload.expert_bytes},
          {"policy", "chance"},
          {"io", offload.io},
          {"hits", offload.hits},
          {"misses", offload.misses},
          {"read_ahead", offload.read_ahead},
          {"wasted", offload.wasted},
          {"hit_rate", static_cast<double>(offload.hits) / n_asked},
          {"hit_rate_per_layer", offload.layer_hit_rates},
          {"bytes_read", offload.bytes_read},
          {"bytes_read_per_token", offload.decode_bytes_per_token},
          {"decode_hit_rate", offload.decode_hit_rate},
          {"read_bytes_per_second", offload.read_bytes_per_second},
          {"disk_bytes_per_second", offload.disk_bytes_per_second},
          {"stall_seconds", offload.waiting_seconds},
          {"next_gigabyte", {{"hit_rate", offload.more_hit_rate}, {"tokens_per_second", offload.more_tokens_per_second}}}};
}

// Figures of small pages are not those that a person would compare with.
void print_few_huge_pages(const Engine& engine, const LoadRequest& request) {
  const WeightLayout& layout = engine.loaded()->layout;
  if (layout.form == WeightLayout::Form::in_slots) return;  // their pages come as they are used
  if (!request.huge_pages || layout.resident_bytes < kFewWeights || layout.huge_page_bytes >= layout.resident_bytes / 10 * 9) return;
  const std::string note = "huge pages: expected 90 % of " + human_bytes(layout.resident_bytes) + " of weights or more, found " +
                           human_bytes(layout.huge_page_bytes) + ": the speeds are those of small pages";
  print_note(engine.loaded()->name, note);
}

}  // namespace

Result<void> bench(const Options& options) {
  ASSIGN_OR_RETURN(LoadRequest request, load_request(options));
  request.n_sequences = static_cast<int>(options.n_sequences);
  const bool is_one = request.n_sequences == 1;
  if (!is_one && options.drafts(Drafts::Kind::off).kind != Drafts::Kind::off)
    return make_error(ErrorCode::bad_argument, "-b: expected 1 with --draft lookup, found " + std::to_string(request.n_sequences));
  BenchRequest measured{.n_prompt = options.n_prompt,
                        .n_decode = options.n_decode,
                        .n_depth = options.n_depth,
                        .n_repetitions = static_cast<int>(options.n_repetitions),
                        .n_sequences = request.n_sequences,
                        .drafts = options.drafts(Drafts::Kind::off)};
  if (!options.routing.empty()) {
    ASSIGN_OR_RETURN(RoutingTrace trace, read_trace(options.routing));
    const TracePlayer tokens(trace, 1, 1);
    measured.n_prompt = measured.n_decode = 0;
    for (std::int64_t token = 0; token < tokens.n_tokens(); ++token) ++(tokens.is_decode(token) ? measured.n_decode : measured.n_prompt);
    measured.n_repetitions = 1;
    measured.routing = std::make_shared<const RoutingTrace>(std::move(trace));
    request.cache_folder.clear();  // from empty slots
    if (request.context_length == 0) request.context_length = tokens.n_tokens() + 1;
  }
  if (request.context_length == 0) request.context_length = options.n_depth + std::max(options.n_prompt, options.n_decode) + 1;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load_engine(options, request));
  ASSIGN_OR_RETURN(const BenchResult result, engine->bench(measured, interrupt_token()));
  print_few_huge_pages(*engine, request);
  print_given_back(engine->loaded()->name, engine->given_back());
  const double speed = median(result.decode_tokens_per_second);
  const double bandwidth = speed * static_cast<double>(result.bytes_per_token) / 1e9;  // several sequences share what they read
  if (options.json) {
    Json json = {
        {"prefill", {{"tokens", measured.n_prompt}, {"tokens_per_second", result.prefill_tokens_per_second}}},
        {"decode",
         {{"tokens", measured.n_decode},
          {"tokens_per_second", result.decode_tokens_per_second},
          {"bytes_per_token", result.bytes_per_token},
          {"gigabytes_per_second", is_one ? Json(bandwidth) : Json()},
          {"token_seconds", result.token_seconds},
          {"drafted_tokens", result.drafted_tokens},
          {"accepted_tokens", result.accepted_tokens}}},
        {"depth", options.n_depth},
        {"sequences", request.n_sequences},
        {"load_seconds", engine->loaded()->load_seconds},
        {"layout", layout_json(engine->loaded()->layout)},
        {"load", load_json(engine->loaded()->loading)},
        {"probe", probe_json(result)},
        {"contention",
         {{"run_queue_seconds", result.run_queue_seconds}, {"steal_seconds", result.steal_seconds}, {"major_faults", result.n_major_faults}}},
        {"memory",
         {{"budget_bytes", engine->loaded()->loading.budget_bytes},
          {"planned_bytes", engine->loaded()->loading.planned_bytes},
          {"peak_bytes", result.peak_bytes},
          {"peak_anonymous_bytes", result.peak_anonymous_bytes}}},
        {"threads", engine->loaded()->n_threads},
        {"device", engine->loaded()->device},
        {"devices", devices_json(result.decode_work)},
        {"host_seconds", result.decode_work.host_seconds},
        {"sync_seconds", result.decode_work.sync_seconds}};
    if (result.offload) json["offload"] = offload_json(*result.offload);
    return print_json(json);
  }
  char line[160];
  if (!is_one) {
    std::snprintf(line, sizeof line, "prefill %lld: %.1f tok/s   decode %lld of each of %d: %.1f tok/s   (medians of %d)\n",
                  static_cast<long long>(measured.n_prompt), median(result.prefill_tokens_per_second), static_cast<long long>(measured.n_decode),
                  request.n_sequences, speed, measured.n_repetitions);
    return print_text(line);
  }
  std::snprintf(line, sizeof line, "prefill %lld: %.1f tok/s   decode %lld: %.1f tok/s, %.2f GB/s   (medians of %d)\n",
                static_cast<long long>(measured.n_prompt), median(result.prefill_tokens_per_second), static_cast<long long>(measured.n_decode), speed,
                bandwidth, measured.n_repetitions);
  return print_text(line);
}

}  // namespace pio::cli
