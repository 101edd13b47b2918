#include "models/blocks/linear.h"

namespace pio {

Result<void> add_slices(ForwardContext& ctx, Tensor x, Tensor addend) {
  if (x.shape.n_values() == 0) return {};
  Backend& backend = ctx.backend();
  const std::span<float> values = ctx.slices->addend(x.shape.n_values());
  if (addend) {
    backend.download(values.data(), addend);
    RETURN_IF_ERROR(backend.sync());  // what a lost device has given is no addend
  }
  ASSIGN_OR_RETURN(const std::span<const float> sum, ctx.slices->sum(static_cast<bool>(addend)));
  const ForwardContext::Mark mark(ctx);
  const Tensor here = ctx.temp(DType::f32, x.shape);
  backend.upload(here, sum.data());
  add_to(ctx, x, here);
  return {};
}

}  // namespace pio
