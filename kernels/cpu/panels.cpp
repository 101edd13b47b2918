#include "kernels/cpu/panels.h"

#include <algorithm>
#include <cstring>

namespace pio {

PanelKind::PanelKind(const CpuContext& context, DType dtype, std::int64_t n_in)
    : kernels_(context.kernels), format_(*context.quant_kernels(dtype)), n_in_(n_in) {
  const std::int64_t width = kernels_.gemm_columns[0], n_groups = n_in / format_.group;
  q_ = layout_.add<std::int8_t>(n_in * width);
  d_ = layout_.add<float>(n_in / kActivationBlock * width);
  sum_ = layout_.add<float>(n_groups * width);
  init_ = layout_.add<std::int32_t>(n_groups * width);
}

bool PanelKind::serves(const CpuContext& context, DType dtype) const {
  const QuantKernels& quant = *context.quant_kernels(dtype);
  return quant.group == format_.group && quant.offset == format_.offset;
}

void PanelKind::pack(std::byte* panel, const Q8Row* rows, int n, int width) const {
  kernels_.pack_panel(rows, n, width, n_in_, format_.group, format_.offset, q_.in(panel), d_.in(panel), sum_.in(panel), init_.in(panel));
}

int narrowest_width(const CpuKernels& kernels, std::int64_t n) {
  int width = 0;
  while (width + 1 < kGemmWidths && kernels.gemm_columns[width + 1] >= n) ++width;
  return width;
}

LineProducts::LineProducts(const CpuContext& context, std::int64_t n_in, std::int64_t most_lines, bool rounds_weights)
    : context_(context),
      n_in_(n_in),
      depth_(depth_of(context, n_in)),
      lanes_(context.kernels.gemm_lanes),
      rounds_weights_(rounds_weights),
      row_(depth_) {
  constexpr std::int64_t kLeastGroup = 16;
  quants_ = of_line_.add<std::uint8_t>(depth_ * lanes_);
  scales_ = of_line_.add<float>(depth_ / kLeastGroup * lanes_);
  mins_ = of_line_.add<float>(depth_ / kLeastGroup * lanes_);
  lines_ = layout_.add(most_lines, of_line_);
  biases_ = layout_.add<float>(most_lines * lanes_);
  if (!rounds_weights) return;
  floats_ = layout_.add<float>(depth_);
  rounded_ = layout_.add(1, row_);
  blocks_ = layout_.add<std::uint8_t>(lanes_ * static_cast<std::int64_t>(bytes_of(DType::q8_0, depth_)));
}

// Of inputs, in whole blocks: as many as a line has in 16 KB, half of the nearest cache.
std::int64_t LineProducts::depth_of(const CpuContext& context, std::int64_t n_in) {
  constexpr std::int64_t kLongestBlock = 256;
  const std::int64_t most = 16 * 1024 / context.kernels.gemm_lanes, n_pieces = (n_in + most - 1) / most;
  return std::min(n_in, round_up((n_in + n_pieces - 1) / n_pieces, kLongestBlock));
}

GemmWeights LineProducts::line_in(std::byte* memory, std::int64_t line) const {
  std::byte* const at = lines_.in(memory, line);
  return {quants_.in(at), scales_.in(at), mins_.in(at)};
}

// Inputs done … done + n_inputs - 1 of the rows.
void LineProducts::unpack(std::byte* memory, const Tensor& w, std::int64_t first, std::int64_t n, const float* bias, std::int64_t done,
                          std::int64_t n_inputs) const {
  const QuantKernels* const quant = context_.quant_kernels(w.dtype);
  const std::size_t row_bytes = bytes_of(w.dtype, n_in_);
  float* const biases = biases_.in(memory);
  for (std::int64_t r = 0; r < n; r += lanes_) {
    const GemmWeights line = line_in(memory, r / lanes_);
    if (rounds_weights_) {
      pack_rounded(w, first + r, std::min(lanes_, n - r), done, n_inputs, line, memory);
    } else if (w.layout == TensorLayout::own) {
      quant->pack_line(context_.line_at(w, first + r) + quant->line_bytes(done), n_inputs, line);
    } else {
      quant->pack(bytes_at(w) + static_cast<std::size_t>(first + r) * row_bytes + bytes_of(w.dtype, done), row_bytes,
                  static_cast<int>(std::min(lanes_, n - r)), n_inputs, line);
    }
    for (std::int64_t i = r; i < r + lanes_; ++i) biases[i] = bias && i < n ? bias[i] : 0.0f;
  }
}

// Of weights of another format, rounded as activations are and packed as those of Q8_0.
void LineProducts::pack_rounded(const Tensor& w, std::int64_t first, std::int64_t n, std::int64_t done, std::int64_t n_inputs, const GemmWeights& out,
                                std::byte* memory) const {
  constexpr std::int64_t kBlock = 32, kBlockBytes = 34;  // a half, which stays empty here, and the numbers
  const CpuKernels& kernels = context_.kernels;
  const std::int64_t n_blocks = n_inputs / kBlock;
  const std::size_t row_bytes = bytes_of(w.dtype, n_in_);
  std::uint8_t* const blocks = blocks_.in(memory);
  const Q8Row rounded = row_.in(rounded_.in(memory, 0));
  for (std::int64_t r = 0; r < n; ++r) {
    const std::uint8_t* const from = bytes_at(w) + static_cast<std::size_t>(first + r) * row_bytes + bytes_of(w.dtype, done);
    kernels.quantize_q8(context_.floats_of(w.dtype, from, n_inputs, floats_.in(memory)), n_inputs, rounded);
    std::uint8_t* const row = blocks + r * n_blocks * kBlockBytes;
    for (std::int64_t b = 0; b < n_blocks; ++b) {
      std::memset(row + b * kBlockBytes, 0, 2);
      std::memcpy(row + b * kBlockBytes + 2, rounded.q + b * kBlock, kBlock);
    }
    for (std::int64_t b = 0; b < n_blocks; ++b) out.mins[b * lanes_ + r] = rounded.d[b];  // Q8_0 has no minimums: they wait here
  }
  kernels.q8_0.pack(blocks, static_cast<std::size_t>(n_blocks * kBlockBytes), static_cast<int>(n), n_inputs, out);
  for (std::int64_t b = 0; b < n_blocks; ++b)
    for (std::int64_t r = 0; r < lanes_; ++r) out.scales[b * lanes_ + r] = out.mins[b * lanes_ + std::min(r, n - 1)];
}

void LineProducts::add(std::byte* memory, DType dtype, std::int64_t n, const PanelColumns& columns, std::int64_t y_stride, std::int64_t done,
                       std::int64_t n_inputs) const {
  const QuantKernels& quant = *context_.quant_kernels(rounds_weights_ ? DType::q8_0 : dtype);
  const std::int64_t width = context_.kernels.gemm_columns[columns.width];
  const GemmPanel& from = columns.panel;
  const GemmPanel panel{from.q + done * width, from.d + done / kActivationBlock * width, from.sum + done / quant.group * width,
                        from.init + done / quant.group * width};
  for (std::int64_t r = 0; r < n; r += lanes_) {
    quant.gemm[columns.width](line_in(memory, r / lanes_), panel, n_inputs, done == 0 ? biases_.in(memory) + r : nullptr, columns.y + r,
                              static_cast<std::size_t>(y_stride), static_cast<int>(std::min(lanes_, n - r)), static_cast<int>(columns.n));
  }
}

std::int64_t LineProducts::lines_per_tile(const CpuContext& context, std::int64_t n_in, std::int64_t n_lines) {
  const std::int64_t depth = depth_of(context, n_in), line_bytes = context.kernels.gemm_lanes * (depth + depth / 4);
  std::int64_t lines = std::clamp<std::int64_t>(256 * 1024 / line_bytes, 1, 8);
  while (lines > 1 && (n_lines + lines - 1) / lines < 4 * context.n_threads()) --lines;
  return lines;
}

namespace {

DType format_of(const PanelProduct& product) { return product.rounds_weights ? DType::q8_0 : product.w.dtype; }

// The panels of all tokens, one set for each kind that the matrices ask for. In the context's scratch.
class TokenPanels {
 public:
  TokenPanels(CpuContext& context, std::span<const PanelProduct> products, std::int64_t n_tokens, std::int64_t n_in, const PanelRow& row_of)
      : context_(context), n_tokens_(n_tokens), widest_(context.kernels.gemm_columns[0]), n_panels_((n_tokens + widest_ - 1) / widest_) {
    for (const PanelProduct& product : products) {
      if (!kind_of(format_of(product))) kinds_.emplace_back(context, format_of(product), n_in);
    }
    Layout all;
    for (const PanelKind& kind : kinds_) pieces_.push_back(all.add(n_panels_, Bytes(kind.n_bytes())));
    memory_ = context.scratch.reserve(all.n_bytes());
    last_width_ = narrowest_width(context.kernels, n_tokens - (n_panels_ - 1) * widest_);

    // a worker has the rounded rows of a panel, and one that is made
    const Q8RowLayout row_layout(n_in);
    Layout of_worker;
    const Layout::Repeated rounded = of_worker.add(widest_, row_layout);
    const auto made = of_worker.add<float>(n_in);
    context.reserve_worker_scratch(of_worker.n_bytes());
    context.for_each_tile(n_panels_, n_tokens * n_in * 8, [&](std::int64_t i, int worker) {
      std::byte* const own = context.worker_scratch(worker);
      Q8Row rows[16];
      const std::int64_t first = i * widest_, n = columns(i);
      for (std::int64_t c = 0; c < n; ++c) {
        rows[c] = row_layout.in(rounded.in(own, c));
        context.kernels.quantize_q8(row_of(first + c, made.in(own)), n_in, rows[c]);
      }
      for (std::size_t k = 0; k < kinds_.size(); ++k)
        kinds_[k].pack(pieces_[k].in(memory_, i), rows, static_cast<int>(n), context.kernels.gemm_columns[width(i)]);
    });
  }

  std::int64_t n_panels() const { return n_panels_; }
  std::int64_t first_token(std::int64_t i) const { return i * widest_; }
  std::int64_t end_token(std::int64_t i) const { return first_token(i) + columns(i); }
  std::int64_t columns(std::int64_t i) const { return std::min(widest_, n_tokens_ - i * widest_); }
  int width(std::int64_t i) const { return i + 1 == n_panels_ ? last_width_ : 0; }
  GemmPanel panel(DType dtype, std::int64_t i) const {
    const PanelKind* const kind = kind_of(dtype);
    return kind->in(pieces_[static_cast<std::size_t>(kind - kinds_.data())].in(memory_, i));
  }

 private:
  class Bytes : public Layout {
   public:
    explicit Bytes(std::size_t n) { add<std::byte>(static_cast<std::int64_t>(n)); }
  };
  const PanelKind* kind_of(DType dtype) const {
    const auto found = std::ranges::find_if(kinds_, [&](const PanelKind& kind) { return kind.serves(context_, dtype); });
    return found == kinds_.end() ? nullptr : &*found;
  }
  const CpuContext& context_;
  std::int64_t n_tokens_, widest_, n_panels_;
  std::vector<PanelKind> kinds_;
  std::vector<Layout::Repeated> pieces_;
  std::byte* memory_ = nullptr;
  int last_width_ = 0;
};

// Panels between which the sums of a tile stay in the second cache.
constexpr std::int64_t kPanelsAtOnce = 64;

}  // namespace

void multiply_panels(CpuContext& context, std::span<const PanelProduct> products, std::int64_t n_tokens, std::int64_t n_in, const PanelRow& row_of) {
  const TokenPanels panels(context, products, n_tokens, n_in, row_of);
  const std::int64_t lanes = context.kernels.gemm_lanes;
  const auto lines_of = [&](const PanelProduct& product) { return (product.n_out + lanes - 1) / lanes; };
  std::int64_t n_lines = 0, n_out = 0;
  for (const PanelProduct& product : products) {
    n_lines += lines_of(product);
    n_out += product.n_out;
  }
  const std::int64_t lines = LineProducts::lines_per_tile(context, n_in, n_lines);
  std::vector<std::int64_t> ends;  // tiles up to the end of each matrix
  for (const PanelProduct& product : products) ends.push_back((ends.empty() ? 0 : ends.back()) + (lines_of(product) + lines - 1) / lines);
  const bool rounds_weights = std::ranges::any_of(products, &PanelProduct::rounds_weights);
  CHECK(!rounds_weights || std::ranges::all_of(products, &PanelProduct::rounds_weights), "panels: rounded weights among others");
  const LineProducts weights(context, n_in, lines, rounds_weights);
  context.reserve_worker_scratch(weights.n_bytes());
  context.for_each_tile(ends.back(), n_out * n_in * n_tokens, [&](std::int64_t tile, int worker) {
    const std::size_t which = static_cast<std::size_t>(std::ranges::upper_bound(ends, tile) - ends.begin());
    const PanelProduct& product = products[which];
    const std::int64_t first = (tile - (which == 0 ? 0 : ends[which - 1])) * lines * lanes, n = std::min(lines * lanes, product.n_out - first);
    const DType format = format_of(product);
    for (std::int64_t i = 0; i < panels.n_panels() && !context.stop_requested(); i += kPanelsAtOnce) {
      const std::int64_t n_panels = std::min(kPanelsAtOnce, panels.n_panels() - i);
      float* const y = product.y + first;
      weights.multiply(context.worker_scratch(worker), product.w, product.first + first, n, product.bias ? product.bias + first : nullptr,
                       product.y_stride, n_panels, [&](std::int64_t j) {
                         return PanelColumns{panels.panel(format, i + j), panels.width(i + j), panels.columns(i + j),
                                             y + panels.first_token(i + j) * product.y_stride};
                       });
      if (!product.gelu) continue;
      for (std::int64_t t = panels.first_token(i); t < panels.end_token(i + n_panels - 1); ++t)
        context.gelu(y + t * product.y_stride, y + t * product.y_stride, n, *product.gelu);
    }
  });
}

void multiply_panels_glu(CpuContext& context, const PanelProduct& gate, const PanelProduct& up, std::int64_t n_tokens, std::int64_t n_in,
                         const PanelRow& row_of) {
  const TokenPanels panels(context, std::span(&gate, 1), n_tokens, n_in, row_of);
  const std::int64_t lanes = context.kernels.gemm_lanes, n_lines = (gate.n_out + lanes - 1) / lanes;
  const std::int64_t lines = LineProducts::lines_per_tile(context, n_in, n_lines);
  const LineProducts weights(context, n_in, lines);
  const std::int64_t of_up_stride = lines * lanes;
  Layout of_worker;
  const auto lines_piece = of_worker.add<std::byte>(static_cast<std::int64_t>(weights.n_bytes()));
  const auto of_up = of_worker.add<float>(of_up_stride * context.kernels.gemm_columns[0] * std::min(kPanelsAtOnce, panels.n_panels()));
  context.reserve_worker_scratch(of_worker.n_bytes());
  context.for_each_tile((n_lines + lines - 1) / lines, 2 * gate.n_out * n_in * n_tokens, [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile * lines * lanes, n = std::min(lines * lanes, gate.n_out - first);
    std::byte* const own = lines_piece.in(context.worker_scratch(worker));
    float* const ups = of_up.in(context.worker_scratch(worker));
    for (std::int64_t i = 0; i < panels.n_panels() && !context.stop_requested(); i += kPanelsAtOnce) {
      const std::int64_t n_panels = std::min(kPanelsAtOnce, panels.n_panels() - i), token = panels.first_token(i);
      float* const y = gate.y + token * gate.y_stride + first;
      const auto columns_of = [&](float* to, std::int64_t stride) {
        return [&panels, &gate, i, token, to, stride](std::int64_t j) {
          return PanelColumns{panels.panel(gate.w.dtype, i + j), panels.width(i + j), panels.columns(i + j),
                              to + (panels.first_token(i + j) - token) * stride};
        };
      };
      weights.multiply(own, gate.w, gate.first + first, n, nullptr, gate.y_stride, n_panels, columns_of(y, gate.y_stride));
      weights.multiply(own, up.w, up.first + first, n, nullptr, of_up_stride, n_panels, columns_of(ups, of_up_stride));
      for (std::int64_t t = 0; t < panels.end_token(i + n_panels - 1) - token; ++t)
        context.kernels.glu(y + t * gate.y_stride, y + t * gate.y_stride, ups + t * of_up_stride, n);
    }
  });
}

}  // namespace pio
