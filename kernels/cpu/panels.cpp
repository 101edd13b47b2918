#include "kernels/cpu/panels.h"

#include <algorithm>
#include <cstring>

namespace pio {

PanelKind::PanelKind(const CpuContext& context, DType dtype, std::int64_t n_in) : kernels_(context.kernels), n_in_(n_in) {
  const QuantKernels& quant = *context.quant_kernels(dtype);
  group_ = quant.group;
  offset_ = quant.offset;
  const std::int64_t width = kernels_.gemm_columns[0], n_groups = n_in / group_;
  q_ = layout_.add<std::int8_t>(n_in * width);
  d_ = layout_.add<float>(n_in / kActivationBlock * width);
  sum_ = layout_.add<float>(n_groups * width);
  init_ = layout_.add<std::int32_t>(n_groups * width);
}

bool PanelKind::serves(const CpuContext& context, DType dtype) const {
  const QuantKernels& quant = *context.quant_kernels(dtype);
  return quant.group == group_ && quant.offset == offset_;
}

void PanelKind::pack(std::byte* panel, const Q8Row* rows, int n, int width) const {
  kernels_.pack_panel(rows, n, width, n_in_, group_, offset_, q_.in(panel), d_.in(panel), sum_.in(panel), init_.in(panel));
}

int narrowest_width(const CpuKernels& kernels, std::int64_t n) {
  int width = 0;
  while (width + 1 < kGemmWidths && kernels.gemm_columns[width + 1] >= n) ++width;
  return width;
}

LineColumns next_line_columns(const CpuKernels& kernels, std::int64_t n) {
  if (n <= kMostLineRows) return {n, 0};
  for (int width = 0; width < kGemmWidths; ++width) {
    const std::int64_t columns = kernels.gemm_columns[width];
    if (columns <= n + 1) return {std::min(columns, n), width};
  }
  return {std::min<std::int64_t>(kMostLineRows, n), 0};
}

UnpackedLines::UnpackedLines(const CpuContext& context, std::int64_t n_in, std::int64_t most_lines, bool rounds_weights)
    : context_(context), n_in_(n_in), lanes_(context.kernels.gemm_lanes), rounds_weights_(rounds_weights), row_(n_in) {
  constexpr std::int64_t kLeastGroup = 16;
  quants_ = of_line_.add<std::uint8_t>(n_in * lanes_);
  scales_ = of_line_.add<float>(n_in / kLeastGroup * lanes_);
  mins_ = of_line_.add<float>(n_in / kLeastGroup * lanes_);
  lines_ = layout_.add(most_lines, of_line_);
  biases_ = layout_.add<float>(most_lines * lanes_);
  if (!rounds_weights) return;
  floats_ = layout_.add<float>(n_in);
  rounded_ = layout_.add(1, row_);
  blocks_ = layout_.add<std::uint8_t>(lanes_ * static_cast<std::int64_t>(bytes_of(DType::q8_0, n_in)));
}

GemmWeights UnpackedLines::line_in(std::byte* memory, std::int64_t line) const {
  std::byte* const at = lines_.in(memory, line);
  return {quants_.in(at), scales_.in(at), mins_.in(at)};
}

void UnpackedLines::unpack(std::byte* memory, const Tensor& w, std::int64_t first, std::int64_t n, const float* bias) const {
  const QuantKernels* const quant = context_.quant_kernels(w.dtype);
  const std::size_t row_bytes = bytes_of(w.dtype, n_in_);
  float* const biases = biases_.in(memory);
  for (std::int64_t r = 0; r < n; r += lanes_) {
    const GemmWeights line = line_in(memory, r / lanes_);
    if (rounds_weights_) pack_rounded(w, first + r, std::min(lanes_, n - r), line, memory);
    else if (w.layout == TensorLayout::own) quant->pack_line(context_.line_at(w, first + r), n_in_, line);
    else
      quant->pack(bytes_at(w) + static_cast<std::size_t>(first + r) * row_bytes, row_bytes, static_cast<int>(std::min(lanes_, n - r)), n_in_, line);
    for (std::int64_t i = r; i < r + lanes_; ++i) biases[i] = bias && i < n ? bias[i] : 0.0f;
  }
}

// Rows [first, first + n) of weights of another format, rounded as activations are and packed as those of Q8_0.
void UnpackedLines::pack_rounded(const Tensor& w, std::int64_t first, std::int64_t n, const GemmWeights& out, std::byte* memory) const {
  constexpr std::int64_t kBlock = 32, kBlockBytes = 34;  // a half, which stays empty here, and the numbers
  const CpuKernels& kernels = context_.kernels;
  const std::int64_t n_blocks = n_in_ / kBlock;
  const std::size_t row_bytes = bytes_of(w.dtype, n_in_);
  std::uint8_t* const blocks = blocks_.in(memory);
  const Q8Row rounded = row_.in(rounded_.in(memory, 0));
  for (std::int64_t r = 0; r < n; ++r) {
    const std::uint8_t* const from = bytes_at(w) + static_cast<std::size_t>(first + r) * row_bytes;
    kernels.quantize_q8(context_.floats_of(w.dtype, from, n_in_, floats_.in(memory)), n_in_, rounded);
    std::uint8_t* const row = blocks + r * n_blocks * kBlockBytes;
    for (std::int64_t b = 0; b < n_blocks; ++b) {
      std::memset(row + b * kBlockBytes, 0, 2);
      std::memcpy(row + b * kBlockBytes + 2, rounded.q + b * kBlock, kBlock);
    }
    for (std::int64_t b = 0; b < n_blocks; ++b) out.mins[b * lanes_ + r] = rounded.d[b];  // Q8_0 has no minimums: they wait here
  }
  kernels.q8_0.pack(blocks, static_cast<std::size_t>(n_blocks * kBlockBytes), static_cast<int>(n), n_in_, out);
  for (std::int64_t b = 0; b < n_blocks; ++b)
    for (std::int64_t r = 0; r < lanes_; ++r) out.scales[b * lanes_ + r] = out.mins[b * lanes_ + std::min(r, n - 1)];
}

void UnpackedLines::multiply(std::byte* memory, DType dtype, std::int64_t n, const GemmPanel& panel, int width, float* y, std::int64_t y_stride,
                             std::int64_t n_columns) const {
  const auto gemm = context_.quant_kernels(rounds_weights_ ? DType::q8_0 : dtype)->gemm[width];
  for (std::int64_t r = 0; r < n; r += lanes_) {
    gemm(line_in(memory, r / lanes_), panel, n_in_, biases_.in(memory) + r, y + r, static_cast<std::size_t>(y_stride),
         static_cast<int>(std::min(lanes_, n - r)), static_cast<int>(n_columns));
  }
}

std::int64_t UnpackedLines::lines_per_tile(const CpuContext& context, std::int64_t n_in, std::int64_t n_lines) {
  const std::int64_t line_bytes = context.kernels.gemm_lanes * (n_in + n_in / 4);
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
  const std::int64_t lines = UnpackedLines::lines_per_tile(context, n_in, n_lines);
  std::vector<std::int64_t> ends;  // tiles up to the end of each matrix
  for (const PanelProduct& product : products) ends.push_back((ends.empty() ? 0 : ends.back()) + (lines_of(product) + lines - 1) / lines);
  const bool rounds_weights = std::ranges::any_of(products, &PanelProduct::rounds_weights);
  CHECK(!rounds_weights || std::ranges::all_of(products, &PanelProduct::rounds_weights), "panels: rounded weights among others");
  const UnpackedLines weights(context, n_in, lines, rounds_weights);
  context.reserve_worker_scratch(weights.n_bytes());
  context.for_each_tile(ends.back(), n_out * n_in * n_tokens, [&](std::int64_t tile, int worker) {
    const std::size_t which = static_cast<std::size_t>(std::ranges::upper_bound(ends, tile) - ends.begin());
    const PanelProduct& product = products[which];
    const std::int64_t first = (tile - (which == 0 ? 0 : ends[which - 1])) * lines * lanes, n = std::min(lines * lanes, product.n_out - first);
    std::byte* const own = context.worker_scratch(worker);
    weights.unpack(own, product.w, product.first + first, n, product.bias ? product.bias + first : nullptr);
    for (std::int64_t i = 0; i < panels.n_panels() && !context.stop_requested(); ++i) {
      float* const y = product.y + panels.first_token(i) * product.y_stride + first;
      weights.multiply(own, product.w.dtype, n, panels.panel(format_of(product), i), panels.width(i), y, product.y_stride, panels.columns(i));
      for (std::int64_t t = 0; product.gelu && t < panels.columns(i); ++t) {  // while it is near
        context.gelu(y + t * product.y_stride, y + t * product.y_stride, n, *product.gelu);
      }
    }
  });
}

void multiply_panels_glu(CpuContext& context, const PanelProduct& gate, const PanelProduct& up, std::int64_t n_tokens, std::int64_t n_in,
                         const PanelRow& row_of) {
  const TokenPanels panels(context, std::span(&gate, 1), n_tokens, n_in, row_of);
  const std::int64_t lanes = context.kernels.gemm_lanes, n_lines = (gate.n_out + lanes - 1) / lanes;
  const std::int64_t lines = std::max<std::int64_t>(1, UnpackedLines::lines_per_tile(context, n_in, 2 * n_lines) / 2);
  const UnpackedLines weights(context, n_in, lines);
  const std::int64_t of_up_stride = lines * lanes;
  Layout of_worker;
  const auto gate_piece = of_worker.add<std::byte>(static_cast<std::int64_t>(weights.n_bytes())),
             up_piece = of_worker.add<std::byte>(static_cast<std::int64_t>(weights.n_bytes()));
  const auto of_up = of_worker.add<float>(of_up_stride * context.kernels.gemm_columns[0]);
  context.reserve_worker_scratch(of_worker.n_bytes());
  context.for_each_tile((n_lines + lines - 1) / lines, 2 * gate.n_out * n_in * n_tokens, [&](std::int64_t tile, int worker) {
    const std::int64_t first = tile * lines * lanes, n = std::min(lines * lanes, gate.n_out - first);
    std::byte* const own = context.worker_scratch(worker);
    weights.unpack(gate_piece.in(own), gate.w, gate.first + first, n, nullptr);
    weights.unpack(up_piece.in(own), up.w, up.first + first, n, nullptr);
    for (std::int64_t i = 0; i < panels.n_panels() && !context.stop_requested(); ++i) {
      float* const y = gate.y + panels.first_token(i) * gate.y_stride + first;
      weights.multiply(gate_piece.in(own), gate.w.dtype, n, panels.panel(gate.w.dtype, i), panels.width(i), y, gate.y_stride, panels.columns(i));
      weights.multiply(up_piece.in(own), up.w.dtype, n, panels.panel(gate.w.dtype, i), panels.width(i), of_up.in(own), of_up_stride,
                       panels.columns(i));
      for (std::int64_t c = 0; c < panels.columns(i); ++c)
        context.kernels.glu(y + c * gate.y_stride, y + c * gate.y_stride, of_up.in(own) + c * of_up_stride, n);
    }
  });
}

}  // namespace pio
