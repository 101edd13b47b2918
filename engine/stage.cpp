#include "engine/stage.h"

#include <algorithm>
#include <cstddef>
#include <list>

namespace pio {

Tensor copy_between(Backend& from, Tensor x, ForwardContext& to) {
  if (&from == &to.backend()) return x;
  std::vector<std::byte> bytes(x.n_bytes());
  from.download(bytes.data(), x);
  Tensor y = to.temp(x.dtype, x.shape);
  to.backend().upload(y, bytes.data());
  return y;
}

std::size_t block_bytes(std::span<const Stage> stages) {
  std::size_t n_bytes = 0;
  for (const Stage& stage : stages)
    for (const Tensor& part : stage.kv->block(0)) n_bytes += part.n_bytes();
  return n_bytes;
}

void download_block(std::span<const Stage> stages, std::int32_t block, std::byte* out) {
  for (const Stage& stage : stages) {
    for (const Tensor& part : stage.kv->block(block)) {
      stage.backend->download(out, part);
      out += part.n_bytes();
    }
  }
}

void upload_block(std::span<const Stage> stages, std::int32_t block, const std::byte* in) {
  for (const Stage& stage : stages) {
    for (const Tensor& part : stage.kv->block(block)) {
      stage.backend->upload(part, in);
      in += part.n_bytes();
    }
  }
}

std::int64_t padded_size(std::span<const Stage> stages, std::int64_t n_tokens) {
  for (const Stage& stage : stages) {
    for (const std::int64_t size : stage.backend->step_sizes()) {
      if (size >= n_tokens) return std::min(size, kStepTokens);
    }
  }
  return n_tokens;
}

namespace {

// Whether the next step of as many rows does the same to the same tensors. A choice among the cached tokens, ordered cells, pictures, experts
// that are not the model's own, weights that are away, and whoever is told of the pass come from the host.
bool is_repeatable(const Stage& stage, const Step& step, const GivenEmbeddings* given) {
  const std::span<const std::int64_t> sizes = stage.backend->step_sizes();
  return std::find(sizes.begin(), sizes.end(), step.n_tokens()) != sizes.end() && step.selection == KvSelection{} && !step.kv_cells && !given &&
         !stage.context->experts && !stage.context->weights && !stage.context->on_routing && !stage.context->on_layer_input;
}

// The stage's layers, and what a model has before the first and behind the last. `x`: what the stage before gave.
Result<Tensor> pass(const Model& model, const Stage& stage, const Step& step, Tensor x, const GivenEmbeddings* given) {
  if (stage.first == 0) {
    ASSIGN_OR_RETURN(x, model.embed(*stage.context, step, given));
  }
  ASSIGN_OR_RETURN(x, model.layers(*stage.context, x, step, stage.kv->state(), stage.first, stage.last, given));
  if (stage.last < model.spec().n_layers || step.n_outputs() == 0) return x;
  return model.head(*stage.context, x, step);
}

// Begun when it is made, ended when it goes: an exception inside leaves none open, and nothing is kept of it.
class Recording {
 public:
  Recording(Backend& backend, const RecordingKey& key) : backend_(backend) { backend.begin_recording(key); }
  ~Recording() { backend_.end_recording(result_); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  void keep(Tensor result) { result_ = result; }

 private:
  Backend& backend_;
  Tensor result_;
};

Result<Tensor> pass_or_replay(const Model& model, const Stage& stage, const Step& step, Tensor x, const GivenEmbeddings* given) {
  if (!is_repeatable(stage, step, given)) return pass(model, stage, step, x, given);
  Backend& backend = *stage.backend;
  const RecordingKey key{stage.context->generation(), step.n_tokens(), step.n_outputs()};
  if (const Tensor result = backend.replay(key)) return result;
  Recording recording(backend, key);
  Result<Tensor> result = pass(model, stage, step, x, given);
  if (result && !backend.stop_requested()) recording.keep(*result);
  return result;
}

}  // namespace

Result<void> run_step(const Model& model, std::span<const Stage> stages, StepBuilder& builder, const GivenEmbeddings* given,
                      const std::stop_token& stop, std::vector<float>& logits) {
  std::list<ForwardContext::Mark> marks;
  for (const Stage& stage : stages) marks.emplace_back(*stage.context);
  Tensor x;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    const Step& step = stage.step->fill(builder);
    if (i > 0) x = copy_between(*stages[i - 1].backend, x, *stage.context);
    ASSIGN_OR_RETURN(x, pass_or_replay(model, stage, step, x, i == 0 ? given : nullptr));
    RETURN_IF_ERROR(stage.backend->sync());
    if (stop.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  }
  if (builder.n_outputs() == 0) return {};
  const std::size_t before = logits.size();
  logits.resize(before + static_cast<std::size_t>(x.shape.n_values()));
  stages.back().backend->download(logits.data() + before, x);
  return {};
}

}  // namespace pio
