#include "engine/stage.h"

#include <algorithm>
#include <chrono>
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
         !stage.context->experts && !stage.context->experts_elsewhere && !stage.context->weights && !stage.context->on_routing &&
         !stage.context->on_layer_input;
}

// The stage's layers, and what a model has before the first and behind the last. `x`: what the stage before gave.
Result<Tensor> pass(const Stage& stage, const Step& step, Tensor x, const GivenEmbeddings* given) {
  const Model& model = *stage.model;
  if (stage.has_embeddings) {
    ASSIGN_OR_RETURN(x, model.embed(*stage.context, step, given));
  }
  if (stage.first < stage.last) {
    ASSIGN_OR_RETURN(x, model.layers(*stage.context, x, step, stage.kv->state(), stage.first, stage.last, given));
  }
  if (!stage.has_head || step.n_outputs() == 0) return x;
  return model.head(*stage.context, x, step);
}

// What a stage behind the first one needs of pictures: what is added behind its layers.
GivenEmbeddings given_to(const Stage& stage, Backend& from, const GivenEmbeddings& given) {
  GivenEmbeddings here{.runs = given.runs, .values = {}, .deepstack = {}};
  for (std::int64_t l = 0; l < std::min<std::int64_t>(stage.last, std::ssize(given.deepstack)); ++l)
    here.deepstack.push_back(l < stage.first ? Tensor() : copy_between(from, given.deepstack[static_cast<std::size_t>(l)], *stage.context));
  return here;
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

// A recording is known by its step alone, so the stages of a backend that has several are run.
Result<Tensor> pass_or_replay(std::span<const Stage> stages, const Stage& stage, const Step& step, Tensor x, const GivenEmbeddings* given) {
  const bool is_alone = std::ranges::count(stages, stage.backend, &Stage::backend) == 1;
  if (!is_alone || !is_repeatable(stage, step, given)) return pass(stage, step, x, given);
  Backend& backend = *stage.backend;
  const RecordingKey key{stage.context->generation(), step.n_tokens(), step.n_outputs()};
  if (const Tensor result = backend.replay(key)) return result;
  Recording recording(backend, key);
  Result<Tensor> result = pass(stage, step, x, given);
  if (result && !backend.stop_requested()) recording.keep(*result);
  return result;
}

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

Result<void> run_step(std::span<const Stage> stages, StepBuilder& builder, const GivenEmbeddings* given, const std::stop_token& stop,
                      std::vector<float>& logits, StepSeconds* seconds) {
  const Clock::time_point start = Clock::now();
  double waited = 0;
  const auto waiting = [&](const auto& wait) {
    const Clock::time_point before = Clock::now();
    auto result = wait();
    waited += seconds_since(before);
    return result;
  };
  std::list<ForwardContext::Mark> marks;
  for (const Stage& stage : stages) marks.emplace_back(*stage.context);
  Tensor x;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    const Step& step = stage.step->fill(builder);
    GivenEmbeddings given_here;
    if (i > 0) {
      x = waiting([&] { return copy_between(*stages[i - 1].backend, x, *stage.context); });
      if (given) given_here = given_to(stage, *stages.front().backend, *given);
    }
    const GivenEmbeddings* const here = i == 0 ? given : given_here.deepstack.empty() ? nullptr : &given_here;
    ASSIGN_OR_RETURN(x, pass_or_replay(stages, stage, step, x, here));
    RETURN_IF_ERROR(waiting([&] { return stage.backend->sync(); }));
    if (stop.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  }
  if (builder.n_outputs() > 0) {
    const std::size_t before = logits.size();
    logits.resize(before + static_cast<std::size_t>(x.shape.n_values()));
    stages.back().backend->download(logits.data() + before, x);
  }
  if (seconds) {
    seconds->host += seconds_since(start) - waited;
    seconds->sync += waited;
  }
  return {};
}

}  // namespace pio
