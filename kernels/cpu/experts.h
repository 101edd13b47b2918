#pragma once

#include <vector>

#include "kernels/cpu/products.h"

// route_experts and moe_experts.

namespace pio {

class CpuExperts {
 public:
  CpuExperts(CpuContext& context, CpuProducts& products) : context_(context), kernels_(context.kernels), products_(products) {}

  void route(const Tensor& ids, const Tensor& weights, const Tensor& logits, const Tensor& bias, const RoutingParams& params);

  // A token's experts are summed in the order of its choices, so a token's row has the same bits either way.
  void run(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts);

 private:
  void run_few(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts);
  void run_many(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts);
  float* run_expert_by_expert(const Tensor& x, const Tensor& ids, const ExpertSet& experts);

  CpuContext& context_;
  const CpuKernels& kernels_;
  CpuProducts& products_;
  Scratch rows_;  // of one expert, and what all give; the products use the context's scratch
  std::vector<std::int64_t> starts_, next_, places_, tokens_;
};

}  // namespace pio
