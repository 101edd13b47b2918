#include "engine/plan/machine_plan.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/loaded_model.h"
#include "engine/plan/hit_rate.h"
#include "engine/plan/placement.h"
#include "engine/plan/published_layout.h"
#include "engine/step_builder.h"

namespace pio {
namespace {

constexpr std::uint64_t kOthersBytes = 4'000'000'000;  // of memory, for the system and other programs
constexpr std::uint64_t kLeastCardReserve = 300'000'000;
constexpr double kCardReserveShare = 0.05;
// Launches of a step: of a dense layer, a mixture, either with a latent more; and of embedding, norm, output and argmax.
constexpr double kDenseLaunches = 8, kMixtureLaunches = 10, kLatentLaunches = 2, kOutputLaunches = 4;
// Multiplications of products with many rows for each byte a second that memory gives: of cards without matrix units, of processors. Rough.
constexpr double kCardWork = 20, kCpuWork = 8;
constexpr std::int64_t kPromptTokens = kStepTokens, kDepth = 512;

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// Which experts of a layer lie where: shares of all of them, 0 to 1.
struct LayerPlace {
  int card = -1;           // that computes its dense part and keeps its state; -1: the processor
  double card_share = 0;   // of its experts, on that card
  bool is_static = false;  // the processor has all others, and they are no cache
};

class Placing {
 public:
  Placing(const ModelParts& model, const Machine& machine, const MachineRequest& request)
      : model_(model), machine_(machine), n_layers_(model.layers.size()), places_(model.layers.size()) {
    for (const Machine::Card& card : machine.cards) {
      const std::uint64_t kept = std::max(kLeastCardReserve, static_cast<std::uint64_t>(kCardReserveShare * static_cast<double>(card.free_bytes)));
      rooms_.push_back(request.vram_bytes > 0 ? std::min(request.vram_bytes, card.total_bytes) : less(card.free_bytes, kept));
    }
    ram_room_ = request.ram_bytes > 0 ? request.ram_bytes : machine.ram_bytes - std::min(machine.ram_bytes / 2, kOthersBytes);
    choose(request.context_length);
  }

  MachinePlan plan() const;

 private:
  bool is_mixture(std::size_t layer) const { return model_.layers[layer].expert_bytes > 0; }
  std::uint64_t state_bytes(std::size_t layer) const {
    return model_.layers[layer].state_bytes_per_token * static_cast<std::uint64_t>(context_length_);
  }
  std::uint64_t dense_bytes(std::size_t layer) const {
    return model_.layers[layer].dense_bytes + state_bytes(layer) + (layer + 1 == n_layers_ ? model_.head_bytes : 0);
  }
  bool stays_with_cpu(std::size_t layer) const {
    return machine_.expert_layers_on_cpu && is_mixture(layer) && static_cast<std::int64_t>(layer) < *machine_.expert_layers_on_cpu;
  }
  std::uint64_t whole_bytes(std::size_t layer) const { return dense_bytes(layer) + (stays_with_cpu(layer) ? 0 : model_.layers[layer].expert_bytes); }
  // What a card keeps beside layers.
  std::uint64_t card_bytes(std::size_t card) const { return model_.scratch_bytes + (card == 0 ? model_.vision_bytes : 0); }

  void choose(std::int64_t wanted_context);
  // Layers onto the cards in order, each taking bytes_of(layer), while they fit. Whether all did.
  template <class BytesOf>
  bool fill(const BytesOf& bytes_of);
  void spread_dense();
  void fill_slots();
  void predict(MachinePlan& plan) const;

  double card_rate(std::size_t card) const { return machine_.cards[card].bytes_per_second * machine_.cards[card].bandwidth_share; }
  double ram_rate() const { return machine_.ram_bytes_per_second * machine_.ram_bandwidth_share; }
  double chosen_bytes(std::size_t layer) const {
    return model_.n_experts == 0
               ? 0
               : static_cast<double>(model_.layers[layer].expert_bytes) * static_cast<double>(model_.n_used) / static_cast<double>(model_.n_experts);
  }

  const ModelParts& model_;
  const Machine& machine_;
  const std::size_t n_layers_;
  std::int64_t context_length_ = 0;
  std::vector<LayerPlace> places_;
  std::vector<std::uint64_t> rooms_;
  std::uint64_t ram_room_ = 0;
};

template <class BytesOf>
bool Placing::fill(const BytesOf& bytes_of) {
  std::fill(places_.begin(), places_.end(), LayerPlace{});
  std::size_t card = 0, layer = 0;
  std::uint64_t used = rooms_.empty() ? 0 : card_bytes(0);
  while (card < rooms_.size() && layer < n_layers_) {
    if (used + bytes_of(layer) <= rooms_[card]) {
      used += bytes_of(layer);
      places_[layer++].card = static_cast<int>(card);
    } else if (++card < rooms_.size()) {
      used = card_bytes(card);
    }
  }
  return layer == n_layers_;
}

// What every token reads, in shares of what the cards have room for, so that each has room for experts of its own layers.
void Placing::spread_dense() {
  std::uint64_t all_room = 0;
  for (const std::uint64_t room : rooms_) all_room += room;
  std::size_t card = 0;
  std::uint64_t room_before = 0;
  for (std::size_t layer = 0; layer < n_layers_; ++layer) {
    const double place = (static_cast<double>(layer) + 0.5) / static_cast<double>(n_layers_) * static_cast<double>(all_room);
    while (card + 1 < rooms_.size() && place >= static_cast<double>(room_before + rooms_[card])) room_before += rooms_[card++];
    places_[layer].card = static_cast<int>(card);
  }
  for (std::size_t c = 0; c < rooms_.size(); ++c) {
    std::uint64_t used = card_bytes(c);
    for (std::size_t layer = 0; layer < n_layers_; ++layer)
      if (places_[layer].card == static_cast<int>(c)) used += dense_bytes(layer);
    if (used <= rooms_[c]) continue;
    fill([&](std::size_t layer) { return dense_bytes(layer); });
    return;
  }
}

// Experts into what is left of the cards, of each layer of a card as many, but no more than make it faster: a card that is slow beside the processor
// would hold up more than it takes off.
void Placing::fill_slots() {
  std::vector<std::int64_t> fitting(rooms_.size());  // experts of each of its layers
  for (std::size_t c = 0; c < rooms_.size(); ++c) {
    std::uint64_t used = card_bytes(c), experts = 0;
    for (std::size_t layer = 0; layer < n_layers_; ++layer) {
      if (places_[layer].card != static_cast<int>(c)) continue;
      used += dense_bytes(layer);
      experts += model_.layers[layer].expert_bytes;
    }
    const std::uint64_t of_each = experts / static_cast<std::uint64_t>(model_.n_experts);
    if (of_each > 0) fitting[c] = static_cast<std::int64_t>(std::min<std::uint64_t>(less(rooms_[c], used) / of_each, model_.n_experts));
  }
  const auto use = [&](std::int64_t most) {
    for (LayerPlace& place : places_) {
      if (place.card < 0) continue;
      const std::int64_t n = std::min(most, fitting[static_cast<std::size_t>(place.card)]);
      place.card_share = static_cast<double>(n) / static_cast<double>(model_.n_experts);
    }
  };
  std::int64_t best = 0;
  double best_speed = 0;
  for (std::int64_t most = 0; most <= std::ranges::max(fitting); ++most) {
    use(most);
    const double speed = plan().decode_tokens_per_second;
    if (speed > best_speed) best = most;
    best_speed = std::max(best_speed, speed);
  }
  use(best);
}

void Placing::choose(std::int64_t wanted) {
  const std::int64_t trained = std::max<std::int64_t>(model_.trained_context_length, 1);
  const auto whole = [&](std::int64_t context) {
    context_length_ = context;
    return !rooms_.empty() && fill([&](std::size_t layer) { return whole_bytes(layer); });
  };
  const auto experts_as_told = [&] {
    for (std::size_t layer = 0; layer < n_layers_; ++layer) {
      places_[layer].is_static = stays_with_cpu(layer);
      places_[layer].card_share = places_[layer].card >= 0 && !stays_with_cpu(layer) ? 1 : 0;
    }
  };
  const std::int64_t least = wanted > 0 ? wanted : std::min(trained, kUnaskedContext);
  if (whole(least)) {
    if (wanted <= 0) {
      std::int64_t fitting = least, beyond = trained + 1;
      while (fitting + 1 < beyond) {
        const std::int64_t middle = fitting + (beyond - fitting) / 2;
        (whole(middle) ? fitting : beyond) = middle;
      }
      whole(fitting);
    }
    experts_as_told();
    return;
  }
  context_length_ = least;
  if (rooms_.empty()) return;
  if (machine_.expert_layers_on_cpu && model_.n_experts > 0) {
    for (std::size_t layer = 0; layer < n_layers_; ++layer)
      if (places_[layer].card < 0) places_[layer].card = static_cast<int>(rooms_.size()) - 1;
    experts_as_told();
  } else if (model_.n_experts > 0) {
    spread_dense();
    fill_slots();
  }
}

MachinePlan Placing::plan() const {
  MachinePlan plan;
  plan.context_length = context_length_;
  plan.weight_bytes = model_.weight_bytes();
  for (std::size_t layer = 0; layer < n_layers_; ++layer) plan.state_bytes += state_bytes(layer);
  for (std::size_t c = 0; c < rooms_.size(); ++c) {
    const Machine::Card& card = machine_.cards[c];
    plan.rows.push_back({.device = card.device, .name = card.name, .free_bytes = rooms_[c], .total_bytes = card.total_bytes});
  }
  plan.rows.push_back({.device = "cpu", .name = "cpu", .free_bytes = ram_room_, .total_bytes = machine_.ram_bytes});
  MachinePlan::Row& cpu = plan.rows.back();
  const auto row_of = [&](int card) -> MachinePlan::Row& { return card < 0 ? cpu : plan.rows[static_cast<std::size_t>(card)]; };

  // What lies where. Experts that are on no card want to be in memory.
  std::uint64_t wanted_expert_bytes = 0;
  double missing_experts = 0, mixtures = 0;
  for (std::size_t layer = 0; layer < n_layers_; ++layer) {
    const ModelParts::Layer& part = model_.layers[layer];
    const LayerPlace& place = places_[layer];
    MachinePlan::Row& row = row_of(place.card);
    if (row.first_layer < 0) row.first_layer = static_cast<std::int64_t>(layer);
    row.last_layer = static_cast<std::int64_t>(layer);
    row.weight_bytes += dense_bytes(layer) - state_bytes(layer);
    row.state_bytes += state_bytes(layer);
    row.launches_per_token += place.card < 0 ? 0 : (is_mixture(layer) ? kMixtureLaunches : kDenseLaunches) + (part.has_latent ? kLatentLaunches : 0);
    if (!is_mixture(layer)) continue;
    const std::int64_t n_here = std::llround(place.card_share * static_cast<double>(model_.n_experts));
    const std::uint64_t here = part.expert_bytes / static_cast<std::uint64_t>(model_.n_experts) * static_cast<std::uint64_t>(n_here);
    row.expert_bytes += here;
    row.n_experts += n_here;
    wanted_expert_bytes += part.expert_bytes - here;
    missing_experts += (1 - place.card_share) * static_cast<double>(model_.n_experts);
    mixtures += 1;
  }
  plan.n_experts = static_cast<std::int64_t>(mixtures) * model_.n_experts;
  for (std::size_t c = 0; c < rooms_.size(); ++c) {
    MachinePlan::Row& row = plan.rows[c];
    if (row.first_layer < 0) continue;
    row.scratch_bytes = model_.scratch_bytes;
    if (c == 0) row.weight_bytes += model_.vision_bytes;
    row.weight_bytes += row.expert_bytes;
  }
  const bool uses_cpu = cpu.first_layer >= 0 || wanted_expert_bytes > 0;
  if (rooms_.empty()) cpu.weight_bytes += model_.vision_bytes;
  cpu.weight_bytes += model_.table_bytes;
  cpu.scratch_bytes = model_.vocabulary_bytes + (uses_cpu ? model_.scratch_bytes : 0);
  if (const int last = places_.empty() ? -1 : places_.back().card; last >= 0) row_of(last).launches_per_token += kOutputLaunches;

  const std::uint64_t cpu_bytes = cpu.weight_bytes + cpu.state_bytes + cpu.scratch_bytes;
  const std::uint64_t in_memory = std::min(wanted_expert_bytes, less(ram_room_, cpu_bytes));
  const double memory_share = wanted_expert_bytes == 0 ? 1 : static_cast<double>(in_memory) / static_cast<double>(wanted_expert_bytes);
  cpu.expert_bytes = in_memory;
  cpu.n_experts = std::llround(memory_share * missing_experts);
  cpu.weight_bytes += in_memory;
  for (const MachinePlan::Row& row : plan.rows) plan.scratch_bytes += row.scratch_bytes;

  plan.fits = true;
  for (const MachinePlan::Row& row : plan.rows) {
    const std::uint64_t needed = row.weight_bytes + row.state_bytes + row.scratch_bytes;
    if (needed <= row.free_bytes) continue;
    const auto [free, found] = gigabytes_apart(row.free_bytes, needed);
    plan.why_not += (plan.fits ? "" : "; ") + row.name + ": at most " + free + ", found " + found + " needed";
    plan.fits = false;
  }

  // What a token takes.
  double seconds = 0, card_hits = 0, hits = 0, n_passed = 0;

  int before = places_.empty() ? -1 : places_.front().card;
  for (std::size_t layer = 0; layer < n_layers_; ++layer) {
    const LayerPlace& place = places_[layer];
    MachinePlan::Row& row = row_of(place.card);
    const bool on_card = place.card >= 0;
    const double rate = on_card ? card_rate(static_cast<std::size_t>(place.card)) : ram_rate();
    const double dense = static_cast<double>(model_.layers[layer].dense_bytes + (layer + 1 == n_layers_ ? model_.head_bytes : 0)) +
                         static_cast<double>(model_.layers[layer].state_bytes_per_token) * static_cast<double>(kDepth);
    row.bytes_per_token += dense;
    seconds += dense / rate;
    if (place.card != before) n_passed += 1;
    before = place.card;
    if (!is_mixture(layer)) continue;

    const double chosen = chosen_bytes(layer);
    const double on_this_card = place.is_static ? place.card_share : hit_rate_of(place.card_share);
    const double share_there = place.card_share + (1 - place.card_share) * memory_share;
    const double there = place.is_static || memory_share >= 1 ? 1 : std::max(on_this_card, hit_rate_of(share_there));
    const double by_card = on_card ? on_this_card * chosen : 0, by_cpu = chosen - by_card;
    card_hits += on_card ? on_this_card : 0;
    hits += there;
    plan.disk_bytes_per_token += (1 - there) * chosen;
    if (on_card) row.bytes_per_token += by_card;
    cpu.bytes_per_token += by_cpu;
    // Both compute at once, but where the split is told: then one waits for the other.
    const double card_seconds = by_card / rate, cpu_seconds = by_cpu / ram_rate();
    seconds += !on_card || place.is_static ? card_seconds + cpu_seconds : std::max(card_seconds, cpu_seconds);
    if (on_card && by_cpu > 0) n_passed += 1;
  }
  for (const MachinePlan::Row& row : plan.rows) seconds += row.launches_per_token * kLaunchSeconds;
  seconds += n_passed * kHandOverSeconds + plan.disk_bytes_per_token / machine_.disk_bytes_per_second;
  plan.decode_tokens_per_second = 1 / std::max(seconds, 1e-9);
  plan.card_hit_rate = mixtures > 0 ? card_hits / mixtures : 0;
  plan.hit_rate = mixtures > 0 ? hits / mixtures : 1;
  predict(plan);
  return plan;
}

// Loading, and prompts: each device multiplies for its layers; experts that are not on the card are copied there for a whole chunk, or computed by
// the processor, whichever takes less; those that are not in memory are read from the disk.
void Placing::predict(MachinePlan& plan) const {
  const double work = model_.multiply_adds_per_token * static_cast<double>(kPromptTokens) / static_cast<double>(std::max<std::size_t>(n_layers_, 1));
  const double ram_work = kCpuWork * machine_.ram_bytes_per_second;
  double seconds = 0, upload_seconds = 0;
  for (std::size_t layer = 0; layer < n_layers_; ++layer) {
    const LayerPlace& place = places_[layer];
    if (place.card < 0) {
      seconds += work / ram_work;
      continue;
    }
    const Machine::Card& card = machine_.cards[static_cast<std::size_t>(place.card)];
    const double there =
        static_cast<double>(dense_bytes(layer) - state_bytes(layer)) + place.card_share * static_cast<double>(model_.layers[layer].expert_bytes);
    const double away = (1 - place.card_share) * static_cast<double>(model_.layers[layer].expert_bytes);
    const double copied = away / card.link_bytes_per_second, computed = away > 0 ? work * (1 - place.card_share) / ram_work : 0;
    seconds +=
        std::max(work / (kCardWork * card.bytes_per_second), there / card_rate(static_cast<std::size_t>(place.card))) + std::min(copied, computed);
    upload_seconds += there / card.link_bytes_per_second;
  }
  std::uint64_t in_memory = 0;
  for (const MachinePlan::Row& row : plan.rows) in_memory += row.weight_bytes;
  seconds += static_cast<double>(less(plan.weight_bytes, in_memory)) / machine_.disk_bytes_per_second;
  plan.prefill_tokens_per_second = static_cast<double>(kPromptTokens) / std::max(seconds, 1e-9);
  plan.load_seconds = static_cast<double>(std::min(in_memory, plan.weight_bytes)) / machine_.disk_bytes_per_second + upload_seconds;
}

}  // namespace

MachinePlan plan_on_machine(const ModelParts& model, const Machine& machine, const MachineRequest& request) {
  if (std::string why_not = refused_context(request.context_length); !why_not.empty()) {
    MachinePlan none;
    none.why_not = std::move(why_not);
    none.context_length = request.context_length;
    return none;
  }
  return Placing(model, machine, request).plan();
}

Result<MachinePlan> plan_on_machine(const LoadRequest& request, const Machine& machine) {
  std::unique_ptr<ModelFile> file;
  if (const std::size_t colon = request.published.rfind(':'); colon != std::string::npos) {
    ASSIGN_OR_RETURN(file, published_layout(request.published.substr(0, colon), request.published.substr(colon + 1)));
  } else {
    ASSIGN_OR_RETURN(file, open_for_loading(request));
  }
  ASSIGN_OR_RETURN(const ModelParts parts, model_parts(*file, request));
  return plan_on_machine(parts, machine,
                         {.context_length = request.context_length, .ram_bytes = request.ram_bytes, .vram_bytes = request.vram_bytes});
}

}  // namespace pio
