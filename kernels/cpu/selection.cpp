#include "kernels/cpu/selection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kv_layout.h"

namespace pio {

void CpuSelection::begin(const AttentionPlan& plan) {
  const KvSelection& selection = plan.step.selection;
  by_pages_ = selection.kind == KvSelection::Kind::pages && selection.n_pages < plan.longest;
  by_window_ = selection.kind == KvSelection::Kind::window && selection.n_sinks + selection.window < plan.longest * kKvBlockLength;
  bounds_ = nullptr;
  if (by_pages_) bounds_ = plan.params.page_bounds ? host_pointer<float>(plan.params.page_bounds) : make_page_bounds(plan);
}

std::int64_t CpuSelection::runs_at_once(const AttentionPlan& plan) const {
  if (!by_pages_ && !by_window_) return plan.n_runs();
  constexpr std::int64_t kBytes = 16 << 20;
  const std::int64_t run_bytes = (by_pages_ ? plan.n_kv_heads() : 1) * plan.longest * (by_pages_ ? 5 * plan.most_tokens + 4 : 4);
  return std::clamp<std::int64_t>(kBytes / run_bytes, 1, plan.n_runs());
}

void CpuSelection::keep(const AttentionPlan& plan, std::int64_t first, std::int64_t n) {
  if (by_window_) keep_window(plan, first, n);
  if (by_pages_) keep_pages(plan, first, n);
}

std::int64_t CpuSelection::apply(const AttentionPlan& plan, const AttentionRun& run, std::int64_t i, std::int64_t kv_head, AttendTask& task) const {
  if (!by_window_ && !by_pages_) return run.n_blocks();
  const KvSelection& selection = plan.step.selection;
  const std::int64_t list = by_pages_ ? i * plan.n_kv_heads() + kv_head : i;
  task.visit = kept_.visits + list * plan.longest;
  if (by_pages_) {
    task.chosen = kept_.chosen + list * plan.most_tokens * plan.longest;
    task.chosen_stride = plan.longest;
  } else {
    task.n_sinks = static_cast<int>(std::min<std::int64_t>(selection.n_sinks, INT32_MAX));
    task.window = static_cast<int>(selection.window);  // less than the tokens there are
    task.open = plan.protected_blocks(run);
  }
  return kept_.n_visits[list];
}

CpuSelection::Kept CpuSelection::reserve_kept(std::int64_t n_lists, std::int64_t most_tokens, std::int64_t longest) {
  Layout layout;
  const auto visits = layout.add<std::int32_t>(n_lists * longest), n_visits = layout.add<std::int32_t>(n_lists);
  const auto chosen = layout.add<std::uint8_t>(n_lists * most_tokens * longest);
  const auto score_bounds = layout.add<float>(n_lists * most_tokens * longest);
  std::byte* const memory = kept_scratch_.reserve(layout.n_bytes());
  return {visits.in(memory), n_visits.in(memory), chosen.in(memory), score_bounds.in(memory)};
}

void CpuSelection::keep_window(const AttentionPlan& plan, std::int64_t first, std::int64_t n_runs) {
  const KvSelection& selection = plan.step.selection;
  kept_ = reserve_kept(n_runs, 0, plan.longest);
  for (std::int64_t i = 0; i < n_runs; ++i) {
    const AttentionRun& run = plan.runs[first + i];
    const std::int32_t* const lengths = plan.lengths() + run.first;
    const std::int32_t* const always = plan.protected_blocks(run);
    const std::int64_t shortest = *std::min_element(lengths, lengths + run.n_tokens);
    std::int32_t n = 0;
    for (std::int64_t j = 0; j < run.n_blocks(); ++j) {
      const bool sinks = j * kKvBlockLength<selection.n_sinks, recent = (j + 1) * kKvBlockLength> shortest - selection.window;
      if (sinks || recent || (always && always[j])) kept_.visits[i * plan.longest + n++] = static_cast<std::int32_t>(j);
    }
    kept_.n_visits[i] = n;
  }
}

void CpuSelection::keep_pages(const AttentionPlan& plan, std::int64_t first, std::int64_t n_runs) {
  const std::int64_t n_kv_heads = plan.n_kv_heads(), head_dim = plan.head_dim(), n_group = plan.n_group(), n_lists = n_runs * n_kv_heads;
  const std::int64_t longest = plan.longest, most_tokens = plan.most_tokens;
  kept_ = reserve_kept(n_lists, most_tokens, longest);

  constexpr std::int64_t kSpan = 32;  // pages in a tile: their bounds, at most 150 KB, are read once for all tokens of the run
  const std::int64_t n_spans = (longest + kSpan - 1) / kSpan;
  context_.for_each_tile(n_lists * n_spans, n_lists * most_tokens * longest * n_group * head_dim, [&](std::int64_t tile, int) {
    const std::int64_t list = tile / n_spans, first_page = tile % n_spans * kSpan, kv_head = list % n_kv_heads;
    const AttentionRun& run = plan.runs[first + list / n_kv_heads];
    const std::int32_t* const blocks = plan.blocks(run);
    for (std::int64_t j = first_page; j < std::min(first_page + kSpan, run.n_blocks() - 1); ++j) {
      const float* const page = bounds_ + (blocks[j] * n_kv_heads + kv_head) * 2 * head_dim;
      for (std::int64_t i = 0; i < run.n_tokens; ++i) {
        if (j >= (plan.lengths()[run.first + i] - 1) / kKvBlockLength) continue;
        kept_.score_bounds[(list * most_tokens + i) * longest + j] =
            context_.kernels.score_bound(host_pointer<float>(plan.q) + ((run.first + i) * plan.n_heads() + kv_head * n_group) * head_dim,
                                         static_cast<int>(n_group), static_cast<int>(head_dim), page);
      }
    }
  });
  if (context_.stop_requested()) return;

  context_.reserve_worker_scratch(longest * sizeof(std::int32_t));
  context_.for_each_tile(n_lists, n_lists * most_tokens * longest * 16, [&](std::int64_t list, int worker) {
    choose_pages(plan, plan.runs[first + list / n_kv_heads], list, reinterpret_cast<std::int32_t*>(context_.worker_scratch(worker)));
  });
}

// For each token of a run and one key head its own page, the protected ones and the best of the others. `others` has room for all pages.
void CpuSelection::choose_pages(const AttentionPlan& plan, const AttentionRun& run, std::int64_t list, std::int32_t* others) {
  const std::int64_t longest = plan.longest;
  const std::int32_t* const always = plan.protected_blocks(run);
  std::uint8_t* const all_chosen = kept_.chosen + list * plan.most_tokens * longest;
  for (std::int64_t i = 0; i < run.n_tokens; ++i) {
    const std::int64_t own = (plan.lengths()[run.first + i] - 1) / kKvBlockLength;
    std::uint8_t* const chosen = all_chosen + i * longest;
    const float* const score_bounds = kept_.score_bounds + (list * plan.most_tokens + i) * longest;
    std::int64_t n_others = 0;
    for (std::int64_t j = 0; j < longest; ++j) {
      chosen[j] = j == own || (j < own && always && always[j]);
      if (j < own && !chosen[j]) others[n_others++] = static_cast<std::int32_t>(j);
    }
    const std::int64_t n_best = std::min(plan.step.selection.n_pages - 1, n_others);
    const auto rank = [&](std::int32_t j) { return std::isnan(score_bounds[j]) ? -std::numeric_limits<float>::infinity() : score_bounds[j]; };
    std::nth_element(others, others + n_best, others + n_others,
                     [&](std::int32_t a, std::int32_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
    for (std::int64_t k = 0; k < n_best; ++k) chosen[others[k]] = 1;
  }
  std::int32_t n = 0;
  for (std::int64_t j = 0; j < run.n_blocks(); ++j) {
    std::int64_t i = 0;
    while (i < run.n_tokens && !all_chosen[i * longest + j]) ++i;
    if (i < run.n_tokens) kept_.visits[list * longest + n++] = static_cast<std::int32_t>(j);
  }
  kept_.n_visits[list] = n;
}

// The smallest and the largest of each dim over the first n_cells keys of a block, for each head. In the worker's scratch.
void CpuSelection::bound_page(const Tensor& cache, std::int64_t block, std::int64_t n_cells, float* bounds, int worker) const {
  if (n_cells == 0) return;
  const std::int64_t n_heads = cache.shape[1], head_dim = cache.shape[2];
  float* const keys = context_.worker_floats(worker);  // [head_dim][32]
  for (std::int64_t h = 0; h < n_heads; ++h) {
    if (cache.layout == TensorLayout::rows) {
      for (std::int64_t c = 0; c < n_cells; ++c) {
        const std::int64_t at = ((block * kKvBlockLength + c) * n_heads + h) * head_dim;
        const float* const key =
            context_.floats_of(cache.dtype, bytes_at(cache) + bytes_of(cache.dtype, at), head_dim, keys + kKvBlockLength * head_dim);
        for (std::int64_t d = 0; d < head_dim; ++d) keys[d * kKvBlockLength + c] = key[d];
      }
    } else {
      context_.kernels.decode_key_tile(kv_format(cache.dtype), bytes_at(cache) + kv_tile_offset(cache, block, h), static_cast<int>(head_dim), keys);
    }
    float* const smallest = bounds + (block * n_heads + h) * 2 * head_dim;
    float* const largest = smallest + head_dim;
    for (std::int64_t d = 0; d < head_dim; ++d) {
      const auto [least, most] = std::minmax_element(keys + d * kKvBlockLength, keys + d * kKvBlockLength + n_cells);
      smallest[d] = *least;
      largest[d] = *most;
    }
  }
}

void CpuSelection::bound_pages(const Tensor& cache, const Tensor& cells, const Tensor& page_bounds) {
  const std::int64_t n_tokens = cells.shape.n_values(), width = cache.shape[1] * cache.shape[2];
  const std::int32_t* const cell = host_pointer<std::int32_t>(cells);
  context_.reserve_worker_scratch((kKvBlockLength + 1) * cache.shape[2] * sizeof(float));
  // Cells come in the order of their tokens: a block is bounded once, when the last of its tokens is here.
  context_.for_each_tile(n_tokens, n_tokens * width * 8, [&](std::int64_t t, int worker) {
    const std::int64_t block = cell[t] / kKvBlockLength;
    if (t + 1 < n_tokens && cell[t + 1] / kKvBlockLength == block) return;
    bound_page(cache, block, cell[t] % kKvBlockLength + 1, host_pointer<float>(page_bounds), worker);
  });
}

// For a cache that keeps none: made for this call from every key that may be read.
const float* CpuSelection::make_page_bounds(const AttentionPlan& plan) {
  const std::int64_t n_blocks = plan.k_cache.shape[0] / kKvBlockLength, width = plan.k_cache.shape[1] * plan.k_cache.shape[2];
  float* const bounds = reinterpret_cast<float*>(bounds_scratch_.reserve(n_blocks * 2 * width * sizeof(float)));
  touched_.assign(n_blocks, 0);
  for (const AttentionRun& run : plan.runs) {
    const std::int32_t* const blocks = plan.blocks(run);
    for (std::int64_t j = 0; j + 1 < run.n_blocks(); ++j) touched_[blocks[j]] = kKvBlockLength;
  }
  context_.reserve_worker_scratch((kKvBlockLength + 1) * plan.k_cache.shape[2] * sizeof(float));
  context_.for_each_tile(n_blocks, n_blocks * width * kKvBlockLength,
                         [&](std::int64_t block, int worker) { bound_page(plan.k_cache, block, touched_[block], bounds, worker); });
  return bounds;
}

}  // namespace pio
