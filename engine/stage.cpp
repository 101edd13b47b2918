#include "engine/stage.h"

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

Result<void> run_step(const Model& model, std::span<const Stage> stages, StepBuilder& builder, const GivenEmbeddings* given,
                      const std::stop_token& stop, std::vector<float>& logits) {
  std::list<ForwardContext::Mark> marks;
  for (const Stage& stage : stages) marks.emplace_back(*stage.context);
  Tensor x;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    const Step& step = stage.step->fill(builder);
    if (i == 0) {
      ASSIGN_OR_RETURN(x, model.embed(*stage.context, step, given));
    } else {
      x = copy_between(*stages[i - 1].backend, x, *stage.context);
    }
    ASSIGN_OR_RETURN(x, model.layers(*stage.context, x, step, stage.kv->state(), stage.first, stage.last, i == 0 ? given : nullptr));
    if (i + 1 == stages.size() && step.n_outputs() > 0) {
      ASSIGN_OR_RETURN(x, model.head(*stage.context, x, step));
    }
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
