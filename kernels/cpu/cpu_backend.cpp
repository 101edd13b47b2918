#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string>

#include "kernels/cpu/attention.h"
#include "kernels/cpu/cpu_context.h"
#include "kernels/cpu/experts.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/products.h"
#include "kernels/cpu/rope_angles.h"
#include "kernels/cpu/self_attention.h"
#include "kernels/host.h"
#include "kernels/host_buffer.h"
#include "kernels/kv_layout.h"
#include "kernels/loading_tiles.h"

namespace pio {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

DeviceInfo describe(const char* isa, int n_threads) {
  const HostMemory memory = host_memory();
  DeviceInfo device;
  device.name = "cpu";
  device.kind = DeviceKind::cpu;
  device.detail = processor_name() + ", " + isa + ", " + std::to_string(n_threads) + (n_threads == 1 ? " thread" : " threads");
  device.total_bytes = memory.total_bytes;
  device.free_bytes = memory.free_bytes;
  return device;
}

class CpuBackend final : public Backend {
 public:
  CpuBackend(const CpuKernels* kernels, int n_threads, const BackendOptions& options)
      : kernels_(*kernels),
        context_(*kernels, n_threads, options.activations, *this),
        device_(describe(kernels->name, n_threads)),
        huge_pages_(options.huge_pages) {}

  CpuContext& context() { return context_; }
  const CpuContext& context() const { return context_; }

  const DeviceInfo& device() const override { return device_; }
  int n_threads() const override { return context_.n_threads(); }

  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override {
    return allocate_host_buffer(n_bytes, device_.name, device_.total_bytes, huge_pages_);
  }

  OwnLayout own_layout() const override {
    return context_.activations == Activations::q8 ? OwnLayout{kernels_.name, kernels_.gemm_lanes} : OwnLayout{};
  }

  std::optional<std::uint64_t> read_all(const Buffer& buffer) override {
    constexpr std::size_t kPiece = 4 << 20;
    const std::size_t n_words = buffer.n_bytes() / sizeof(std::uint64_t), n_pieces = (buffer.n_bytes() + kPiece - 1) / kPiece;
    const auto* const words = reinterpret_cast<const std::uint64_t*>(buffer.host_data());
    std::vector<std::uint64_t> sums(n_pieces);
    context_.for_each_tile(static_cast<std::int64_t>(n_pieces), static_cast<std::int64_t>(buffer.n_bytes()), [&](std::int64_t piece, int) {
      const std::size_t first = static_cast<std::size_t>(piece) * kPiece / sizeof(std::uint64_t);
      sums[static_cast<std::size_t>(piece)] = kernels_.read_words(words + first, std::min(kPiece / sizeof(std::uint64_t), n_words - first));
    });
    std::uint64_t sum = 0;
    for (const std::uint64_t of_piece : sums) sum += of_piece;
    return sum;
  }

  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override {
    return std::unique_ptr<Buffer>(std::make_unique<BorrowedBuffer>(data, n_bytes));
  }

  void upload(Tensor destination, const void* source) override {
    if (destination.n_bytes() != 0) std::memcpy(host_pointer<std::byte>(destination), source, destination.n_bytes());
  }
  void download(void* destination, Tensor source) override {
    if (source.n_bytes() != 0) std::memcpy(destination, host_pointer<std::byte>(source), source.n_bytes());
  }
  Result<void> sync() override { return {}; }
  // However it is done.
  int launches_of(Composition op) const override {
    const bool is_one =
        op == Composition::norm_matmul || op == Composition::norm_glu_matmul || op == Composition::matmul_add || op == Composition::experts;
    return is_one ? 1 : 0;
  }

  Tensor matrices(Tensor stack, std::int64_t first, std::int64_t n) const override {
    return stack.layout == TensorLayout::own ? context_.matrices(stack, first, n) : Backend::matrices(stack, first, n);
  }

 private:
  bool reads_in_place(const MatrixSource& source) const override { return source.is_aligned(); }

  std::uint64_t own_layout_bytes(const MatrixSource& source) const override {
    const int rank = source.shape.rank();
    if (source.use != MatrixUse::products || (rank != 2 && rank != 3)) return 0;
    return source.shape.n_rows() / source.shape[rank - 2] * context_.lines_bytes(source.dtype, source.shape[rank - 2], source.shape.back());
  }

  // Lines in tiles over the threads, each matrix of a stack in lines of its own.
  Result<void> lay_out(const Tensor& tensor, const MatrixSource& source, const std::stop_token& stop) override {
    const std::int64_t n_in = tensor.shape.back(), n_rows = tensor.shape[tensor.shape.rank() - 2], lanes = kernels_.gemm_lanes;
    const QuantKernels& quant = *context_.quant_kernels(tensor.dtype);
    const std::size_t row_bytes = bytes_of(tensor.dtype, n_in), line_bytes = quant.line_bytes(n_in);
    const std::int64_t lines_of_matrix = (n_rows + lanes - 1) / lanes, n_lines = tensor.shape.n_rows() / n_rows * lines_of_matrix;
    const auto row_of = [&](std::int64_t line) { return line / lines_of_matrix * n_rows + line % lines_of_matrix * lanes; };
    // `rows` begins with the line's first row.
    const auto place = [&](std::int64_t line, const std::byte* rows) {
      const std::int64_t n_here = std::min(lanes, (line / lines_of_matrix + 1) * n_rows - row_of(line));
      quant.place(reinterpret_cast<const std::uint8_t*>(rows), row_bytes, static_cast<int>(n_here), n_in,
                  host_pointer<std::uint8_t>(tensor) + static_cast<std::size_t>(line) * line_bytes);
    };
    if (source.staged) {
      context_.for_each_tile(n_lines, static_cast<std::int64_t>(source.n_bytes()),
                             [&](std::int64_t line, int) { place(line, source.staged + static_cast<std::size_t>(row_of(line)) * row_bytes); });
      if (stop.stop_requested() || stop_requested()) return make_error(ErrorCode::cancelled, "placing weights was stopped");
      return {};
    }
    const std::int64_t tile = std::max<std::int64_t>(1, kLoadingTileValues / (n_in * lanes));
    const int n_workers = n_loading_threads(n_threads());
    LoadingScratch scratch(n_workers);
    return for_each_tile_of_loading(n_lines, tile, n_workers, stop, [&](std::int64_t first, std::int64_t n, int worker) -> Result<void> {
      const std::int64_t first_row = row_of(first), last_row = row_of(first + n - 1);
      const std::int64_t end_row = std::min(last_row + lanes, (first + n - 1) / lines_of_matrix * n_rows + n_rows);
      std::byte* const rows = scratch.reserve(worker, row_bytes * static_cast<std::size_t>(end_row - first_row));
      RETURN_IF_ERROR(source.rows(first_row, end_row - first_row, rows));
      for (std::int64_t line = first; line < first + n; ++line) place(line, rows + static_cast<std::size_t>(row_of(line) - first_row) * row_bytes);
      return {};
    });
  }

  void do_decode_rows(Tensor y, Tensor w, std::int64_t first) override {
    if (w.layout == TensorLayout::rows) return Backend::do_decode_rows(y, w, first);
    context_.for_each_span(y.shape.n_rows(), y.shape.back() * 8, [&](std::int64_t begin, std::int64_t n) {
      products_.decode_rows(w, first + begin, n, host_pointer<float>(y) + begin * y.shape.back());
    });
  }

  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override { products_.matmul(y, x, w, bias); }
  void do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) override {
    const std::uint64_t before = n_launches();
    if (!products_.norm_matmul(projections, x, norm, eps, normed)) Backend::do_norm_matmul(projections, x, norm, eps, normed);
    count_as(1, before);
  }
  void do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) override {
    const std::uint64_t before = n_launches();
    if (!products_.norm_glu_matmul(y, x, norm, eps, gate, up)) Backend::do_norm_glu_matmul(y, x, norm, eps, gate, up);
    count_as(1, before);
  }
  void do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) override {
    const std::uint64_t before = n_launches();
    if (!products_.matmul_add(residual, x, w, bias)) Backend::do_matmul_add(residual, x, w, bias);
    count_as(1, before);
  }
  void do_matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind) override { products_.matmul(y, x, w, bias, kind); }
  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override { products_.matmul_heads(y, x, w, params); }
  void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) override {
    experts_.route(ids, weights, logits, bias, params);
  }
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    experts_.run(y, x, ids, weights, experts);
  }
  void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) override {
    const std::uint64_t before = n_launches();
    if (experts_.can_add(x.shape[0], mixture.shared)) {
      const Arena::Mark frame(workspace());
      const Shape chosen{x.shape[0], mixture.n_used};
      const Tensor ids = workspace().temp(DType::i32, chosen), weights = workspace().temp(DType::f32, chosen);
      experts_.route(ids, weights, logits, mixture.bias, mixture.routing);
      experts_.add(residual, x, ids, weights, mixture.experts, mixture.shared);
    } else {
      Backend::do_experts(residual, x, logits, mixture);
    }
    count_as(1, before);
  }
  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    const bool in_rows = k_cache.layout == TensorLayout::rows && v_cache && k_cache.shape[1] == q.shape[1];
    if (in_rows && step.selection.kind == KvSelection::Kind::full && self_attention_.rounds(q.shape[2], y.shape[2]))
      return self_attention_.attention(y, q, k_cache, v_cache, step, params.scale);
    attention_.attention(y, q, k_cache, v_cache, step, params);
  }
  void do_self_attention(Tensor y, Tensor q, Tensor k, Tensor v, Tensor starts, std::int64_t first_head, float scale) override {
    if (self_attention_.rounds(q.shape[2], q.shape[2])) return self_attention_.self_attention(y, q, k, v, starts, first_head, scale);
    attention_.self_attention(y, q, k, v, starts, first_head, scale);
  }

  // Head by head, so that one thread writes all cells of a tile; keys, of which cells share no byte, also in spans of tokens.
  void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) override {
    constexpr std::int64_t kSpan = 128;
    const std::int64_t n_tokens = x.shape[0], n_heads = x.shape[1], head_dim = x.shape[2];
    const std::int64_t span = cache.layout == TensorLayout::values ? n_tokens : kSpan, n_spans = (n_tokens + span - 1) / span;
    const std::size_t row_bytes = bytes_of(cache.dtype, head_dim);
    context_.reserve_worker_scratch(row_bytes);
    context_.for_each_tile(n_heads * n_spans, n_tokens * n_heads * head_dim * 8, [&](std::int64_t tile, int worker) {
      const std::int64_t h = tile / n_spans, first = tile % n_spans * span;
      std::byte* const row = context_.worker_scratch(worker);
      for (std::int64_t t = first; t < std::min(first + span, n_tokens); ++t) {
        const float* const from = host_pointer<float>(x) + (t * n_heads + h) * head_dim;
        if (cache.dtype == DType::f16) kernels_.encode_f16(from, reinterpret_cast<std::uint16_t*>(row), head_dim);
        else if (cache.dtype != DType::f32) info(cache.dtype).encode(from, row, head_dim);
        put_head(cache, host_pointer<std::int32_t>(cells)[t], h, cache.dtype == DType::f32 ? reinterpret_cast<const std::byte*>(from) : row);
      }
    });
    if (page_bounds && !stop_requested()) attention_.selection().bound_pages(cache, cells, page_bounds);
  }

  void do_load_kv(Tensor y, Tensor cache, Tensor cells) override {
    const std::int64_t n_heads = y.shape[1], head_dim = y.shape[2];
    context_.reserve_worker_scratch(bytes_of(cache.dtype, head_dim));
    context_.for_each_tile(y.shape[0], y.shape.n_values() * 8, [&](std::int64_t i, int worker) {
      std::byte* const row = context_.worker_scratch(worker);
      for (std::int64_t h = 0; h < n_heads; ++h) {
        take_head(cache, host_pointer<std::int32_t>(cells)[i], h, row);
        context_.decode_row(cache.dtype, reinterpret_cast<const std::uint8_t*>(row), host_pointer<float>(y) + (i * n_heads + h) * head_dim, head_dim);
      }
    });
  }

  void do_embed(Tensor y, Tensor table, Tensor ids) override {
    const std::int64_t dim = table.shape[1], row_bytes = bytes_of(table.dtype, dim);
    context_.for_each_span(y.shape[0], dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        const std::int32_t id = host_pointer<std::int32_t>(ids)[t];
        float* const yt = host_pointer<float>(y) + t * dim;
        if (table.layout == TensorLayout::own) products_.decode_rows(table, id, 1, yt);
        else context_.decode_row(table.dtype, bytes_at(table) + id * row_bytes, yt, dim);
      }
    });
  }

  void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) override {
    const std::int64_t dim = x.shape.back();
    context_.for_each_span(x.shape.n_rows(), dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t r = first; r < first + n; ++r) {
        kernels_.rms_norm(host_pointer<float>(y) + r * dim, host_pointer<float>(x) + r * dim, host_pointer<float>(w), dim, eps);
      }
    });
  }

  void do_add(Tensor y, Tensor a, Tensor b) override {
    context_.for_each_span(y.shape.n_values(), 12, [&](std::int64_t first, std::int64_t n) {
      kernels_.add(host_pointer<float>(y) + first, host_pointer<float>(a) + first, host_pointer<float>(b) + first, n);
    });
  }

  void do_multiply(Tensor y, Tensor a, Tensor b) override {
    context_.for_each_span(y.shape.n_values(), 12, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t i = first; i < first + n; ++i) host_pointer<float>(y)[i] = host_pointer<float>(a)[i] * host_pointer<float>(b)[i];
    });
  }

  void do_silu(Tensor y, Tensor x) override {
    context_.for_each_span(y.shape.n_values(), 24, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t i = first; i < first + n; ++i) {
        const float value = host_pointer<float>(x)[i];
        host_pointer<float>(y)[i] = value / (1 + std::exp(-value));
      }
    });
  }

  void do_glu(Tensor y, Tensor gate, Tensor up) override {
    context_.for_each_span(y.shape.n_values(), 24, [&](std::int64_t first, std::int64_t n) {
      kernels_.glu(host_pointer<float>(y) + first, host_pointer<float>(gate) + first, host_pointer<float>(up) + first, n);
    });
  }

  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) override {
    const std::int64_t n_tokens = x.shape[0], n_heads = x.shape[1], head_dim = x.shape[2], n_pairs = inv_freq.shape[0];
    angles_.update(context_, positions, n_tokens, inv_freq, axes);
    const auto rotate = params.pairing == RopePairing::half ? kernels_.rope_half : kernels_.rope_interleaved;
    context_.for_each_span(n_tokens, n_heads * head_dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        for (std::int64_t h = 0; h < n_heads; ++h) {
          rotate(host_pointer<float>(x) + (t * n_heads + h) * head_dim + params.first_dim, angles_.cos(t), angles_.sin(t), n_pairs);
        }
      }
    });
  }

  void do_hadamard(Tensor x, std::int64_t n) override {
    const float root = std::sqrt(static_cast<float>(n));
    context_.for_each_span(x.shape.n_values() / n, n * 16, [&](std::int64_t first, std::int64_t n_parts) {
      float* const begin = host_pointer<float>(x) + first * n;
      for (float* part = begin; part < begin + n_parts * n; part += n) {
        for (std::int64_t apart = 1; apart < n; apart *= 2) {
          for (float* low = part; low < part + n; low += 2 * apart) {
            for (std::int64_t i = 0; i < apart; ++i) {
              const float a = low[i], b = low[apart + i];
              low[i] = a + b;
              low[apart + i] = a - b;
            }
          }
        }
        for (std::int64_t i = 0; i < n; ++i) part[i] /= root;
      }
    });
  }

  void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) override {
    const std::int64_t dim = x.shape.back();
    context_.for_each_span(x.shape.n_rows(), dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t r = first; r < first + n; ++r) {
        kernels_.layer_norm(host_pointer<float>(y) + r * dim, host_pointer<float>(x) + r * dim, host_pointer<float>(w), host_pointer<float>(bias),
                            dim, eps);
      }
    });
  }

  void do_gelu(Tensor y, Tensor x, Gelu kind) override {
    context_.for_each_span(y.shape.n_values(), 24, [&](std::int64_t first, std::int64_t n) {
      context_.gelu(host_pointer<float>(y) + first, host_pointer<float>(x) + first, n, kind);
    });
  }

  void do_add_scaled(Tensor y, Tensor x, float scale) override {
    context_.for_each_span(y.shape.n_values(), 12, [&](std::int64_t first, std::int64_t n) {
      kernels_.add_scaled(host_pointer<float>(y) + first, host_pointer<float>(x) + first, scale, n);
    });
  }

  void do_sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights) override {
    const std::int64_t dim = y.shape[1], k = rows.shape[1];
    context_.for_each_span(y.shape[0], k * dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t t = first; t < first + n; ++t) {
        float* const sum = host_pointer<float>(y) + t * dim;
        std::fill_n(sum, dim, 0.0f);
        for (std::int64_t i = t * k; i < (t + 1) * k; ++i)
          kernels_.add_scaled(sum, host_pointer<float>(x) + host_pointer<std::int32_t>(rows)[i] * dim, host_pointer<float>(weights)[i], dim);
      }
    });
  }

  void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) override {
    const std::int64_t repeats = y.shape.n_rows() / x.shape.n_rows();
    context_.for_each_span(y.shape.n_rows(), n * 8, [&](std::int64_t first, std::int64_t n_rows) {
      for (std::int64_t r = first; r < first + n_rows; ++r) {
        std::memcpy(host_pointer<float>(y) + r * y.shape.back() + y_first, host_pointer<float>(x) + r / repeats * x.shape.back() + x_first,
                    n * sizeof(float));
      }
    });
  }

  void do_gather_rows(Tensor y, Tensor x, Tensor rows) override {
    const std::int64_t dim = y.shape[1];
    context_.for_each_span(y.shape[0], dim * 8, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t i = first; i < first + n; ++i) {
        std::memcpy(host_pointer<float>(y) + i * dim, host_pointer<float>(x) + host_pointer<std::int32_t>(rows)[i] * dim, dim * sizeof(float));
      }
    });
  }

  void do_cast(Tensor y, Tensor x) override {
    const bool decodes = y.dtype == DType::f32;
    // values at a time: whole blocks of every format
    constexpr std::int64_t kStep = 256;
    const std::int64_t n_values = y.shape.n_values();
    context_.for_each_span((n_values + kStep - 1) / kStep, kStep * 8, [&](std::int64_t first_step, std::int64_t n_steps) {
      const std::int64_t first = first_step * kStep, n = std::min(n_steps * kStep, n_values - first);
      const std::uint8_t* const from = bytes_at(x) + bytes_of(x.dtype, first);
      std::byte* const to = host_pointer<std::byte>(y) + bytes_of(y.dtype, first);
      if (decodes) context_.decode_row(x.dtype, from, reinterpret_cast<float*>(to), n);
      else if (y.dtype == DType::f16) kernels_.encode_f16(reinterpret_cast<const float*>(from), reinterpret_cast<std::uint16_t*>(to), n);
      else info(y.dtype).encode(reinterpret_cast<const float*>(from), to, n);
    });
  }

  void do_copy(Tensor y, Tensor x) override {
    context_.for_each_span(static_cast<std::int64_t>(y.n_bytes()), 2, [&](std::int64_t first, std::int64_t n) {
      std::memcpy(host_pointer<std::byte>(y) + first, host_pointer<std::byte>(x) + first, n);
    });
  }

  void do_argmax(Tensor y, Tensor x) override {
    const std::int64_t dim = x.shape[1];
    context_.for_each_span(x.shape[0], dim * 4, [&](std::int64_t first, std::int64_t n) {
      for (std::int64_t i = first; i < first + n; ++i) {
        host_pointer<std::int32_t>(y)[i] = static_cast<std::int32_t>(kernels_.argmax(host_pointer<float>(x) + i * dim, dim));
      }
    });
  }

  const CpuKernels& kernels_;
  CpuContext context_;
  CpuProducts products_{context_};
  CpuExperts experts_{context_, products_};
  CpuAttention attention_{context_};
  CpuSelfAttention self_attention_{context_};
  RopeAngles angles_;
  const DeviceInfo device_;
  const bool huge_pages_;
};

}  // namespace

Result<std::unique_ptr<Backend>> create_cpu_backend(const BackendOptions& options) {
  if (options.n_threads < 0) {
    return make_error(ErrorCode::bad_argument, "threads: expected 0 or more, found " + std::to_string(options.n_threads));
  }
  ASSIGN_OR_RETURN(const CpuKernels* kernels, choose_cpu_kernels(options.isa));
  const int n_threads = options.n_threads > 0 ? options.n_threads : default_n_threads();
  return std::unique_ptr<Backend>(std::make_unique<CpuBackend>(kernels, n_threads, options));
}

std::uint64_t n_parallel_regions(const Backend& backend) { return dynamic_cast<const CpuBackend&>(backend).context().n_regions(); }

void share_loops_from(Backend& backend, std::int64_t n_bytes) { dynamic_cast<CpuBackend&>(backend).context().hand_out_from(n_bytes); }

DeviceInfo cpu_device_info() { return describe(best_cpu_isa(), default_n_threads()); }

}  // namespace pio
