#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/engine.h"
#include "engine/experts/slot_chances.h"
#include "engine/plan/memory_estimate.h"
#include "engine/plan/probe.h"

namespace pio {

// A plan and what it was made from.
struct PlannedLoad {
  LoadPlan plan;                             // without predicted speeds
  std::unique_ptr<ModelEstimate> estimate;   // refers to the file and the backend
  Residency residency;                       // which weights stay, and whether they are laid out as the device likes them best
  std::int64_t step_tokens = 0;              // of a prompt, that are read at a time
  std::uint64_t temporary_bytes = 0;         // of a pass, at most: ForwardContext::reserve
  std::uint64_t workspace_bytes = 0;         // of its ops, at most: Backend::workspace
  std::uint64_t weight_bytes_per_token = 0;  // read by a decoded token: of a mixture the chosen experts, of an untied table one row
  std::uint64_t shared_bytes_per_token = 0;  // of these, experts that another device computes some of: as predicted
  std::vector<SlotChances> shared_chances;   // PartToLoad
  double shared_seconds_per_token = 0;       // how long these take: predict_speed; and of a prompt,
  double shared_seconds_of_prompt = 0;       // a token; on a card: of those that it has to bring, which takes so long:
  double staged_seconds_of_prompt = 0;
  double read_bytes_per_second = 0;         // KeptRouting
  bool drops_cached = false;                // memory has no room for this and for the pages of the file that are cached: those that were read go
  std::uint64_t state_bytes_per_token = 0;  // of keys and values, and of the bounds of pages where attention selects by them
};

// What of a model a device is to have, and what else draws on its memory.
struct PartToLoad {
  ModelPart part;
  bool has_vision = true;
  bool has_vocabulary = true;     // the tokenizer's memory counts here
  bool may_stream = true;         // what memory does not hold may be brought for every pass, or into slots
  std::uint64_t taken_bytes = 0;  // by other parts
  // Mixtures whose experts a card has some of, in slots, and the processor all; empty: none. Of either part, as the other three.
  std::vector<bool> shared;                         // [n_layers]
  std::vector<SlotChances> shared_chances;          // [n_layers] what of the choices in these is in the card's slots: predicted; empty: none
  double shared_on_card = 0;                        // of these experts, those that lie on the card
  std::optional<std::uint64_t> shared_slots_bytes;  // the card's, of memory
  std::uint64_t staging_bytes = 0;                  // and what prompts bring others to
};

// What loading `file` as `request` asks would need; loading itself goes by it. Binds every tensor by name and shape, so it fails with
// the errors that loading would find in the header; a plan that does not fit, or that the device cannot run, is no failure.
// `given_back_bytes`: what a model that goes first will leave free.
Result<PlannedLoad> plan_load(const ModelFile& file, const LoadRequest& request, const Backend& backend, std::uint64_t given_back_bytes = 0,
                              const PartToLoad& part = {});

// The predicted speeds of the plan, from the machine's as they are known: for prompts of 512 tokens, and for a token behind 512 others.
void predict_speed(PlannedLoad& planned, const ModelFile& file, const LoadRequest& request, const SpeedProbe& probe);

// The format that holds most of the file's weights.
DType commonest_format(const ModelFile& file);

// What a person should know of a context of so many tokens: nothing up to the length that the model was trained for (0: unknown).
std::vector<ModelNote> context_notes(std::int64_t context_length, std::int64_t trained_context_length);
// And of the format of keys and values: q4_0 is for large models.
std::vector<ModelNote> kv_notes(const ModelSpec& spec, DType kv);

// Whether loading has to drop the cached pages of what it has read: the system counts them as free (`free_bytes`), and keeps them where they fit beside
// what is loaded.
bool needs_room_of_cache(std::uint64_t needed_bytes, std::uint64_t cached_bytes, std::uint64_t free_bytes);

// The error of loading what does not fit: out_of_memory{device, needed_bytes, free_bytes}, or not_available where the device does not run a part
// of the model. Nothing where it fits.
Result<void> require_fit(const ModelFile& file, const LoadPlan& plan);

}  // namespace pio
