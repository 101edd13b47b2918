#include "engine/stage.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <list>
#include <thread>

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
  if (stages.front().exchange) return n_tokens;  // sums come from the host: no step is replayed
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

// The rows of logits behind those that `logits` holds: each [n_outputs, some of the vocabulary], side by side.
void download_logits(std::span<const Stage> stages, std::span<const Tensor> parts, std::vector<float>& logits) {
  std::int64_t n_rows = 0, width = 0;
  for (const Tensor& part : parts)
    if (part) n_rows = part.shape[0], width += part.shape[1];
  const std::size_t before = logits.size();
  logits.resize(before + static_cast<std::size_t>(n_rows * width));
  std::vector<float> values;
  for (std::size_t i = 0, first = 0; i < parts.size(); ++i) {
    if (!parts[i]) continue;
    const auto n = static_cast<std::size_t>(parts[i].shape[1]);
    if (static_cast<std::int64_t>(n) == width) {
      stages[i].backend->download(logits.data() + before, parts[i]);
      return;
    }
    values.resize(static_cast<std::size_t>(n_rows) * n);
    stages[i].backend->download(values.data(), parts[i]);
    for (std::int64_t row = 0; row < n_rows; ++row)
      std::copy_n(values.begin() + row * static_cast<std::ptrdiff_t>(n), n,
                  logits.begin() + static_cast<std::ptrdiff_t>(before + first) + row * width);
    first += n;
  }
}

// All slices of a step at once, a thread for each device: `xs` are the residual streams before the first layer; then what the heads give.
class SlicesPass {
 public:
  SlicesPass(std::span<const Stage> stages, std::span<const Step* const> steps, std::span<const GivenEmbeddings* const> given,
             std::vector<Tensor>& xs)
      : stages_(stages), steps_(steps), given_(given), xs_(xs), ended_(stages.size()) {}

  Result<void> run() {
    SliceExchange& exchange = *stages_.front().exchange;
    exchange.begin_step();
    {
      std::vector<std::jthread> threads;
      try {
        for (std::size_t i = 1; i < stages_.size(); ++i) threads.emplace_back([this, i] { run_on(i); });
        run_on(0);
      } catch (...) {  // the system has no thread for one of them: the others wait for nobody
        thrown_[0] = std::current_exception();
        exchange.leave(0);
      }
    }
    for (const std::exception_ptr& thrown : thrown_)
      if (thrown) std::rethrow_exception(thrown);
    // the others ended because of the first that failed by itself
    const Error* error = nullptr;
    for (const Result<void>& ended : ended_)
      if (!ended && (!error || error->code == ErrorCode::cancelled)) error = &ended.error();
    return error ? Result<void>(*error) : Result<void>();
  }

 private:
  void run_on(std::size_t i) {
    const Stage& stage = stages_[i];
    stage.exchange->enter(i);
    try {
      ended_[i] = pass(i);
    } catch (...) {
      thrown_[i] = std::current_exception();
    }
    stage.exchange->leave(i);
  }
  Result<void> pass(std::size_t i) {
    const Stage& stage = stages_[i];
    ASSIGN_OR_RETURN(Tensor x, stage.model->layers(*stage.context, xs_[i], *steps_[i], stage.kv->state(), stage.first, stage.last, given_[i]));
    xs_[i] = {};
    if (stage.has_head && steps_[i]->n_outputs() > 0) {
      ASSIGN_OR_RETURN(xs_[i], stage.model->head(*stage.context, x, *steps_[i]));
    }
    return stage.backend->sync();
  }

  std::span<const Stage> stages_;
  std::span<const Step* const> steps_;
  std::span<const GivenEmbeddings* const> given_;
  std::vector<Tensor>& xs_;
  std::vector<Result<void>> ended_;
  std::vector<std::exception_ptr> thrown_ = std::vector<std::exception_ptr>(stages_.size());
};

// The embeddings come from the first stage, and lie with all.
Result<void> run_slices(std::span<const Stage> stages, StepBuilder& builder, const GivenEmbeddings* given, const std::stop_token& stop,
                        std::vector<float>& logits, StepSeconds* seconds) {
  const Clock::time_point start = Clock::now();
  std::list<ForwardContext::Mark> marks;
  std::vector<const Step*> steps;
  for (const Stage& stage : stages) {
    marks.emplace_back(*stage.context);
    steps.push_back(&stage.step->fill(builder));
  }
  const Stage& first = stages.front();
  std::vector<Tensor> xs(stages.size());
  ASSIGN_OR_RETURN(xs[0], first.model->embed(*first.context, *steps[0], given));
  std::list<GivenEmbeddings> given_elsewhere;
  std::vector<const GivenEmbeddings*> given_to_each = {given};
  for (std::size_t i = 1; i < stages.size(); ++i) {
    xs[i] = copy_between(*first.backend, xs[0], *stages[i].context);
    if (given) given_elsewhere.push_back(given_to(stages[i], *first.backend, *given));
    given_to_each.push_back(given ? &given_elsewhere.back() : nullptr);
  }
  RETURN_IF_ERROR(first.backend->sync());  // what a lost device has given are no embeddings
  Result<void> status = SlicesPass(stages, steps, given_to_each, xs).run();
  if (stop.stop_requested() && (status || status.error().code == ErrorCode::cancelled)) return make_error(ErrorCode::cancelled, "stopped");
  RETURN_IF_ERROR(status);
  if (builder.n_outputs() > 0) download_logits(stages, xs, logits);
  if (seconds) {
    const double waited = first.exchange->waited_seconds(0);
    seconds->host += seconds_since(start) - waited;
    seconds->sync += waited;
  }
  return {};
}

}  // namespace

Result<void> run_step(std::span<const Stage> stages, StepBuilder& builder, const GivenEmbeddings* given, const std::stop_token& stop,
                      std::vector<float>& logits, StepSeconds* seconds) {
  if (stages.front().exchange) return run_slices(stages, builder, given, stop, logits, seconds);
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
