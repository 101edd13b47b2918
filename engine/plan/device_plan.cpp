#include "engine/plan/device_plan.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "engine/kept_routing.h"
#include "engine/plan/machine_plan.h"
#include "engine/plan/placement.h"
#include "kernels/preferred_device.h"

namespace pio {
namespace {

// What a device does not run of a model.
struct Refused {
  std::vector<bool> layers, experts;  // [n_layers]
  bool embeddings = false, head = false, vision = false;
};

Refused refused_of(const LoadPlan& plan, std::int64_t n_layers) {
  Refused refused{.layers = std::vector<bool>(n_layers), .experts = std::vector<bool>(n_layers)};
  for (const LoadPlan::Fallback& fallback : plan.fallbacks) {
    if (fallback.part == "embeddings") refused.embeddings = true;
    if (fallback.part == "output") refused.head = true;
    if (fallback.part == "vision") refused.vision = true;
    const bool is_all = fallback.part == "weights";  // what is computed while loading is nobody's in particular
    if (is_all) refused.embeddings = refused.head = refused.vision = true;
    for (std::int64_t l = is_all ? 0 : fallback.first_layer; l <= (is_all ? n_layers - 1 : fallback.last_layer); ++l) {
      if (is_all || fallback.part == "layers") refused.layers[l] = true;
      if (is_all || fallback.part == "experts") refused.experts[l] = true;
    }
  }
  return refused;
}

ModelPart part_of(const ModelPlacement& placement, std::size_t device, const std::vector<bool>& shared) {
  std::vector<bool> layers, experts;
  for (const std::size_t of : placement.layers) layers.push_back(of == device);
  for (const std::size_t of : placement.experts) experts.push_back(of == device || (device == 0 && !shared.empty() && shared[experts.size()]));
  const bool is_whole =
      std::ranges::count(layers, false) == 0 && std::ranges::count(experts, false) == 0 && placement.embeddings == device && placement.head == device;
  if (is_whole) return {};
  return {.layers = LayerSet(std::move(layers)),
          .experts = LayerSet(std::move(experts)),
          .has_embeddings = placement.embeddings == device,
          .has_head = placement.head == device};
}

// Of a card's room for experts, what is for those that a prompt brings: enough that a round of them is worth its commands, little beside the slots.
constexpr std::uint64_t kStagingShare = 16, kMostStagingBytes = 256 << 20, kFewestStaged = 4;

// Looks for a placement, and plans its parts.
class DevicePlanner {
 public:
  DevicePlanner(const ModelFile& file, const LoadRequest& request, const ModelDevices& devices, std::uint64_t given_back_bytes)
      : file_(file), request_(request), devices_(devices), given_back_bytes_(given_back_bytes) {}

  Result<PlannedModel> run(const ModelPlacement* told = nullptr) {
    ASSIGN_OR_RETURN(PlannedLoad whole, plan_whole(0, size() == 1));
    const ModelSpec& spec = whole.estimate->spec();
    n_layers_ = spec.n_layers;
    for (std::int64_t l = 0; l < n_layers_; ++l) is_mixture_.push_back(whole.estimate->n_experts(l) > 0);
    if (told) {
      refused_.assign(size(), {.layers = std::vector<bool>(n_layers_), .experts = std::vector<bool>(n_layers_)});
      return planned(*told);
    }
    if (request_.split_mode == SplitMode::rows) {
      const auto is_latent = [](const KvLayout& layer) { return layer.v_head_dim == 0; };
      if (request_.attention.kind == KvSelection::Kind::pages && std::ranges::any_of(spec.kv_layers, is_latent))
        return make_error(ErrorCode::not_available,
                          "--split-mode rows: expected attention to all latents or a window of them, found pages, which all heads choose together");
      return slices();
    }
    RETURN_IF_ERROR(check_split());
    search_ = request_;
    if (search_.context_length <= 0) search_.context_length = std::min(spec.context_length, kUnaskedContext);
    const bool holds_all = whole.plan.fits && whole.plan.context_length >= search_.context_length;
    if (size() == 1 || (holds_all && request_.split.empty())) return whole_on(0, std::move(whole));

    refused_.resize(size());
    for (std::size_t i = 0; i < size(); ++i) {
      if (!is_card(i)) {
        refused_[i] = {.layers = std::vector<bool>(n_layers_), .experts = std::vector<bool>(n_layers_)};
        continue;
      }
      if (i > 0) {
        ASSIGN_OR_RETURN(whole, plan_whole(i, false));
      }
      refused_[i] = refused_of(whole.plan, n_layers_);
      fallbacks_.insert(fallbacks_.end(), whole.plan.fallbacks.begin(), whole.plan.fallbacks.end());
    }
    ModelPlacement placement;
    if (!request_.split.empty()) {
      ASSIGN_OR_RETURN(placement, as_told());
    } else if (size() == 2 && is_card(0) && !is_card(1)) {
      ASSIGN_OR_RETURN(placement, card_first());
      ASSIGN_OR_RETURN(const std::optional<ModelPlacement> slots, with_slots(placement));
      if (slots) {
        ASSIGN_OR_RETURN(PlannedModel shared, planned(*slots));
        if (shared.plan.fits) return shared;
      }
    } else {
      ASSIGN_OR_RETURN(placement, layers_in_order());
    }
    return planned(placement);
  }

 private:
  std::size_t size() const { return devices_.backends.size(); }
  const Backend& backend(std::size_t i) const { return *devices_.backends[i]; }
  bool is_card(std::size_t i) const { return pio::is_card(backend(i).device()); }
  // Where what others do not run lies: the last processor; the last device where there is none.
  std::size_t host() const {
    for (std::size_t i = size(); i-- > 0;)
      if (!is_card(i)) return i;
    return size() - 1;
  }
  bool share_memory(std::size_t i, std::size_t j) const {
    return backend(i).device().name == backend(j).device().name || (!is_card(i) && !is_card(j));
  }

  Result<PlannedLoad> plan_whole(std::size_t i, bool may_stream) const {
    PartToLoad whole;
    whole.has_vocabulary = !is_card(i);
    whole.may_stream = may_stream;
    return plan_load(file_, request_, backend(i), given_back_bytes_, whole);
  }

  static PlannedModel whole_on(std::size_t device, PlannedLoad load) {
    PlannedModel model;
    model.plan = load.plan;
    model.stages.push_back({.part = 0, .first = 0, .last = load.estimate->spec().n_layers, .has_embeddings = true, .has_head = true});
    model.parts.push_back({.device = device, .asked = {}, .load = std::move(load)});
    return model;
  }

  PartToLoad to_load(const ModelPlacement& placement, std::size_t i) const {
    PartToLoad asked;
    asked.shared = shared_of(placement);
    asked.part = part_of(placement, i, asked.shared);
    if (i == 0 && !asked.shared.empty()) asked.shared_slots_bytes = placement.slots_bytes, asked.staging_bytes = placement.staging_bytes;
    asked.has_vision = placement.vision == i;
    asked.has_vocabulary = i == host() && !is_card(i);
    asked.may_stream = false;
    return asked;
  }

  // Mixtures whose experts the first device shares.
  std::vector<bool> shared_of(const ModelPlacement& placement) const {
    std::vector<bool> shared;
    for (std::int64_t l = 0; placement.slots_bytes && l < n_layers_; ++l)
      shared.push_back(is_mixture_[l] && placement.layers[l] == 0 && placement.experts[l] != 0 && !refused_[0].experts[l]);
    return shared;
  }

  // Whether the device has room for what it would have, beside what those before it have of its memory.
  Result<bool> fits(const ModelPlacement& placement, std::size_t i) const {
    PartToLoad asked = to_load(placement, i);
    for (std::size_t j = 0; j < i; ++j) {
      if (!share_memory(i, j)) continue;
      ASSIGN_OR_RETURN(const PlannedLoad before, plan_load(file_, search_, backend(j), given_back_bytes_, to_load(placement, j)));
      asked.taken_bytes += before.plan.needed_bytes;
    }
    ASSIGN_OR_RETURN(const PlannedLoad load, plan_load(file_, search_, backend(i), given_back_bytes_, asked));
    return load.plan.fits;
  }

  // The largest n up to `most` for which fits(make(n), device) holds, which is so for all smaller ones; 0 where it is for none.
  template <class Make>
  Result<std::int64_t> most_that_fit(std::int64_t most, std::size_t device, const Make& make) const {
    std::int64_t fitting = 0;
    for (std::int64_t end = most; fitting < end;) {
      const std::int64_t n = (fitting + end + 1) / 2;
      ASSIGN_OR_RETURN(const bool is_fitting, fits(make(n), device));
      if (is_fitting) fitting = n;
      else end = n - 1;
    }
    return fitting;
  }

  ModelPlacement all_on(std::size_t device) const {
    return {.layers = std::vector<std::size_t>(n_layers_, device),
            .experts = std::vector<std::size_t>(n_layers_, device),
            .embeddings = device,
            .head = device,
            .vision = device};
  }

  Result<void> check_split() const {
    const std::int64_t sum = std::accumulate(request_.split.begin(), request_.split.end(), std::int64_t{0});
    if (!request_.split.empty() && sum != n_layers_)
      return make_error(ErrorCode::bad_argument,
                        "--split: expected the " + std::to_string(n_layers_) + " layers of the model in all, found " + std::to_string(sum));
    return {};
  }

  Result<ModelPlacement> as_told() {
    ModelPlacement placement = all_on(host());
    std::int64_t l = 0;
    for (std::size_t i = 0; i < request_.split.size(); ++i) {
      for (const std::int64_t end = l + request_.split[i]; l < end; ++l) {
        if (!refused_[i].layers[l]) placement.layers[l] = i;
        if (!refused_[i].layers[l] && !refused_[i].experts[l]) placement.experts[l] = i;
      }
    }
    end_of(placement);
    return placement;
  }

  // What is before the first layer and behind the last one lies with these.
  void end_of(ModelPlacement& placement) const {
    const std::size_t first = placement.layers.front(), last = placement.layers.back();
    placement.embeddings = refused_[first].embeddings ? host() : first;
    placement.vision = refused_[first].vision ? host() : placement.embeddings;
    placement.head = refused_[last].head ? host() : last;
  }

  Result<ModelPlacement> card_first() {
    const Refused& refused = refused_[0];
    std::vector<std::function<void(ModelPlacement&)>> units;
    const auto each_layer = [&](const auto& add) {
      for (std::int64_t l = 0; l < n_layers_; ++l)
        if (!refused.layers[l]) add(l);
    };
    each_layer([&](std::int64_t l) {
      units.push_back([l, is_dense = !is_mixture_[l]](ModelPlacement& p) {
        p.layers[l] = 0;
        if (is_dense) p.experts[l] = 0;
      });
    });
    if (!refused.head) units.push_back([](ModelPlacement& p) { p.head = 0; });
    each_layer([&](std::int64_t l) {
      if (is_mixture_[l] && !refused.experts[l]) units.push_back([l](ModelPlacement& p) { p.experts[l] = 0; });
    });
    if (!refused.embeddings)
      units.push_back([has_vision = !refused.vision](ModelPlacement& p) {
        p.embeddings = 0;
        if (has_vision) p.vision = 0;
      });
    const auto made = [&](std::int64_t n) {
      ModelPlacement placement = all_on(1);
      for (std::int64_t unit = 0; unit < n; ++unit) units[static_cast<std::size_t>(unit)](placement);
      return placement;
    };
    ASSIGN_OR_RETURN(const std::int64_t n, most_that_fit(std::ssize(units), 0, made));
    return made(n);
  }

  // Where the card has all layers, and room for experts but not for all of them: as many slots as that room holds.
  Result<std::optional<ModelPlacement>> with_slots(const ModelPlacement& placement) {
    const auto away = [&](std::size_t l) { return is_mixture_[l] && placement.experts[l] != 0 && !refused_[0].experts[l]; };
    bool has_away = false;
    for (std::size_t l = 0; l < placement.layers.size(); ++l) {
      if (placement.layers[l] != 0 && !refused_[0].layers[l]) return std::optional<ModelPlacement>();
      has_away |= placement.layers[l] == 0 && away(l);
    }
    if (!has_away || (placement.head != 0 && !refused_[0].head)) return std::optional<ModelPlacement>();
    ModelPlacement slots = placement;
    for (std::size_t l = 0; l < slots.experts.size(); ++l)
      if (is_mixture_[l]) slots.experts[l] = 1;
    slots.slots_bytes = 0;
    ASSIGN_OR_RETURN(const PlannedLoad none, plan_load(file_, search_, backend(0), given_back_bytes_, to_load(slots, 0)));
    if (!none.plan.fits) return std::optional<ModelPlacement>();
    slots.slots_bytes = none.plan.devices.front().free_bytes - none.plan.needed_bytes;
    // A part of it for the experts that prompts bring, where that holds some of them.
    std::uint64_t largest = 0;
    for (const ExpertKind& kind : none.estimate->expert_kinds()) largest = std::max(largest, kind.slot_bytes);
    const std::uint64_t staging = std::min({*slots.slots_bytes / kStagingShare, kMostStagingBytes, backend(0).most_bytes_at_once()});
    if (staging >= kFewestStaged * largest) {
      slots.staging_bytes = staging / 64 * 64;
      *slots.slots_bytes -= slots.staging_bytes;
    }
    const auto has_room = [&](const ExpertKind& kind) { return kind.slot_bytes <= *slots.slots_bytes; };
    if (std::ranges::none_of(none.estimate->expert_kinds(), has_room)) return std::optional<ModelPlacement>();
    return std::optional(slots);
  }

  Result<ModelPlacement> layers_in_order() {
    ModelPlacement placement = all_on(size() - 1);
    std::int64_t at = 0;
    for (std::size_t i = 0; i + 1 < size() && at < n_layers_; ++i) {
      const auto made = [&](std::int64_t n) {
        ModelPlacement with = placement;
        for (std::int64_t l = at; l < at + n; ++l) {
          with.layers[l] = refused_[i].layers[l] ? host() : i;
          with.experts[l] = refused_[i].layers[l] || refused_[i].experts[l] ? host() : i;
        }
        end_of(with);
        return with;
      };
      ASSIGN_OR_RETURN(const std::int64_t n, most_that_fit(n_layers_ - at, i, made));
      placement = made(n);
      at += n;
    }
    end_of(placement);
    return placement;
  }

  // Parts on their devices, beside each other where these share memory.
  struct AskedPart {
    std::size_t device = 0;
    PartToLoad part;
  };
  // Where no context is asked for: of context_length, or where that is 0 too, of the longest that all have room for.
  Result<std::vector<PlannedPart>> planned_parts(std::span<const AskedPart> all, std::int64_t context_length_unasked = 0) const {
    LoadRequest request = request_;
    if (request.context_length <= 0) request.context_length = context_length_unasked;
    std::vector<PlannedPart> parts;
    for (int pass = 0; pass < 2; ++pass) {
      parts.clear();
      std::int64_t context_length = 0;
      for (const AskedPart& one : all) {
        PartToLoad asked = one.part;
        for (const PlannedPart& before : parts)
          if (share_memory(one.device, before.device)) asked.taken_bytes += before.load.plan.needed_bytes;
        ASSIGN_OR_RETURN(PlannedLoad load, plan_load(file_, request, backend(one.device), given_back_bytes_, asked));
        context_length = parts.empty() ? load.plan.context_length : std::min(context_length, load.plan.context_length);
        parts.push_back({.device = one.device, .asked = asked, .load = std::move(load)});
      }
      if (request.context_length > 0) break;
      request.context_length = context_length;  // the least that fits is what all get
    }
    return parts;
  }

  // ---- a slice of every layer on each device ----

  Result<PlannedModel> slices() {
    std::vector<std::int64_t> shares = request_.split;
    if (shares.empty()) shares.assign(devices_.n_named, 1);
    ASSIGN_OR_RETURN(PlannedModel model, sliced(shares));
    if (model.plan.fits || !request_.split.empty()) return model;
    // What has no room in even parts may have in others.
    constexpr std::uint64_t kMegabyte = 1 << 20;
    for (std::size_t i = 0; i < shares.size(); ++i)
      shares[i] = static_cast<std::int64_t>(std::max(model.plan.devices[i].free_bytes / kMegabyte, std::uint64_t{1}));
    ASSIGN_OR_RETURN(PlannedModel uneven, sliced(shares));
    return uneven.plan.fits ? std::move(uneven) : std::move(model);
  }

  Result<PlannedModel> sliced(const std::vector<std::int64_t>& shares) {
    SliceShare share;
    std::vector<std::size_t> having;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (shares[i] == 0) continue;
      share.shares.push_back(shares[i]);
      having.push_back(i);
    }
    if (having.size() == 1) {
      ASSIGN_OR_RETURN(PlannedLoad whole, plan_whole(having.front(), false));
      return whole_on(having.front(), std::move(whole));
    }
    std::vector<AskedPart> asked;
    for (share.index = 0; share.index < having.size(); ++share.index) {
      const std::size_t device = having[share.index];
      const bool is_first = share.index == 0;
      PartToLoad part;
      part.part = {.layers = {}, .experts = {}, .has_embeddings = is_first, .has_head = is_first, .slice = share};
      part.has_vision = is_first;
      part.has_vocabulary = device == host() && !is_card(device);
      part.may_stream = false;
      asked.push_back({device, std::move(part)});
    }
    PlannedModel model;
    ASSIGN_OR_RETURN(model.parts, planned_parts(asked));
    for (std::size_t i = 0; i < model.parts.size(); ++i)
      model.stages.push_back({.part = i, .first = 0, .last = n_layers_, .has_embeddings = i == 0, .has_head = i == 0});
    add_plan(model);
    for (const PlannedPart& part : model.parts)
      for (const LayerSlice::Uncut& uncut : part.load.estimate->slice()->uncut) {
        const LoadPlan::Fallback found{.part = uncut.part, .first_layer = 0, .last_layer = n_layers_ - 1, .op = "split", .reason = uncut.reason};
        if (std::ranges::find(model.plan.fallbacks, found) == model.plan.fallbacks.end()) model.plan.fallbacks.push_back(found);
      }
    return model;
  }

  // ---- whole layers ----

  Result<PlannedModel> planned(const ModelPlacement& placement) {
    PlannedModel model;
    model.has_card_slots = placement.slots_bytes.has_value();
    std::vector<AskedPart> asked;
    SlotsOnCard on_card;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!is_used(placement, i)) continue;
      PartToLoad part = to_load(placement, i);
      part.may_stream = i == host();
      if (model.has_card_slots && i == 0) {
        ASSIGN_OR_RETURN(on_card, slots_on_card(part));
      }
      if (model.has_card_slots) {
        part.shared_on_card = on_card.share;
        part.shared_chances = on_card.chances;
      }
      asked.push_back({i, std::move(part)});
    }
    // Experts have the room of a longer context than the one that is aimed at.
    ASSIGN_OR_RETURN(model.parts, planned_parts(asked, model.has_card_slots ? search_.context_length : 0));
    if (model.parts.size() == 1) {
      PlannedModel one = whole_on(model.parts.front().device, std::move(model.parts.front().load));
      one.plan.fallbacks.insert(one.plan.fallbacks.end(), fallbacks_.begin(), fallbacks_.end());
      add_note(one);
      return one;
    }
    add_stages(model, placement);
    add_plan(model);
    add_note(model);
    return model;
  }

  // Of the experts of layers that share them, those on the card, and what of a token's choices will be there: as an earlier run's routing lets expect.
  struct SlotsOnCard {
    double share = 0;
    std::vector<SlotChances> chances;  // [n_layers]
  };
  Result<SlotsOnCard> slots_on_card(const PartToLoad& card) const {
    ASSIGN_OR_RETURN(const PlannedLoad load, plan_load(file_, request_, backend(0), given_back_bytes_, card));
    const std::span<const ExpertKind> kinds = load.estimate->expert_kinds();
    const std::optional<KeptRouting> kept = read_routing(routing_place(request_.cache_folder, file_), empty_profiles(kinds));
    SlotsOnCard on_card{.chances = std::vector<SlotChances>(static_cast<std::size_t>(n_layers_))};
    double n_slots = 0, n_all = 0;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      const ExpertKind& kind = kinds[i];
      n_slots += static_cast<double>(kind.n_slots);
      n_all += static_cast<double>(kind.n_in_all());
      const std::vector<SlotChances> of_kind = slot_chances(kept ? &kept->profiles[i] : nullptr, std::ssize(kind.layers), kind.n_experts,
                                                            kind.n_slots, load.estimate->n_used_experts(kind.layers.front()));
      for (std::size_t l = 0; l < of_kind.size(); ++l) on_card.chances[static_cast<std::size_t>(kind.layers[l])] = of_kind[l];
    }
    on_card.share = n_all > 0 ? n_slots / n_all : 0;
    return on_card;
  }

  static bool is_used(const ModelPlacement& placement, std::size_t i) {
    return std::ranges::count(placement.layers, i) > 0 || std::ranges::count(placement.experts, i) > 0 || placement.embeddings == i ||
           placement.head == i || placement.vision == i;
  }

  void add_stages(PlannedModel& model, const ModelPlacement& placement) const {
    const auto part_on = [&](std::size_t device) {
      return static_cast<std::size_t>(std::ranges::find(model.parts, device, &PlannedPart::device) - model.parts.begin());
    };
    model.stages.push_back({.part = part_on(placement.embeddings), .has_embeddings = true});
    for (std::int64_t l = 0; l < n_layers_; ++l) {
      const std::size_t part = part_on(placement.layers[l]);
      if (part != model.stages.back().part) model.stages.push_back({.part = part, .first = l, .last = l});
      model.stages.back().last = l + 1;
      model.experts.push_back(part_on(placement.experts[l]));
    }
    const std::size_t part = part_on(placement.head);
    if (part != model.stages.back().part) model.stages.push_back({.part = part, .first = n_layers_, .last = n_layers_});
    model.stages.back().has_head = true;
  }

  void add_plan(PlannedModel& model) const {
    LoadPlan& all = model.plan;
    all = {};
    all.fits = true;
    all.fallbacks = fallbacks_;
    const LoadPlan& first = model.parts.front().load.plan;
    all.context_length = first.context_length;
    all.layout = {.form = first.layout.form, .isa = first.layout.isa, .lanes = first.layout.lanes};
    for (const PlannedPart& part : model.parts) {
      const LoadPlan& plan = part.load.plan;
      all.fits = all.fits && plan.fits;
      if (!plan.fits) {
        all.why_not += (all.why_not.empty() ? "" : "; ") + backend(part.device).device().name + ": " + plan.why_not;
        all.fallbacks.insert(all.fallbacks.end(), plan.fallbacks.begin(), plan.fallbacks.end());
      }
      all.needed_bytes += plan.needed_bytes;
      all.weight_bytes += plan.weight_bytes;
      all.state_bytes += plan.state_bytes;
      all.scratch_bytes += plan.scratch_bytes;
      all.dense_bytes += plan.dense_bytes;
      all.expert_bytes += plan.expert_bytes;
      all.n_slots += plan.n_slots;
      all.n_experts += plan.n_experts;
      all.hit_rate = std::min(all.hit_rate, plan.hit_rate);
      if (model.has_card_slots && part.device == 0) all.card_hit_rate = mean_share(part.asked);
      all.disk_bytes_per_token += plan.disk_bytes_per_token;
      add_layout(all.layout, plan.layout);
      all.devices.insert(all.devices.end(), plan.devices.begin(), plan.devices.end());
      for (const ModelNote& note : plan.notes)
        if (std::ranges::find(all.notes, note) == all.notes.end()) all.notes.push_back(note);
    }
  }

  // Of the choices in the layers that share their experts, those whose expert is on the card.
  static double mean_share(const PartToLoad& card) {
    double sum = 0;
    for (std::size_t l = 0; l < card.shared.size(); ++l)
      if (card.shared[l]) sum += card.shared_chances[l].share;
    return sum / static_cast<double>(std::max<std::ptrdiff_t>(std::ranges::count(card.shared, true), 1));
  }

  // A card that was asked for alone, and does not have all of it.
  void add_note(PlannedModel& model) const {
    const bool is_asked = model.parts.size() == 1 && model.parts.front().device < devices_.n_named;
    if (!request_.split.empty() || is_asked || devices_.n_named == size()) return;
    PartOnCards note{.cards = {}, .n_layers = n_layers_, .expert_bytes = model.plan.expert_bytes};
    for (const PlannedPart& part : model.parts) {
      const LoadPlan::Device& device = part.load.plan.devices.front();
      if (!device.is_card) continue;
      note.cards.push_back({.device = device.name, .n_layers = device.n_layers, .expert_bytes = device.expert_bytes});
    }
    if (note.cards.empty()) model.plan.notes.push_back(NothingOnCard{backend(0).device().name});
    else model.plan.notes.push_back(std::move(note));
  }

  const ModelFile& file_;
  const LoadRequest& request_;
  const ModelDevices& devices_;
  const std::uint64_t given_back_bytes_;
  LoadRequest search_;
  std::int64_t n_layers_ = 0;
  std::vector<bool> is_mixture_;  // [n_layers]
  std::vector<Refused> refused_;  // of each device
  std::vector<LoadPlan::Fallback> fallbacks_;
};

}  // namespace

std::vector<std::string> device_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    names.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::string devices_without(std::string_view text, std::span<const std::string> gone) {
  std::string left;
  for (const std::string& name : device_names(text)) {
    // the first of a kind has the kind's name
    const std::string own = name.ends_with(":0") ? name.substr(0, name.size() - 2) : name;
    if (name == "auto" || std::ranges::find(gone, own) != gone.end()) continue;
    left += (left.empty() ? "" : ",") + name;
  }
  return left.empty() ? "cpu" : left;
}

LoadRequest request_on(LoadRequest request, const std::string& devices) {
  request.device = devices;
  request.split.clear();
  if (device_names(devices).size() == 1) request.split_mode = SplitMode::layers;
  return request;
}

Result<ModelDevices> create_devices_for(const LoadRequest& request) {
  const std::vector<std::string> names = device_names(request.device);
  const bool in_rows = request.split_mode == SplitMode::rows;
  if (in_rows && names.size() == 1)
    return make_error(ErrorCode::bad_argument, "--split-mode rows: expected several devices, found " + request.device);
  if (!request.split.empty() && request.split.size() != names.size())
    return make_error(ErrorCode::bad_argument, "--split: expected a number for each of " + std::to_string(names.size()) +
                                                   (names.size() == 1 ? " device, found " : " devices, found ") +
                                                   std::to_string(request.split.size()));
  for (const std::int64_t n : request.split)
    if (n < 0)
      return make_error(ErrorCode::bad_argument, std::string("--split: expected ") + (in_rows ? "shares of every layer" : "numbers of layers") +
                                                     ", found " + std::to_string(n));
  if (in_rows && !request.split.empty() && std::ranges::count(request.split, 0) == std::ssize(request.split))
    return make_error(ErrorCode::bad_argument, "--split: expected a share above 0, found none");
  ModelDevices devices;
  const auto open = [&](const std::string& name) -> Result<void> {
    Result<std::unique_ptr<Backend>> backend =
        create_backend(name, {.n_threads = request.n_threads, .activations = request.activations, .huge_pages = request.huge_pages, .isa = {}});
    if (!backend) {
      Error error = backend.error();
      if (error.device.empty()) error.device = name;
      return error;
    }
    devices.backends.push_back(std::move(*backend));
    return {};
  };
  for (const std::string& name : names) {
    if (name == "auto" && names.size() > 1)
      return make_error(ErrorCode::bad_argument, "--device: expected names of devices, found auto among several");
    // A card that nobody named and that cannot be opened is no reason to compute nothing.
    if (name == "auto" && open(preferred_device(list_devices()))) continue;
    RETURN_IF_ERROR(open(name == "auto" ? "cpu" : name));
  }
  devices.n_named = devices.backends.size();
  const bool has_host = std::ranges::any_of(devices.backends, [](const auto& backend) { return !is_card(backend->device()); });
  if (!has_host) RETURN_IF_ERROR(open("cpu"));
  return devices;
}

Result<PlannedModel> plan_model(const ModelFile& file, const LoadRequest& request, const ModelDevices& devices, std::uint64_t given_back_bytes) {
  return DevicePlanner(file, request, devices, given_back_bytes).run();
}

Result<PlannedModel> plan_placement(const ModelFile& file, const LoadRequest& request, const ModelDevices& devices, const ModelPlacement& placement) {
  return DevicePlanner(file, request, devices, 0).run(&placement);
}

std::uint64_t PlannedModel::weight_bytes_per_token() const {
  std::uint64_t n_bytes = 0;
  for (const PlannedPart& part : parts) n_bytes += part.load.weight_bytes_per_token;
  return n_bytes;
}

std::uint64_t PlannedModel::state_bytes_per_token() const {
  std::uint64_t n_bytes = 0;
  for (const PlannedPart& part : parts) n_bytes += part.load.state_bytes_per_token;
  return n_bytes;
}

void predict_speed(PlannedModel& planned) {
  double prefill = 0, decode = 0, shared = planned.has_card_slots ? 1e9 : 0;
  double slowest_prefill = 0, slowest_decode = 0;  // of slices on cards
  planned.plan.load_seconds = 0;
  for (const PlannedPart& part : planned.parts) {
    const LoadPlan& plan = part.load.plan;
    planned.plan.load_seconds += plan.load_seconds;
    const double prefill_here = 1 / std::max(plan.prefill_tokens_per_second, 1e-9), decode_here = 1 / std::max(plan.decode_tokens_per_second, 1e-9);
    if (planned.has_slices() && plan.devices.front().is_card) {
      slowest_prefill = std::max(slowest_prefill, prefill_here);
      slowest_decode = std::max(slowest_decode, decode_here);
    } else {
      prefill += prefill_here;
      decode += decode_here;
    }
    shared = std::min(shared, part.load.shared_seconds_per_token);
  }
  if (planned.has_card_slots) {
    // The card and the processor compute them at once, and wait for each other in every layer.
    const std::vector<bool>& layers = planned.parts.front().asked.shared;
    decode += static_cast<double>(std::ranges::count(layers, true)) * kHandOverSeconds - shared;
    // A prompt brings what is not on the card where the processor would take longer for it.
    double by_host = 0;
    for (std::size_t i = 1; i < planned.parts.size(); ++i) by_host += planned.parts[i].load.shared_seconds_of_prompt;
    if (planned.parts.front().asked.staging_bytes > 0) prefill += std::min(planned.parts.front().load.staged_seconds_of_prompt - by_host, 0.0);
  }
  prefill = std::max(prefill, slowest_prefill);
  decode = std::max(decode, slowest_decode);
  planned.plan.prefill_tokens_per_second = 1 / prefill;
  planned.plan.decode_tokens_per_second = 1 / decode;
}

}  // namespace pio
