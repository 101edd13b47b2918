#include "kernels/cpu/experts.h"

#include <algorithm>
#include <cstring>

#include "kernels/reference/route.h"

namespace pio {

void CpuExperts::route(const Tensor& ids, const Tensor& weights, const Tensor& logits, const Tensor& bias, const RoutingParams& params) {
  const std::int64_t n_used = ids.shape[1], n_experts = logits.shape[1];
  context_.reserve_worker_scratch(route_scratch_floats(n_experts) * sizeof(float));
  constexpr std::int64_t kTokens = 8;  // in a tile: a hundred experts take a microsecond or two
  const std::int64_t n_tokens = ids.shape[0];
  context_.for_each_tile((n_tokens + kTokens - 1) / kTokens, n_tokens * n_experts * 64, [&](std::int64_t tile, int worker) {
    for (std::int64_t t = tile * kTokens; t < std::min((tile + 1) * kTokens, n_tokens); ++t) {
      route_token({.logits = host_pointer<float>(logits) + t * n_experts,
                   .bias = bias ? host_pointer<float>(bias) : nullptr,
                   .n_experts = n_experts,
                   .n_used = n_used,
                   .ids = host_pointer<std::int32_t>(ids) + t * n_used,
                   .weights = host_pointer<float>(weights) + t * n_used},
                  params, context_.worker_floats(worker));
    }
  });
}

void CpuExperts::run(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts) {
  if (context_.stop_requested()) return;  // the ids may be unfinished
  for (std::int64_t i = 0; i < ids.shape.n_values(); ++i) {
    const std::int32_t id = host_pointer<std::int32_t>(ids)[i];
    CHECK(experts.has(id), "moe_experts: no such expert");
  }
  if (x.shape[0] < CpuProducts::kDecodeTokens) run_few(y, x, ids, weights, experts);
  else run_many(y, x, ids, weights, experts);
}

// Rows of activations are gathered expert by expert and go through the products of many tokens. An expert without tokens costs nothing.
void CpuExperts::run_many(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts) {
  const std::int64_t dim = x.shape[1], n_used = ids.shape[1];
  // Tokens at a time: bounds the memory, and is plenty for the products.
  constexpr std::int64_t kMostTokens = 512;
  for (std::int64_t t = 0; t < x.shape[0]; t += kMostTokens) {
    const std::int64_t n = std::min(kMostTokens, x.shape[0] - t);
    float* const outputs = run_expert_by_expert(x.rows(t, n), ids.rows(t, n), experts);
    if (context_.stop_requested()) return;
    context_.for_each_span(n, n_used * dim * 8, [&](std::int64_t first, std::int64_t n_rows) {
      for (std::int64_t i = first; i < first + n_rows; ++i) {
        float* const yt = host_pointer<float>(y) + (t + i) * dim;
        std::fill_n(yt, dim, 0.0f);
        for (std::int64_t place = i * n_used; place < (i + 1) * n_used; ++place) {
          kernels_.add_scaled(yt, outputs + places_[place] * dim, host_pointer<float>(weights)[t * n_used + place], dim);
        }
      }
    });
  }
}

// What the chosen experts give, [n_places, dim], expert by expert; places_[token * n_used + choice] is the row of a choice.
float* CpuExperts::run_expert_by_expert(const Tensor& x, const Tensor& ids, const ExpertSet& experts) {
  const std::int64_t dim = x.shape[1], hidden_dim = experts.pattern().gate.shape[0], n_used = ids.shape[1], n_places = ids.shape.n_values();
  const std::int32_t* const id = host_pointer<std::int32_t>(ids);
  starts_.assign(experts.n_experts() + 1, 0);
  for (std::int64_t i = 0; i < n_places; ++i) ++starts_[id[i] + 1];
  std::int64_t most_rows = 0;
  for (std::int64_t e = 0; e < experts.n_experts(); ++e) {
    most_rows = std::max(most_rows, starts_[e + 1]);
    starts_[e + 1] += starts_[e];
  }
  places_.resize(n_places);
  tokens_.resize(n_places);
  next_.assign(starts_.begin(), starts_.end() - 1);
  for (std::int64_t i = 0; i < n_places; ++i) {
    places_[i] = next_[id[i]]++;
    tokens_[places_[i]] = i / n_used;
  }

  Layout layout;
  const auto input_piece = layout.add<float>(most_rows * dim), gate_piece = layout.add<float>(most_rows * hidden_dim),
             up_piece = layout.add<float>(most_rows * hidden_dim), output_piece = layout.add<float>(n_places * dim);
  std::byte* const memory = rows_.reserve(layout.n_bytes());
  BorrowedBuffer buffer(memory, layout.n_bytes());
  const auto tensor = [&](const Layout::Piece<float>& piece, std::int64_t first, std::int64_t n_rows, std::int64_t width) {
    return Tensor{DType::f32, {n_rows, width}, &buffer, piece.offset() + static_cast<std::size_t>(first * width) * sizeof(float)};
  };
  for (std::int64_t e = 0; e < experts.n_experts() && !context_.stop_requested(); ++e) {
    const std::int64_t at = starts_[e], n = starts_[e + 1] - at;
    if (n == 0) continue;
    const Tensor rows = tensor(input_piece, 0, n, dim), gate = tensor(gate_piece, 0, n, hidden_dim), up = tensor(up_piece, 0, n, hidden_dim);
    context_.for_each_span(n, dim * 8, [&](std::int64_t first, std::int64_t n_rows) {
      for (std::int64_t i = first; i < first + n_rows; ++i) {
        std::memcpy(input_piece.in(memory) + i * dim, host_pointer<float>(x) + tokens_[at + i] * dim, dim * sizeof(float));
      }
    });
    products_.matmul(gate, rows, experts[e].gate, {});
    products_.matmul(up, rows, experts[e].up, {});
    context_.for_each_span(n * hidden_dim, 24, [&](std::int64_t first, std::int64_t n_values) {
      float* const values = gate_piece.in(memory) + first;
      kernels_.glu(values, values, up_piece.in(memory) + first, n_values);
    });
    products_.matmul(tensor(output_piece, at, n, dim), gate, experts[e].down, {});
  }
  return output_piece.in(memory);
}

// Two sections of tiles for all chosen experts together: their products are too short to wait for each other.
void CpuExperts::run_few(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts) {
  const std::int64_t n_tokens = x.shape[0], dim = x.shape[1], hidden_dim = experts.pattern().gate.shape[0], n_used = ids.shape[1];
  const std::int64_t n_places = n_tokens * n_used;
  const std::int32_t* const id = host_pointer<std::int32_t>(ids);

  // gate and up of a place need its token's row in 8 bits, down needs its own hidden row
  const auto any_rounded = [&](Tensor ExpertMlp::*which) {
    return std::any_of(id, id + n_places, [&](std::int32_t e) { return products_.rounds_input(experts[e].*which); });
  };
  const bool round_x = any_rounded(&ExpertMlp::gate) || any_rounded(&ExpertMlp::up), round_hidden = any_rounded(&ExpertMlp::down);
  const Q8RowLayout x_layout(dim), hidden_layout(hidden_dim);
  Layout layout;
  const auto hidden_piece = layout.add<float>(n_places * hidden_dim);
  const Layout::Repeated x_rows = layout.add(n_tokens, x_layout), hidden_rows = layout.add(n_places, hidden_layout);
  std::byte* const memory = context_.scratch.reserve(layout.n_bytes());
  float* const hidden = hidden_piece.in(memory);
  const auto x_row = [&](std::int64_t t) { return x_layout.in(x_rows.in(memory, t)); };
  const auto hidden_row = [&](std::int64_t place) { return hidden_layout.in(hidden_rows.in(memory, place)); };

  const std::int64_t in_row_bytes = bytes_of(experts[id[0]].gate.dtype, dim), out_row_bytes = bytes_of(experts[id[0]].down.dtype, hidden_dim);
  const std::int64_t in_rows = std::min(products_.rows_per_tile(n_places * hidden_dim, 2 * in_row_bytes), hidden_dim);
  const std::int64_t out_rows = std::min(products_.rows_per_tile(n_tokens * dim, n_used * out_row_bytes), dim);
  Layout of_worker;
  const auto decoded_piece = of_worker.add<float>(CpuProducts::kRowsAtOnce * std::max(dim, hidden_dim));
  const auto products_piece = of_worker.add<float>(std::max(in_rows, out_rows));
  context_.reserve_worker_scratch(of_worker.n_bytes());
  const auto decoded_of = [&](int worker) { return decoded_piece.in(context_.worker_scratch(worker)); };
  const auto products_of = [&](int worker) { return products_piece.in(context_.worker_scratch(worker)); };

  if (round_x) {
    for (std::int64_t t = 0; t < n_tokens; ++t) kernels_.quantize_q8(host_pointer<float>(x) + t * dim, dim, x_row(t));
  }
  const std::int64_t in_tiles = (hidden_dim + in_rows - 1) / in_rows;
  context_.for_each_tile(n_places * in_tiles, n_places * hidden_dim * in_row_bytes * 2, [&](std::int64_t tile, int worker) {
    const std::int64_t place = tile / in_tiles, t = place / n_used, first = tile % in_tiles * in_rows, n = std::min(in_rows, hidden_dim - first);
    const ExpertMlp& expert = experts[id[place]];
    float* const gate = hidden + place * hidden_dim + first;
    const float* const xt = host_pointer<float>(x) + t * dim;
    products_.multiply_rows(expert.gate, first, n, xt, x_row(t), gate, decoded_of(worker));
    products_.multiply_rows(expert.up, first, n, xt, x_row(t), products_of(worker), decoded_of(worker));
    kernels_.glu(gate, gate, products_of(worker), n);
  });
  if (round_hidden) {
    for (std::int64_t place = 0; place < n_places; ++place) kernels_.quantize_q8(hidden + place * hidden_dim, hidden_dim, hidden_row(place));
  }
  const std::int64_t out_tiles = (dim + out_rows - 1) / out_rows;
  context_.for_each_tile(n_tokens * out_tiles, n_places * dim * out_row_bytes, [&](std::int64_t tile, int worker) {
    const std::int64_t t = tile / out_tiles, first = tile % out_tiles * out_rows, n = std::min(out_rows, dim - first);
    float* const yt = host_pointer<float>(y) + t * dim + first;
    std::fill_n(yt, n, 0.0f);
    for (std::int64_t place = t * n_used; place < (t + 1) * n_used && !context_.stop_requested(); ++place) {
      products_.multiply_rows(experts[id[place]].down, first, n, hidden + place * hidden_dim, hidden_row(place), products_of(worker),
                              decoded_of(worker));
      kernels_.add_scaled(yt, products_of(worker), host_pointer<float>(weights)[place], n);
    }
  });
}

}  // namespace pio
