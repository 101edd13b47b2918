#pragma once

#include <vector>

#include "kernels/cpu/products.h"

// route_experts, moe_experts and what experts has in one go.

namespace pio {

class CpuExperts {
 public:
  CpuExperts(CpuContext& context, CpuProducts& products) : context_(context), kernels_(context.kernels), products_(products) {}

  void route(const Tensor& ids, const Tensor& weights, const Tensor& logits, const Tensor& bias, const RoutingParams& params);

  // A token's experts are summed in the order of its choices, so a token's row has the same bits either way.
  void run(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts);

  // residual += the same, to which what the shared expert makes of x is added first; without tensors there is none. The bits are those of the ops
  // one after the other. can_add: of few tokens; many are for the composition.
  bool can_add(std::int64_t n_tokens, const ExpertMlp& shared) const;
  void add(const Tensor& residual, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts, const ExpertMlp& shared);

 private:
  static void check_chosen(const Tensor& ids, const ExpertSet& experts);
  // With `shared`, which may be without tensors, y is the residual stream that all is added to.
  void run_few(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts, const ExpertMlp* shared);
  // Of rows first … first + n - 1 of w.
  void fetch_first_lines(const Tensor& w, std::int64_t first, std::int64_t n) const;
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
