#pragma once

#include <vector>

#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/cpu_context.h"

// Which blocks of the cache a KvSelection keeps for each token, and the bounds of keys that pages are chosen by.

namespace pio {

class CpuSelection {
 public:
  explicit CpuSelection(CpuContext& context) : context_(context) {}

  // What the plan's step keeps, before any keep() of that plan. A selection that reaches everything is none.
  void begin(const AttentionPlan& plan);
  // How many runs fit the memory of what is kept.
  std::int64_t runs_at_once(const AttentionPlan& plan) const;
  // Writes down what runs [first, first + n) keep.
  void keep(const AttentionPlan& plan, std::int64_t first, std::int64_t n);
  // Tells the task what its run, the i-th of the last keep(), reads; returns how many blocks that is.
  std::int64_t apply(const AttentionPlan& plan, const AttentionRun& run, std::int64_t i, std::int64_t kv_head, AttendTask& task) const;

  // Of each block that `cells` names: the smallest and the largest of each dim of its keys, up to the last cell named.
  void bound_pages(const Tensor& cache, const Tensor& cells, const Tensor& page_bounds);

 private:
  // For each run, or each run and key head: the blocks that any of its tokens reads, and which token reads which.
  struct Kept {
    std::int32_t* visits;    // lists of `longest` numbers
    std::int32_t* n_visits;  // of each list
    std::uint8_t* chosen;    // [lists, most_tokens, longest]
    float* score_bounds;     // the same: no query of the token scores higher with any key of the block
  };

  Kept reserve_kept(std::int64_t n_lists, std::int64_t most_tokens, std::int64_t longest);
  void keep_window(const AttentionPlan& plan, std::int64_t first, std::int64_t n);
  void keep_pages(const AttentionPlan& plan, std::int64_t first, std::int64_t n);
  void choose_pages(const AttentionPlan& plan, const AttentionRun& run, std::int64_t list, std::int32_t* others);
  void bound_page(const Tensor& cache, std::int64_t block, std::int64_t n_cells, float* bounds, int worker) const;
  const float* make_page_bounds(const AttentionPlan& plan);

  CpuContext& context_;
  bool by_window_ = false, by_pages_ = false;
  const float* bounds_ = nullptr;
  Kept kept_{};
  Scratch kept_scratch_, bounds_scratch_;
  std::vector<std::int64_t> touched_;  // cells of each block that bounds are made of
};

}  // namespace pio
