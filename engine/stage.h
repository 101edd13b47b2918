#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/kv/kv_memory.h"
#include "engine/slice_exchange.h"
#include "engine/step_builder.h"
#include "models/model.h"

// A model's layers, spread over devices in their order; or a slice of every layer on each.

namespace pio {

// Layers first … last - 1 on one backend, perhaps none, with what they compute in: temporaries, keys and values, the step.
struct Stage {
  Backend* backend = nullptr;    // outlives the stage, as the model does
  const Model* model = nullptr;  // the part of it that lies there
  std::int64_t first = 0, last = 0;
  bool has_embeddings = false, has_head = false;  // the pass begins here, or ends here
  std::shared_ptr<ForwardContext> context;        // stages of one backend may have one
  std::unique_ptr<KvMemory> kv;
  std::unique_ptr<StepMirror> step;
  std::shared_ptr<SliceExchange> exchange;  // one of all stages where each has a slice of every layer; else null
};

// x of one backend as a temporary of another's context; x itself where both are one.
Tensor copy_between(Backend& from, Tensor x, ForwardContext& to);

// What a block of the cache takes in all layers, and its bytes out of the stages' memories and into them: in the order of KvMemory::block.
std::size_t block_bytes(std::span<const Stage> stages);
void download_block(std::span<const Stage> stages, std::int32_t block, std::byte* out);
void upload_block(std::span<const Stage> stages, std::int32_t block, const std::byte* in);

// While it lives, the stages' ops end early once `stop` is requested.
class StopScope {
 public:
  StopScope(std::span<const Stage> stages, const std::stop_token& stop) : stages_(stages) { set(stop); }
  ~StopScope() { set({}); }
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  void set(const std::stop_token& stop) {
    for (const Stage& stage : stages_) stage.backend->set_stop(stop);
  }
  std::span<const Stage> stages_;
};

// How many rows a step of n_tokens gets where a stage's backend wants certain sizes; n_tokens where none does, or where it has no such size.
std::int64_t padded_size(std::span<const Stage> stages, std::int64_t n_tokens);

// What steps took of the host's time: to hand out work, or to do it, and to wait for devices.
struct StepSeconds {
  double host = 0, sync = 0;
};

// One step through all stages: one after the other, by replay where a backend has recorded such a step; of slices all at once. The logits [n_outputs, vocab_size] of the wanted rows go
// behind those that `logits` holds. `given` lies on the first stage's backend. To `seconds` is added what it took. Fails with a device's error,
// an expert's, or cancelled.
Result<void> run_step(std::span<const Stage> stages, StepBuilder& builder, const GivenEmbeddings* given, const std::stop_token& stop,
                      std::vector<float>& logits, StepSeconds* seconds = nullptr);

}  // namespace pio
