#include "kernels/reference/reference_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/host.h"
#include "kernels/host_buffer.h"
#include "kernels/reference/reference_ops.h"
#include "kernels/reference/route.h"

namespace pio {
namespace {

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend() {
    const HostMemory memory = host_memory();
    device_.name = "reference";
    device_.kind = DeviceKind::reference;
    device_.detail = "scalar, double sums, 1 thread";
    device_.total_bytes = memory.total_bytes;
    device_.free_bytes = memory.free_bytes;
  }

  const DeviceInfo& device() const override { return device_; }

  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override {
    return allocate_host_buffer(n_bytes, device_.name, host_memory().free_bytes);
  }

  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override {
    return std::unique_ptr<Buffer>(std::make_unique<BorrowedBuffer>(data, n_bytes));
  }

  void upload(Tensor destination, const void* source) override {
    if (const std::size_t n = destination.n_bytes()) std::memcpy(host_pointer<std::byte>(destination), source, n);
  }
  void download(void* destination, Tensor source) override {
    if (const std::size_t n = source.n_bytes()) std::memcpy(destination, host_pointer<std::byte>(source), n);
  }
  Result<void> sync() override { return {}; }

 private:
  bool reads_in_place(const MatrixSource& source) const override { return source.is_aligned(); }
  void do_embed(Tensor y, Tensor table, Tensor ids) override {
    const std::int64_t dim = y.shape[1];
    for (std::int64_t t = 0; t < y.shape[0]; ++t) {
      if (stop_requested()) return;
      decode_row(table, index_at(ids, t, table.shape[0]), dim, host_pointer<float>(y) + t * dim);
    }
  }

  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override { reference_matmul(*this, y, x, w, bias); }
  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override { reference_matmul_heads(*this, y, x, w, params); }
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    reference_moe_experts(*this, y, x, ids, weights, experts);
  }
  void do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) override {
    reference_norm_matmul(*this, projections, x, norm, eps, normed);
  }
  void do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) override { reference_matmul_add(*this, residual, x, w, bias); }
  void do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) override {
    reference_norm_glu_matmul(*this, y, x, norm, eps, gate, up);
  }
  void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) override {
    reference_experts(*this, residual, x, logits, mixture);
  }

  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) override {
    reference_rope(*this, x, positions, inv_freq, params, axes);
  }
  void do_hadamard(Tensor x, std::int64_t n) override { reference_hadamard(*this, x, n); }
  void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) override { reference_store_kv(*this, cache, x, cells, page_bounds); }
  void do_load_kv(Tensor y, Tensor cache, Tensor cells) override { reference_load_kv(*this, y, cache, cells); }
  void do_qk_norm_rope_store(const QkvHeads& heads, const Step& step) override { reference_qk_norm_rope_store(*this, heads, step); }
  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    reference_attention(*this, y, q, k_cache, v_cache, step, params);
  }
  void do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale) override {
    reference_self_attention(*this, y, q, k, v, starts, first_head, scale);
  }

  void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) override {
    const std::int64_t dim = y.shape.back();
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      if (stop_requested()) return;
      norm_row(host_pointer<float>(x) + r * dim, host_pointer<float>(w), dim, eps, host_pointer<float>(y) + r * dim);
    }
  }

  void do_multiply(Tensor y, Tensor a, Tensor b) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) host_pointer<float>(y)[i] = host_pointer<float>(a)[i] * host_pointer<float>(b)[i];
  }

  void do_silu(Tensor y, Tensor x) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) {
      host_pointer<float>(y)[i] = static_cast<float>(silu_of(static_cast<double>(host_pointer<float>(x)[i])));
    }
  }

  void do_glu(Tensor y, Tensor gate, Tensor up) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) {
      const double activated = silu_of(static_cast<double>(host_pointer<float>(gate)[i]));
      host_pointer<float>(y)[i] = static_cast<float>(activated * static_cast<double>(host_pointer<float>(up)[i]));
    }
  }

  void do_add(Tensor y, Tensor a, Tensor b) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) host_pointer<float>(y)[i] = host_pointer<float>(a)[i] + host_pointer<float>(b)[i];
  }

  void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) override {
    const std::int64_t dim = y.shape.back();
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      if (stop_requested()) return;
      const float* in = host_pointer<float>(x) + r * dim;
      float* out = host_pointer<float>(y) + r * dim;
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < dim; ++i) mean += static_cast<double>(in[i]) / static_cast<double>(dim);
      for (std::int64_t i = 0; i < dim; ++i) variance += (in[i] - mean) * (in[i] - mean) / static_cast<double>(dim);
      const double scale = 1 / std::sqrt(variance + static_cast<double>(eps));
      for (std::int64_t i = 0; i < dim; ++i) {
        out[i] = static_cast<float>((in[i] - mean) * scale * static_cast<double>(host_pointer<float>(w)[i]) +
                                    static_cast<double>(host_pointer<float>(bias)[i]));
      }
    }
  }

  void do_gelu(Tensor y, Tensor x, Gelu kind) override {
    const double root_2_over_pi = std::sqrt(2 / std::acos(-1.0));
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) {
      const double v = static_cast<double>(host_pointer<float>(x)[i]);
      const double gate = kind == Gelu::erf ? std::erf(v / std::sqrt(2.0)) : std::tanh(root_2_over_pi * (v + 0.044715 * v * v * v));
      host_pointer<float>(y)[i] = static_cast<float>(0.5 * v * (1 + gate));
    }
  }

  void do_add_scaled(Tensor y, Tensor x, float scale) override {
    for (std::int64_t i = 0; i < y.shape.n_values(); ++i) host_pointer<float>(y)[i] += scale * host_pointer<float>(x)[i];
  }

  void do_sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights) override {
    const std::int64_t dim = y.shape[1], k = rows.shape[1];
    std::vector<double> sums(static_cast<std::size_t>(dim));
    for (std::int64_t t = 0; t < y.shape[0]; ++t) {
      std::ranges::fill(sums, 0.0);
      for (std::int64_t i = t * k; i < (t + 1) * k; ++i) {
        const float* const row = host_pointer<float>(x) + index_at(rows, i, x.shape[0]) * dim;
        const double weight = static_cast<double>(host_pointer<float>(weights)[i]);
        for (std::int64_t c = 0; c < dim; ++c) sums[static_cast<std::size_t>(c)] += weight * static_cast<double>(row[c]);
      }
      std::ranges::transform(sums, host_pointer<float>(y) + t * dim, [](double sum) { return static_cast<float>(sum); });
    }
  }

  void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) override {
    const std::int64_t repeats = y.shape.n_rows() / x.shape.n_rows();
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      std::memcpy(host_pointer<float>(y) + r * y.shape.back() + y_first, host_pointer<float>(x) + r / repeats * x.shape.back() + x_first,
                  static_cast<std::size_t>(n) * sizeof(float));
    }
  }

  void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) override {
    const std::int64_t n_experts = logits.shape[1], n_used = ids.shape[1];
    std::vector<float> scratch(route_scratch_floats(n_experts));
    for (std::int64_t t = 0; t < ids.shape[0]; ++t) {
      route_token({.logits = host_pointer<float>(logits) + t * n_experts,
                   .bias = bias ? host_pointer<float>(bias) : nullptr,
                   .n_experts = n_experts,
                   .n_used = n_used,
                   .ids = host_pointer<std::int32_t>(ids) + t * n_used,
                   .weights = host_pointer<float>(weights) + t * n_used},
                  params, scratch.data());
    }
  }

  void do_gather_rows(Tensor y, Tensor x, Tensor rows) override {
    const std::int64_t dim = y.shape[1];
    for (std::int64_t i = 0; i < y.shape[0]; ++i) {
      const float* source = host_pointer<float>(x) + index_at(rows, i, x.shape[0]) * dim;
      std::memcpy(host_pointer<float>(y) + i * dim, source, static_cast<std::size_t>(dim) * sizeof(float));
    }
  }

  void do_cast(Tensor y, Tensor x) override {
    const std::int64_t row_length = y.shape.back();
    std::vector<float> row(static_cast<std::size_t>(row_length));
    for (std::int64_t r = 0; r < y.shape.n_rows(); ++r) {
      if (stop_requested()) return;
      decode_row(x, r, row_length, row.data());
      encode_row(row.data(), y, r, row_length);
    }
  }

  void do_copy(Tensor y, Tensor x) override { std::memcpy(host_pointer<std::byte>(y), host_pointer<std::byte>(x), y.n_bytes()); }

  // A NaN is never the largest; a row of nothing else gives 0.
  void do_argmax(Tensor y, Tensor x) override {
    const std::int64_t dim = x.shape[1];
    for (std::int64_t i = 0; i < x.shape[0]; ++i) {
      const float* row = host_pointer<float>(x) + i * dim;
      std::int64_t best = 0;
      for (std::int64_t j = 1; j < dim; ++j) {
        if (row[j] > row[best] || std::isnan(row[best])) best = std::isnan(row[j]) ? best : j;
      }
      host_pointer<std::int32_t>(y)[i] = static_cast<std::int32_t>(best);
    }
  }

  DeviceInfo device_;
};

}  // namespace

std::unique_ptr<Backend> create_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace pio
