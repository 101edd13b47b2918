#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.h"

// A backend that computes nothing and holds no memory: it counts what its ops would read and multiply. A model is built and run on
// it by the same code as on a device, so what it will need is known before a byte of its weights is read.

namespace pio {

struct OpCounts {
  std::uint64_t weight_bytes = 0;  // read of weights; of experts, those that as many tokens can choose at most
  std::uint64_t state_bytes = 0;   // read of cached keys and values, once a step and layer
  std::uint64_t multiply_adds = 0;
  std::uint64_t n_downloads = 0;  // waits for the device
  std::uint64_t n_launches = 0;   // Backend::n_launches of the device, as Backend::launches says
  // The most that one op would keep beside its tensors: within a few MB of what the CPU backend takes, but for its attention, which is not
  // counted: some 50 MB at most, where few tokens attend to many or a selection leaves some out.
  std::uint64_t scratch_bytes = 0;
  std::uint64_t workspace_bytes = 0;  // the most that Backend::workspace held at once
};

class CountingBackend : public Backend {
 public:
  // Answers as `device` does what it is and which ops it supports. `device` must outlive it.
  explicit CountingBackend(const Backend& device);
  ~CountingBackend() override;

  OpCounts counts() const;
  void reset_counts();
  // Bytes allocated and not yet given back, without the workspace. Wrapped memory is not counted.
  std::uint64_t held_bytes() const;

  const DeviceInfo& device() const override { return device_.device(); }
  int n_threads() const override { return device_.n_threads(); }
  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override;
  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override;
  std::uint64_t placed_bytes(std::span<const MatrixSource> group) const override { return device_.placed_bytes(group); }
  std::uint64_t most_bytes_at_once() const override { return device_.most_bytes_at_once(); }
  OwnLayout own_layout() const override { return device_.own_layout(); }
  // As the device would, reading no source.
  Result<Placed> place_weights(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset, const std::stop_token& stop,
                               const std::function<void(std::uint64_t)>& progress) override;
  std::vector<Tensor> placed_tensors(std::span<const MatrixSource> group, Buffer* arena, std::size_t offset) const override;
  void upload(Tensor, const void*) override { count_transfers(1); }
  // Ones: a sound value of everything that a model reads back while it is built (rope factors, say).
  void download(void* destination, Tensor source) override;
  // So many uploads and downloads that somebody else would do: commands of a card; on the host they are copies and no launches.
  void count_transfers(std::uint64_t n);
  Result<void> sync() override { return {}; }
  Result<void> supports(Op op, DType dtype, const Shape& extents) const override { return device_.supports(op, dtype, extents); }

  // An op that `device` does not run, and why not. It is counted as if it ran.
  struct Refusal {
    Op op{};
    std::string reason;
    friend bool operator==(const Refusal&, const Refusal&) = default;
  };
  // Those since the last call, each once.
  std::vector<Refusal> take_refusals() { return std::exchange(refusals_, {}); }

 private:
  void refuse(Op op, const Error& reason) override;
  // Counted here is what a device does in one go; the other compositions are counted as the ops that they are made of.
  void do_embed(Tensor y, Tensor table, Tensor ids) override;
  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override;
  void do_rms_norm(Tensor, Tensor, Tensor, float) override {}
  void do_add(Tensor, Tensor, Tensor) override {}
  void do_multiply(Tensor, Tensor, Tensor) override {}
  void do_silu(Tensor, Tensor) override {}
  void do_glu(Tensor, Tensor, Tensor) override {}
  void do_rope(Tensor, Tensor, Tensor, RopeParams, Tensor) override {}
  void do_hadamard(Tensor, std::int64_t) override {}
  void do_store_kv(Tensor, Tensor, Tensor, Tensor) override {}
  void do_load_kv(Tensor y, Tensor cache, Tensor cells) override;
  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override;
  void do_layer_norm(Tensor, Tensor, Tensor, Tensor, float) override {}
  void do_gelu(Tensor, Tensor, Gelu) override {}
  void do_add_scaled(Tensor, Tensor, float) override {}
  void do_sum_rows(Tensor, Tensor, Tensor, Tensor) override {}
  void do_copy_columns(Tensor, std::int64_t, Tensor, std::int64_t, std::int64_t) override {}
  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override;
  void do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale) override;
  void do_route_experts(Tensor, Tensor, Tensor, Tensor, RoutingParams) override {}
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override;
  void do_gather_rows(Tensor, Tensor, Tensor) override {}
  void do_cast(Tensor, Tensor) override {}
  void do_copy(Tensor, Tensor) override {}
  void do_argmax(Tensor, Tensor) override {}

  void do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) override;
  void do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) override;
  void do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) override;
  void do_qk_norm_rope_store(const QkvHeads& heads, const Step& step) override;
  void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) override;

  // Counts the launches of what `op` does as the device's.
  template <class Run>
  void composed(Composition op, const Run& run) {
    const std::uint64_t before = n_launches();
    run();
    if (const int n = device_.launches_of(op); n > 0) count_as(static_cast<std::uint64_t>(n), before);
  }
  void keeps(std::uint64_t n_bytes);
  static std::uint64_t rounded_bytes(std::int64_t n_rows, std::int64_t width);

  const Backend& device_;
  OpCounts counts_;
  std::vector<Refusal> refusals_;
  std::uint64_t launches_before_ = 0;  // the counts began
  // Shared with the buffers, which may outlive the backend for a moment while a model is taken down.
  std::shared_ptr<std::uint64_t> held_bytes_;
};

}  // namespace pio
