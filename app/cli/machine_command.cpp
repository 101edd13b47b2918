// plan --machine: what a model would do on a computer that is described in a file.

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/catalogue/catalogue.h"
#include "engine/plan/machine_plan.h"
#include "engine/plan/published_layout.h"
#include "kernels/base/number_text.h"

namespace pio::cli {
namespace {

// The model as a file, or, where none is here, as a published one whose shape is known: NAME:QUANTIZATION, or NAME in its usual one.
Result<void> find_plannable(const Options& options, LoadRequest& request) {
  const Result<std::string> path = model_path(options, options.model);
  std::error_code ignored;
  if (path && std::filesystem::exists(*path, ignored)) {
    request.path = *path;
    return {};
  }
  const std::string& typed = options.model;
  if (published_layout(typed.substr(0, typed.rfind(':')), "Q8_0"))
    request.published = typed.find(':') == std::string::npos ? typed + ":Q4_K_M" : typed;
  if (!request.published.empty()) return {};
  if (!path) return path.error();
  request.path = *path;  // opening it says what is wrong
  return {};
}

Json json_of(const MachinePlan::Row& row) {
  Json layers = Json::array();
  if (row.first_layer >= 0) layers = {row.first_layer, row.last_layer};
  return {{"device", row.device},
          {"name", row.name},
          {"layers", layers},
          {"weights_bytes", row.weight_bytes},
          {"experts", row.n_experts},
          {"expert_bytes", row.expert_bytes},
          {"state_bytes", row.state_bytes},
          {"scratch_bytes", row.scratch_bytes},
          {"free_bytes", row.free_bytes},
          {"total_bytes", row.total_bytes},
          {"bytes_per_token", static_cast<std::int64_t>(row.bytes_per_token)},
          {"launches_per_token", static_cast<std::int64_t>(row.launches_per_token)}};
}

std::string text_of(const MachinePlan::Row& row) {
  std::string text =
      "  " + row.name + "  " + human_bytes(row.weight_bytes + row.state_bytes + row.scratch_bytes) + " of " + human_bytes(row.free_bytes);
  if (row.first_layer >= 0) text += ", layers " + std::to_string(row.first_layer) + " to " + std::to_string(row.last_layer);
  if (row.n_experts > 0) text += ", " + std::to_string(row.n_experts) + " experts (" + human_bytes(row.expert_bytes) + ")";
  if (row.state_bytes > 0) text += ", state " + human_bytes(row.state_bytes);
  return text + ", reads " + human_bytes(static_cast<std::uint64_t>(row.bytes_per_token)) + " a token\n";
}

}  // namespace

Result<void> plan_for_machine(const Options& options) {
  Options without_model = options;
  without_model.model.clear();
  ASSIGN_OR_RETURN(LoadRequest request, load_request(without_model));
  if (request.split_mode == SplitMode::rows)
    return make_error(ErrorCode::not_available, "--split-mode rows: expected layers of a machine that is described, found rows");
  RETURN_IF_ERROR(find_plannable(options, request));
  ASSIGN_OR_RETURN(const Machine machine, read_machine(options.machine));
  ASSIGN_OR_RETURN(const MachinePlan plan, plan_on_machine(request, machine));
  if (options.json) {
    Json rows = Json::array(), shares = {{"cpu", machine.ram_bandwidth_share}};
    for (const MachinePlan::Row& row : plan.rows) rows.push_back(json_of(row));
    for (const Machine::Card& card : machine.cards) shares[card.device] = card.bandwidth_share;
    std::int64_t n_slots = 0;
    for (const MachinePlan::Row& row : plan.rows) n_slots += row.n_experts;
    Json json = {{"fits", plan.fits},
                 {"context_length", plan.context_length},
                 {"weights_bytes", plan.weight_bytes},
                 {"state_bytes", plan.state_bytes},
                 {"scratch_bytes", plan.scratch_bytes},
                 {"per_device", rows},
                 {"fallbacks", Json::array()},
                 {"predicted",
                  {{"load_seconds", plan.load_seconds},
                   {"prefill_tokens_per_second", plan.prefill_tokens_per_second},
                   {"decode_tokens_per_second", plan.decode_tokens_per_second},
                   {"hit_rate", plan.hit_rate},
                   {"card_hit_rate", plan.card_hit_rate},
                   {"bytes_from_disk_per_token", plan.disk_bytes_per_token}}},
                 {"slots", n_slots},
                 {"experts", plan.n_experts},
                 {"bandwidth_shares", shares}};
    if (!plan.fits) json["why_not"] = plan.why_not;
    return print_json(json);
  }
  std::string text =
      (plan.fits ? "fits" : "does not fit: " + plan.why_not) + ", with a context of " + std::to_string(plan.context_length) + " tokens\n";
  for (const MachinePlan::Row& row : plan.rows) text += text_of(row);
  text += "  loading " + fixed_text(plan.load_seconds, 1) + " s, prefill " + fixed_text(plan.prefill_tokens_per_second, 0) + " tok/s, decode " +
          fixed_text(plan.decode_tokens_per_second, 1) + " tok/s (predicted from data sheets)\n";
  return print_text(text);
}

}  // namespace pio::cli
