// experts: which experts a model chooses, and what a cache of so many of them would bring.

#include <cstdio>
#include <numeric>

#include "app/cli/options.h"
#include "app/cli/print.h"
#include "app/cli/trace_file.h"
#include "engine/experts/replay.h"
#include "engine/experts/routing_trace.h"
#include "engine/files/replace_file.h"
#include "engine/prompt.h"
#include "kernels/base/number_text.h"

namespace pio::cli {
namespace {

constexpr std::uint64_t kGigabyte = std::uint64_t{1} << 30;  // as sizes are typed: --ram 1G

// "12%" → 0.12
Result<double> parse_share(const std::string& text) {
  if (text.ends_with('%')) {
    if (const Result<double> percent = parse_real("--cache", std::string_view(text).substr(0, text.size() - 1), {.most = 100, .without_least = true}))
      return *percent / 100;
  }
  return make_error(ErrorCode::bad_argument, "--cache: a share of all experts, above 0% to 100%, found \"" + text.substr(0, 40) + "\"");
}

double rate_of(const ReplayResult::Layer& layer) { return static_cast<double>(layer.hits) / static_cast<double>(layer.accesses); }

// What --cache, --policy and --warm ask for.
struct Replay {
  RoutingTrace trace;
  std::optional<ExpertProfile> warm;
  std::int64_t n_pool = 0, n_slots = 0;
  std::vector<ExpertPolicy> policies;

  ReplayResult run(ExpertPolicy policy, std::int64_t n) const { return replay(trace, policy, n, warm ? &*warm : nullptr); }
  // How many more experts fit into a gigabyte; 0 where the trace does not say their bytes.
  std::int64_t slots_of_a_gigabyte() const {
    std::uint64_t sum = 0, n = 0;
    for (const std::uint64_t bytes : trace.expert_bytes) sum += bytes, n += bytes > 0;
    return sum == 0 ? 0 : static_cast<std::int64_t>(kGigabyte * n / sum);
  }
};

Result<Replay> prepare(const Options& options) {
  if (options.cache_share.empty())
    return make_error(ErrorCode::bad_argument, "experts: --cache with a trace, or --record with a model, found neither");
  ASSIGN_OR_RETURN(const double share, parse_share(options.cache_share));
  Replay replay;
  if (options.policy == "all") replay.policies.assign(std::begin(kExpertPolicies), std::end(kExpertPolicies));
  else replay.policies = {*expert_policy_of(options.policy)};  // one of the names, the parser saw to it
  ASSIGN_OR_RETURN(replay.trace, read_trace(options.model));
  const RoutingTrace& trace = replay.trace;
  if (trace.n_decoded() == 0) return make_error(ErrorCode::bad_file, options.model + ": expected choices of generated tokens (phase 1), found none");
  replay.n_pool = trace.n_mixtures() * trace.n_experts;
  // a rounded product must not lose a slot: 29 % of 100
  replay.n_slots = static_cast<std::int64_t>(share * static_cast<double>(replay.n_pool) + 1e-6);
  if (replay.n_slots < trace.most_chosen())
    return make_error(ErrorCode::bad_argument, "--cache: at least the " + std::to_string(trace.most_chosen()) +
                                                   " experts that a token chooses in a layer, found " + std::to_string(replay.n_slots) + " of " +
                                                   std::to_string(replay.n_pool));
  if (options.warm.empty()) return replay;
  ASSIGN_OR_RETURN(const RoutingTrace before, read_trace(options.warm));
  if (before.n_layers != trace.n_layers || before.n_experts != trace.n_experts)
    return make_error(ErrorCode::bad_argument, options.warm + ": expected " + std::to_string(trace.n_layers) + " layers of " +
                                                   std::to_string(trace.n_experts) + " experts, found " + std::to_string(before.n_layers) + " of " +
                                                   std::to_string(before.n_experts));
  replay.warm = profile_of(before);
  return replay;
}

Result<void> print_replay(const Options& options) {
  ASSIGN_OR_RETURN(const Replay replay, prepare(options));
  const std::int64_t more = std::min(replay.slots_of_a_gigabyte(), replay.n_pool - replay.n_slots);
  const std::int64_t n_accesses = replay.trace.n_decoded();
  Json policies = Json::object();
  std::string text = std::to_string(n_accesses) + " experts wanted by generated tokens, " + std::to_string(replay.n_slots) + " slots for " +
                     std::to_string(replay.n_pool) + "\n";
  for (const ExpertPolicy policy : replay.policies) {
    const ReplayResult result = replay.run(policy, replay.n_slots);
    Json per_layer = Json::array();
    for (const ReplayResult::Layer& layer : result.layers) per_layer.push_back(layer.accesses > 0 ? Json(rate_of(layer)) : Json());
    policies[name_of(policy)] = {{"hit_rate", rate_of(result.total())}, {"per_layer", per_layer}};
    std::string name = name_of(policy);
    name.resize(10, ' ');
    text += name + fixed_text(100 * rate_of(result.total()), 1) + " %";
    if (more > 0) {
      const double then = rate_of(replay.run(policy, replay.n_slots + more).total());
      policies[name_of(policy)]["next_gigabyte"] = {{"slots", more}, {"hit_rate", then}};
      text += "   one more gigabyte: " + fixed_text(100 * then, 1) + " %";
    }
    text += "\n";
  }
  if (!options.json) return print_text(text);
  const std::vector<std::int64_t> distances = lru_stack_distances(replay.trace);
  return print_json({{"accesses", n_accesses},
                     {"slots", replay.n_slots},
                     {"experts", replay.n_pool},
                     {"policies", policies},
                     {"stack_distances", distances},
                     {"first_uses", n_accesses - std::accumulate(distances.begin(), distances.end(), std::int64_t{0})}});
}

// A prompt carried on, and what every layer chose meanwhile.
Result<void> record(const Options& options) {
  if (options.ids.empty() && !options.prompt) return make_error(ErrorCode::bad_argument, "experts --record: --prompt or --ids, found neither");
  ASSIGN_OR_RETURN(const std::string path, model_path(options, options.model));
  ASSIGN_OR_RETURN(const InspectResult inspected, pio::inspect(path));
  ExpertFacts facts = expert_facts(*inspected.file, inspected.n_layers);
  if (facts.n_experts == 0) return make_error(ErrorCode::unsupported_model, path + ": expected a mixture of experts, found a model without experts");
  RoutingTrace trace;
  trace.model = inspected.name;
  trace.architecture = inspected.file->architecture();
  trace.n_layers = inspected.n_layers;
  trace.n_experts = facts.n_experts;
  trace.expert_bytes = std::move(facts.bytes);
  ASSIGN_OR_RETURN(ReplaceFile file, ReplaceFile::open(options.record));

  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load_engine(options));
  GenerateRequest request;
  request.sampling = options.sampling.params(engine->loaded()->recommended);
  request.max_tokens = options.max_tokens;
  request.ignore_eos = options.ignore_eos;
  request.drafts.kind = Drafts::Kind::off;  // the choices of a guess that did not hold are nobody's
  request.wants_routing = true;
  if (!options.ids.empty()) {
    ASSIGN_OR_RETURN(request.ids, parse_ids(options.ids));
  } else {
    ASSIGN_OR_RETURN(request.ids, raw_prompt(*engine, *options.prompt));
    if (request.ids.empty()) return make_error(ErrorCode::bad_argument, "--prompt: a text of one token at least, found an empty one");
  }
  const std::int64_t n_prompt = std::ssize(request.ids);
  GenerateSink sink;
  if (!options.json) sink.text = [](std::string_view words, std::int64_t) { static_cast<void>(print_text(words)); };
  sink.routing = [&](const LayerRouting& routing) {
    const std::size_t n_used = routing.ids.size() / static_cast<std::size_t>(routing.n_tokens);
    for (std::int64_t t = 0; t < routing.n_tokens; ++t) {
      const std::int64_t step = routing.first + t;
      const std::size_t at = static_cast<std::size_t>(t) * n_used;
      trace.add({.turn = 0, .is_decode = step >= n_prompt, .step = step, .layer = routing.layer}, std::span(routing.ids).subspan(at, n_used),
                std::span(routing.weights).subspan(at, n_used));
    }
  };
  ASSIGN_OR_RETURN(const GenerateResult result, engine->generate(request, sink, interrupt_token()));
  if (result.finish_reason == FinishReason::cancelled) return make_error(ErrorCode::cancelled, "experts --record: stopped");
  RETURN_IF_ERROR(write_routing_trace(trace, file));
  if (options.json)
    return print_json({{"trace", options.record},
                       {"prompt_tokens", n_prompt},
                       {"generated_tokens", result.ids.size()},
                       {"layers", trace.n_mixtures()},
                       {"experts", trace.n_experts},
                       {"chosen", trace.experts.size()},
                       {"text", result.text},
                       {"ids", result.ids}});
  return print_text("\n");
}

}  // namespace

Result<void> experts(const Options& options) { return options.record.empty() ? print_replay(options) : record(options); }

}  // namespace pio::cli
