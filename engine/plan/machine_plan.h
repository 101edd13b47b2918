#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/plan/machine.h"
#include "engine/plan/model_parts.h"

// A model over the cards, the memory and the disk of a described computer: what lies where, and how fast that would be. Pure: bytes and data
// sheets in, predictions out. Nothing was measured, so they are rough.
//
// Cards take whole layers, in order, while they fit. Where not all of a mixture does, what every token reads and the conversation come first,
// then experts into slots; experts that are missing there are computed by the processor, from memory, while the card computes the others
// (interfaces.md 6b), and what memory has no room for is read from the disk. Of other models the layers that no card has room for are computed by
// the processor. With Machine::expert_layers_on_cpu it is llama.cpp's split: no slots, and card and processor take turns.
//
// A decoded token takes the bytes that it reads over what each device reads (its rate times its share), kLaunchSeconds a launch, and
// kHandOverSeconds for each layer whose card waits for the processor.

namespace pio {

inline constexpr double kLaunchSeconds = 4e-6, kHandOverSeconds = 60e-6;

struct MachineRequest {
  std::int64_t context_length = 0;  // tokens; 0: as many as fit beside the whole model, else 4096
  std::uint64_t ram_bytes = 0;      // budgets; 0: memory but 4 GB, which others use; of each card what is free but 5 %, at least 300 MB
  std::uint64_t vram_bytes = 0;
};

struct MachinePlan {
  bool fits = false;
  std::string why_not;  // "<thing>: <expected>, <found>", when it does not
  std::int64_t context_length = 0;
  std::uint64_t weight_bytes = 0, state_bytes = 0, scratch_bytes = 0;
  struct Row {
    std::string device, name;                        // "vulkan", "RTX 3060"; "cpu" of the processor
    std::int64_t first_layer = -1, last_layer = -1;  // whose dense part is there, both included; -1: none
    std::uint64_t weight_bytes = 0;                  // with expert_bytes
    std::int64_t n_experts = 0;
    std::uint64_t expert_bytes = 0, state_bytes = 0, scratch_bytes = 0;
    std::uint64_t free_bytes = 0, total_bytes = 0;  // what there is room for, and in all
    double bytes_per_token = 0, launches_per_token = 0;
  };
  std::vector<Row> rows;  // the cards, then the processor
  std::int64_t n_experts = 0;
  double card_hit_rate = 0;         // how often a chosen expert is on a card
  double hit_rate = 1;              // on a card or in memory
  double disk_bytes_per_token = 0;  // mean
  double load_seconds = 0, prefill_tokens_per_second = 0, decode_tokens_per_second = 0;
};

// Speeds are of prompts of 512 tokens, and of a token behind 512 others.
MachinePlan plan_on_machine(const ModelParts& model, const Machine& machine, const MachineRequest& request);

// Of request.path, or request.published; budgets and context as there.
Result<MachinePlan> plan_on_machine(const LoadRequest& request, const Machine& machine);

}  // namespace pio
