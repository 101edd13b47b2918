#pragma once

#include <cstddef>
#include <vector>

#include "models/model.h"

namespace pio {

// Experts that one device computes for the layers of another: what they read and what they give goes over the host. All must outlive it.
class HostedExperts final : public ExpertsElsewhere {
 public:
  // `layers_device` runs the layers, all of which but their experts it has; `model` is the part that has the experts of `layers`, and `context` its
  // temporaries.
  HostedExperts(Backend& layers_device, const Model& model, ForwardContext& context, LayerSet layers)
      : from_(layers_device), model_(model), context_(context), layers_(std::move(layers)) {}

  bool has(std::int64_t layer) const override { return layers_.has(layer); }
  Result<void> run(std::int64_t layer, Tensor y, Tensor x, Tensor ids, Tensor weights, const std::function<void()>& meanwhile) override;

 private:
  Backend& from_;
  const Model& model_;
  ForwardContext& context_;
  const LayerSet layers_;
  std::vector<std::byte> staged_;
};

}  // namespace pio
