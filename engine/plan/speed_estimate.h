#pragma once

#include <cstdint>

#include "engine/plan/memory_estimate.h"
#include "engine/plan/probe.h"

// How fast a model will be. Pure: counts and measured speeds in, predictions out. Rough: other programs, the processor's heat and formats
// that are mixed within a file make it 20 to 30 % wrong either way; loading from a disk of unknown speed more.

namespace pio {

struct SpeedEstimate {
  double load_seconds = 0;
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  double staged_seconds = 0;  // to read LoadedBytes::staged
};

// Bytes of weights, by how they come to where they are read.
struct LoadedBytes {
  std::uint64_t copied = 0;                            // read, and laid out in memory
  std::uint64_t made = 0;                              // computed from others
  std::uint64_t streamed = 0;                          // laid out anew for every pass
  double staged = 0;                                   // experts that a step of a prompt brings to a card
  double experts_of_prompt = 0, experts_of_token = 0;  // read into slots by a step of either, while others are computed with
  double read_per_second = 0;                          // at which experts came from the disk in an earlier run; 0: not known
  bool are_experts_cached = false;                     // they are read through the system's memory
};

// `prompt`: a step of n_prompt tokens; `decode`: a step of one token.
// A prompt takes its multiplications, or, where it is short, the reading of its weights; a token the reading of weights and state. `resident_share`: of
// the file, what the system holds in memory.
SpeedEstimate estimate_speed(const OpCounts& prompt, std::int64_t n_prompt, const OpCounts& decode, const SpeedProbe& probe,
                             const LoadedBytes& loaded, double resident_share);

}  // namespace pio
