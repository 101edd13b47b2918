#include "kernels/cpu/products.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "kernels/cpu/shared_work.h"

namespace pio {

// What matmul_heads reads and writes of head h, from token t on.
struct CpuProducts::Head {
  const float* x;
  float* y;
  std::size_t x_stride, y_stride;  // from token to token
  const std::uint8_t* w;           // its row w_first, where rows lie one after the other
  std::int64_t n_columns;
  std::size_t row_bytes;

  static Head of(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params, std::int64_t h, std::int64_t t = 0) {
    Head head;
    head.x_stride = x.shape[1] * x.shape[2];
    head.y_stride = y.shape[1] * y.shape[2];
    head.x = host_pointer<float>(x) + t * head.x_stride + (x.shape[1] == 1 ? 0 : h) * x.shape[2] + params.x_first;
    head.y = host_pointer<float>(y) + t * head.y_stride + h * y.shape[2] + params.y_first;
    head.n_columns = w.shape[2];
    head.row_bytes = bytes_of(w.dtype, head.n_columns);
    head.w = bytes_at(w) + (h * w.shape[1] + params.w_first) * head.row_bytes;
    return head;
  }
};

void CpuProducts::matmul(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, std::optional<Gelu> gelu) {
  const auto in_panels = [&] {
    const PanelProduct product{.w = w,
                               .n_out = w.shape[0],
                               .bias = bias ? host_pointer<float>(bias) : nullptr,
                               .y = host_pointer<float>(y),
                               .y_stride = w.shape[0],
                               .rounds_weights = rounds_weights(w),
                               .gelu = gelu};
    const float* const rows = host_pointer<float>(x);
    multiply_panels(context_, {&product, 1}, x.shape[0], w.shape[1], [&](std::int64_t t, float*) { return rows + t * w.shape[1]; });
  };
  if (rounds_weights(w)) return kernels_.coarse_lanes > 0 ? matmul_shorts(y, x, w, bias, gelu) : in_panels();
  const std::int64_t n_tokens = x.shape[0];
  if (gelu) {
    matmul(y, x, w, bias);
    return context_.for_each_span(y.shape.n_values(), 24, [&](std::int64_t first, std::int64_t n) {
      context_.gelu(host_pointer<float>(y) + first, host_pointer<float>(y) + first, n, *gelu);
    });
  }
  const QuantKernels* quant = context_.quant_kernels(w.dtype);
  if (w.layout == TensorLayout::own) CHECK(context_.activations == Activations::q8, "matmul: weights that were laid out for 8-bit activations");
  if (rounds_to_bf16(w)) return matmul_bf16(y, x, w, bias);
  if (w.dtype == DType::f16 && n_tokens < kDecodeTokens) return matvec_half(y, x, w, bias, kernels_.gemv_f16);
  if (w.dtype == DType::bf16 && n_tokens < kDecodeTokens) return matvec_half(y, x, w, bias, kernels_.gemv_bf16);
  if (!quant || context_.activations == Activations::f32) return matmul_decoded(y, x, w, bias);
  if (is_many(n_tokens, w)) return in_panels();
  matvec_q8(y, x, w, bias);
}

// Rows of weights in a tile: at most 128 KiB, some microseconds of memory bandwidth, so that threads end together, and a few tiles a thread.
// A thread's tiles are neighbours, so what it reads stays one stream. Kernels take 8 or 16 rows together.
std::int64_t CpuProducts::rows_per_tile(std::int64_t n_rows, std::int64_t row_bytes) const {
  return round_up(std::max<std::int64_t>(1, std::min(128 * 1024 / row_bytes, n_rows / (4 * context_.n_threads()))), 16);
}

// Few tokens on their way into products with the matrices w: normed where there is a norm, rounded, and side by side where lines ask for it.
// In the context's scratch.
class CpuProducts::FewRows {
 public:
  // `normed` takes norm(x), unless it is empty.
  FewRows(CpuProducts& products, std::span<const Tensor> w, const Tensor& x, const Tensor& norm = {}, float eps = 0, const Tensor& normed = {})
      : context_(products.context_), n_(x.shape[0]), x_(x), norm_(norm), normed_out_(normed), eps_(eps) {
    const std::int64_t dim = x.shape[1];
    CHECK(n_ <= kFewTokens, "products: more than few tokens");
    for (const Tensor& matrix : w)
      if (matrix.layout == TensorLayout::own && !kind_of(matrix.dtype)) kinds_.emplace_back(context_, matrix.dtype, dim);
    for (std::int64_t t = 0; !kinds_.empty() && t < n_; t += runs_.back().columns.n)
      runs_.push_back({t, next_line_columns(products.kernels_, n_ - t)});
    const Q8RowLayout layout(dim);
    Layout all;
    const Layout::Repeated rounded = all.add(n_, layout);
    normed_ = all.add<float>(norm && !normed ? n_ * dim : 0);
    for (const PanelKind& kind : kinds_) panels_.push_back(all.add(std::ssize(runs_), Bytes(kind.n_bytes())));
    memory_ = context_.scratch.reserve(all.n_bytes());
    for (std::int64_t t = 0; t < n_; ++t) rows_[static_cast<std::size_t>(t)] = layout.in(rounded.in(memory_, t));
    rounding_.emplace(n_);
    packing_.emplace(std::ssize(kinds_) * std::ssize(runs_));
  }

  // Before the columns are read, in every tile that reads them: the threads of a loop do it together.
  void prepare() const {
    const std::int64_t dim = x_.shape[1];
    const CpuKernels& kernels = context_.kernels;
    rounding_->help([&](std::int64_t t) {
      const float* row = host_pointer<float>(x_) + t * dim;
      if (norm_) {
        float* const h = normed_out_ ? host_pointer<float>(normed_out_) + t * dim : normed_.in(memory_) + t * dim;
        kernels.rms_norm(h, row, host_pointer<float>(norm_), dim, eps_);
        row = h;
      }
      kernels.quantize_q8(row, dim, rows_[static_cast<std::size_t>(t)]);
    });
    const std::int64_t n_runs = std::ssize(runs_);
    packing_->help([&](std::int64_t item) {
      const std::int64_t k = item / n_runs, i = item % n_runs;
      const auto& [first, columns] = runs_[static_cast<std::size_t>(i)];
      if (!columns.in_panel()) return;
      kinds_[static_cast<std::size_t>(k)].pack(panels_[static_cast<std::size_t>(k)].in(memory_, i), &rows_[static_cast<std::size_t>(first)],
                                               static_cast<int>(columns.n), kernels.gemm_columns[columns.width]);
    });
  }

  // The columns for a product with w, each time with the token that they begin at.
  template <class Each>
  void for_each(const Tensor& w, const Each& each) const {
    if (w.layout != TensorLayout::own) return each(0, FewColumns{static_cast<int>(n_), rows_.data()});
    const PanelKind& kind = *kind_of(w.dtype);
    const Layout::Repeated& panels = panels_[static_cast<std::size_t>(&kind - kinds_.data())];
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      const auto& [first, columns] = runs_[i];
      each(first, FewColumns{static_cast<int>(columns.n), &rows_[static_cast<std::size_t>(first)],
                             kind.in(panels.in(memory_, static_cast<std::int64_t>(i))), columns.width});
    }
  }

 private:
  class Bytes : public Layout {
   public:
    explicit Bytes(std::size_t n) { add<std::byte>(static_cast<std::int64_t>(n)); }
  };
  struct Run {
    std::int64_t first;
    LineColumns columns;
  };
  const PanelKind* kind_of(DType dtype) const {
    const auto found = std::ranges::find_if(kinds_, [&](const PanelKind& kind) { return kind.serves(context_, dtype); });
    return found == kinds_.end() ? nullptr : &*found;
  }

  CpuContext& context_;
  std::int64_t n_;
  const Tensor x_, norm_, normed_out_;
  const float eps_;
  std::array<Q8Row, kFewTokens> rows_{};
  Layout::Piece<float> normed_;
  mutable std::optional<SharedWork> rounding_, packing_;
  std::vector<Run> runs_;                 // where a matrix lies in lines
  std::vector<PanelKind> kinds_;          // that these matrices ask for
  std::vector<Layout::Repeated> panels_;  // of a kind, one a run
  std::byte* memory_ = nullptr;
};

void CpuProducts::multiply_rounded(const Tensor& w, std::int64_t first, std::int64_t n, const FewColumns& columns, const Tensor& bias, float* y,
                                   std::int64_t y_stride) const {
  const QuantKernels& quant = *context_.quant_kernels(w.dtype);
  const std::int64_t n_in = w.shape[1];
  const float* const b = bias ? host_pointer<float>(bias) + first : nullptr;
  if (w.layout == TensorLayout::own) {
    const std::uint8_t* const lines = context_.line_at(w, first);
    const auto stride = static_cast<std::size_t>(y_stride);
    if (columns.n <= kMostLineRows) quant.gemv_lines[columns.n - 1](lines, n, n_in, columns.rows, b, y, stride);
    else quant.gemm_lines[columns.width](lines, n, n_in, columns.panel, b, y, stride, columns.n);
    return;
  }
  const std::size_t row_bytes = bytes_of(w.dtype, n_in);
  for (int c = 0; c < columns.n && !context_.stop_requested(); ++c)
    quant.gemv(bytes_at(w) + static_cast<std::size_t>(first) * row_bytes, row_bytes, n, n_in, columns.rows[c], b, y + c * y_stride);
}

void CpuProducts::multiply_few(const Tensor& w, std::int64_t first, std::int64_t n, const FewRows& few, const Tensor& bias, float* y,
                               std::int64_t y_stride) const {
  few.prepare();
  few.for_each(w, [&](std::int64_t t, const FewColumns& columns) {
    if (!context_.stop_requested()) multiply_rounded(w, first, n, columns, bias, y + t * y_stride, y_stride);
  });
}

PanelRow CpuProducts::normed_rows(const Tensor& x, const Tensor& norm, float eps, const Tensor& normed) const {
  return [this, x, norm, eps, normed](std::int64_t t, float* memory) -> const float* {
    const std::int64_t dim = x.shape[1];
    float* const h = normed ? host_pointer<float>(normed) + t * dim : memory;
    kernels_.rms_norm(h, host_pointer<float>(x) + t * dim, host_pointer<float>(norm), dim, eps);
    return h;
  };
}

bool CpuProducts::norm_matmul(std::span<const Projection> projections, const Tensor& x, const Tensor& norm, float eps, const Tensor& normed) {
  const std::int64_t n_tokens = x.shape[0];
  if (std::ranges::all_of(projections, [&](const Projection& p) { return is_many(n_tokens, p.w); })) {
    std::vector<PanelProduct> products;
    for (const auto& [y, w, bias] : projections) {
      products.push_back(
          {.w = w, .n_out = w.shape[0], .bias = bias ? host_pointer<float>(bias) : nullptr, .y = host_pointer<float>(y), .y_stride = w.shape[0]});
    }
    multiply_panels(context_, products, n_tokens, x.shape[1], normed_rows(x, norm, eps, normed));
    return true;
  }
  constexpr std::size_t kMost = 4;
  if (projections.size() > kMost || !std::ranges::all_of(projections, [&](const Projection& p) { return is_few(n_tokens, p.w); })) return false;
  std::array<Tensor, kMost> matrices;
  std::ranges::transform(projections, matrices.begin(), &Projection::w);
  const FewRows few(*this, std::span(matrices).first(projections.size()), x, norm, eps, normed);
  std::int64_t rows_of_tile[kMost] = {}, end_tile[kMost] = {}, n_tiles = 0, n_bytes = 0;
  for (std::size_t i = 0; i < projections.size(); ++i) {
    const Tensor& w = projections[i].w;
    rows_of_tile[i] = rows_per_tile(w.shape[0], bytes_of(w.dtype, w.shape[1]));
    end_tile[i] = n_tiles += (w.shape[0] + rows_of_tile[i] - 1) / rows_of_tile[i];
    n_bytes += static_cast<std::int64_t>(w.n_bytes());
  }
  context_.for_each_tile(n_tiles, n_tokens * n_bytes, [&](std::int64_t tile, int) {
    std::size_t i = 0;
    while (tile >= end_tile[i]) ++i;
    const auto& [y, w, bias] = projections[i];
    const std::int64_t n_out = w.shape[0], first = (tile - (i == 0 ? 0 : end_tile[i - 1])) * rows_of_tile[i];
    const std::int64_t n = std::min(rows_of_tile[i], n_out - first);
    multiply_few(w, first, n, few, bias, host_pointer<float>(y) + first, n_out);
  });
  return true;
}

bool CpuProducts::norm_glu_matmul(const Tensor& y, const Tensor& x, const Tensor& norm, float eps, const Tensor& gate, const Tensor& up) {
  const std::int64_t n_tokens = x.shape[0], n_out = gate.shape[0];
  if (is_many(n_tokens, gate) && is_many(n_tokens, up) && PanelKind(context_, gate.dtype, x.shape[1]).serves(context_, up.dtype)) {
    const PanelProduct of_gate{.w = gate, .n_out = n_out, .y = host_pointer<float>(y), .y_stride = n_out}, of_up{.w = up, .n_out = n_out};
    multiply_panels_glu(context_, of_gate, of_up, n_tokens, x.shape[1], normed_rows(x, norm, eps, {}));
    return true;
  }
  if (!is_few(n_tokens, gate) || !is_few(n_tokens, up)) return false;
  const FewRows few(*this, std::array{gate, up}, x, norm, eps);
  const std::int64_t rows = rows_per_tile(n_out, bytes_of(gate.dtype, gate.shape[1]));
  context_.reserve_worker_scratch(static_cast<std::size_t>(n_tokens * rows) * sizeof(float));
  const auto n_bytes = static_cast<std::int64_t>(gate.n_bytes() + up.n_bytes());
  context_.for_each_tile((n_out + rows - 1) / rows, n_tokens * n_bytes, [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
    float* const of_up = context_.worker_floats(worker);
    float* const to = host_pointer<float>(y) + first;
    multiply_few(gate, first, n, few, {}, to, n_out);
    multiply_few(up, first, n, few, {}, of_up, rows);
    for (std::int64_t t = 0; t < n_tokens && !context_.stop_requested(); ++t) kernels_.glu(to + t * n_out, to + t * n_out, of_up + t * rows, n);
  });
  return true;
}

bool CpuProducts::matmul_add(const Tensor& residual, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const std::int64_t n_tokens = x.shape[0], n_out = w.shape[0];
  if (!is_few(n_tokens, w)) return false;
  const FewRows few(*this, std::span(&w, 1), x);
  const std::int64_t rows = rows_per_tile(n_out, bytes_of(w.dtype, w.shape[1]));
  context_.reserve_worker_scratch(static_cast<std::size_t>(n_tokens * rows) * sizeof(float));
  context_.for_each_tile((n_out + rows - 1) / rows, n_tokens * static_cast<std::int64_t>(w.n_bytes()), [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
    float* const products = context_.worker_floats(worker);
    multiply_few(w, first, n, few, bias, products, rows);
    for (std::int64_t t = 0; t < n_tokens && !context_.stop_requested(); ++t)
      kernels_.add_scaled(host_pointer<float>(residual) + t * n_out + first, products + t * rows, 1, n);
  });
  return true;
}

// gemv(t, first, n, bias, y) computes rows [first, first + n) for token t; bias and y are those of row `first`, bias may be null.
template <class Gemv>
void CpuProducts::matvec(const Tensor& y, const Tensor& w, const Tensor& bias, const Gemv& gemv) {
  const std::int64_t n_tokens = y.shape[0], n_out = w.shape[0];
  const std::int64_t row_bytes = bytes_of(w.dtype, w.shape[1]);
  const std::int64_t rows = rows_per_tile(n_out, row_bytes);
  float* const out = host_pointer<float>(y);
  const float* const b = bias ? host_pointer<float>(bias) : nullptr;
  context_.for_each_tile((n_out + rows - 1) / rows, n_tokens * n_out * row_bytes, [&](std::int64_t tile, int) {
    const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
    for (std::int64_t t = 0; t < n_tokens && !context_.stop_requested(); ++t) {
      gemv(t, first, n, b ? b + first : nullptr, out + t * n_out + first);
    }
  });
}

void CpuProducts::matvec_half(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, decltype(CpuKernels::gemv_f16) gemv) {
  const std::int64_t n_in = w.shape[1];
  const std::size_t row_bytes = bytes_of(w.dtype, n_in);
  matvec(y, w, bias, [&](std::int64_t t, std::int64_t first, std::int64_t n, const float* b, float* yt) {
    gemv(bytes_at(w) + first * row_bytes, row_bytes, n, n_in, host_pointer<float>(x) + t * n_in, b, yt);
  });
}

void CpuProducts::matvec_q8(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const std::int64_t n_out = w.shape[0], rows = rows_per_tile(n_out, bytes_of(w.dtype, w.shape[1]));
  for (std::int64_t t = 0; t < x.shape[0] && !context_.stop_requested(); t += kFewTokens) {
    const std::int64_t n_tokens = std::min(kFewTokens, x.shape[0] - t);
    const FewRows few(*this, std::span(&w, 1), x.rows(t, n_tokens));
    context_.for_each_tile((n_out + rows - 1) / rows, n_tokens * static_cast<std::int64_t>(w.n_bytes()), [&](std::int64_t tile, int) {
      const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
      multiply_few(w, first, n, few, bias, host_pointer<float>(y) + t * n_out + first, n_out);
    });
  }
}

// Weights in bf16 as they lie, tokens rounded to it.
void CpuProducts::matmul_bf16(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias) {
  constexpr std::int64_t kMostTokens = 512;  // rounded at once: bounds the memory
  const std::int64_t n_out = w.shape[0], n_in = w.shape[1], n_pairs = round_up(n_in, 32) / 2;
  const auto row_bytes = static_cast<std::int64_t>(bytes_of(w.dtype, n_in));
  const std::int64_t rows = rows_per_tile(n_out, row_bytes);
  for (std::int64_t t = 0; t < x.shape[0] && !context_.stop_requested(); t += kMostTokens) {
    const std::int64_t n_tokens = std::min(kMostTokens, x.shape[0] - t);
    auto* const rounded =
        reinterpret_cast<std::uint32_t*>(context_.scratch.reserve(static_cast<std::size_t>(n_tokens * n_pairs) * sizeof(std::uint32_t)));
    context_.for_each_span(n_tokens, n_in * 6, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t i = first; i < first + n; ++i) kernels_.round_bf16(host_pointer<float>(x) + (t + i) * n_in, n_in, rounded + i * n_pairs);
    });
    context_.for_each_tile((n_out + rows - 1) / rows, n_out * std::max(row_bytes, n_in * n_tokens), [&](std::int64_t tile, int) {
      const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
      for (std::int64_t at = 0; at < n_tokens && !context_.stop_requested(); at += CpuContext::kTokensAtOnce) {
        kernels_.gemm_bf16(bytes_at(w) + first * row_bytes, static_cast<std::size_t>(row_bytes), n, n_in, rounded + at * n_pairs,
                           static_cast<std::size_t>(n_pairs), std::min(CpuContext::kTokensAtOnce, n_tokens - at),
                           bias ? host_pointer<float>(bias) + first : nullptr, host_pointer<float>(y) + (t + at) * n_out + first,
                           static_cast<std::size_t>(n_out));
      }
    });
  }
}

// Each tile of weights is decoded once and multiplied with all tokens, in float32.
void CpuProducts::matmul_decoded(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const std::int64_t n_tokens = x.shape[0], n_out = w.shape[0], n_in = w.shape[1];
  const std::size_t row_bytes = bytes_of(w.dtype, n_in);
  // 256 KiB of floats stay in the second cache, 64 beside a few tokens' outputs; 4 rows are what the kernel multiplies at once
  const std::int64_t by_bytes = std::clamp<std::int64_t>((n_tokens > CpuContext::kTokensAtOnce ? 256 : 64) * 1024 / (4 * n_in), 4, 64);
  const std::int64_t rows = std::max<std::int64_t>(std::min(by_bytes, n_out / (4 * context_.n_threads())), std::min<std::int64_t>(4, n_out));
  if (w.dtype != DType::f32) context_.reserve_worker_scratch(rows * n_in * sizeof(float));
  const float* const b = bias ? host_pointer<float>(bias) : nullptr;
  context_.for_each_tile((n_out + rows - 1) / rows, n_out * n_in * (n_tokens + 1), [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile * rows, n = std::min(rows, n_out - first);
    const float* const decoded = context_.floats_of(w.dtype, bytes_at(w) + first * row_bytes, n * n_in, context_.worker_floats(worker));
    for (std::int64_t t = 0; t < n_tokens && !context_.stop_requested(); t += CpuContext::kTokensAtOnce) {
      kernels_.matmul_f32(decoded, n_in, n, host_pointer<float>(x) + t * n_in, n_in, std::min(CpuContext::kTokensAtOnce, n_tokens - t), n_in,
                          b ? b + first : nullptr, host_pointer<float>(y) + t * n_out + first, n_out);
    }
  });
}

// Coarse weights and tokens in 16-bit integers, where the instruction set multiplies those faster than bytes with signs.
void CpuProducts::matmul_shorts(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, std::optional<Gelu> gelu) {
  const std::int64_t n_tokens = x.shape[0], n_out = w.shape[0], n_in = w.shape[1], lanes = kernels_.coarse_lanes;
  const std::int64_t width = round_up(n_in, 32), n_groups = (n_in + kernels_.coarse_depth - 1) / kernels_.coarse_depth;
  const std::int64_t n_rows = round_up(n_tokens, kernels_.coarse_rows), row_bytes = bytes_of(w.dtype, n_in);

  Layout shared;
  const auto rounded = shared.add<std::int16_t>(n_rows * width);
  const auto rounded_scales = shared.add<float>(n_rows * n_groups);
  std::byte* const memory = context_.scratch.reserve(shared.n_bytes());
  std::int16_t* const q = rounded.in(memory);
  float* const scales = rounded_scales.in(memory);
  context_.for_each_span(n_rows, n_in * 8, [&](std::int64_t first, std::int64_t n) {
    for (std::int64_t t = first; t < first + n; ++t) {
      if (t < n_tokens) {
        kernels_.round_shorts(host_pointer<float>(x) + t * n_in, n_in, q + t * width, scales + t * n_groups);
      } else {  // fills up the last tokens side by side
        std::fill_n(q + t * width, width, std::int16_t{0});
        std::fill_n(scales + t * n_groups, n_groups, 0.0f);
      }
    }
  });

  // Lines of weights in a tile: as many as stay in the second cache, and a few tiles a thread.
  const std::int64_t n_lines = (n_out + lanes - 1) / lanes;
  std::int64_t lines = std::clamp<std::int64_t>(256 * 1024 / (lanes * width * 2), 1, 8);
  while (lines > 1 && (n_lines + lines - 1) / lines < 4 * context_.n_threads()) --lines;
  Layout of_line, of_tile;
  const auto line_numbers = of_line.add<std::int16_t>(lanes * width);
  const auto line_scales = of_line.add<float>(lanes * n_groups);
  const auto line_biases = of_line.add<float>(lanes);
  const Layout::Repeated all_lines = of_tile.add(lines, of_line);
  const auto floats = of_tile.add<float>(n_in);
  const auto row_numbers = of_tile.add<std::int16_t>(lanes * width);
  const auto row_scales = of_tile.add<float>(lanes * n_groups);
  context_.reserve_worker_scratch(of_tile.n_bytes());
  context_.for_each_tile((n_lines + lines - 1) / lines, n_out * n_in * n_tokens, [&](std::int64_t tile, int worker) {
    std::byte* const own = context_.worker_scratch(worker);
    const std::int64_t first_line = tile * lines, n = std::min(lines, n_lines - first_line);
    for (std::int64_t l = 0; l < n; ++l) {
      std::byte* const line = all_lines.in(own, l);
      for (std::int64_t r = 0; r < lanes; ++r) {
        const std::int64_t row = std::min((first_line + l) * lanes + r, n_out - 1);
        const float* const values = context_.floats_of(w.dtype, bytes_at(w) + row * row_bytes, n_in, floats.in(own));
        kernels_.round_shorts(values, n_in, row_numbers.in(own) + r * width, row_scales.in(own) + r * n_groups);
        line_biases.in(line)[r] = bias ? host_pointer<float>(bias)[row] : 0.0f;
      }
      kernels_.pack_shorts(row_numbers.in(own), width, row_scales.in(own), n_groups, n_in, line_numbers.in(line), line_scales.in(line));
    }
    constexpr std::int64_t kTokens = CpuContext::kTokensAtOnce;
    for (std::int64_t t = 0; t < n_tokens && !context_.stop_requested(); t += kTokens) {
      const std::int64_t here = std::min(kTokens, n_tokens - t);
      for (std::int64_t l = 0; l < n; ++l) {
        std::byte* const line = all_lines.in(own, l);
        const std::int64_t row = (first_line + l) * lanes;
        kernels_.gemm_shorts(line_numbers.in(line), line_scales.in(line), q + t * width, width, scales + t * n_groups, n_groups, n_in,
                             line_biases.in(line), here, static_cast<int>(std::min(lanes, n_out - row)), host_pointer<float>(y) + t * n_out + row,
                             n_out);
      }
      for (std::int64_t i = t; gelu && i < t + here; ++i) {  // while it is near
        float* const part = host_pointer<float>(y) + i * n_out + first_line * lanes;
        context_.gelu(part, part, std::min(n * lanes, n_out - first_line * lanes), *gelu);
      }
    }
  });
}

void CpuProducts::decode_rows(const Tensor& w, std::int64_t first, std::int64_t n, float* values) const {
  const std::int64_t n_in = w.shape.back(), lanes = kernels_.gemm_lanes, n_rows = w.shape.rank() == 3 ? w.shape[1] : w.shape.n_rows();
  const QuantKernels& quant = *context_.quant_kernels(w.dtype);
  while (n > 0) {
    const std::int64_t i = first / n_rows, row = first % n_rows;  // of a stack's matrix
    const Tensor matrix = w.shape.rank() == 3 ? context_.matrix(w, i) : w;
    const std::int64_t here = std::min({n, lanes - row % lanes, n_rows - row});
    quant.decode_line(context_.line_at(matrix, row - row % lanes), static_cast<int>(row % lanes), static_cast<int>(here), n_in, values);
    first += here;
    n -= here;
    values += here * n_in;
  }
}

// ---- a matrix a head ---------------------------------------------------------------------------------------------------------------

void CpuProducts::matmul_heads(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
  if (!params.transposed && rounds_input(w)) heads_rounded(y, x, w, params);
  else if (!params.transposed) heads_by_rows(y, x, w, params);
  else if (x.shape[0] < kDecodeTokens) heads_transposed_few(y, x, w, params);
  else heads_transposed(y, x, w, params);
}

// Head h's matrix [rows, columns] of a stack in either layout.
Tensor CpuProducts::matrix_of(const Tensor& stack, std::int64_t h) const {
  if (stack.layout == TensorLayout::own) return context_.matrix(stack, h);
  return stack.rows(h, 1).reshaped({stack.shape[1], stack.shape[2]});
}

// Rows first … first + n - 1 of head h's matrix, decoded.
const float* CpuProducts::decoded_rows_of(const Tensor& w, std::int64_t h, std::int64_t first, std::int64_t n, float* memory) const {
  const std::int64_t n_columns = w.shape[2];
  if (w.layout == TensorLayout::own) {
    decode_rows(w, h * w.shape[1] + first, n, memory);
    return memory;
  }
  return context_.floats_of(w.dtype, bytes_at(w) + bytes_of(w.dtype, (h * w.shape[1] + first) * n_columns), n * n_columns, memory);
}

// Each head's input in 8 bits, where all heads read one it is rounded once.
void CpuProducts::heads_rounded(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
  const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_in = w.shape[2], x_heads = x.shape[1];
  const bool in_lines = w.layout == TensorLayout::own;
  CHECK(!in_lines || params.w_first % kernels_.gemm_lanes == 0, "matmul_heads: rows from within a line on");
  const auto row_of = [&](std::int64_t t, std::int64_t h) { return host_pointer<float>(x) + (t * x_heads + h) * x.shape[2] + params.x_first; };
  const std::int64_t y_stride = n_heads * y.shape[2];
  const auto product_of = [&](std::int64_t h) {
    return PanelProduct{.w = matrix_of(w, h),
                        .first = params.w_first,
                        .n_out = params.w_rows,
                        .y = host_pointer<float>(y) + h * y.shape[2] + params.y_first,
                        .y_stride = y_stride};
  };
  if (is_many(n_tokens, w)) {
    std::vector<PanelProduct> products;
    for (std::int64_t h = 0; h < n_heads && !context_.stop_requested(); ++h) {
      products.push_back(product_of(h));
      if (x_heads == 1 && h + 1 < n_heads) continue;
      multiply_panels(context_, products, n_tokens, n_in, [&](std::int64_t t, float*) { return row_of(t, x_heads == 1 ? 0 : h); });
      products.clear();
    }
    return;
  }
  const Q8RowLayout row_layout(n_in);
  Layout layout;
  const Layout::Repeated rows = layout.add(n_tokens * x_heads, row_layout);
  std::byte* const memory = context_.scratch.reserve(layout.n_bytes());
  const auto rounded = [&](std::int64_t t, std::int64_t h) { return row_layout.in(rows.in(memory, t * x_heads + h)); };
  context_.for_each_span(n_tokens * x_heads, n_in * 8, [&](std::int64_t first, std::int64_t n) {
    for (std::int64_t i = first; i < first + n; ++i) kernels_.quantize_q8(row_of(i / x_heads, i % x_heads), n_in, rounded(i / x_heads, i % x_heads));
  });
  const PanelKind kind(context_, w.dtype, n_in);
  if (in_lines) context_.reserve_worker_scratch(kind.n_bytes());
  context_.for_each_tile(n_heads, n_tokens * n_heads * bytes_of(w.dtype, params.w_rows * n_in), [&](std::int64_t h, int worker) {
    const PanelProduct product = product_of(h);
    std::byte* const panel = context_.worker_scratch(worker);
    std::array<Q8Row, kFewTokens> of_head;
    LineColumns next;
    for (std::int64_t t = 0; t < n_tokens; t += next.n) {
      if (in_lines) next = next_line_columns(kernels_, std::min(kFewTokens, n_tokens - t));
      else next.n = std::min(kFewTokens, n_tokens - t);
      for (std::int64_t i = 0; i < next.n; ++i) of_head[static_cast<std::size_t>(i)] = rounded(t + i, x_heads == 1 ? 0 : h);
      FewColumns columns{static_cast<int>(next.n), of_head.data()};
      if (in_lines && next.in_panel()) {
        kind.pack(panel, of_head.data(), columns.n, kernels_.gemm_columns[next.width]);
        columns.panel = kind.in(panel);
        columns.width = next.width;
      }
      multiply_rounded(product.w, params.w_first, params.w_rows, columns, {}, product.y + t * y_stride, y_stride);
    }
  });
}

void CpuProducts::heads_by_rows(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
  const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_columns = w.shape[2];
  const bool few = n_tokens < kDecodeTokens;
  const auto gemv = w.dtype == DType::f16 ? kernels_.gemv_f16 : w.dtype == DType::bf16 ? kernels_.gemv_bf16 : nullptr;
  constexpr std::int64_t kRows = 64;
  const std::int64_t n_pieces = (params.w_rows + kRows - 1) / kRows;
  const bool in_bf16 = rounds_to_bf16(w);
  const std::int64_t n_pairs = round_up(n_columns, 32) / 2;
  context_.reserve_worker_scratch(static_cast<std::size_t>(std::max(kRows * n_columns, CpuContext::kTokensAtOnce * n_pairs)) * sizeof(float));
  context_.for_each_tile(n_heads * n_pieces, n_heads * params.w_rows * n_columns * (n_tokens + 1), [&](std::int64_t tile, int worker) {
    const Head head = Head::of(y, x, w, params, tile / n_pieces);
    const std::int64_t first = tile % n_pieces * kRows, n = std::min(kRows, params.w_rows - first);
    const std::uint8_t* const rows = head.w + first * head.row_bytes;
    for (std::int64_t t = 0; in_bf16 && t < n_tokens && !context_.stop_requested(); t += CpuContext::kTokensAtOnce) {
      const std::int64_t n_here = std::min(CpuContext::kTokensAtOnce, n_tokens - t);
      auto* const rounded = reinterpret_cast<std::uint32_t*>(context_.worker_scratch(worker));
      for (std::int64_t i = 0; i < n_here; ++i) kernels_.round_bf16(head.x + (t + i) * head.x_stride, n_columns, rounded + i * n_pairs);
      kernels_.gemm_bf16(rows, head.row_bytes, n, n_columns, rounded, static_cast<std::size_t>(n_pairs), n_here, nullptr,
                         head.y + t * head.y_stride + first, head.y_stride);
    }
    if (in_bf16) return;
    if (few && gemv) {
      for (std::int64_t t = 0; t < n_tokens; ++t)
        gemv(rows, head.row_bytes, n, n_columns, head.x + t * head.x_stride, nullptr, head.y + t * head.y_stride + first);
      return;
    }
    const float* const weights = context_.floats_of(w.dtype, rows, n * n_columns, context_.worker_floats(worker));
    for (std::int64_t t = 0; t < n_tokens && !context_.stop_requested(); t += CpuContext::kTokensAtOnce) {
      kernels_.matmul_f32(weights, n_columns, n, head.x + t * head.x_stride, head.x_stride, std::min(CpuContext::kTokensAtOnce, n_tokens - t),
                          n_columns, nullptr, head.y + t * head.y_stride + first, head.y_stride);
    }
  });
}

// Whether transposed matrices and what they read are rounded to bf16: never by how many tokens there are.
bool CpuProducts::rounds_transposed(const Tensor& w) const {
  return (rounds_input(w) || rounds_to_bf16(w)) && kernels_.matmul_bf16_transposed && w.shape[2] % 32 == 0;
}

// Row by row, or in pairs of rows, into the sums, which stay in the nearest cache: the weights are read once and never laid down decoded.
void CpuProducts::heads_transposed_few(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
  const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_columns = w.shape[2];
  const bool in_pairs = rounds_transposed(w);
  context_.reserve_worker_scratch(2 * n_columns * sizeof(float));
  context_.for_each_tile(n_heads, n_heads * params.w_rows * n_columns * (n_tokens + 1), [&](std::int64_t h, int worker) {
    const Head head = Head::of(y, x, w, params, h);
    float* const memory = context_.worker_floats(worker);
    for (std::int64_t t = 0; t < n_tokens; ++t) std::fill_n(head.y + t * head.y_stride, n_columns, 0.0f);
    for (std::int64_t i = 0; in_pairs && i < params.w_rows; i += 2) {
      const std::int64_t n = std::min<std::int64_t>(2, params.w_rows - i);
      auto* const pairs = reinterpret_cast<std::uint32_t*>(memory);
      kernels_.pair_bf16(decoded_rows_of(w, h, params.w_first + i, n, memory), n, n_columns, pairs);
      for (std::int64_t t = 0; t < n_tokens; ++t) {
        std::array<std::uint32_t, 16> pair;
        kernels_.round_bf16(head.x + t * head.x_stride + i, n, pair.data());
        kernels_.matmul_bf16_transposed(pairs, n, n_columns, pair.data(), pair.size(), 1, true, head.y + t * head.y_stride, head.y_stride);
      }
    }
    for (std::int64_t i = 0; !in_pairs && i < params.w_rows; ++i) {
      const float* const row = decoded_rows_of(w, h, params.w_first + i, 1, memory);
      for (std::int64_t t = 0; t < n_tokens; ++t) kernels_.add_scaled(head.y + t * head.y_stride, row, head.x[t * head.x_stride + i], n_columns);
    }
  });
}

// Many tokens: a head's matrix is decoded whole, for a run of tokens long enough to make that cheap.
void CpuProducts::heads_transposed(const Tensor& y, const Tensor& x, const Tensor& w, const HeadsParams& params) {
  const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], n_in = params.w_rows, n_columns = w.shape[2];
  const std::int64_t runs_wanted = (4 * context_.n_threads() + n_heads - 1) / n_heads;
  const std::int64_t run = round_up(std::max<std::int64_t>(64, (n_tokens + runs_wanted - 1) / runs_wanted), CpuContext::kTokensAtOnce);
  const std::int64_t n_runs = (n_tokens + run - 1) / run, n_row_pairs = round_up(n_in, 32) / 2;
  const bool in_pairs = rounds_transposed(w);
  Layout of_worker;
  const auto matrix = of_worker.add<float>(n_in * n_columns);
  const auto rounded = of_worker.add<std::uint32_t>(in_pairs ? CpuContext::kTokensAtOnce * n_row_pairs : 0);
  context_.reserve_worker_scratch(of_worker.n_bytes());
  context_.for_each_tile(n_heads * n_runs, n_heads * n_in * n_columns * n_tokens, [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile % n_runs * run, end = std::min(first + run, n_tokens);
    const Head head = Head::of(y, x, w, params, tile / n_runs, first);
    std::byte* const memory = context_.worker_scratch(worker);
    const float* const weights = decoded_rows_of(w, tile / n_runs, params.w_first, n_in, matrix.in(memory));
    auto* const pairs = reinterpret_cast<std::uint32_t*>(matrix.in(memory));
    if (in_pairs) kernels_.pair_bf16(weights, n_in, n_columns, pairs);
    for (std::int64_t t = 0; t < end - first && !context_.stop_requested(); t += CpuContext::kTokensAtOnce) {
      const std::int64_t n = std::min(CpuContext::kTokensAtOnce, end - first - t);
      const float* const rows = head.x + t * head.x_stride;
      float* const out = head.y + t * head.y_stride;
      if (!in_pairs) {
        kernels_.matmul_f32_transposed(weights, n_columns, n_in, n_columns, rows, head.x_stride, n, out, head.y_stride);
        continue;
      }
      for (std::int64_t i = 0; i < n; ++i) kernels_.round_bf16(rows + i * head.x_stride, n_in, rounded.in(memory) + i * n_row_pairs);
      kernels_.matmul_bf16_transposed(pairs, n_in, n_columns, rounded.in(memory), n_row_pairs, n, false, out, head.y_stride);
    }
  });
}

void CpuProducts::multiply_rows(const Tensor& w, std::int64_t first, std::int64_t n, const float* x, const Q8Row& rounded, float* y,
                                float* decoded) const {
  const std::int64_t n_in = w.shape.back();
  const std::size_t row_bytes = bytes_of(w.dtype, n_in);
  if (w.layout == TensorLayout::own)
    return context_.quant_kernels(w.dtype)->gemv_lines[0](context_.line_at(w, first), n, n_in, &rounded, nullptr, y, 0);
  const std::uint8_t* const rows = bytes_at(w) + first * row_bytes;
  if (rounds_input(w)) return context_.quant_kernels(w.dtype)->gemv(rows, row_bytes, n, n_in, rounded, nullptr, y);
  if (w.dtype == DType::f16) return kernels_.gemv_f16(rows, row_bytes, n, n_in, x, nullptr, y);
  if (rounds_to_bf16(w)) {
    auto* const pairs = reinterpret_cast<std::uint32_t*>(decoded);
    kernels_.round_bf16(x, n_in, pairs);
    return kernels_.gemm_bf16(rows, row_bytes, n, n_in, pairs, 0, 1, nullptr, y, 0);
  }
  if (w.dtype == DType::bf16) return kernels_.gemv_bf16(rows, row_bytes, n, n_in, x, nullptr, y);
  for (std::int64_t r = 0; r < n; r += kRowsAtOnce) {
    const std::int64_t n_rows = std::min(kRowsAtOnce, n - r);
    kernels_.matmul_f32(context_.floats_of(w.dtype, rows + r * row_bytes, n_rows * n_in, decoded), n_in, n_rows, x, 0, 1, n_in, nullptr, y + r, 0);
  }
}

}  // namespace pio
