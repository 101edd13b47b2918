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
  void sort_places(const Tensor& ids, std::int64_t n_experts);
  bool have_equal_panels(const ExpertSet& experts) const;
  float* run_in_panels(const Tensor& x, std::int64_t n_used, const ExpertSet& experts);
  float* run_expert_by_expert(const Tensor& x, std::int64_t n_used, const ExpertSet& experts);

  CpuContext& context_;
  const CpuKernels& kernels_;
  CpuProducts& products_;
  Scratch rows_;  // of one expert, and what all give; the products use the context's scratch
  std::vector<std::int64_t> starts_, next_, places_, tokens_;
  struct Panel {
    std::int64_t first = 0;  // row of choices
    int n = 0, width = 0;
    bool is_few = false;   // multiplied without unpacking the weights
    bool in_rows = false;  // and its rows one by one: no panel is made of them
  };
  struct Chosen {
    std::int64_t id = 0, first_panel = 0, end_panel = 0;
  };
  std::vector<Panel> panels_;
  std::vector<Chosen> chosen_;
};

}  // namespace pio
