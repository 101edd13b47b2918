#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/kv/snapshot.h"

namespace pio {

// What went from memory because it got short, before the system would swap.
struct GivenBack {
  std::int64_t n_slots = 0;          // of experts, which are read from the disk more often then
  std::uint64_t slot_bytes = 0;      // of these
  std::int64_t n_models = 0;         // that waited beside the one in use
  std::uint64_t snapshot_bytes = 0;  // of conversations kept in memory
  bool is_anything() const { return n_slots > 0 || n_models > 0 || snapshot_bytes > 0; }
  GivenBack operator-(const GivenBack& before) const {
    return {n_slots - before.n_slots, slot_bytes - before.slot_bytes, n_models - before.n_models, snapshot_bytes - before.snapshot_bytes};
  }
  bool operator==(const GivenBack&) const = default;
};

// What a device did.
struct DeviceStats {
  std::string name;
  std::uint64_t weight_bytes = 0;  // that lie there
  double bytes = 0;                // read there, of weights and state
  double launches = 0;             // Backend::n_launches
  // Of a card that has some of the experts in slots: so many; and of what tokens chose, what lay there, and all.
  std::int64_t n_experts = 0;
  double expert_hits = 0, expert_choices = 0;
};

// What steps had the devices do, and took of the host: to hand work out or to do it, and to wait for devices.
struct DeviceWork {
  std::vector<DeviceStats> devices;
  double host_seconds = 0, sync_seconds = 0;
};

// What one turn measured.
struct GenerationStats {
  std::int64_t prompt_tokens = 0;                   // all of the prompt
  std::int64_t reused_tokens = 0;                   // of them, found in the cache
  std::int64_t shared_tokens = 0;                   // of those, in blocks that another conversation has too
  std::int64_t read_tokens = 0;                     // of the prompt, that went through the model
  SnapshotTier restored_from = SnapshotTier::none;  // where reused tokens came from that were not in the cache; of two places the slower one
  std::uint64_t restored_bytes = 0;
  double restore_seconds = 0;
  std::int64_t generated_tokens = 0;
  double prefill_seconds = 0;
  double first_token_seconds = 0;  // from the call to the first token
  double decode_seconds = 0;
  double tokens_per_second = 0;         // of decoding: generated tokens after the first by decode_seconds
  std::int64_t context_used = 0;        // tokens in the cache when it ended
  std::int64_t context_length = 0;      // and how many fit
  DeviceWork decode_work;               // of decoding steps; of shared ones the part of one
  std::uint64_t weight_bytes_read = 0;  // from memory, by decoding; a step of a mixture with drafts counts as one without, and of a shared
                                        // step the part of one
  // Of a mixture whose experts have slots, of all steps while it ran: how often a chosen expert lay in memory, how often it was read, and what.
  std::int64_t expert_hits = 0, expert_misses = 0;
  std::uint64_t disk_bytes_read = 0;
  double disk_seconds = 0;                               // while reads were under way,
  double disk_waiting_seconds = 0;                       // and while nothing else was left to do
  std::vector<double> layer_hit_rates;                   // of each layer that has experts, in their order; 1 where none were chosen
  double more_hit_rate = 0, more_tokens_per_second = 0;  // with a gigabyte (2^30) of slots more; 0 where it was not counted
  std::int64_t drafted_tokens = 0;                       // that were guessed and tried
  std::int64_t accepted_tokens = 0;                      // of them, those that were right
  // Of a card with experts in slots, while it ran: those that prompts brought beside them, for one step each, and their bytes in the file.
  std::int64_t staged_experts = 0;
  std::uint64_t staged_bytes = 0;
  GivenBack given_back;                   // while it ran
  std::int64_t steps_waited_longest = 0;  // in a row that others went on by and it did not
};

}  // namespace pio
