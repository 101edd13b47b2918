#include "kernels/cpu/experts.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "kernels/cpu/shared_work.h"
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

void CpuExperts::check_chosen(const Tensor& ids, const ExpertSet& experts) {
  for (std::int64_t i = 0; i < ids.shape.n_values(); ++i) {
    const std::int32_t id = host_pointer<std::int32_t>(ids)[i];
    CHECK(id < 0 || experts.has(id), "moe_experts: no such expert");
  }
}

void CpuExperts::run(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts) {
  if (context_.stop_requested()) return;  // the ids may be unfinished
  check_chosen(ids, experts);
  if (x.shape[0] < CpuProducts::kDecodeTokens) run_few(y, x, ids, weights, experts, nullptr);
  else run_many(y, x, ids, weights, experts);
}

bool CpuExperts::can_add(std::int64_t n_tokens, const ExpertMlp& shared) const {
  if (n_tokens >= CpuProducts::kDecodeTokens) return false;
  return std::ranges::none_of(std::array{&shared.gate, &shared.up, &shared.down},
                              [&](const Tensor* w) { return *w && products_.rounds_weights(*w); });
}

void CpuExperts::add(const Tensor& residual, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts,
                     const ExpertMlp& shared) {
  if (context_.stop_requested()) return;  // the ids may be unfinished
  check_chosen(ids, experts);
  run_few(residual, x, ids, weights, experts, &shared);
}

// Rows of activations are gathered expert by expert. An expert without tokens costs nothing.
void CpuExperts::run_many(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts) {
  const std::int64_t dim = x.shape[1], n_used = ids.shape[1];
  // Tokens at a time: bounds the memory, and is plenty for the products.
  constexpr std::int64_t kMostTokens = 512;
  for (std::int64_t t = 0; t < x.shape[0]; t += kMostTokens) {
    const std::int64_t n = std::min(kMostTokens, x.shape[0] - t);
    sort_places(ids.rows(t, n), experts.n_experts());
    float* const outputs =
        have_equal_panels(experts) ? run_in_panels(x.rows(t, n), n_used, experts) : run_expert_by_expert(x.rows(t, n), n_used, experts);
    if (context_.stop_requested()) return;
    context_.for_each_span(n, n_used * dim * 8, [&](std::int64_t first, std::int64_t n_rows) {
      for (std::int64_t i = first; i < first + n_rows; ++i) {
        float* const yt = host_pointer<float>(y) + (t + i) * dim;
        std::fill_n(yt, dim, 0.0f);
        for (std::int64_t place = i * n_used; place < (i + 1) * n_used; ++place) {
          if (places_[place] < 0) continue;
          kernels_.add_scaled(yt, outputs + places_[place] * dim, host_pointer<float>(weights)[t * n_used + place], dim);
        }
      }
    });
  }
}

// Rows of choices, expert by expert: those of expert e are starts_[e] … starts_[e + 1] - 1, places_[token * n_used + choice] is the row of a
// choice, tokens_[row] its token. A choice without an expert has row -1.
void CpuExperts::sort_places(const Tensor& ids, std::int64_t n_experts) {
  const std::int64_t n_used = ids.shape[1], n_places = ids.shape.n_values();
  const std::int32_t* const id = host_pointer<std::int32_t>(ids);
  starts_.assign(n_experts + 1, 0);
  for (std::int64_t i = 0; i < n_places; ++i)
    if (id[i] >= 0) ++starts_[id[i] + 1];
  for (std::int64_t e = 0; e < n_experts; ++e) starts_[e + 1] += starts_[e];
  places_.resize(n_places);
  tokens_.resize(n_places);
  next_.assign(starts_.begin(), starts_.end() - 1);
  for (std::int64_t i = 0; i < n_places; ++i) {
    places_[i] = id[i] < 0 ? -1 : next_[id[i]]++;
    if (id[i] < 0) continue;
    tokens_[places_[i]] = i / n_used;
  }
}

// Whether the chosen experts are of formats that share panels, as those of a file's layer nearly always are.
bool CpuExperts::have_equal_panels(const ExpertSet& experts) const {
  if (kernels_.gemm_lanes == 0) return false;
  const ExpertMlp* first = nullptr;
  for (std::int64_t e = 0; e < experts.n_experts(); ++e) {
    if (starts_[e] == starts_[e + 1]) continue;
    const ExpertMlp& expert = experts[e];
    for (const Tensor& w : {expert.gate, expert.up, expert.down})
      if (!products_.rounds_input(w)) return false;
    if (!first) first = &expert;
    const PanelKind in(context_, first->gate.dtype, expert.gate.shape[1]), out(context_, first->down.dtype, expert.down.shape[1]);
    if (!in.serves(context_, expert.gate.dtype) || !in.serves(context_, expert.up.dtype) || !out.serves(context_, expert.down.dtype)) return false;
  }
  return first != nullptr;
}

// What the chosen experts give, [n_places, dim]. Four loops of tiles for all of them together: their rows into panels, gate and up, the hidden
// rows into panels, down. Where an expert has few rows and its weights lie in lines, these are multiplied as they are: unpacking them would
// take longer than the products.
float* CpuExperts::run_in_panels(const Tensor& x, std::int64_t n_used, const ExpertSet& experts) {
  const std::int64_t dim = x.shape[1], hidden_dim = experts.pattern().gate.shape[0], n_tokens = x.shape[0], n_places = n_tokens * n_used;
  const std::int64_t widest = kernels_.gemm_columns[0], lanes = kernels_.gemm_lanes;
  panels_.clear();
  chosen_.clear();
  for (std::int64_t e = 0; e < experts.n_experts(); ++e) {
    const std::int64_t end = starts_[e + 1];
    if (starts_[e] == end) continue;
    const ExpertMlp& expert = experts[e];
    const bool in_lines =
        std::ranges::all_of(std::array{&expert.gate, &expert.up, &expert.down}, [](const Tensor* w) { return w->layout == TensorLayout::own; });
    chosen_.push_back({.id = e, .first_panel = std::ssize(panels_), .end_panel = 0});
    const bool is_few = in_lines && end - starts_[e] <= CpuProducts::kFewTokens;
    for (std::int64_t first = starts_[e]; first < end; first += panels_.back().n) {
      const std::int64_t left = end - first, n = std::min(widest, left);
      const LineColumns columns = is_few ? next_line_columns(kernels_, left) : LineColumns{n, narrowest_width(kernels_, n)};
      panels_.push_back(
          {.first = first, .n = static_cast<int>(columns.n), .width = columns.width, .is_few = is_few, .in_rows = is_few && !columns.in_panel()});
    }
    chosen_.back().end_panel = std::ssize(panels_);
  }
  const ExpertMlp& pattern = experts[chosen_.front().id];
  const PanelKind in_kind(context_, pattern.gate.dtype, dim), out_kind(context_, pattern.down.dtype, hidden_dim);
  const Q8RowLayout in_row(dim), out_row(hidden_dim);
  class Bytes : public Layout {
   public:
    explicit Bytes(std::size_t n) { add<std::byte>(static_cast<std::int64_t>(n)); }
  };
  // the rounded hidden rows that no panel is made of
  Layout few_rows;
  const Layout::Repeated few_hidden = few_rows.add(kMostLineRows, out_row);
  Layout layout;
  const Layout::Repeated rounded = layout.add(n_tokens, in_row),
                         panel_memory = layout.add(std::ssize(panels_), Bytes(std::max({in_kind.n_bytes(), out_kind.n_bytes(), few_rows.n_bytes()})));
  const auto hidden_piece = layout.add<float>(n_places * hidden_dim), output_piece = layout.add<float>(n_places * dim);
  std::byte* const memory = rows_.reserve(layout.n_bytes());
  float* const hidden = hidden_piece.in(memory);
  float* const outputs = output_piece.in(memory);

  const std::int64_t in_lines = (hidden_dim + lanes - 1) / lanes, out_lines = (dim + lanes - 1) / lanes;
  const std::int64_t in_tile = std::max<std::int64_t>(1, UnpackedLines::lines_per_tile(context_, dim, 2 * in_lines * std::ssize(chosen_)) / 2);
  const std::int64_t out_tile = UnpackedLines::lines_per_tile(context_, hidden_dim, out_lines * std::ssize(chosen_));
  const UnpackedLines in_weights(context_, dim, in_tile), out_weights(context_, hidden_dim, out_tile);
  Layout of_in, of_out, of_rows;
  const auto gate_piece = of_in.add<std::byte>(static_cast<std::int64_t>(in_weights.n_bytes())),
             up_piece = of_in.add<std::byte>(static_cast<std::int64_t>(in_weights.n_bytes()));
  const std::int64_t up_stride = in_tile * lanes;
  const auto of_up = of_in.add<float>(up_stride * widest);
  const auto down_piece = of_out.add<std::byte>(static_cast<std::int64_t>(out_weights.n_bytes()));
  const Layout::Repeated hidden_rows = of_rows.add(widest, out_row);
  context_.reserve_worker_scratch(std::max({of_in.n_bytes(), of_out.n_bytes(), of_rows.n_bytes()}));

  context_.for_each_span(n_tokens, dim * 8, [&](std::int64_t first, std::int64_t n) {
    for (std::int64_t t = first; t < first + n; ++t) kernels_.quantize_q8(host_pointer<float>(x) + t * dim, dim, in_row.in(rounded.in(memory, t)));
  });
  context_.for_each_tile(std::ssize(panels_), n_places * dim * 4, [&](std::int64_t i, int) {
    const Panel& panel = panels_[i];
    if (panel.in_rows) return;
    Q8Row rows[16];
    for (int c = 0; c < panel.n; ++c) rows[c] = in_row.in(rounded.in(memory, tokens_[panel.first + c]));
    in_kind.pack(panel_memory.in(memory, i), rows, panel.n, kernels_.gemm_columns[panel.width]);
  });

  const std::int64_t in_tiles = (in_lines + in_tile - 1) / in_tile;
  context_.for_each_tile(std::ssize(chosen_) * in_tiles, 2 * n_places * hidden_dim * dim, [&](std::int64_t tile, int worker) {
    const Chosen& chosen = chosen_[tile / in_tiles];
    const ExpertMlp& expert = experts[chosen.id];
    const std::int64_t first = tile % in_tiles * in_tile * lanes, n = std::min(in_tile * lanes, hidden_dim - first);
    std::byte* const own = context_.worker_scratch(worker);
    const bool is_few = panels_[chosen.first_panel].is_few;
    if (!is_few) {
      in_weights.unpack(gate_piece.in(own), expert.gate, first, n, nullptr);
      in_weights.unpack(up_piece.in(own), expert.up, first, n, nullptr);
    }
    for (std::int64_t i = chosen.first_panel; i < chosen.end_panel && !context_.stop_requested(); ++i) {
      const Panel& panel = panels_[i];
      float* const y = hidden + panel.first * hidden_dim + first;
      if (is_few) {
        Q8Row rows[kMostLineRows];
        for (int c = 0; panel.in_rows && c < panel.n; ++c) rows[c] = in_row.in(rounded.in(memory, tokens_[panel.first + c]));
        const FewColumns columns{panel.n, rows, in_kind.in(panel_memory.in(memory, i)), panel.width};
        products_.multiply_rounded(expert.gate, first, n, columns, {}, y, hidden_dim);
        products_.multiply_rounded(expert.up, first, n, columns, {}, of_up.in(own), up_stride);
      } else {
        const GemmPanel q = in_kind.in(panel_memory.in(memory, i));
        in_weights.multiply(gate_piece.in(own), expert.gate.dtype, n, q, panel.width, y, hidden_dim, panel.n);
        in_weights.multiply(up_piece.in(own), expert.up.dtype, n, q, panel.width, of_up.in(own), up_stride, panel.n);
      }
      for (int c = 0; c < panel.n; ++c) kernels_.glu(y + c * hidden_dim, y + c * hidden_dim, of_up.in(own) + c * up_stride, n);
    }
  });

  context_.for_each_tile(std::ssize(panels_), n_places * hidden_dim * 8, [&](std::int64_t i, int worker) {
    const Panel& panel = panels_[i];
    Q8Row rows[16];
    for (int c = 0; c < panel.n; ++c) {
      rows[c] = out_row.in(panel.in_rows ? few_hidden.in(panel_memory.in(memory, i), c) : hidden_rows.in(context_.worker_scratch(worker), c));
      kernels_.quantize_q8(hidden + (panel.first + c) * hidden_dim, hidden_dim, rows[c]);
    }
    if (!panel.in_rows) out_kind.pack(panel_memory.in(memory, i), rows, panel.n, kernels_.gemm_columns[panel.width]);
  });
  const std::int64_t out_tiles = (out_lines + out_tile - 1) / out_tile;
  context_.for_each_tile(std::ssize(chosen_) * out_tiles, n_places * hidden_dim * dim, [&](std::int64_t tile, int worker) {
    const Chosen& chosen = chosen_[tile / out_tiles];
    const Tensor& down = experts[chosen.id].down;
    const std::int64_t first = tile % out_tiles * out_tile * lanes, n = std::min(out_tile * lanes, dim - first);
    std::byte* const own = down_piece.in(context_.worker_scratch(worker));
    const bool is_few = panels_[chosen.first_panel].is_few;
    if (!is_few) out_weights.unpack(own, down, first, n, nullptr);
    for (std::int64_t i = chosen.first_panel; i < chosen.end_panel && !context_.stop_requested(); ++i) {
      const Panel& panel = panels_[i];
      float* const y_panel = outputs + panel.first * dim + first;
      if (is_few) {
        Q8Row rows[kMostLineRows];
        for (int c = 0; panel.in_rows && c < panel.n; ++c) rows[c] = out_row.in(few_hidden.in(panel_memory.in(memory, i), c));
        products_.multiply_rounded(down, first, n, {panel.n, rows, out_kind.in(panel_memory.in(memory, i)), panel.width}, {}, y_panel, dim);
      } else {
        out_weights.multiply(own, down.dtype, n, out_kind.in(panel_memory.in(memory, i)), panel.width, y_panel, dim, panel.n);
      }
    }
  });
  return outputs;
}

// The same through the products of many tokens, one expert after the other: whatever their formats.
float* CpuExperts::run_expert_by_expert(const Tensor& x, std::int64_t n_used, const ExpertSet& experts) {
  const std::int64_t dim = x.shape[1], hidden_dim = experts.pattern().gate.shape[0], n_places = x.shape[0] * n_used;
  std::int64_t most_rows = 0;
  for (std::int64_t e = 0; e < experts.n_experts(); ++e) most_rows = std::max(most_rows, starts_[e + 1] - starts_[e]);
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

// Products fetch their weights 3 KB ahead, but only as far as their own rows go (inl/lanes_inl.h). So the first 3 KB of what a thread reads next, which lies
// elsewhere, are fetched here, into the second cache: the first one would lose them meanwhile.
void CpuExperts::fetch_first_lines(const Tensor& w, std::int64_t first, std::int64_t n) const {
  constexpr std::size_t kFirstBytes = 3072, kCacheLine = 64;
  if (w.layout != TensorLayout::own) return;  // rows are many streams, which gemv fetches by itself
  const std::uint8_t* const begin = context_.line_at(w, first);
  const std::uint8_t* const end = begin + std::min(kFirstBytes, context_.lines_bytes(w.dtype, n, w.shape[1]));
  for (const std::uint8_t* at = begin; at < end; at += kCacheLine) __builtin_prefetch(at, 0, 2);
}

// Two sections of tiles for all chosen experts together, and the shared one beside them: their products are too short to wait for each other.
void CpuExperts::run_few(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertSet& experts,
                         const ExpertMlp* shared) {
  const bool adds = shared != nullptr;
  const std::int64_t n_tokens = x.shape[0], dim = x.shape[1], hidden_dim = experts.pattern().gate.shape[0], n_used = ids.shape[1];
  const std::int64_t shared_dim = adds && shared->gate ? shared->gate.shape[0] : 0;
  const std::int64_t n_places = n_tokens * n_used;
  const std::int32_t* const id = host_pointer<std::int32_t>(ids);
  const std::int32_t* const one = std::find_if(id, id + n_places, [](std::int32_t e) { return e >= 0; });
  if (one == id + n_places) {
    CHECK(!adds, "experts: tokens without any");
    std::fill_n(host_pointer<float>(y), n_tokens * dim, 0.0f);
    return;
  }

  // gate and up of a place need its token's row in 8 bits, down needs its own hidden row
  const auto any_rounded = [&](Tensor ExpertMlp::*which) {
    if (shared_dim > 0 && products_.rounds_input(shared->*which)) return true;
    return std::any_of(id, id + n_places, [&](std::int32_t e) { return e >= 0 && products_.rounds_input(experts[e].*which); });
  };
  const bool round_x = any_rounded(&ExpertMlp::gate) || any_rounded(&ExpertMlp::up), round_hidden = any_rounded(&ExpertMlp::down);
  const bool round_shared = shared_dim > 0 && products_.rounds_input(shared->down);
  const Q8RowLayout x_layout(dim), hidden_layout(hidden_dim), shared_layout(shared_dim);
  Layout layout;
  const auto hidden_piece = layout.add<float>(n_places * hidden_dim), shared_piece = layout.add<float>(n_tokens * shared_dim);
  const Layout::Repeated x_rows = layout.add(n_tokens, x_layout), hidden_rows = layout.add(n_places, hidden_layout),
                         shared_rows = layout.add(n_tokens, shared_layout);
  std::byte* const memory = context_.scratch.reserve(layout.n_bytes());
  float* const hidden = hidden_piece.in(memory);
  float* const of_shared = shared_piece.in(memory);
  const auto x_row = [&](std::int64_t t) { return x_layout.in(x_rows.in(memory, t)); };
  const auto hidden_row = [&](std::int64_t place) { return hidden_layout.in(hidden_rows.in(memory, place)); };
  const auto shared_row = [&](std::int64_t t) { return shared_layout.in(shared_rows.in(memory, t)); };

  const auto row_bytes = [](const Tensor& w) { return static_cast<std::int64_t>(bytes_of(w.dtype, w.shape[1])); };
  const std::int64_t in_row_bytes = row_bytes(experts[*one].gate), out_row_bytes = row_bytes(experts[*one].down);
  const std::int64_t shared_in_bytes = shared_dim > 0 ? row_bytes(shared->gate) : 0, shared_out_bytes = shared_dim > 0 ? row_bytes(shared->down) : 0;
  const std::int64_t n_hidden = n_places * hidden_dim + shared_dim;
  const std::int64_t in_rows = std::min(products_.rows_per_tile(n_hidden, 2 * in_row_bytes), hidden_dim);
  const std::int64_t shared_in_rows = shared_dim > 0 ? std::min(products_.rows_per_tile(n_hidden, 2 * shared_in_bytes), shared_dim) : 1;
  const std::int64_t out_rows = std::min(products_.rows_per_tile(dim, n_places * out_row_bytes + shared_out_bytes), dim);
  Layout of_worker;
  const auto decoded_piece = of_worker.add<float>(CpuProducts::kRowsAtOnce * std::max({dim, hidden_dim, shared_dim}));
  const auto products_piece = of_worker.add<float>(std::max({in_rows, n_tokens * shared_in_rows, n_tokens * out_rows}));
  const auto sums_piece = of_worker.add<float>(n_tokens * out_rows);
  context_.reserve_worker_scratch(of_worker.n_bytes());
  const auto decoded_of = [&](int worker) { return decoded_piece.in(context_.worker_scratch(worker)); };
  const auto products_of = [&](int worker) { return products_piece.in(context_.worker_scratch(worker)); };

  // Rows of the shared expert's matrix times those of all tokens: out[t][row], out_stride apart.
  const auto multiply_shared = [&](const Tensor& w, std::int64_t first, std::int64_t n, const float* rows, const auto& rounded_row, float* out,
                                   std::int64_t out_stride, int worker) {
    const std::int64_t n_in = w.shape[1];
    if (!products_.rounds_input(w)) {
      for (std::int64_t t = 0; t < n_tokens; ++t) products_.multiply_rows(w, first, n, rows + t * n_in, {}, out + t * out_stride, decoded_of(worker));
      return;
    }
    for (std::int64_t t = 0; t < n_tokens; t += kMostLineRows) {
      std::array<Q8Row, kMostLineRows> rounded;
      const int n_here = static_cast<int>(std::min<std::int64_t>(kMostLineRows, n_tokens - t));
      for (int c = 0; c < n_here; ++c) rounded[static_cast<std::size_t>(c)] = rounded_row(t + c);
      products_.multiply_rounded(w, first, n, {n_here, rounded.data()}, {}, out + t * out_stride, out_stride);
    }
  };

  SharedWork rounding_x(round_x ? n_tokens : 0);
  const auto round_x_rows = [&] { rounding_x.help([&](std::int64_t t) { kernels_.quantize_q8(host_pointer<float>(x) + t * dim, dim, x_row(t)); }); };
  const std::int64_t in_tiles = (hidden_dim + in_rows - 1) / in_rows, chosen_tiles = n_places * in_tiles;
  const std::int64_t shared_tiles = (shared_dim + shared_in_rows - 1) / shared_in_rows;
  const auto fetch_gate_of = [&](std::int64_t tile) {  // a thread's next tile is nearly always its neighbour
    if (tile >= chosen_tiles + shared_tiles) return;
    const std::int64_t first = tile < chosen_tiles ? tile % in_tiles * in_rows : (tile - chosen_tiles) * shared_in_rows;
    if (tile >= chosen_tiles) fetch_first_lines(shared->gate, first, std::min(shared_in_rows, shared_dim - first));
    else if (const std::int32_t e = id[tile / in_tiles]; e >= 0) fetch_first_lines(experts[e].gate, first, std::min(in_rows, hidden_dim - first));
  };
  const std::int64_t in_bytes = 2 * (n_places * hidden_dim * in_row_bytes + n_tokens * shared_dim * shared_in_bytes);
  context_.for_each_tile(chosen_tiles + shared_tiles, in_bytes, [&](std::int64_t tile, int worker) {
    round_x_rows();
    if (tile >= chosen_tiles) {
      const std::int64_t first = (tile - chosen_tiles) * shared_in_rows, n = std::min(shared_in_rows, shared_dim - first);
      float* const gate = of_shared + first;
      fetch_first_lines(shared->up, first, n);
      multiply_shared(shared->gate, first, n, host_pointer<float>(x), x_row, gate, shared_dim, worker);
      fetch_gate_of(tile + 1);
      multiply_shared(shared->up, first, n, host_pointer<float>(x), x_row, products_of(worker), n, worker);
      for (std::int64_t t = 0; t < n_tokens; ++t) kernels_.glu(gate + t * shared_dim, gate + t * shared_dim, products_of(worker) + t * n, n);
      return;
    }
    const std::int64_t place = tile / in_tiles, t = place / n_used, first = tile % in_tiles * in_rows, n = std::min(in_rows, hidden_dim - first);
    if (id[place] < 0) return;
    const ExpertMlp& expert = experts[id[place]];
    float* const gate = hidden + place * hidden_dim + first;
    const float* const xt = host_pointer<float>(x) + t * dim;
    fetch_first_lines(expert.up, first, n);
    products_.multiply_rows(expert.gate, first, n, xt, x_row(t), gate, decoded_of(worker));
    fetch_gate_of(tile + 1);
    products_.multiply_rows(expert.up, first, n, xt, x_row(t), products_of(worker), decoded_of(worker));
    kernels_.glu(gate, gate, products_of(worker), n);
  });
  const std::int64_t n_rounded = round_hidden ? n_places : 0;
  SharedWork rounding(n_rounded + (round_shared ? n_tokens : 0));
  const auto round_rows = [&] {
    rounding.help([&](std::int64_t i) {
      if (i >= n_rounded) kernels_.quantize_q8(of_shared + (i - n_rounded) * shared_dim, shared_dim, shared_row(i - n_rounded));
      else if (id[i] >= 0) kernels_.quantize_q8(hidden + i * hidden_dim, hidden_dim, hidden_row(i));
    });
  };
  const std::int64_t out_tiles = (dim + out_rows - 1) / out_rows;
  const auto fetch_down_from = [&](std::int64_t first) {
    if (first < dim && id[0] >= 0) fetch_first_lines(experts[id[0]].down, first, std::min(out_rows, dim - first));
  };
  const std::int64_t out_bytes = dim * (n_places * out_row_bytes + n_tokens * shared_out_bytes);
  context_.for_each_tile(out_tiles, out_bytes, [&](std::int64_t tile, int worker) {
    round_rows();
    const std::int64_t first = tile * out_rows, n = std::min(out_rows, dim - first);
    float* const to = host_pointer<float>(y) + first;
    float* const sums = adds ? sums_piece.in(context_.worker_scratch(worker)) : to;
    const std::int64_t stride = adds ? n : dim;
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      float* const sum = sums + t * stride;
      std::fill_n(sum, n, 0.0f);
      for (std::int64_t place = t * n_used; place < (t + 1) * n_used && !context_.stop_requested(); ++place) {
        if (id[place] < 0) continue;
        if (place + 1 < n_places && id[place + 1] >= 0) fetch_first_lines(experts[id[place + 1]].down, first, n);
        else if (shared_dim > 0) fetch_first_lines(shared->down, first, n);
        else fetch_down_from(first + n);
        products_.multiply_rows(experts[id[place]].down, first, n, hidden + place * hidden_dim, hidden_row(place), products_of(worker),
                                decoded_of(worker));
        kernels_.add_scaled(sum, products_of(worker), host_pointer<float>(weights)[place], n);
      }
    }
    if (!adds) return;
    if (shared_dim > 0) {
      fetch_down_from(first + n);
      multiply_shared(shared->down, first, n, of_shared, shared_row, products_of(worker), n, worker);
      kernels_.add(sums, sums, products_of(worker), n_tokens * n);
    }
    for (std::int64_t t = 0; t < n_tokens; ++t) kernels_.add(to + t * dim, to + t * dim, sums + t * n, n);
  });
}

}  // namespace pio
