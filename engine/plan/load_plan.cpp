#include "engine/plan/load_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "engine/kept_routing.h"
#include "engine/kv_selection.h"
#include "engine/plan/hit_rate.h"
#include "engine/plan/placement.h"
#include "engine/plan/speed_estimate.h"
#include "engine/kv/kv_memory.h"
#include "engine/step_builder.h"
#include "kernels/host.h"
#include "kernels/preferred_device.h"

namespace pio {

namespace {

constexpr std::uint64_t kUnplannedShare = 64;
// What the scratch of longer steps may take of memory, which holds as much less of the weights.
constexpr std::uint64_t kLongStepShare = 32;
// Published perplexities with keys in 4 bits, rotated: 0.9 % worse of 30 thousand million, 2.2 % of eight, three times as high of 0.6.
constexpr std::int64_t kParametersForFourBitKeys = 6'000'000'000;

// `on_card`: the share of the experts that a card has beside. `kept`: what decoded tokens of an earlier run chose; without it, as texts' routing was measured.
void plan_experts(LoadPlan& plan, const ModelEstimate& estimate, double on_card, const std::optional<KeptRouting>& kept = {}) {
  plan.n_slots = 0;
  double n_all = 0, chosen_bytes = 0;
  for (const ExpertKind& kind : estimate.expert_kinds()) {
    plan.n_slots += kind.n_slots;
    n_all += static_cast<double>(kind.n_in_all());
    chosen_bytes += static_cast<double>(kind.layers.size()) * static_cast<double>(estimate.n_used_experts()) * static_cast<double>(kind.file_bytes);
  }
  if (n_all == 0) return;
  plan.n_experts = static_cast<std::int64_t>(n_all);
  const double share = std::min(1.0, static_cast<double>(plan.n_slots) / n_all + on_card);
  plan.hit_rate = (kept ? kept_hit_rate(kept->profiles, share) : std::nullopt).value_or(hit_rate_of(share));
  plan.disk_bytes_per_token = (1 - plan.hit_rate) * chosen_bytes;
}

// Of shared experts what this part computes of them on average, the others of what is chosen being the other's.
struct OfShared {
  double weight_bytes = 0, multiply_adds = 0;
};
OfShared of_shared(const ModelEstimate::Step& step, std::span<const SlotChances> chances, bool is_card) {
  OfShared here;
  for (const ModelEstimate::Step::Shared& shared : step.shared) {
    const double on_card = chances.empty() ? 0 : chances[static_cast<std::size_t>(shared.layer)].share, share = is_card ? on_card : 1 - on_card;
    here.weight_bytes += share * static_cast<double>(shared.weight_bytes);
    here.multiply_adds += share * static_cast<double>(shared.multiply_adds);
  }
  return here;
}

// Launches of a token on average: in some layers one of the two has nothing to do.
double mean_launches(const ModelEstimate::Step& step, std::span<const SlotChances> chances) {
  auto n = static_cast<double>(step.counts.n_launches);
  for (const ModelEstimate::Step::Shared& shared : step.shared) {
    const SlotChances of_layer = chances.empty() ? SlotChances{} : chances[static_cast<std::size_t>(shared.layer)];
    n -= of_layer.none * static_cast<double>(shared.launches_less_of_none) + of_layer.all * static_cast<double>(shared.launches_less_of_all);
  }
  return n;
}

// What a step reads and multiplies on average.
OpCounts mean_counts(const ModelEstimate::Step& step, std::span<const SlotChances> chances, bool is_card) {
  OpCounts counts = step.counts;
  std::uint64_t weight_bytes = 0, multiply_adds = 0;
  for (const ModelEstimate::Step::Shared& shared : step.shared) {
    weight_bytes += shared.weight_bytes;
    multiply_adds += shared.multiply_adds;
  }
  const OfShared here = of_shared(step, chances, is_card);
  counts.weight_bytes -= weight_bytes - static_cast<std::uint64_t>(here.weight_bytes);
  counts.multiply_adds -= multiply_adds - static_cast<std::uint64_t>(here.multiply_adds);
  return counts;
}

// What of a card is left to others where no budget is named: what draws the screen, and what its driver takes beside what it gives.
constexpr std::uint64_t kCardReserve = 300 << 20;
constexpr std::uint64_t kCardReserveShare = 20;

MemoryRoom room_of(const LoadRequest& request, const DeviceInfo& device, std::uint64_t given_back_bytes, std::uint64_t taken_bytes) {
  const bool has_card = is_card(device);
  const std::uint64_t budget = has_card ? request.vram_bytes : request.ram_bytes;
  std::uint64_t free = budget > 0 ? budget : device.free_bytes + (has_card ? 0 : given_back_bytes);
  if (budget == 0 && has_card) free -= std::min(free, std::max(kCardReserve, device.total_bytes / kCardReserveShare));
  return {.free_bytes = free - std::min(free, taken_bytes), .is_budget = budget > 0};
}

// Of each conversation, where all keys or values of a layer are a tensor, which the device has to hold in one buffer.
std::int64_t longest_context_of(std::span<const KvLayout> layers, const LoadRequest& request, const Backend& backend) {
  const std::uint64_t most = backend.most_bytes_at_once();
  if (most == UINT64_MAX) return INT64_MAX;
  std::uint64_t largest = 1;  // bytes of a block
  for (const KvLayout& layer : layers) {
    const KvLayer block = kv_tensors(layer, request.kv, 1);
    for (const Tensor* tensor : {&block.k, &block.v})
      if (tensor->shape.rank() > 0) largest = std::max(largest, static_cast<std::uint64_t>(tensor->n_bytes()));
  }
  const std::uint64_t n_blocks = most / largest;  // one of them is nobody's, where steps are replayed
  return static_cast<std::int64_t>((n_blocks - std::min<std::uint64_t>(n_blocks, 1)) / static_cast<std::uint64_t>(n_contexts(request))) *
         kKvBlockLength;
}

Result<PlannedLoad> plan_load(const ModelFile& file, const LoadRequest& request, const Backend& backend, std::uint64_t given_back_bytes,
                              const PartToLoad& part, const Residency& residency, std::int64_t step_tokens = kStepTokens) {
  PlannedLoad planned;
  planned.residency = residency;
  planned.shared_chances = part.shared_chances;
  ASSIGN_OR_RETURN(planned.estimate, ModelEstimate::create(file, backend, request.loras, residency, part.part, part.shared));
  ModelEstimate& estimate = *planned.estimate;
  if (part.has_vision) RETURN_IF_ERROR(estimate.add_vision({request.mmproj, request.spare_mmprojs}));
  const ModelSpec& spec = estimate.spec();
  std::vector<KvLayout> kv_layers;
  for (std::int64_t l = 0; l < spec.n_layers; ++l)
    if (part.part.layers.has(l)) kv_layers.push_back(spec.kv_layers[static_cast<std::size_t>(l)]);
  for (const KvLayout& layer : spec.kv_layers) {
    for (const std::int64_t head_dim : {layer.k_head_dim, layer.v_head_dim, layer.v_in_k}) {
      if (head_dim % info(request.kv).block_length != 0)
        return make_error(ErrorCode::bad_argument, std::string("--kv ") + info(request.kv).name + ": expected keys and values of a multiple of " +
                                                       std::to_string(info(request.kv).block_length) + " numbers, found " + std::to_string(head_dim));
    }
  }

  RETURN_IF_ERROR(check_selection(request.attention));
  const bool by_pages = request.attention.kind == KvSelection::Kind::pages;
  planned.state_bytes_per_token = kv_bytes_per_token(kv_layers, request.kv) + (by_pages ? page_bounds_bytes_per_token(kv_layers) : 0);

  // Temporaries may grow with the context, so the longest that is possible is asked about first.
  const auto scratch_bytes = [&](std::int64_t context_length) {
    planned.step_tokens = std::min(step_tokens, context_length);
    ModelEstimate::Scratch scratch = estimate.scratch(planned.step_tokens, context_length, request.kv);
    // a row of logits, and what it comes from, of each conversation beyond the first
    const std::int64_t of_row = spec.dim + (part.part.has_head ? spec.vocab_size : 0);
    scratch.temporary_bytes += static_cast<std::uint64_t>(request.n_sequences - 1) * of_row * sizeof(float);
    planned.temporary_bytes = scratch.temporary_bytes;
    planned.workspace_bytes = scratch.workspace_bytes;
    const StepCapacity one{.n_tokens = 1, .n_blocks = (context_length + kKvBlockLength - 1) / kKvBlockLength};
    StepCapacity all = one;
    all.n_sequences = request.n_sequences;
    const std::uint64_t block_tables = StepMirror::bytes_needed(all) - StepMirror::bytes_needed(one);
    const std::uint64_t vocabulary = part.has_vocabulary ? vocabulary_bytes(file) : 0;
    return scratch.temporary_bytes + scratch.workspace_bytes + scratch.other_bytes + block_tables + vocabulary + estimate.reading_bytes();
  };
  const DeviceInfo& device = backend.device();
  const std::int64_t longest =
      std::clamp<std::int64_t>(request.context_length > 0 ? request.context_length : spec.context_length, 1, kLongestMeasuredContext);
  const MemoryNeeds needs{.weight_bytes = estimate.weight_bytes(),
                          .scratch_bytes = scratch_bytes(longest),
                          .state_bytes_per_token = planned.state_bytes_per_token * static_cast<std::uint64_t>(n_contexts(request)),
                          .trained_context_length = spec.context_length,
                          .longest_context_length = longest_context_of(kv_layers, request, backend)};
  const MemoryRoom room = room_of(request, device, given_back_bytes, part.taken_bytes);
  const Placement placement = place(needs, request.context_length, room);

  const ModelEstimate::Step first = estimate.run(1, 1, request.kv);
  planned.weight_bytes_per_token =
      estimate.slice() ? estimate.of_token(1, request.kv).weight_bytes : mean_counts(first, part.shared_chances, residency.are_shared).weight_bytes;
  planned.shared_bytes_per_token = static_cast<std::uint64_t>(of_shared(first, part.shared_chances, residency.are_shared).weight_bytes);
  OpCounts token;
  double launches = 0;
  if (estimate.slice()) {
    token = estimate.of_token(kStepTokens + 1, request.kv);
    launches = static_cast<double>(token.n_launches);
  } else {
    const ModelEstimate::Step step = estimate.run(1, kStepTokens + 1, request.kv);
    token = mean_counts(step, part.shared_chances, residency.are_shared);
    launches = mean_launches(step, part.shared_chances);
  }
  LoadPlan& plan = planned.plan;
  plan.fallbacks = estimate.fallbacks();
  plan.fits = placement.fits && plan.fallbacks.empty();
  plan.why_not = placement.why_not;
  for (const LoadPlan::Fallback& fallback : plan.fallbacks) plan.why_not += (plan.why_not.empty() ? "" : "; ") + fallback.text();
  plan.needed_bytes = placement.needed_bytes;
  plan.context_length = placement.context_length;
  plan.notes = context_notes(plan.context_length, spec.context_length);
  for (ModelNote& note : kv_notes(spec, request.kv)) plan.notes.push_back(std::move(note));
  plan.layout = estimate.layout();
  if (plan.layout.streamed_bytes > 0) plan.notes.push_back(WeightsOnDisk{plan.layout.streamed_bytes});
  // What shared slots hold the processor has too.
  if (!residency.are_shared) plan.expert_bytes = estimate.expert_bytes();
  plan.dense_bytes = plan.layout.file_bytes - plan.expert_bytes;
  if (!residency.are_shared && !estimate.expert_kinds().empty()) {
    plan_experts(plan, estimate, part.shared_on_card);
    if (plan.n_experts > 0) plan.notes.push_back(ExpertsOnDisk{plan.n_slots, plan.n_experts});
  }
  plan.weight_bytes = needs.weight_bytes;
  plan.state_bytes = static_cast<std::uint64_t>(placement.context_length) * needs.state_bytes_per_token;
  plan.scratch_bytes = scratch_bytes(std::clamp<std::int64_t>(placement.context_length, 1, longest));
  LoadPlan::Device on_device{.name = device.name,
                             .weight_bytes = plan.weight_bytes,
                             .state_bytes = plan.state_bytes,
                             .scratch_bytes = plan.scratch_bytes,
                             .free_bytes = room.free_bytes,
                             .total_bytes = device.total_bytes,
                             .expert_bytes = plan.expert_bytes,
                             .bytes_per_token = token.weight_bytes + token.state_bytes,
                             .launches_per_token = launches,
                             .is_card = is_card(device)};
  if (const LayerSlice* const slice = estimate.slice()) on_device.slice = *slice;
  if (residency.are_shared) {
    on_device.expert_bytes = slots_bytes(estimate.expert_kinds());
    for (const ExpertKind& kind : estimate.expert_kinds()) on_device.n_experts += kind.n_slots;
  }
  for (std::int64_t l = 0; l < spec.n_layers; ++l) {
    const std::int64_t n_experts = estimate.n_experts(l);
    if (part.part.experts.has(l) && !residency.are_shared)
      on_device.n_experts += on_device.slice && n_experts > 0 ? on_device.slice->experts.n() : n_experts;
    if (!part.part.layers.has(l)) continue;
    if (on_device.n_layers++ == 0) on_device.first_layer = l;
    on_device.last_layer = l;
  }
  plan.devices.push_back(std::move(on_device));
  return planned;
}

// What a load needs at least whose weights are partly read again for every step: with the longest steps whose scratch costs little of the memory.
Result<PlannedLoad> plan_long_steps(const ModelFile& file, const LoadRequest& request, const Backend& backend, std::uint64_t given_back_bytes,
                                    const PartToLoad& part, const Residency& residency) {
  ASSIGN_OR_RETURN(PlannedLoad usual, plan_load(file, request, backend, given_back_bytes, part, residency));
  if (!part.part.layers.is_all()) return usual;  // a step has one size on all devices
  const std::uint64_t most = usual.plan.scratch_bytes + usual.plan.devices.front().free_bytes / kLongStepShare;
  for (std::int64_t n = std::min(kMostStepTokens, usual.plan.context_length); usual.plan.fits && n > kStepTokens; n /= 2) {
    ASSIGN_OR_RETURN(PlannedLoad longer, plan_load(file, request, backend, given_back_bytes, part, residency, n));
    if (longer.plan.fits && longer.plan.scratch_bytes <= most) return longer;
  }
  return usual;
}

// All of the part in memory, or what of it is brought for every pass.
Result<PlannedLoad> plan_residency(const ModelFile& file, const LoadRequest& request, const Backend& backend, std::uint64_t given_back_bytes,
                                   const PartToLoad& part) {
  if (part.shared_slots_bytes) {
    const Residency shared{
        .lays_out = true, .has_slots = true, .slots_bytes = *part.shared_slots_bytes, .are_shared = true, .staging_bytes = part.staging_bytes};
    return plan_load(file, request, backend, given_back_bytes, part, shared);
  }
  ASSIGN_OR_RETURN(PlannedLoad planned, plan_load(file, request, backend, given_back_bytes, part, Residency{.lays_out = true}));
  const LoadPlan& plan = planned.plan;
  if (plan.fits || !plan.fallbacks.empty()) return planned;
  if (is_card(backend.device()) || !part.may_stream) return planned;  // all of a part lies on a card, or none of it

  // What does not stay is brought for every pass.
  LoadRequest small = request;
  if (small.context_length <= 0) small.context_length = std::min(planned.estimate->spec().context_length, kUnaskedContext);
  if (plan.expert_bytes > 0) {
    Residency slots{.lays_out = true, .has_slots = true, .slots_bytes = 0};
    ASSIGN_OR_RETURN(PlannedLoad fewest, plan_long_steps(file, small, backend, given_back_bytes, part, slots));
    if (fewest.plan.fits) {
      const std::uint64_t free = fewest.plan.devices.front().free_bytes, left = free - fewest.plan.needed_bytes;
      // Slots are all that a plan can be exact about; a little is left for what it is not, the system's tables of pages among it.
      std::uint64_t more_bytes = left - std::min(left, free / kUnplannedShare);
      // Nor do slots take what would be given back at once, for memory would be short.
      const DeviceInfo& device = backend.device();
      const std::uint64_t kept = device.total_bytes / kFreeShare * 3 / 2 + fewest.plan.needed_bytes, there = device.free_bytes + given_back_bytes;
      more_bytes = std::min(more_bytes, there - std::min(there, kept));
      slots.slots_bytes = slots_bytes(fewest.estimate->expert_kinds()) + more_bytes;
      ASSIGN_OR_RETURN(PlannedLoad more, plan_load(file, small, backend, given_back_bytes, part, slots, fewest.step_tokens));
      return more.plan.fits ? std::move(more) : std::move(fewest);
    }
  }
  const StreamableBytes& streamable = planned.estimate->streamable();
  Residency residency{.lays_out = true, .is_streamed = true, .n_layers = 0, .n_away_tables = std::ssize(streamable.tables)};
  ASSIGN_OR_RETURN(PlannedLoad least, plan_long_steps(file, small, backend, given_back_bytes, part, residency));
  if (!least.plan.fits) return least;
  const std::uint64_t room = least.plan.devices.front().free_bytes - (least.plan.needed_bytes - least.estimate->slot_bytes());
  const std::optional<StreamedPlacement> placed = place_streamed(streamable.layers, streamable.tables, StreamedWeights::kTableBytes, room);
  if (!placed) return least;
  residency.n_layers = placed->n_layers;
  residency.n_away_tables = placed->n_away_tables;
  ASSIGN_OR_RETURN(PlannedLoad streamed, plan_load(file, small, backend, given_back_bytes, part, residency, least.step_tokens));
  return streamed.plan.fits ? std::move(streamed) : std::move(least);
}

}  // namespace

Result<PlannedLoad> plan_load(const ModelFile& file, const LoadRequest& request, const Backend& backend, std::uint64_t given_back_bytes,
                              const PartToLoad& part) {
  ASSIGN_OR_RETURN(PlannedLoad planned, plan_residency(file, request, backend, given_back_bytes, part));
  if (const DeviceInfo& device = backend.device(); !is_card(device)) {
    // Which pages are cached is asked page by page: not where all of the file would fit beside the model.
    const std::uint64_t needed = part.taken_bytes + planned.plan.needed_bytes, available = device.free_bytes + given_back_bytes;
    const std::uint64_t most_cached = planned.plan.weight_bytes + planned.plan.dense_bytes + planned.plan.expert_bytes;
    planned.drops_cached = needs_room_of_cache(needed, most_cached, available) && needs_room_of_cache(needed, cached_bytes(file), available);
  }
  const std::span<const ExpertKind> kinds = planned.estimate->expert_kinds();
  if (planned.residency.are_shared || kinds.empty()) return planned;
  if (const std::optional<KeptRouting> kept = read_routing(routing_place(request.cache_folder, file), empty_profiles(kinds))) {
    plan_experts(planned.plan, *planned.estimate, part.shared_on_card, kept);
    planned.read_bytes_per_second = kept->read_bytes_per_second;
  }
  return planned;
}

bool needs_room_of_cache(std::uint64_t needed_bytes, std::uint64_t cached_bytes, std::uint64_t free_bytes) {
  return cached_bytes > 0 && needed_bytes > free_bytes - std::min(free_bytes, cached_bytes);
}

std::string LoadPlan::Fallback::text() const {
  std::string place = part;
  if (part == "layers" || part == "experts") {
    const bool is_one = first_layer == last_layer;
    place = (part == "experts" ? "experts of " : "") + std::string(is_one ? "layer " : "layers ") + std::to_string(first_layer) +
            (is_one ? "" : " to " + std::to_string(last_layer));
  }
  return place + ": " + op + ": " + reason;
}

std::vector<ModelNote> context_notes(std::int64_t context_length, std::int64_t trained_context_length) {
  if (trained_context_length <= 0 || context_length <= trained_context_length) return {};
  return {AboveTrainedContext{context_length, trained_context_length}};
}

std::vector<ModelNote> kv_notes(const ModelSpec& spec, DType kv) {
  if (kv != DType::q4_0) return {};
  const bool is_latent = std::ranges::any_of(spec.kv_layers, [](const KvLayout& layer) { return layer.n_kv_heads > 0 && layer.v_head_dim == 0; });
  if (!is_latent && spec.n_parameters >= kParametersForFourBitKeys) return {};
  return {KeysInFourBits{is_latent}};
}

namespace {

// Of a prompt's step, which chooses nearly all experts, what is read from the disk.
double unslotted_bytes(const ModelEstimate& estimate) {
  double n_bytes = 0;
  for (const ExpertKind& kind : estimate.expert_kinds())
    n_bytes += static_cast<double>(kind.n_in_all() - kind.n_slots) * static_cast<double>(kind.file_bytes);
  return n_bytes;
}

}  // namespace

void predict_speed(PlannedLoad& planned, const ModelFile& file, const LoadRequest& request, const SpeedProbe& probe) {
  ModelEstimate& estimate = *planned.estimate;
  LoadPlan& plan = planned.plan;
  const std::int64_t n_tokens = std::clamp<std::int64_t>(plan.context_length, 1, kStepTokens);
  const ModelEstimate::Step token = estimate.run(1, n_tokens, request.kv);
  const bool is_card = planned.residency.are_shared;
  const ModelEstimate::Step step = estimate.run(n_tokens, n_tokens, request.kv);
  const OpCounts prompt = mean_counts(step, planned.shared_chances, is_card), decode = mean_counts(token, planned.shared_chances, is_card);
  planned.shared_seconds_per_token = of_shared(token, planned.shared_chances, is_card).weight_bytes / probe.bytes_per_second;
  const SpeedEstimate speed = estimate_speed(prompt, n_tokens, decode, probe,
                                             {.copied = plan.weight_bytes - std::min(plan.weight_bytes, estimate.made_bytes()),
                                              .made = estimate.made_bytes(),
                                              .streamed = plan.layout.streamed_bytes,
                                              .staged = planned.residency.staging_bytes > 0 ? unslotted_bytes(estimate) : 0,
                                              .experts_of_prompt = planned.residency.are_shared ? 0 : unslotted_bytes(estimate),
                                              .experts_of_token = plan.disk_bytes_per_token,
                                              .read_per_second = planned.read_bytes_per_second,
                                              .are_experts_cached = request.io == IoMode::buffered},
                                             resident_share(file));
  // What this part computes of shared experts for a token of a prompt; or, on a card, what it would compute beside.
  double all_shared = 0;
  for (const ModelEstimate::Step::Shared& shared : step.shared) all_shared += static_cast<double>(shared.multiply_adds);
  const double here = of_shared(step, planned.shared_chances, is_card).multiply_adds, per_second = probe.multiply_adds_per_second;
  planned.shared_seconds_of_prompt = here / per_second / static_cast<double>(n_tokens);
  planned.staged_seconds_of_prompt = (speed.staged_seconds + (all_shared - here) / per_second) / static_cast<double>(n_tokens);
  plan.load_seconds = speed.load_seconds;
  plan.prefill_tokens_per_second = speed.prefill_tokens_per_second;
  plan.decode_tokens_per_second = speed.decode_tokens_per_second;
}

DType commonest_format(const ModelFile& file) {
  std::map<DType, std::uint64_t> bytes;
  for (const TensorInfo& tensor : file.tensors()) bytes[tensor.dtype] += tensor.n_bytes;
  const auto most = std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? DType::f32 : most->first;
}

Result<void> require_fit(const ModelFile& file, const LoadPlan& plan) {
  if (plan.fits) return {};
  // What lies on another device instead is no reason; a plan of one device has no other.
  // But slices have no other.
  const bool is_refused = std::ranges::any_of(plan.fallbacks, [](const LoadPlan::Fallback& fallback) { return fallback.op != "split"; });
  const bool has_other = plan.devices.size() > 1 && !plan.devices.front().slice;
  const ErrorCode code = !is_refused || has_other ? ErrorCode::out_of_memory : ErrorCode::not_available;
  Error error = make_error(code, file.label() + ": " + plan.why_not);
  error.device = plan.devices.front().name;
  error.needed_bytes = plan.needed_bytes;
  for (const LoadPlan::Device& device : plan.devices) error.free_bytes += device.free_bytes;
  return error;
}

}  // namespace pio
