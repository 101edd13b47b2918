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

// The rows that attention goes on with behind the keys and values: all, or in a model's last layer those whose logits are wanted.
struct AttendedRows {
  Tensor x;  // the residual stream, [n, dim]
  Tensor q;  // [n, n_heads, head_dim]
  Step step;
};

// `out`: x itself, or [n_outputs, dim], which takes the rows of step.outputs.
inline AttendedRows attended_rows(ForwardContext& ctx, Tensor x, Tensor q, Tensor out, const Step& step) {
  if (out.shape[0] == x.shape[0]) return {x, q, step};
  ctx.backend().gather_rows(out, x, step.outputs);
  const Tensor wanted = output_rows(ctx, q.reshaped({q.shape[0], q.shape[1] * q.shape[2]}), step);
  Step of_outputs = step;
  of_outputs.kv_lengths = step.output_lengths;
  of_outputs.sequences = step.output_sequences;
  return {out, wanted.reshaped({step.n_outputs(), q.shape[1], q.shape[2]}), of_outputs};
}

}  // namespace pio
