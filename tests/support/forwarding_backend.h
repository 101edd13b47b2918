#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.h"

// Backends that hand their ops on to another one: a small backend's beginning, and a spy.

namespace pio {

// Has the primitives of another backend; its compositions are the defaults.
class PrimitivesBackend : public Backend {
 public:
  PrimitivesBackend(std::unique_ptr<Backend> inner, std::string name) : inner_(std::move(inner)), device_(inner_->device()) {
    device_.name = std::move(name);
  }
  int n_calls() const { return n_calls_; }  // ops handed on

  const DeviceInfo& device() const override { return device_; }
  int n_threads() const override { return inner_->n_threads(); }
  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override {
    auto buffer = inner_->allocate(n_bytes);
    if (buffer) return buffer;
    Error error = buffer.error();
    error.device = device_.name;
    return error;
  }
  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override { return inner_->wrap(data, n_bytes); }
  void upload(Tensor destination, const void* source) override { inner_->upload(destination, source); }
  void download(void* destination, Tensor source) override { inner_->download(destination, source); }
  Result<void> sync() override { return inner_->sync(); }
  Result<void> supports(Op op, DType dtype, const Shape& extents) const override { return inner_->supports(op, dtype, extents); }

 protected:
  Backend& inner() { return *inner_; }
  // Every op passes here.
  virtual void run(const std::function<void(Backend&)>& op) {
    ++n_calls_;
    inner_->set_stop(stop_token());
    op(*inner_);
  }

 private:
  void do_embed(Tensor y, Tensor table, Tensor ids) override {
    run([=](Backend& b) { b.embed(y, table, ids); });
  }
  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override {
    run([=](Backend& b) { b.matmul(y, x, w, bias); });
  }
  void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) override {
    run([=](Backend& b) { b.rms_norm(y, x, w, eps); });
  }
  void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) override {
    run([=](Backend& b) { b.layer_norm(y, x, w, bias, eps); });
  }
  void do_add(Tensor y, Tensor a, Tensor b) override {
    run([=](Backend& to) { to.add(y, a, b); });
  }
  void do_multiply(Tensor y, Tensor a, Tensor b) override {
    run([=](Backend& to) { to.multiply(y, a, b); });
  }
  void do_silu(Tensor y, Tensor x) override {
    run([=](Backend& b) { b.silu(y, x); });
  }
  void do_gelu(Tensor y, Tensor x, Gelu kind) override {
    run([=](Backend& b) { b.gelu(y, x, kind); });
  }
  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) override {
    run([=](Backend& b) { b.rope(x, positions, inv_freq, params, axes); });
  }
  void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) override {
    run([=](Backend& b) { b.store_kv(cache, x, cells, page_bounds); });
  }
  void do_hadamard(Tensor x, std::int64_t n) override {
    run([=](Backend& b) { b.hadamard(x, n); });
  }
  void do_load_kv(Tensor y, Tensor cache, Tensor cells) override {
    run([=](Backend& b) { b.load_kv(y, cache, cells); });
  }
  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    run([=](Backend& b) { b.attention(y, q, k_cache, v_cache, step, params); });
  }
  void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) override {
    run([=](Backend& b) { b.route_experts(ids, weights, logits, bias, params); });
  }
  void do_gather_rows(Tensor y, Tensor x, Tensor rows) override {
    run([=](Backend& b) { b.gather_rows(y, x, rows); });
  }
  void do_cast(Tensor y, Tensor x) override {
    run([=](Backend& b) { b.cast(y, x); });
  }
  void do_copy(Tensor y, Tensor x) override {
    run([=](Backend& b) { b.copy(y, x); });
  }
  void do_argmax(Tensor y, Tensor x) override {
    run([=](Backend& b) { b.argmax(y, x); });
  }

  std::unique_ptr<Backend> inner_;
  DeviceInfo device_;
  int n_calls_ = 0;
};

// Hands on the compositions too, each as one call.
class ForwardingBackend : public PrimitivesBackend {
 public:
  using PrimitivesBackend::PrimitivesBackend;

 private:
  void do_glu(Tensor y, Tensor gate, Tensor up) override {
    run([=](Backend& b) { b.glu(y, gate, up); });
  }
  void do_add_scaled(Tensor y, Tensor x, float scale) override {
    run([=](Backend& b) { b.add_scaled(y, x, scale); });
  }
  void do_sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights) override {
    run([=](Backend& b) { b.sum_rows(y, x, rows, weights); });
  }
  void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) override {
    run([=](Backend& b) { b.copy_columns(y, y_first, x, x_first, n); });
  }
  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override {
    run([=](Backend& b) { b.matmul_heads(y, x, w, params); });
  }
  void do_matmul_heads_and_copy(Tensor y, Tensor x, Tensor w, HeadsParams params) override {
    run([=](Backend& b) { b.matmul_heads(y, x, w, params); });
  }
  void do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale) override {
    run([=](Backend& b) { b.self_attention(y, q, k, v, starts, first_head, scale); });
  }
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    run([=](Backend& b) { b.moe_experts(y, x, ids, weights, experts); });
  }
  void do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) override {
    const std::vector<Projection> kept(projections.begin(), projections.end());
    run([=](Backend& b) { b.norm_matmul(kept, x, norm, eps, normed); });
  }
  void do_qk_norm_rope_store(const QkvHeads& heads, const Step& step) override {
    run([=](Backend& b) { b.qk_norm_rope_store(heads, step); });
  }
  void do_matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind) override {
    run([=](Backend& b) { b.matmul_gelu(y, x, w, bias, kind); });
  }
  void do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) override {
    run([=](Backend& b) { b.matmul_add(residual, x, w, bias); });
  }
  void do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) override {
    run([=](Backend& b) { b.norm_glu_matmul(y, x, norm, eps, gate, up); });
  }
  void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) override {
    run([=](Backend& b) { b.experts(residual, x, logits, mixture); });
  }
};

}  // namespace pio
