#pragma once

#include "models/model.h"

namespace pio {

// w * x / sqrt(mean(x²) + eps) over the last extent.
struct RmsNorm {
  Tensor w;  // [dim]
  float eps = 0;
};

// Into a temporary of x's shape.
inline Tensor rms_norm(ForwardContext& ctx, Tensor x, const RmsNorm& norm) {
  Tensor y = ctx.temp(DType::f32, x.shape);
  ctx.backend().rms_norm(y, x, norm.w, norm.eps);
  return y;
}

// x += y: what a block adds to the residual stream.
inline void add_to(ForwardContext& ctx, Tensor x, Tensor y) { ctx.backend().add(x, x, y); }

}  // namespace pio
