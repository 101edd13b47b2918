#include "models/model.h"

namespace pio {

Result<Tensor> Model::forward(ForwardContext& context, const Step& step, KvState& state, const GivenEmbeddings* given) const {
  ASSIGN_OR_RETURN(Tensor x, embed(context, step, given));
  ASSIGN_OR_RETURN(x, layers(context, x, step, state, 0, spec().n_layers, given));
  return head(context, x, step);
}

Result<void> Model::run_experts(ForwardContext&, std::int64_t, Tensor, Tensor, Tensor, Tensor) const {
  return make_error(ErrorCode::internal, spec().architecture + ": experts, found a model without");
}

}  // namespace pio
