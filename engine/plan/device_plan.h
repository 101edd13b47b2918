#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/plan/load_plan.h"

// How a model lies over the devices that a request names.

namespace pio {

// The devices of a request in their order, and behind cards alone the processor, for what these do not run or have no room for.
struct ModelDevices {
  std::vector<std::unique_ptr<Backend>> backends;
  std::size_t n_named = 0;
};
std::vector<std::string> device_names(std::string_view text);  // "vulkan:0,cpu" → the two
// Such a text without these devices, by the names that they have themselves; "cpu" where none is left, or where nobody named one ("auto").
std::string devices_without(std::string_view text, std::span<const std::string> gone);
// The request on these devices instead, as they share a model by themselves.
LoadRequest request_on(LoadRequest request, const std::string& devices);
// Fails with bad_argument where names, --split and --split-mode do not go together, and as create_backend.
Result<ModelDevices> create_devices_for(const LoadRequest& request);

// Numbers of devices.
struct ModelPlacement {
  std::vector<std::size_t> layers, experts;  // [n_layers]
  std::size_t embeddings = 0, head = 0, vision = 0;
  // Of the first device: memory for some of the experts of its layers, in slots, beside those whom `experts` names, who have all of them.
  std::optional<std::uint64_t> slots_bytes = {};
  std::uint64_t staging_bytes = 0;  // and for those that prompts bring
};

// What a device has of a model, and what that takes.
struct PlannedPart {
  std::size_t device = 0;
  PartToLoad asked;
  PlannedLoad load;
};
// Layers that follow each other on one device, perhaps none.
struct PlannedStage {
  std::size_t part = 0;  // number among the parts
  std::int64_t first = 0, last = 0;
  bool has_embeddings = false, has_head = false;
};
struct PlannedModel {
  LoadPlan plan;                     // of all parts together
  std::vector<PlannedPart> parts;    // by rising device
  std::vector<PlannedStage> stages;  // in the order of a pass
  std::vector<std::size_t> experts;  // [n_layers] the part that has all of a layer's experts; empty where there is one part, and of slices
  bool has_card_slots = false;       // the first part has some of them, and computes these
  // Whether each part has a slice of every layer (--split-mode rows); then the stages are the parts, and compute at once.
  bool has_slices() const { return parts.size() > 1 && parts.front().asked.part.slice.has_value(); }
  std::uint64_t weight_bytes_per_token() const;
  std::uint64_t state_bytes_per_token() const;
};

// Where the first device has room for all of the model, it has it. A card in front of the processor has first the layers without their experts, with
// keys and values, then the output matrix, then the experts, then what embeds: as much of it as fits; the processor computes the rest. Where there is room
// for some of the experts, slots of the card hold some of every layer, and the processor has all; only where it has no room for them, not even in slots of
// its own, the card has those of whole layers. Otherwise each device has as many whole layers as fit, in order, and the last one the others. With --split every
// device has what it is given. What a card does not run lies on the processor, and the plan names it. Of SplitMode::rows each device that was named has a slice
// of every layer, the first one the tables and the vision half too; nothing lies elsewhere, so what a device does not run is a plan that does not fit. Fails as
// plan_load.
Result<PlannedModel> plan_model(const ModelFile& file, const LoadRequest& request, const ModelDevices& devices, std::uint64_t given_back_bytes = 0);

// What such a placement takes.
Result<PlannedModel> plan_placement(const ModelFile& file, const LoadRequest& request, const ModelDevices& devices, const ModelPlacement& placement);

// The predicted speeds of the plan from those of its parts: predict_speed has set these. They compute one after the other, but for slices on cards, and for
// experts that a card and the processor share.
void predict_speed(PlannedModel& planned);

}  // namespace pio
