#include "kernels/cpu/attention.h"

#include <algorithm>
#include <numeric>

#include "kernels/kv_layout.h"

namespace pio {
namespace {

static_assert(kKvBlockLength == 32, "inl/attention_inl.h works in blocks of 32 cells");

// Query rows of a run: they keep the vector units busy while the keys of a block are transposed once.
constexpr std::int64_t kQueryRows = 192;

// What the parts of the runs that are cut among threads may take at a time.
constexpr std::int64_t kPartsBytes = 32 << 20;

}  // namespace

// The results of a part of the cached tokens, for each query row (AttendTask).
struct CpuAttention::Partial {
  float* largest;
  float* sum;
  float* out;
};

class CpuAttention::PartialLayout : public Layout {
 public:
  PartialLayout(std::int64_t n_rows, std::int64_t v_head_dim)
      : largest_(add<float>(n_rows)), sum_(add<float>(n_rows)), out_(add<float>(n_rows * round_up(v_head_dim, 32))) {}
  Partial in(std::byte* memory) const { return {largest_.in(memory), sum_.in(memory), out_.in(memory)}; }

 private:
  Piece<float> largest_, sum_, out_;
};

void CpuAttention::attention(const Tensor& y, const Tensor& q, const Tensor& k_cache, const Tensor& v_cache, const Step& step,
                             const AttentionParams& params) {
  const AttentionPlan planned = plan(y, q, k_cache, v_cache, step, params);
  selection_.begin(planned);
  // Few heads and few tokens: a run's parts go to several threads.
  const std::int64_t n_threads = context_.n_threads(), n_whole = planned.n_runs() * planned.n_kv_heads();
  const auto part_bytes = static_cast<std::int64_t>(PartialLayout(planned.most_rows(), planned.v_head_dim()).n_bytes());
  const std::int64_t run_bytes = planned.n_kv_heads() * planned.most_parts() * part_bytes;
  const bool in_parts = n_threads > 1 && n_whole < 3 * n_threads && planned.most_parts() > 1 && run_bytes <= kPartsBytes;
  std::int64_t slab = selection_.runs_at_once(planned);
  if (in_parts) slab = std::min(slab, kPartsBytes / run_bytes);
  // the longest runs, which are the last of a prompt, first
  for (std::int64_t end = planned.n_runs(); end > 0 && !context_.stop_requested(); end -= slab) {
    const std::int64_t n = std::min(slab, end);
    selection_.keep(planned, end - n, n);
    if (in_parts) run_in_parts(planned, end - n, n);
    else run_whole(planned, end - n, n);
  }
}

AttentionPlan CpuAttention::plan(const Tensor& y, const Tensor& q, const Tensor& k_cache, const Tensor& v_cache, const Step& step,
                                 const AttentionParams& params) {
  AttentionPlan plan{y, q, k_cache, v_cache, step, params, runs_};
  const std::int32_t* const lengths = plan.lengths();
  const std::int32_t* const sequences = host_pointer<std::int32_t>(step.sequences);
  plan.most_tokens = std::max<std::int64_t>(1, kQueryRows / plan.n_group());
  runs_.clear();
  std::int64_t work = 0;
  for (std::int64_t t = 0; t < plan.n_tokens(); ++t) {
    if (runs_.empty() || runs_.back().n_tokens == plan.most_tokens || sequences[runs_.back().first] != sequences[t]) {
      runs_.push_back({t, 0, 0, 0});
    }
    AttentionRun& run = runs_.back();
    ++run.n_tokens;
    run.n_keys = std::max<std::int64_t>(run.n_keys, lengths[t]);
    plan.longest = std::max(plan.longest, run.n_blocks());
    work += lengths[t];
  }
  plan.n_bytes = work * plan.n_heads() * (plan.head_dim() + plan.v_head_dim());
  return plan;
}

// Attention of runs [first_run, first_run + n_runs), one tile a run and key head, which takes the parts one after the other.
void CpuAttention::run_whole(const AttentionPlan& plan, std::int64_t first_run, std::int64_t n_runs) {
  const std::int64_t n_kv_heads = plan.n_kv_heads();
  const PartialLayout partial_layout(plan.most_rows(), plan.v_head_dim());
  Layout of_worker;
  const auto kernel_scratch = of_worker.add<float>(kernel_floats(plan));
  const Layout::Repeated partials = of_worker.add(2, partial_layout);
  context_.reserve_worker_scratch(of_worker.n_bytes());
  context_.for_each_tile(n_runs * n_kv_heads, plan.n_bytes, [&](std::int64_t tile, int worker) {
    const std::int64_t i = n_runs - 1 - tile / n_kv_heads, kv_head = tile % n_kv_heads;
    const AttentionRun& run = plan.runs[first_run + i];
    std::byte* const memory = context_.worker_scratch(worker);
    AttendTask task = task_of(plan, run, kv_head);
    task.scratch = kernel_scratch.in(memory);
    const std::int64_t n_blocks = selection_.apply(plan, run, i, kv_head, task), n_rows = run.n_tokens * plan.n_group();
    const Partial whole = partial_layout.in(partials.in(memory, 0)), next = partial_layout.in(partials.in(memory, 1));
    for (std::int64_t part = 0; part < run.n_parts(); ++part) {
      attend_part(run, part, n_blocks, task, part == 0 ? whole : next);
      for (std::int64_t r = 0; part > 0 && r < n_rows; ++r) merge_row(r, whole, next, plan.v_head_dim());
    }
    for (std::int64_t r = 0; r < n_rows; ++r) write_row(plan, run, kv_head, r, whole);
  });
}

// The same, one tile a part; the parts of each row are merged afterwards.
void CpuAttention::run_in_parts(const AttentionPlan& plan, std::int64_t first_run, std::int64_t n_runs) {
  const std::int64_t n_kv_heads = plan.n_kv_heads(), most_parts = plan.most_parts(), most_rows = plan.most_rows();
  const PartialLayout partial_layout(most_rows, plan.v_head_dim());
  Layout of_worker, shared;
  const auto kernel_scratch = of_worker.add<float>(kernel_floats(plan));
  const Layout::Repeated partials = shared.add(n_runs * n_kv_heads * most_parts, partial_layout);
  context_.reserve_worker_scratch(of_worker.n_bytes());
  std::byte* const memory = context_.scratch.reserve(shared.n_bytes());
  const auto partial_of = [&](std::int64_t i, std::int64_t kv_head, std::int64_t part) {
    return partial_layout.in(partials.in(memory, (i * n_kv_heads + kv_head) * most_parts + part));
  };

  context_.for_each_tile(n_runs * n_kv_heads * most_parts, plan.n_bytes, [&](std::int64_t tile, int worker) {
    const std::int64_t i = n_runs - 1 - tile / (n_kv_heads * most_parts), kv_head = tile / most_parts % n_kv_heads, part = tile % most_parts;
    const AttentionRun& run = plan.runs[first_run + i];
    if (part >= run.n_parts()) return;
    AttendTask task = task_of(plan, run, kv_head);
    task.scratch = kernel_scratch.in(context_.worker_scratch(worker));
    const std::int64_t n_blocks = selection_.apply(plan, run, i, kv_head, task);
    attend_part(run, part, n_blocks, task, partial_of(i, kv_head, part));
  });
  if (context_.stop_requested()) return;
  const std::int64_t merged_bytes = plan.n_tokens() * plan.n_heads() * most_parts * plan.v_head_dim() * 4;
  context_.for_each_tile(n_runs * n_kv_heads * most_rows, merged_bytes, [&](std::int64_t tile, int) {
    const std::int64_t i = tile / (n_kv_heads * most_rows), kv_head = tile / most_rows % n_kv_heads, row = tile % most_rows;
    const AttentionRun& run = plan.runs[first_run + i];
    if (row >= run.n_tokens * plan.n_group()) return;
    const Partial whole = partial_of(i, kv_head, 0);
    for (std::int64_t part = 1; part < run.n_parts(); ++part) merge_row(row, whole, partial_of(i, kv_head, part), plan.v_head_dim());
    write_row(plan, run, kv_head, row, whole);
  });
}

std::int64_t CpuAttention::kernel_floats(const AttentionPlan& plan) const {
  return static_cast<std::int64_t>(
      kernels_.attend_scratch_floats(static_cast<int>(plan.most_rows()), static_cast<int>(plan.head_dim()), static_cast<int>(plan.v_head_dim())));
}

// `n_blocks` of the run's sequence, or of those that the task visits, are read; this reads those of one part.
void CpuAttention::attend_part(const AttentionRun& run, std::int64_t part, std::int64_t n_blocks, AttendTask& task, const Partial& partial) const {
  const std::int64_t first = part * kBlocksOfPart, end = std::min(first + kBlocksOfPart, run.n_blocks());
  const auto place_of = [&](std::int64_t block) {
    return static_cast<int>(task.visit ? std::lower_bound(task.visit, task.visit + n_blocks, block) - task.visit : block);
  };
  task.first_block = place_of(first);
  task.end_block = place_of(end);
  task.n_places = static_cast<int>(n_blocks);
  task.largest = partial.largest;
  task.sum = partial.sum;
  task.out = partial.out;
  kernels_.attend(task);
}

void CpuAttention::merge_row(std::int64_t row, const Partial& into, const Partial& part, std::int64_t v_head_dim) const {
  const std::int64_t width = round_up(v_head_dim, 32);
  kernels_.merge_attention(into.largest + row, into.sum + row, into.out + row * width, part.largest[row], part.sum[row], part.out + row * width,
                           static_cast<int>(width));
}

void CpuAttention::write_row(const AttentionPlan& plan, const AttentionRun& run, std::int64_t kv_head, std::int64_t row,
                             const Partial& partial) const {
  const std::int64_t n_group = plan.n_group(), v_head_dim = plan.v_head_dim();
  float* const y = host_pointer<float>(plan.y) + ((run.first + row / n_group) * plan.n_heads() + kv_head * n_group + row % n_group) * v_head_dim;
  kernels_.divide_attention(y, partial.sum[row], partial.out + row * round_up(v_head_dim, 32), static_cast<int>(v_head_dim));
}

AttendTask CpuAttention::task_of(float scale) const {
  AttendTask task{};
  task.scale = scale;
  task.stopped = [](const void* context) { return static_cast<const CpuContext*>(context)->stop_requested(); };
  task.stop_context = &context_;
  return task;
}

AttendTask CpuAttention::task_of(const AttentionPlan& plan, const AttentionRun& run, std::int64_t kv_head) const {
  const Tensor& k = plan.k_cache;
  const Tensor& v = plan.v_cache;
  const std::int64_t head_dim = plan.head_dim(), v_head_dim = plan.v_head_dim();
  AttendTask task = task_of(plan.params.scale);
  task.q = host_pointer<float>(plan.q) + (run.first * plan.n_heads() + kv_head * plan.n_group()) * head_dim;
  task.q_token_stride = plan.n_heads() * head_dim;
  const bool in_rows = k.layout == TensorLayout::rows;
  const auto head_of = [&](const Tensor& cache) {
    return bytes_at(cache) + (in_rows ? bytes_of(cache.dtype, kv_head * cache.shape[2]) : kv_tile_offset(cache, 0, kv_head));
  };
  task.k = head_of(k);
  task.v = v ? head_of(v) : task.k;
  task.k_block_bytes = bytes_of(k.dtype, kKvBlockLength * plan.n_kv_heads() * head_dim);
  task.v_block_bytes = v ? bytes_of(v.dtype, kKvBlockLength * plan.n_kv_heads() * v_head_dim) : task.k_block_bytes;
  if (in_rows) {
    task.row_floats = static_cast<std::size_t>(plan.n_kv_heads() * head_dim);
    task.v_row_floats = v ? static_cast<std::size_t>(plan.n_kv_heads() * v_head_dim) : task.row_floats;
  }
  task.k_format = kv_format(k.dtype);
  task.v_format = v ? kv_format(v.dtype) : task.k_format;
  task.may_round = context_.activations == Activations::q8;
  task.blocks = plan.blocks(run);
  task.kv_lengths = plan.lengths() + run.first;
  task.n_tokens = static_cast<int>(run.n_tokens);
  task.n_group = static_cast<int>(plan.n_group());
  task.head_dim = static_cast<int>(head_dim);
  task.v_head_dim = static_cast<int>(v_head_dim);
  return task;
}

// Each head by itself through the attention over cached tokens: a segment's keys lie one after the other, so its blocks are 0, 1, 2, …
void CpuAttention::self_attention(const Tensor& y, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& starts_tensor,
                                  std::int64_t first_head, float scale) {
  const std::span<const std::int32_t> starts(host_pointer<std::int32_t>(starts_tensor), static_cast<std::size_t>(starts_tensor.shape[0]));
  const std::int64_t n_heads = q.shape[1], head_dim = q.shape[2], token_floats = n_heads * head_dim;
  runs_.clear();
  std::int64_t longest = 0, work = 0;
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    const std::int64_t length = starts[s + 1] - starts[s];
    longest = std::max(longest, length);
    work += length * length;
    for (std::int64_t t = starts[s]; t < starts[s + 1]; t += kQueryRows) {
      runs_.push_back({t, std::min<std::int64_t>(kQueryRows, starts[s + 1] - t), starts[s], length});
    }
  }
  counted_.resize(std::max<std::size_t>(counted_.size(), blocks_of(longest)));
  std::iota(counted_.begin(), counted_.end(), 0);

  const int width = static_cast<int>(head_dim);
  const PartialLayout partial_layout(kQueryRows, head_dim);
  Layout of_worker;
  const auto kernel_scratch = of_worker.add<float>(kernels_.attend_scratch_floats(kQueryRows, width, width));
  const Layout::Repeated own_partial = of_worker.add(1, partial_layout);
  const auto own_lengths = of_worker.add<std::int32_t>(kQueryRows);
  context_.reserve_worker_scratch(of_worker.n_bytes());
  const std::int64_t n_runs = static_cast<std::int64_t>(runs_.size());
  context_.for_each_tile(n_runs * n_heads, work * token_floats, [&](std::int64_t tile, int worker) {
    // a head's runs one after the other: its keys stay in the cache
    const AttentionRun& run = runs_[tile % n_runs];
    const std::int64_t h = tile / n_runs, at = run.first_key * token_floats + h * head_dim;
    const Partial partial = partial_layout.in(own_partial.in(context_.worker_scratch(worker), 0));
    std::int32_t* const lengths = own_lengths.in(context_.worker_scratch(worker));
    std::fill_n(lengths, run.n_tokens, static_cast<std::int32_t>(run.n_keys));
    AttendTask task = task_of(scale);
    task.scratch = kernel_scratch.in(context_.worker_scratch(worker));
    task.largest = partial.largest;
    task.sum = partial.sum;
    task.out = partial.out;
    task.q = host_pointer<float>(q) + run.first * token_floats + h * head_dim;
    task.q_token_stride = token_floats;
    task.k = reinterpret_cast<const std::uint8_t*>(host_pointer<float>(k) + at);
    task.v = reinterpret_cast<const std::uint8_t*>(host_pointer<float>(v) + at);
    task.row_floats = task.v_row_floats = static_cast<std::size_t>(token_floats);
    task.k_block_bytes = task.v_block_bytes = kKvBlockLength * token_floats * sizeof(float);
    task.k_format = task.v_format = KvFormat::f32;
    task.blocks = counted_.data();
    task.kv_lengths = lengths;
    task.n_tokens = static_cast<int>(run.n_tokens);
    task.n_group = 1;
    task.head_dim = task.v_head_dim = width;
    task.end_block = static_cast<int>(run.n_blocks());
    kernels_.attend(task);
    for (std::int64_t r = 0; r < run.n_tokens; ++r) {
      kernels_.divide_attention(host_pointer<float>(y) + ((run.first + r) * y.shape[1] + first_head + h) * head_dim, task.sum[r],
                                task.out + r * round_up(head_dim, 32), width);
    }
  });
}

}  // namespace pio
