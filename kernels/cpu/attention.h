#pragma once

#include <span>
#include <vector>

#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/cpu_context.h"
#include "kernels/cpu/selection.h"

// attention over cached tokens and self_attention.

namespace pio {

class CpuAttention {
 public:
  explicit CpuAttention(CpuContext& context) : context_(context), kernels_(context.kernels), selection_(context) {}

  void attention(const Tensor& y, const Tensor& q, const Tensor& k_cache, const Tensor& v_cache, const Step& step, const AttentionParams& params);
  void self_attention(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& starts, std::int64_t first_head, float scale);

  CpuSelection& selection() { return selection_; }

 private:
  struct Partial;
  class PartialLayout;

  AttentionPlan plan(const Tensor& y, const Tensor& q, const Tensor& k_cache, const Tensor& v_cache, const Step& step, const AttentionParams& params);
  AttendTask task_of(float scale) const;
  AttendTask task_of(const AttentionPlan& plan, const AttentionRun& run, std::int64_t kv_head) const;
  std::int64_t kernel_floats(const AttentionPlan& plan) const;
  void attend_part(const AttentionRun& run, std::int64_t part, std::int64_t n_blocks, AttendTask& task, const Partial& partial) const;
  void merge_row(std::int64_t row, const Partial& into, const Partial& part, std::int64_t v_head_dim) const;
  void write_row(const AttentionPlan& plan, const AttentionRun& run, std::int64_t kv_head, std::int64_t row, const Partial& partial) const;
  void run_whole(const AttentionPlan& plan, std::int64_t first_run, std::int64_t n_runs);
  void run_in_parts(const AttentionPlan& plan, std::int64_t first_run, std::int64_t n_runs);

  CpuContext& context_;
  const CpuKernels& kernels_;
  CpuSelection selection_;
  std::vector<AttentionRun> runs_;
  std::vector<std::int32_t> counted_;  // 0, 1, 2, …
};

}  // namespace pio
