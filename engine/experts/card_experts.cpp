#include "engine/experts/card_experts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/base/check.h"
#include "kernels/base/log.h"

namespace pio {
namespace {

constexpr std::size_t kMostBetween = 64 << 10;  // bytes that are downloaded in vain
constexpr double kForgotten = 0.999;            // of what bringing took, a layer of a prompt that does without: then it is tried again

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
// A measure that follows what is measured now.
void learn(double& measure, double now) { measure = measure > 0 ? (measure + now) / 2 : now; }

}  // namespace

std::vector<ExpertKind> card_kinds(const Model& model, const AwayTensors& away, const Backend& card, std::uint64_t n_bytes) {
  std::vector<ExpertKind> kinds = expert_kinds(model, away, card, n_bytes, 0);
  for (ExpertKind& kind : kinds) kind.room_bytes = 0;
  return kinds;
}

Result<std::unique_ptr<CardExperts>> CardExperts::create(const Model& model, const AwayTensors& away, ForwardContext& context,
                                                         std::vector<ExpertKind> kinds, std::uint64_t staging_bytes) {
  std::unique_ptr<CardExperts> experts(new CardExperts(away, context, std::move(kinds)));
  if (staging_bytes > 0) {
    ASSIGN_OR_RETURN(experts->staged_, experts->card_.allocate(staging_bytes));
    experts->staging_bytes_ = staging_bytes;
  }
  experts->layers_.resize(static_cast<std::size_t>(model.spec().n_layers));
  for (std::int64_t l = 0; l < model.spec().n_layers; ++l) experts->layers_[static_cast<std::size_t>(l)].n_experts = model.mixture(l).n_experts;
  for (const ExpertKind& kind : experts->kinds_) {
    const auto n_layers = static_cast<std::int64_t>(kind.layers.size());
    for (std::int64_t number = 0; number < n_layers; ++number) {
      const std::int64_t l = kind.layers[static_cast<std::size_t>(number)];
      Layer& layer = experts->layers_[static_cast<std::size_t>(l)];
      layer.kind = std::ssize(experts->groups_);
      layer.number = number;
      layer.away = model.experts(l);
      layer.here = ExpertSet(l, kind.n_experts);
    }
    Group group{.places = ExpertPlaces(n_layers, kind.n_experts, kind.n_slots), .routing = ReuseEstimate(n_layers, kind.n_experts), .memory = {}};
    group.slots_in_buffer = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::min<std::uint64_t>(experts->card_.most_bytes_at_once() / std::max<std::uint64_t>(1, kind.slot_bytes),
                                                             static_cast<std::uint64_t>(INT32_MAX))));
    for (std::int64_t first = 0; first < kind.n_slots; first += group.slots_in_buffer) {
      const std::int64_t n = std::min(group.slots_in_buffer, kind.n_slots - first);
      ASSIGN_OR_RETURN(std::unique_ptr<Buffer> memory, experts->card_.allocate(static_cast<std::size_t>(n) * kind.slot_bytes));
      group.memory.push_back(std::move(memory));
    }
    experts->groups_.push_back(std::move(group));
  }
  return experts;
}

void CardExperts::set_host(const Model& model, ForwardContext& context, LayerSet layers) {
  host_model_ = &model;
  host_context_ = &context;
  for (std::size_t l = 0; l < layers_.size(); ++l) layers_[l].is_hosted = layers.has(static_cast<std::int64_t>(l));
}

Result<void> CardExperts::bring(std::size_t kind, const ExpertPlaces::Change& change) {
  Group& group = groups_[kind];
  const auto layer_of = [&](const ExpertPlaces::Expert& expert) -> Layer& {
    return layers_[static_cast<std::size_t>(kinds_[kind].layers[static_cast<std::size_t>(expert.layer)])];
  };
  Layer& layer = layer_of(change.in);
  if (change.out) {
    layer_of(*change.out).here.remove(change.out->id);
    --layer_of(*change.out).n_here;
  }
  group.places.clear(change.slot);
  const ExpertSources sources = sources_of(away_, (*layer.away)[change.in.id]);
  Buffer* const memory = group.memory[static_cast<std::size_t>(change.slot / group.slots_in_buffer)].get();
  const std::size_t offset = static_cast<std::size_t>(change.slot % group.slots_in_buffer) * kinds_[kind].slot_bytes;
  ASSIGN_OR_RETURN(const ExpertMlp expert, place(layer, change.in.id, sources, memory, offset));
  RETURN_IF_ERROR(card_.sync());  // the sources go
  layer.here.put(change.in.id, expert);
  ++layer.n_here;
  group.places.put(change.slot, change.in);
  return {};
}

Result<ExpertMlp> CardExperts::place(const Layer& layer, std::int64_t id, const ExpertSources& sources, Buffer* memory, std::size_t offset) {
  const auto placed = [&]() -> Result<ExpertMlp> {
    ASSIGN_OR_RETURN(const Placed input, card_.place_weights(sources.input, memory, offset, card_.stop_token(), {}));
    offset += card_.placed_bytes(sources.input);
    ASSIGN_OR_RETURN(const Placed hidden, card_.place_weights(sources.hidden, memory, offset, card_.stop_token(), {}));
    return ExpertMlp{input.tensors[0], input.tensors[1], hidden.tensors[0]};
  };
  Result<ExpertMlp> expert = placed();
  if (expert) return expert;
  Error error = expert.error();
  error.message = "expert " + std::to_string(id) + " of layer " + std::to_string(layer.here.layer()) + ": " + error.message;
  return error;
}

Result<void> CardExperts::fill(std::optional<std::span<const ExpertProfile>> profiles, const std::function<void(std::uint64_t)>& progress,
                               const std::stop_token& stop) {
  CHECK(!profiles || profiles->size() == groups_.size(), "profiles of other kinds");
  const Clock::time_point start = Clock::now();
  std::uint64_t n_bytes = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (profiles) {
      groups_[g].places.begin_with((*profiles)[g]);
      groups_[g].routing.begin_with((*profiles)[g]);
    }
    for (const ExpertPlaces::Change& change : groups_[g].places.changes(kinds_[g].n_slots)) {
      if (stop.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
      RETURN_IF_ERROR(bring(g, change));
      if (progress) progress(kinds_[g].file_bytes);
      n_bytes += kinds_[g].file_bytes;
    }
  }
  if (n_bytes > 0) seconds_of_byte_ = seconds_since(start) / static_cast<double>(n_bytes);
  return {};
}

std::int64_t CardExperts::promote(std::uint64_t most_bytes, double most_seconds, const std::stop_token& stop) {
  const Clock::time_point start = Clock::now();
  std::int64_t n = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const std::uint64_t share = most_bytes / groups_.size();
    for (const ExpertPlaces::Change& change :
         groups_[g].places.changes(static_cast<std::int64_t>(share / std::max<std::uint64_t>(1, kinds_[g].file_bytes)))) {
      if (stop.stop_requested() || seconds_since(start) > most_seconds) return n;
      if (const Result<void> status = bring(g, change); !status) {
        log(LogLevel::warning, status.error().message + "; the processor computes it");
        return n;
      }
      ++n;
      ++counts_.n_promoted;
    }
  }
  return n;
}

std::vector<ExpertProfile> CardExperts::profiles() const {
  std::vector<ExpertProfile> all;
  for (const Group& group : groups_) all.push_back(group.routing.profile());
  return all;
}

std::vector<ExpertProfile> CardExperts::without_those_here(std::vector<ExpertProfile> profiles) const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::int32_t slot = 0; slot < groups_[g].places.n_slots(); ++slot) {
      const ExpertPlaces::Expert& expert = groups_[g].places.held(slot);
      if (expert.layer >= 0) profiles[g].shares[static_cast<std::size_t>(expert.layer * profiles[g].n_experts + expert.id)] = 0;
    }
  }
  return profiles;
}

const ExpertSet* CardExperts::resident(std::int64_t layer) const {
  const Layer& of = layers_[static_cast<std::size_t>(layer)];
  return of.kind >= 0 && of.n_here == of.n_experts ? &of.here : nullptr;
}

Result<std::unique_ptr<ExpertLease>> CardExperts::acquire(std::int64_t, std::span<const std::int32_t>, const std::stop_token&) {
  return make_error(ErrorCode::internal, "experts that lie on two devices are not acquired");
}

void CardExperts::count(const Layer& layer, std::span<const std::int32_t> chosen, bool is_staged) {
  distinct_.assign(chosen.begin(), chosen.end());
  std::ranges::sort(distinct_);
  const auto repeated = std::ranges::unique(distinct_);
  distinct_.erase(repeated.begin(), repeated.end());
  for (const std::int32_t id : distinct_) {
    std::uint64_t n_bytes = 0;
    const ExpertMlp& expert = layer.here.has(id) ? layer.here[id] : (*host_model_->experts(layer.here.layer()))[id];
    for (const Tensor* part : {&expert.gate, &expert.up, &expert.down}) n_bytes += part->n_bytes();
    (is_staged || layer.here.has(id) ? counts_.card_bytes : counts_.host_bytes) += n_bytes;
  }
  for (const std::int32_t id : chosen) counts_.hits += layer.here.has(id);
  counts_.choices += std::ssize(chosen);
}

void CardExperts::download(Tensor x, Tensor ids, Tensor weights) {
  chosen_.resize(static_cast<std::size_t>(ids.shape.n_values()));
  weights_.resize(chosen_.size());
  x_.resize(std::max(x_.size(), x.n_bytes()));
  const std::array<std::pair<void*, Tensor>, 3> parts = {{{chosen_.data(), ids}, {weights_.data(), weights}, {x_.data(), x}}};
  // Temporaries of one layer lie close together: one download, and one wait, brings them with what is between.
  std::size_t begin = SIZE_MAX, end = 0, n_bytes = 0;
  bool is_one = true;
  for (const auto& [to, tensor] : parts) {
    is_one = is_one && tensor.buffer == x.buffer && tensor.offset % sizeof(std::int32_t) == 0;
    begin = std::min(begin, tensor.offset);
    end = std::max(end, tensor.offset + tensor.n_bytes());
    n_bytes += tensor.n_bytes();
  }
  if (!is_one || end - begin > n_bytes + n_bytes / 2 + kMostBetween) {
    for (const auto& [to, tensor] : parts) card_.download(to, tensor);
    return;
  }
  together_.resize(std::max(together_.size(), end - begin));
  card_.download(together_.data(), {DType::i32, {static_cast<std::int64_t>((end - begin) / sizeof(std::int32_t))}, x.buffer, begin});
  for (const auto& [to, tensor] : parts) std::memcpy(to, together_.data() + (tensor.offset - begin), tensor.n_bytes());
}

std::vector<std::int32_t> CardExperts::missing(const Layer& layer) const {
  std::vector<std::int32_t> ids;
  for (const std::int32_t id : chosen_)
    if (!layer.here.has(id)) ids.push_back(id);
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  return ids;
}

bool CardExperts::stages(const Layer& layer, std::int64_t n_tokens, std::int64_t n_missing, std::int64_t n_choices) const {
  if (staging_ == Staging::never || !staged_ || layer.kind < 0 || n_missing == 0 || n_tokens < 2) return false;
  const ExpertKind& kind = kinds_[static_cast<std::size_t>(layer.kind)];
  if (kind.slot_bytes > staging_bytes_) return false;
  if (staging_ == Staging::always) return true;
  // What the processor takes is seen first; what has never been brought is tried then.
  if (n_tokens < kFewestStagedTokens || seconds_of_choice_ == 0) return false;
  return static_cast<double>(n_missing) * static_cast<double>(kind.file_bytes) * seconds_of_byte_ <
         static_cast<double>(n_choices) * seconds_of_choice_;
}

Result<void> CardExperts::run_staged(const Layer& layer, std::span<const std::int32_t> missing, Tensor y, Tensor x, Tensor ids, Tensor weights,
                                     bool adds) {
  const Clock::time_point start = Clock::now();
  const ExpertKind& kind = kinds_[static_cast<std::size_t>(layer.kind)];
  const std::size_t n_at_once = static_cast<std::size_t>(staging_bytes_ / kind.slot_bytes);
  // While one round is computed the next one is read.
  std::vector<ExpertSources> sources;
  sources.reserve(missing.size());
  const ForwardContext::Mark mark(context_);
  const Tensor z = context_.temp(y.dtype, y.shape);
  for (std::size_t first = 0; first < missing.size(); first += n_at_once) {
    const std::span<const std::int32_t> here = missing.subspan(first, std::min(n_at_once, missing.size() - first));
    // By their places, so that a set of so many is the same one for every layer.
    ExpertSet set(layer.here.layer(), std::ssize(here));
    for (std::size_t i = 0; i < here.size(); ++i) {
      sources.push_back(sources_of(away_, (*layer.away)[here[i]]));
      ASSIGN_OR_RETURN(const ExpertMlp expert, place(layer, here[i], sources.back(), staged_.get(), i * kind.slot_bytes));
      set.put(static_cast<std::int64_t>(i), expert);
    }
    for (std::size_t c = 0; c < chosen_.size(); ++c) {
      const auto at = std::ranges::lower_bound(here, chosen_[c]);
      const bool is_here = at != here.end() && *at == chosen_[c];
      of_card_[c] = is_here ? static_cast<std::int32_t>(at - here.begin()) : -1;
      counts_.staged_choices += is_here;
    }
    card_.upload(ids, of_card_.data());
    card_.moe_experts(adds ? z : y, x, ids, weights, set);
    if (adds) card_.add(y, y, z);
    adds = true;
    card_.flush();
    if (card_.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  }
  RETURN_IF_ERROR(card_.sync());
  const std::uint64_t n_bytes = missing.size() * kind.file_bytes;
  counts_.n_staged += std::ssize(missing);
  counts_.staged_bytes += n_bytes;
  learn(seconds_of_byte_, seconds_since(start) / static_cast<double>(n_bytes));
  return {};
}

Result<void> CardExperts::run(std::int64_t l, Tensor y, Tensor x, Tensor ids, Tensor weights, const std::function<void()>& meanwhile) {
  Layer& layer = layers_[static_cast<std::size_t>(l)];
  Backend& host = host_context_->backend();
  host.set_stop(card_.stop_token());
  download(x, ids, weights);
  RETURN_IF_ERROR(card_.sync());  // what a lost device has given are no ids
  if (card_.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  if (layer.kind >= 0) {
    Group& group = groups_[static_cast<std::size_t>(layer.kind)];
    group.places.saw(layer.number, chosen_, x.shape[0]);
    group.routing.saw(layer.number, chosen_, x.shape[0], 0);
  }

  const std::size_t n = chosen_.size();
  of_card_.resize(n);
  of_host_.resize(n);
  std::size_t n_hits = 0;
  for (const std::int32_t id : chosen_) n_hits += layer.here.has(id);
  const std::vector<std::int32_t> absent = missing(layer);
  const bool is_staged = stages(layer, x.shape[0], std::ssize(absent), static_cast<std::int64_t>(n - n_hits));
  if (layer.kind >= 0) count(layer, chosen_, is_staged);
  const auto compute_hits = [&] {
    for (std::size_t i = 0; i < n; ++i) {
      const bool is_here = layer.here.has(chosen_[i]);
      of_card_[i] = is_here ? chosen_[i] : -1;
      of_host_[i] = is_here ? -1 : chosen_[i];
    }
    if (n_hits == 0) return;
    if (n_hits < n) card_.upload(ids, of_card_.data());
    card_.moe_experts(y, x, ids, weights, layer.here);
  };
  compute_hits();
  meanwhile();
  if (n_hits == n) return {};
  card_.flush();
  if (is_staged) {
    const Result<void> status = run_staged(layer, absent, y, x, ids, weights, n_hits > 0);
    if (status || status.error().code == ErrorCode::cancelled || status.error().code == ErrorCode::device_lost) return status;
    log(LogLevel::warning, status.error().message + "; from now on the processor computes what is not on the card");
    staging_ = Staging::never;
    compute_hits();
    card_.flush();
  }
  const Clock::time_point start = Clock::now();

  const ForwardContext::Mark mark(*host_context_);
  const auto brought = [&](const Tensor& tensor, const void* data) {
    const Tensor here = host_context_->temp(tensor.dtype, tensor.shape);
    host.upload(here, data);
    return here;
  };
  const Tensor ids_there = brought(ids, of_host_.data()), weights_there = brought(weights, weights_.data()), x_there = brought(x, x_.data());
  const Tensor y_there = host_context_->temp(y.dtype, y.shape);
  RETURN_IF_ERROR(host_model_->run_experts(*host_context_, l, y_there, x_there, ids_there, weights_there));
  RETURN_IF_ERROR(host.sync());
  if (host.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  if (x.shape[0] >= kFewestStagedTokens) {
    learn(seconds_of_choice_, seconds_since(start) / static_cast<double>(n - n_hits));
    seconds_of_byte_ *= kForgotten;
  }
  y_.resize(std::max(y_.size(), y.n_bytes()));
  host.download(y_.data(), y_there);
  if (n_hits == 0) {
    card_.upload(y, y_.data());
    return {};
  }
  const ForwardContext::Mark card_mark(context_);
  const Tensor z = context_.temp(y.dtype, y.shape);
  card_.upload(z, y_.data());
  card_.add(y, y, z);
  return {};
}

std::int64_t CardExperts::n_slots() const {
  std::int64_t n = 0;
  for (const ExpertKind& kind : kinds_) n += kind.n_slots;
  return n;
}

std::int64_t CardExperts::n_held() const {
  std::int64_t n = 0;
  for (const Layer& layer : layers_) n += layer.n_here;
  return n;
}

}  // namespace pio
