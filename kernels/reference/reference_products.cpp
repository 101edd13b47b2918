#include <algorithm>
#include <vector>

#include "kernels/reference/reference_ops.h"
#include "kernels/reference/route.h"

// Products with weights, and what stands beside them in one op.

namespace pio {
namespace {

// norm(x), row by row.
std::vector<float> normed_rows(const Tensor& x, const Tensor& norm, float eps) {
  const std::int64_t dim = x.shape[1];
  std::vector<float> rows(static_cast<std::size_t>(x.shape.n_values()));
  for (std::int64_t t = 0; t < x.shape[0]; ++t)
    norm_row(host_pointer<float>(x) + t * dim, host_pointer<float>(norm), dim, eps, rows.data() + t * dim);
  return rows;
}

// y[t][o] of rows x [n_tokens, w's columns], handed to each(t, o, value) in float32.
template <class Each>
void multiply_rows(const Backend& backend, const float* x, std::int64_t n_tokens, const Tensor& w, const Tensor& bias, const Each& each) {
  const std::int64_t n_out = w.shape[0], n_in = w.shape[1];
  std::vector<float> row(static_cast<std::size_t>(n_in));
  for (std::int64_t o = 0; o < n_out; ++o) {
    if (backend.stop_requested()) return;
    decode_row(w, o, n_in, row.data());
    const double start = bias ? static_cast<double>(host_pointer<float>(bias)[o]) : 0;
    for (std::int64_t t = 0; t < n_tokens; ++t) each(t, o, static_cast<float>(start + dot(x + t * n_in, row.data(), n_in)));
  }
}

// out [dim]: the weighted sum of what these experts make of in [dim].
void mix(const Backend& backend, const float* in, const std::int32_t* ids, const float* weights, std::int64_t n_used, const ExpertSet& experts,
         float* out) {
  const std::int64_t hidden_dim = experts.pattern().gate.shape[0], dim = experts.pattern().gate.shape[1];
  std::vector<float> row(static_cast<std::size_t>(std::max(dim, hidden_dim))), hidden(static_cast<std::size_t>(hidden_dim));
  std::vector<double> sums(static_cast<std::size_t>(dim));
  for (std::int64_t j = 0; j < n_used; ++j) {
    if (backend.stop_requested()) return;
    if (ids[j] < 0) continue;
    CHECK(experts.has(ids[j]), "moe_experts: no such expert");
    const ExpertMlp& expert = experts[ids[j]];
    for (std::int64_t o = 0; o < hidden_dim; ++o) {
      decode_row(expert.gate, o, dim, row.data());
      const double gate = dot(in, row.data(), dim);
      decode_row(expert.up, o, dim, row.data());
      hidden[static_cast<std::size_t>(o)] = static_cast<float>(silu_of(gate) * dot(in, row.data(), dim));
    }
    for (std::int64_t o = 0; o < dim; ++o) {
      decode_row(expert.down, o, hidden_dim, row.data());
      // rounded to f32 before it is weighted, as where experts come in turns (sum_rows)
      const auto value = static_cast<float>(dot(hidden.data(), row.data(), hidden_dim));
      sums[static_cast<std::size_t>(o)] += static_cast<double>(weights[j]) * static_cast<double>(value);
    }
  }
  for (std::int64_t o = 0; o < dim; ++o) out[o] = static_cast<float>(sums[static_cast<std::size_t>(o)]);
}

}  // namespace

void reference_matmul(const Backend& backend, Tensor y, Tensor x, Tensor w, Tensor bias) {
  const auto put = [&](std::int64_t t, std::int64_t o, float value) { host_pointer<float>(y)[t * w.shape[0] + o] = value; };
  multiply_rows(backend, host_pointer<float>(x), x.shape[0], w, bias, put);
}

void reference_matmul_add(const Backend& backend, Tensor residual, Tensor x, Tensor w, Tensor bias) {
  const auto add = [&](std::int64_t t, std::int64_t o, float value) { host_pointer<float>(residual)[t * w.shape[0] + o] += value; };
  multiply_rows(backend, host_pointer<float>(x), x.shape[0], w, bias, add);
}

void reference_norm_matmul(const Backend& backend, std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) {
  const std::vector<float> h = normed_rows(x, norm, eps);
  if (normed) std::copy(h.begin(), h.end(), host_pointer<float>(normed));
  for (const Projection& p : projections) {
    const auto put = [&](std::int64_t t, std::int64_t o, float value) { host_pointer<float>(p.y)[t * p.w.shape[0] + o] = value; };
    multiply_rows(backend, h.data(), x.shape[0], p.w, p.bias, put);
  }
}

void reference_norm_glu_matmul(const Backend& backend, Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) {
  const std::vector<float> h = normed_rows(x, norm, eps);
  float* const out = host_pointer<float>(y);
  const std::int64_t hidden_dim = gate.shape[0];
  multiply_rows(backend, h.data(), x.shape[0], gate, {}, [&](std::int64_t t, std::int64_t o, float value) { out[t * hidden_dim + o] = value; });
  multiply_rows(backend, h.data(), x.shape[0], up, {}, [&](std::int64_t t, std::int64_t o, float value) {
    float& at = out[t * hidden_dim + o];
    at = static_cast<float>(silu_of(static_cast<double>(at)) * static_cast<double>(value));
  });
}

void reference_matmul_heads(const Backend& backend, Tensor y, Tensor x, Tensor w, HeadsParams params) {
  const std::int64_t n_heads = w.shape[0], n_rows = w.shape[1], n_columns = w.shape[2];
  const std::int64_t n_out = params.transposed ? n_columns : params.w_rows;
  std::vector<float> matrix(static_cast<std::size_t>(params.w_rows * n_columns));
  for (std::int64_t h = 0; h < n_heads; ++h) {
    for (std::int64_t r = 0; r < params.w_rows; ++r) decode_row(w, h * n_rows + params.w_first + r, n_columns, matrix.data() + r * n_columns);
    for (std::int64_t t = 0; t < x.shape[0]; ++t) {
      if (backend.stop_requested()) return;
      const float* in = host_pointer<float>(x) + (t * x.shape[1] + (x.shape[1] == 1 ? 0 : h)) * x.shape[2] + params.x_first;
      float* out = host_pointer<float>(y) + (t * n_heads + h) * y.shape[2] + params.y_first;
      for (std::int64_t o = 0; o < n_out; ++o) {
        if (!params.transposed) {
          out[o] = static_cast<float>(dot(in, matrix.data() + o * n_columns, n_columns));
          continue;
        }
        double sum = 0;
        for (std::int64_t i = 0; i < params.w_rows; ++i) sum += static_cast<double>(in[i]) * static_cast<double>(matrix[i * n_columns + o]);
        out[o] = static_cast<float>(sum);
      }
    }
  }
}

void reference_moe_experts(const Backend& backend, Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) {
  const std::int64_t dim = x.shape[1], n_used = ids.shape[1];
  for (std::int64_t t = 0; t < x.shape[0] && !backend.stop_requested(); ++t) {
    mix(backend, host_pointer<float>(x) + t * dim, host_pointer<std::int32_t>(ids) + t * n_used, host_pointer<float>(weights) + t * n_used, n_used,
        experts, host_pointer<float>(y) + t * dim);
  }
}

void reference_experts(const Backend& backend, Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) {
  const std::int64_t dim = x.shape[1], n_experts = logits.shape[1], n_used = mixture.n_used;
  const std::int64_t shared_dim = mixture.shared.gate ? mixture.shared.gate.shape[0] : 0;
  std::vector<float> scratch(route_scratch_floats(n_experts)), weights(n_used), sum(dim), hidden(shared_dim);
  std::vector<std::int32_t> ids(n_used);
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    if (backend.stop_requested()) return;
    const float* const in = host_pointer<float>(x) + t * dim;
    route_token({.logits = host_pointer<float>(logits) + t * n_experts,
                 .bias = mixture.bias ? host_pointer<float>(mixture.bias) : nullptr,
                 .n_experts = n_experts,
                 .n_used = n_used,
                 .ids = ids.data(),
                 .weights = weights.data()},
                mixture.routing, scratch.data());
    mix(backend, in, ids.data(), weights.data(), n_used, mixture.experts, sum.data());
    if (shared_dim > 0) {
      multiply_rows(backend, in, 1, mixture.shared.gate, {}, [&](std::int64_t, std::int64_t o, float value) { hidden[o] = value; });
      multiply_rows(backend, in, 1, mixture.shared.up, {}, [&](std::int64_t, std::int64_t o, float value) {
        hidden[o] = static_cast<float>(silu_of(static_cast<double>(hidden[o])) * static_cast<double>(value));
      });
      multiply_rows(backend, hidden.data(), 1, mixture.shared.down, {}, [&](std::int64_t, std::int64_t o, float value) { sum[o] += value; });
    }
    for (std::int64_t o = 0; o < dim; ++o) host_pointer<float>(residual)[t * dim + o] += sum[o];
  }
}

}  // namespace pio
