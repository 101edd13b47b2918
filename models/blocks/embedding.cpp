#include "models/blocks/embedding.h"

#include <algorithm>

namespace pio {

Result<Tensor> embed_away(ForwardContext& ctx, Tensor table, Tensor ids) {
  const std::int64_t n_tokens = ids.shape[0], n_at_once = ctx.weights->rows_at_once(table);
  const Tensor x = ctx.temp(DType::f32, {n_tokens, table.shape[1]});
  std::vector<std::int32_t> wanted(static_cast<std::size_t>(n_tokens));
  ctx.backend().download(wanted.data(), ids);
  for (std::int64_t first = 0; first < n_tokens; first += n_at_once) {
    const std::int64_t n = std::min(n_at_once, n_tokens - first);
    ASSIGN_OR_RETURN(const Tensor rows, ctx.weights->gather_rows(table, std::span(wanted).subspan(first, n)));
    ctx.backend().decode_rows(x.rows(first, n), rows);
  }
  return x;
}

}  // namespace pio
