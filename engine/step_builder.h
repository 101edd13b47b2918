#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/kv/sequence.h"
#include "engine/token_ids.h"
#include "models/model.h"

// The tokens of one step, collected on the host, and their mirror on a device.

namespace pio {

// Tokens of a prompt that a step reads at a time: enough for the weights to be read once for many tokens, few enough to show progress and
// to stop.
inline constexpr std::int64_t kStepTokens = 512;
// And where weights are read from the disk for every step: the fewer steps, the better. No step has more.
inline constexpr std::int64_t kMostStepTokens = 2048;

// What a step can hold at most; its device tensors have room for that.
struct StepCapacity {
  std::int64_t n_tokens = kStepTokens;
  std::int64_t n_sequences = 1;
  std::int64_t n_blocks = 0;  // of a sequence: the whole context
  std::int64_t n_position_axes = 1;
};

// Collects what a step processes. Capacity and extent differ: work follows the extent.
class StepBuilder {
 public:
  explicit StepBuilder(StepCapacity capacity);

  struct Piece {
    const Sequence& sequence;  // the cells of these tokens are reserved
    std::int64_t first = 0;    // their place in it
    TokenSpan ids;
    std::span<const int> output_rows;                // of `ids`, whose logits are wanted
    std::span<const std::int32_t> positions;         // [n_position_axes, ids.size()]
    std::span<const std::int32_t> protected_blocks;  // [sequence's blocks], not 0 where every selection keeps the block; empty: nowhere
  };
  void begin(KvSelection selection, StepNeeds needs);
  // Fails the program (CHECK) beyond the capacity, or where needs.ordered_cells meets a second piece.
  void add(const Piece& piece);
  // Fills up to n_tokens tokens that read and write nothing: their key goes to `spare_cell`, they attend to no token, no row of theirs is
  // wanted. For devices that replay recorded steps of certain sizes.
  void pad(std::int64_t n_tokens, std::int32_t spare_cell);
  const StepCapacity& capacity() const { return capacity_; }
  std::int64_t n_tokens() const { return static_cast<std::int64_t>(ids_.size()); }
  std::int64_t n_outputs() const { return static_cast<std::int64_t>(outputs_.size()); }

 private:
  friend class StepMirror;
  const StepCapacity capacity_;
  KvSelection selection_;
  StepNeeds needs_;
  std::int64_t n_sequences_ = 0, max_blocks_ = 0;
  std::vector<std::int32_t> ids_, cells_, kv_lengths_, sequences_, outputs_, output_lengths_, output_sequences_, kv_cells_, ordered_;
  std::vector<std::vector<std::int32_t>> positions_;                  // [axis]
  std::vector<std::vector<std::int32_t>> blocks_, protected_blocks_;  // [sequence]
  std::vector<std::int32_t> rows_;                                    // put together for one upload
  bool has_protected_ = false;
};

// A step's tensors on one backend. Their addresses stay for the life of the model.
class StepMirror {
 public:
  static Result<std::unique_ptr<StepMirror>> create(Backend& backend, StepCapacity capacity);
  static std::uint64_t bytes_needed(StepCapacity capacity);

  // Copies what `builder` has collected, at once but for ordered cells; the views have its extents, but block tables have their full ones on a backend that replays steps,
  // because a recording keeps the extents that it saw. The tensors hold until the next call.
  const Step& fill(StepBuilder& builder);

 private:
  StepMirror(Backend& backend, StepCapacity capacity, std::unique_ptr<Buffer> buffer);
  Backend& backend_;
  StepCapacity capacity_;
  std::unique_ptr<Buffer> buffer_;
  Step capacity_step_;  // each tensor in its full extent
  Step step_;
  std::vector<std::int32_t> values_;  // of the tensors before kv_cells, as they lie: they go over in one upload
};

}  // namespace pio
