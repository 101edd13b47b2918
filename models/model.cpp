#include "models/model.h"

namespace pio {

Result<Tensor> Model::forward(ForwardContext& context, const Step& step, KvState& state, const GivenEmbeddings* given) const {
  ASSIGN_OR_RETURN(Tensor x, embed(context, step, given));
  ASSIGN_OR_RETURN(x, layers(context, x, step, state, 0, spec().n_layers, given));
  return head(context, x, step);
}

}  // namespace pio
