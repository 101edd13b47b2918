#pragma once

#include "models/model.h"

namespace pio {

// table [vocab_size, dim], ids [n_tokens] → [n_tokens, dim], a temporary. Each id lies within the table: the engine has seen to it.
inline Tensor embed(ForwardContext& ctx, Tensor table, Tensor ids) {
  Tensor x = ctx.temp(DType::f32, {ids.shape[0], table.shape[1]});
  ctx.backend().embed(x, table, ids);
  return x;
}

// The same of a table that is away: its rows are brought. Fails where they cannot be had.
Result<Tensor> embed_away(ForwardContext& ctx, Tensor table, Tensor ids);

// The rows of x [n_tokens, dim] whose logits are wanted: [n_outputs, dim], a temporary.
inline Tensor output_rows(ForwardContext& ctx, Tensor x, const Step& step) {
  Tensor y = ctx.temp(DType::f32, {step.n_outputs(), x.shape[1]});
  ctx.backend().gather_rows(y, x, step.outputs);
  return y;
}

}  // namespace pio
