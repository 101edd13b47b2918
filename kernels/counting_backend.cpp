#include "kernels/counting_backend.h"

#include <algorithm>
#include <vector>

#include "kernels/preferred_device.h"

namespace pio {
namespace {

class CountedBuffer final : public Buffer {
 public:
  CountedBuffer(std::size_t n_bytes, std::shared_ptr<std::uint64_t> held) : Buffer(n_bytes, nullptr), held_(std::move(held)) {
    if (held_) *held_ += n_bytes;
  }
  ~CountedBuffer() override {
    if (held_) *held_ -= n_bytes();
  }

 private:
  std::shared_ptr<std::uint64_t> held_;  // null: memory of someone else
};

std::uint64_t product(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b) * static_cast<std::uint64_t>(c);
}

}  // namespace

CountingBackend::CountingBackend(const Backend& device) : device_(device), held_bytes_(std::make_shared<std::uint64_t>(0)) {}

CountingBackend::~CountingBackend() = default;

OpCounts CountingBackend::counts() const {
  OpCounts counts = counts_;
  counts.n_launches = n_launches() - launches_before_;
  counts.workspace_bytes = workspace().high_water_bytes();
  return counts;
}

void CountingBackend::reset_counts() {
  counts_ = {};
  launches_before_ = n_launches();
  workspace().clear();
}

std::uint64_t CountingBackend::held_bytes() const { return *held_bytes_ - workspace().n_bytes(); }

Result<std::unique_ptr<Buffer>> CountingBackend::allocate(std::size_t n_bytes) {
  return std::unique_ptr<Buffer>(std::make_unique<CountedBuffer>(n_bytes, held_bytes_));
}

Result<std::unique_ptr<Buffer>> CountingBackend::wrap(const void*, std::size_t n_bytes) {
  return std::unique_ptr<Buffer>(std::make_unique<CountedBuffer>(n_bytes, nullptr));
}

Result<Placed> CountingBackend::place_weights(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset, const std::stop_token&,
                                              const std::function<void(std::uint64_t)>&) {
  Placed placed;
  for (const MatrixSource& source : group) {
    placed.tensors.push_back({source.dtype, source.shape, arena, offset});
    const std::uint64_t n_bytes = device_.placed_bytes({&source, 1});
    offset += n_bytes;
    if (n_bytes > 0) continue;
    ASSIGN_OR_RETURN(std::unique_ptr<Buffer> view, wrap(source.mapped, source.n_bytes()));
    placed.tensors.back().buffer = view.get();
    placed.tensors.back().offset = 0;
    placed.mapped.push_back(std::move(view));
  }
  return placed;
}

std::vector<Tensor> CountingBackend::placed_tensors(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset) const {
  std::vector<Tensor> tensors = device_.placed_tensors(group, arena, offset);
  for (Tensor& tensor : tensors) tensor.layout = TensorLayout::rows;  // its ops look at shapes only
  return tensors;
}

void CountingBackend::download(void* destination, Tensor source) {
  ++counts_.n_downloads;
  count_transfers(1);
  if (source.dtype == DType::f32) std::fill_n(static_cast<float*>(destination), source.shape.n_values(), 1.0f);
  else std::fill_n(static_cast<std::byte*>(destination), source.n_bytes(), std::byte{1});
}

void CountingBackend::count_transfers(std::uint64_t n) {
  if (is_card(device())) count_as(n, n_launches());
}

void CountingBackend::refuse(Op op, const Error& reason) {
  Refusal refusal{op, reason.message};
  if (std::find(refusals_.begin(), refusals_.end(), refusal) == refusals_.end()) refusals_.push_back(std::move(refusal));
}

void CountingBackend::keeps(std::uint64_t n_bytes) { counts_.scratch_bytes = std::max(counts_.scratch_bytes, n_bytes); }

// In 8 bits with scales and sums: at most 1.5 bytes a value, and half as much again where the memory grew.
std::uint64_t CountingBackend::rounded_bytes(std::int64_t n_rows, std::int64_t width) { return product(n_rows, width, 9) / 4; }

void CountingBackend::do_embed(Tensor y, Tensor table, Tensor) { counts_.weight_bytes += y.shape[0] * bytes_of(table.dtype, table.shape[1]); }

void CountingBackend::do_matmul(Tensor, Tensor x, Tensor w, Tensor) {
  counts_.weight_bytes += w.n_bytes();
  counts_.multiply_adds += product(x.shape[0], w.shape[0], w.shape[1]);
  keeps(rounded_bytes(x.shape[0], w.shape[1]));
}

void CountingBackend::do_load_kv(Tensor y, Tensor cache, Tensor) {
  counts_.state_bytes += y.shape[0] * bytes_of(cache.dtype, cache.shape[1] * cache.shape[2]);
}

void CountingBackend::do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams) {
  // All tokens that the block table has room for. A chunk's tokens see fewer, which changes the figure by half a chunk.
  const std::int64_t n_cached = step.block_table.shape.n_values() * kKvBlockLength;
  counts_.state_bytes += bytes_of(k_cache.dtype, n_cached * k_cache.shape[1] * k_cache.shape[2]);
  if (v_cache) counts_.state_bytes += bytes_of(v_cache.dtype, n_cached * v_cache.shape[1] * v_cache.shape[2]);
  counts_.multiply_adds += product(q.shape[0] * q.shape[1], n_cached, q.shape[2] + y.shape[2]);
  composed(Composition::attention, [] {});
}

void CountingBackend::do_matmul_heads(Tensor, Tensor x, Tensor w, HeadsParams params) {
  counts_.weight_bytes += product(w.shape[0], params.w_rows, static_cast<std::int64_t>(bytes_of(w.dtype, w.shape[2])));
  counts_.multiply_adds += product(x.shape[0] * w.shape[0], params.w_rows, w.shape[2]);
  keeps(rounded_bytes(x.shape[0], w.shape[2]));
}

// As if all tokens were of one segment: where segments begin lies on the device. Kept are keys and values in 16 bits, in blocks, and half as much
// again where the memory grew.
void CountingBackend::do_self_attention(Tensor, Tensor q, Tensor, Tensor, Tensor, std::int64_t, float) {
  counts_.multiply_adds += product(q.shape[0] * q.shape[0], q.shape[1], 2 * q.shape[2]);
  keeps(product(q.shape[0] + 128, q.shape[1], 6 * q.shape[2]));
}

void CountingBackend::do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) {
  composed(Composition::norm_matmul, [&] { Backend::do_norm_matmul(projections, x, norm, eps, normed); });
}

void CountingBackend::do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) {
  composed(Composition::norm_glu_matmul, [&] { Backend::do_norm_glu_matmul(y, x, norm, eps, gate, up); });
}

void CountingBackend::do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) {
  composed(Composition::matmul_add, [&] { Backend::do_matmul_add(residual, x, w, bias); });
}

void CountingBackend::do_qk_norm_rope_store(const QkvHeads& heads, const Step& step) {
  composed(Composition::qk_norm_rope_store, [&] { Backend::do_qk_norm_rope_store(heads, step); });
}

void CountingBackend::do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) {
  composed(Composition::experts, [&] { Backend::do_experts(residual, x, logits, mixture); });
}

void CountingBackend::do_moe_experts(Tensor, Tensor x, Tensor ids, Tensor, const ExpertSet& experts) {
  const ExpertMlp& one = experts.pattern();
  const std::int64_t n_chosen = x.shape[0] * ids.shape[1], hidden_dim = one.gate.shape[0], dim = one.gate.shape[1];
  const std::uint64_t expert_bytes = one.gate.n_bytes() + one.up.n_bytes() + one.down.n_bytes();
  counts_.weight_bytes += std::min<std::uint64_t>(n_chosen, experts.n_experts()) * expert_bytes;
  counts_.multiply_adds += product(n_chosen, hidden_dim, 3 * dim);
  // Some tokens at a time: what every choice gives inside the experts and behind them, and panels of the choices, filled up to 12.
  constexpr std::int64_t kTokensAtOnce = 512, kWidest = 12;
  const std::int64_t n_rows = std::min(x.shape[0], kTokensAtOnce), n_places = n_rows * ids.shape[1];
  const std::int64_t n_in_panels = n_places + kWidest * std::min(n_places, experts.n_experts());
  composed(Composition::moe_experts, [] {});
  keeps(product(n_places, hidden_dim + dim, 4) + rounded_bytes(n_rows, dim) + rounded_bytes(n_in_panels, std::max(dim, hidden_dim)));
}

}  // namespace pio
