#include "engine/experts/hosted_experts.h"

#include <algorithm>

namespace pio {

Result<void> HostedExperts::run(std::int64_t layer, Tensor y, Tensor x, Tensor ids, Tensor weights, const std::function<void()>& meanwhile) {
  const ForwardContext::Mark mark(context_);
  Backend& backend = context_.backend();
  backend.set_stop(from_.stop_token());
  const auto brought = [&](const Tensor& tensor) {
    staged_.resize(std::max(staged_.size(), tensor.n_bytes()));
    from_.download(staged_.data(), tensor);
    const Tensor here = context_.temp(tensor.dtype, tensor.shape);
    backend.upload(here, staged_.data());
    return here;
  };
  const Tensor ids_here = brought(ids), weights_here = brought(weights), x_here = brought(x);
  RETURN_IF_ERROR(from_.sync());  // what a lost device has given are no ids
  if (from_.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  meanwhile();
  from_.flush();
  const Tensor y_here = context_.temp(y.dtype, y.shape);
  RETURN_IF_ERROR(model_.run_experts(context_, layer, y_here, x_here, ids_here, weights_here));
  RETURN_IF_ERROR(backend.sync());
  if (backend.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  staged_.resize(std::max(staged_.size(), y_here.n_bytes()));
  backend.download(staged_.data(), y_here);
  from_.upload(y, staged_.data());
  return {};
}

}  // namespace pio
