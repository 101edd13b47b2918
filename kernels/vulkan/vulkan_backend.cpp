#include "kernels/vulkan/vulkan_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels/vulkan/stream.h"

// The ops: each fills the parameters of its shader (shaders/<op>.comp), in the order in which they stand there, and has the stream dispatch it.

namespace pio::vulkan {
namespace {

using Address = VkDeviceAddress;
using Constants = std::vector<std::uint32_t>;

// Invocations of a workgroup; of a renderer on the processor a few of its vectors.
constexpr std::uint32_t kWidth = 64, kSoftwareWidth = 16;
constexpr std::int64_t kRun = 8;                                    // RUN of shaders/formats.glsl
constexpr std::uint32_t kTokensOfAGroup = 8;                        // rows of x that share a decoded row of weights
constexpr std::int64_t kMostExperts = 1024;                         // what route_experts.comp keeps of a token fits the least shared memory there is
constexpr std::uint64_t kMostMatrixBytes = std::uint64_t{1} << 31;  // shaders count a matrix's bytes in 32 bits
constexpr std::int64_t kMostHeads = 0xffff;

enum class After : std::uint32_t { store, add, gelu_erf, gelu_tanh };  // AFTER of matmul.comp

bool has_decoder(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::q4_0:
    case DType::q4_1:
    case DType::q5_0:
    case DType::q5_1:
    case DType::q8_0:
    case DType::q2_k:
    case DType::q3_k:
    case DType::q4_k:
    case DType::q5_k:
    case DType::q6_k:
    case DType::iq4_nl:
    case DType::iq4_xs:
    case DType::mxfp4: return true;
    default: return false;
  }
}

class VulkanBuffer final : public Buffer {
 public:
  VulkanBuffer(std::size_t n_bytes, std::shared_ptr<Stream> stream, const Piece& piece)
      : Buffer(n_bytes, nullptr), stream_(std::move(stream)), piece_(piece) {}
  ~VulkanBuffer() override { stream_->release(piece_); }
  const Piece& piece() const { return piece_; }

 private:
  std::shared_ptr<Stream> stream_;  // it is there as long as its buffers
  Piece piece_;
};

const Piece& piece_of(const Tensor& t) { return static_cast<const VulkanBuffer*>(t.buffer)->piece(); }
// 0 of no tensor.
Address address_of(const Tensor& t) { return t.buffer ? piece_of(t).address + t.offset : 0; }
std::uint32_t u32(std::int64_t n) { return static_cast<std::uint32_t>(n); }
std::uint32_t number_of(DType dtype) { return static_cast<std::uint32_t>(dtype); }
std::uint32_t layout_of(const Tensor& cache) {
  return cache.layout == TensorLayout::keys ? 1 : cache.layout == TensorLayout::values ? 2 : 0;  // kv.glsl
}

class VulkanBackend final : public Backend {
 public:
  VulkanBackend(DeviceInfo device, std::shared_ptr<Stream> stream)
      : device_(std::move(device)), stream_(std::move(stream)), width_(device_.is_software ? kSoftwareWidth : kWidth) {}
  ~VulkanBackend() override { static_cast<void>(stream_->finish()); }

  const DeviceInfo& device() const override { return device_; }
  // A renderer on the processor computes with the host's threads.
  int n_threads() const override { return device_.is_software ? std::max(1, static_cast<int>(std::thread::hardware_concurrency())) : 1; }

  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override {
    if (stream_->error()) return *stream_->error();
    ASSIGN_OR_RETURN(const Piece piece, stream_->card().allocate(n_bytes));
    return std::unique_ptr<Buffer>(std::make_unique<VulkanBuffer>(n_bytes, stream_, piece));
  }

  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override {
    ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, allocate(n_bytes));
    stream_->upload(static_cast<const VulkanBuffer&>(*buffer).piece(), 0, static_cast<const std::byte*>(data), n_bytes);
    return buffer;
  }

  void upload(Tensor destination, const void* source) override {
    if (destination.shape.n_values() == 0) return;
    stream_->upload(piece_of(destination), destination.offset, static_cast<const std::byte*>(source), destination.n_bytes());
  }
  void download(void* destination, Tensor source) override {
    if (source.shape.n_values() == 0) return;
    stream_->download(static_cast<std::byte*>(destination), piece_of(source), source.offset, source.n_bytes());
  }
  Result<void> sync() override { return stream_->finish(); }

  Result<void> supports(Op op, DType dtype, const Shape& extents) const override {
    RETURN_IF_ERROR(Backend::supports(op, dtype, extents));
    const auto no = [&](const std::string& expected, const std::string& found) -> Error {
      Error error = make_error(ErrorCode::not_available, device_.name + ": expected " + expected + ", found " + found);
      error.device = device_.name;
      return error;
    };
    switch (op) {
      case Op::embed:
      case Op::matmul:
      case Op::matmul_heads:
      case Op::moe_experts:
      case Op::cast: {
        if (!has_decoder(dtype)) return no("F32, F16, BF16, Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS or MXFP4", info(dtype).name);
        const std::int64_t n_stacked = op == Op::moe_experts ? extents[0] : 1;  // an expert is a matrix by itself
        const std::uint64_t n_bytes = extents.n_values() == 0 ? 0 : bytes_of(dtype, extents.n_values() / n_stacked);
        if (n_bytes >= kMostMatrixBytes) return no("a matrix of less than 2 GiB", std::to_string(n_bytes) + " bytes");
        return {};
      }
      case Op::attention:
        for (int i = 0; i < extents.rank(); ++i) {
          if (extents[i] > kMostHeads) return no("at most 65535 heads and numbers of a head", std::to_string(extents[i]));
        }
        return {};
      case Op::route_experts:
        if (extents.back() > kMostExperts) return no("at most 1024 experts", std::to_string(extents.back()));
        return {};
      default: return {};
    }
  }

 private:
  // ---- dispatching ----

  template <class Parameters>
  void dispatch(const char* shader, const Constants& constants, const Parameters& parameters, std::int64_t n_groups) {
    static_assert(sizeof(Parameters) <= 128, "push constants of every device");
    if (stop_requested() || n_groups <= 0) return;
    if (const VkPipeline pipeline = pipeline_of(shader, constants)) {
      stream_->dispatch(pipeline, std::as_bytes(std::span(&parameters, 1)), u32(n_groups));
    }
  }

  // One invocation for each of n things.
  template <class Parameters>
  void dispatch_each(const char* shader, const Constants& constants, const Parameters& parameters, std::int64_t n) {
    dispatch(shader, constants, parameters, (n + width_ - 1) / width_);
  }

  // What may take longer than a stop may: as many workgroups at a time as a bundle has room for.
  template <class Parameters>
  void dispatch_long(const char* shader, const Constants& constants, Parameters parameters, std::int64_t n_groups, double work_of_group,
                     bool is_work_known = true) {
    stream_->watch(stop_token());
    const bool is_short = work_of_group * static_cast<double>(n_groups) < stream_->room_for_work();
    parameters.stop = is_short ? stream_->zero_word() : stream_->stop_word();
    for (std::int64_t first = 0; first < n_groups && !stop_requested();) {
      const double room = std::max(1.0, stream_->room_for_work() / std::max(1.0, work_of_group));
      const std::int64_t n = std::min(n_groups - first, static_cast<std::int64_t>(std::min(room, 1e9)));
      parameters.first_group = u32(first);
      parameters.end_group = u32(first + n);
      dispatch(shader, constants, parameters, n);
      stream_->add_work(work_of_group * static_cast<double>(n), is_work_known);
      if (stream_->room_for_work() < work_of_group) stream_->flush();
      first += n;
    }
  }

  VkPipeline pipeline_of(const char* shader, const Constants& constants) {
    Constants all{width_};
    all.insert(all.end(), constants.begin(), constants.end());
    const auto known = pipelines_.find({shader, all});
    if (known != pipelines_.end()) return known->second;
    const Result<VkPipeline> pipeline = stream_->card().pipeline(shader, all);
    if (!pipeline) {
      stream_->set_error(pipeline.error());
      return VK_NULL_HANDLE;
    }
    pipelines_[{shader, std::move(all)}] = *pipeline;
    return *pipeline;
  }

  // ---- rows and values ----

  struct DecodeRows {
    Address y, w, ids;
    std::uint32_t n_rows, n_in, row_bytes, has_ids;
  };
  void decode(Tensor y, Tensor w, const Tensor& ids, std::int64_t n_rows) {
    const std::int64_t n_in = w.shape.back();
    dispatch_each("decode_rows", {number_of(w.dtype)},
                  DecodeRows{address_of(y), address_of(w), address_of(ids), u32(n_rows), u32(n_in),
                             u32(static_cast<std::int64_t>(bytes_of(w.dtype, n_in))), ids ? 1u : 0u},
                  n_rows * ((n_in + kRun - 1) / kRun));
  }

  void do_embed(Tensor y, Tensor table, Tensor ids) override { decode(y, table, ids, y.shape[0]); }

  struct Cast {
    Address y, x;
    std::uint32_t n;
  };
  void do_cast(Tensor y, Tensor x) override {
    if (y.dtype == DType::f32) return decode(y, x, {}, x.shape.n_rows());
    const std::int64_t n = x.shape.n_values();
    dispatch_each("cast", {number_of(y.dtype)}, Cast{address_of(y), address_of(x), u32(n)}, (n + 31) / 32);
  }

  void do_copy(Tensor y, Tensor x) override {
    if (!stop_requested()) stream_->copy(piece_of(y), y.offset, piece_of(x), x.offset, x.n_bytes());
  }

  struct Pairs {
    Address y, a, b;
    std::uint32_t n;
    float factor;
  };
  void pairs(const char* shader, const Tensor& y, const Tensor& a, const Tensor& b = {}, float factor = 0) {
    const std::int64_t n = y.shape.n_values();
    dispatch_each(shader, {}, Pairs{address_of(y), address_of(a), address_of(b), u32(n), factor}, n);
  }
  void do_add(Tensor y, Tensor a, Tensor b) override { pairs("add", y, a, b); }
  void do_multiply(Tensor y, Tensor a, Tensor b) override { pairs("multiply", y, a, b); }
  void do_silu(Tensor y, Tensor x) override { pairs("silu", y, x); }
  void do_glu(Tensor y, Tensor gate, Tensor up) override { pairs("glu", y, gate, up); }
  void do_gelu(Tensor y, Tensor x, Gelu kind) override { pairs("gelu", y, x, {}, kind == Gelu::tanh ? 1.0f : 0.0f); }
  void do_add_scaled(Tensor y, Tensor x, float scale) override { pairs("add_scaled", y, x, {}, scale); }

  struct GatherRows {
    Address y, x, rows;
    std::uint32_t n, dim;
  };
  void do_gather_rows(Tensor y, Tensor x, Tensor rows) override {
    dispatch_each("gather_rows", {}, GatherRows{address_of(y), address_of(x), address_of(rows), u32(y.shape[0]), u32(y.shape[1])},
                  y.shape.n_values());
  }

  struct CopyColumns {
    Address y, x;
    std::uint32_t n_rows, n, repeats, y_first, y_width, x_first, x_width;
  };
  void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) override {
    const std::int64_t n_rows = y.shape.n_rows();
    dispatch_each("copy_columns", {},
                  CopyColumns{address_of(y), address_of(x), u32(n_rows), u32(n), u32(n_rows / x.shape.n_rows()), u32(y_first), u32(y.shape.back()),
                              u32(x_first), u32(x.shape.back())},
                  n_rows * n);
  }

  struct SumRows {
    Address y, x, rows, weights;
    std::uint32_t n, k, dim;
  };
  void do_sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights) override {
    dispatch_each("sum_rows", {},
                  SumRows{address_of(y), address_of(x), address_of(rows), address_of(weights), u32(y.shape[0]), u32(rows.shape[1]), u32(y.shape[1])},
                  y.shape.n_values());
  }

  struct Argmax {
    Address y, x;
    std::uint32_t n_rows, dim;
  };
  void do_argmax(Tensor y, Tensor x) override {
    dispatch("argmax", {}, Argmax{address_of(y), address_of(x), u32(x.shape[0]), u32(x.shape[1])}, x.shape[0]);
  }

  // ---- norms and positions ----

  struct RmsNorm {
    Address y, x, w;
    std::uint32_t n_rows, dim;
    float eps;
  };
  void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) override {
    dispatch("rms_norm", {}, RmsNorm{address_of(y), address_of(x), address_of(w), u32(x.shape.n_rows()), u32(x.shape.back()), eps}, x.shape.n_rows());
  }

  struct LayerNorm {
    Address y, x, w, bias;
    std::uint32_t n_rows, dim;
    float eps;
  };
  void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) override {
    dispatch("layer_norm", {},
             LayerNorm{address_of(y), address_of(x), address_of(w), address_of(bias), u32(x.shape.n_rows()), u32(x.shape.back()), eps},
             x.shape.n_rows());
  }

  struct Rope {
    Address x, positions, frequencies, axes;
    std::uint32_t n_tokens, n_heads, head_dim, n_pairs, first_dim, is_interleaved, has_axes;
  };
  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) override {
    dispatch_each(
        "rope", {},
        Rope{address_of(x), address_of(positions), address_of(inv_freq), address_of(axes), u32(x.shape[0]), u32(x.shape[1]), u32(x.shape[2]),
             u32(inv_freq.shape[0]), u32(params.first_dim), params.pairing == RopePairing::interleaved ? 1u : 0u, axes ? 1u : 0u},
        x.shape[0] * inv_freq.shape[0]);
  }

  struct Hadamard {
    Address x;
    std::uint32_t n_parts, n;
    float root;
  };
  void do_hadamard(Tensor x, std::int64_t n) override {
    const std::int64_t n_parts = x.shape.n_values() / n;
    dispatch("hadamard", {}, Hadamard{address_of(x), u32(n_parts), u32(n), std::sqrt(static_cast<float>(n))}, n_parts);
  }

  // ---- products ----

  struct Matmul {
    Address y, x, w, bias, stop;
    std::uint32_t first_group, end_group;
    std::uint32_t n_tokens, n_in, n_out, row_bytes;
    std::uint32_t x_stride, x_head_stride, y_stride, y_head_stride;
    std::uint32_t head_rows, has_bias;
  };
  void multiply(Matmul p, DType dtype, std::int64_t n_heads, After after) {
    const std::uint32_t n_tokens = p.n_tokens == 1 ? 1 : kTokensOfAGroup, n_tiles = (p.n_tokens + n_tokens - 1) / n_tokens;
    p.row_bytes = u32(static_cast<std::int64_t>(bytes_of(dtype, p.n_in)));
    dispatch_long("matmul", {number_of(dtype), n_tokens, static_cast<std::uint32_t>(after)}, p, n_heads * p.n_out * n_tiles,
                  static_cast<double>(p.n_in) * n_tokens);
  }
  void multiply(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, After after) {
    Matmul p{};
    p.y = address_of(y), p.x = address_of(x), p.w = address_of(w), p.bias = address_of(bias);
    p.n_tokens = u32(x.shape[0]), p.n_in = u32(w.shape[1]), p.n_out = u32(w.shape[0]);
    p.x_stride = p.n_in, p.y_stride = p.n_out;
    p.has_bias = bias ? 1 : 0;
    multiply(p, w.dtype, 1, after);
  }
  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override { multiply(y, x, w, bias, After::store); }
  void do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) override { multiply(residual, x, w, bias, After::add); }
  void do_matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind) override {
    multiply(y, x, w, bias, kind == Gelu::tanh ? After::gelu_tanh : After::gelu_erf);
  }

  struct MatmulTransposed {
    Address y, x, w, stop;
    std::uint32_t first_group, end_group;
    std::uint32_t n_tokens, n_heads, n_rows, n_columns, row_bytes;
    std::uint32_t x_stride, x_head_stride, y_stride, y_head_stride;
    std::uint32_t head_rows;
  };
  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override {
    const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], x_dim = x.shape[2], y_dim = y.shape[2], n_columns = w.shape[2];
    const std::size_t row_bytes = bytes_of(w.dtype, n_columns);
    const Address to = address_of(y) + static_cast<Address>(params.y_first) * sizeof(float);
    const Address from = address_of(x) + static_cast<Address>(params.x_first) * sizeof(float);
    const Address matrix = address_of(w) + static_cast<Address>(params.w_first) * row_bytes;
    const std::uint32_t x_stride = u32(x.shape[1] * x_dim), x_head_stride = x.shape[1] == 1 ? 0 : u32(x_dim);
    const std::uint32_t y_stride = u32(n_heads * y_dim), y_head_stride = u32(y_dim);
    if (params.transposed) {
      MatmulTransposed p{};
      p.y = to, p.x = from, p.w = matrix;
      p.n_tokens = u32(n_tokens), p.n_heads = u32(n_heads), p.n_rows = u32(params.w_rows), p.n_columns = u32(n_columns);
      p.row_bytes = u32(static_cast<std::int64_t>(row_bytes));
      p.x_stride = x_stride, p.x_head_stride = x_head_stride, p.y_stride = y_stride, p.y_head_stride = y_head_stride;
      p.head_rows = u32(w.shape[1]);
      const std::int64_t n_runs = n_tokens * n_heads * ((n_columns + kRun - 1) / kRun);
      dispatch_long("matmul_transposed", {number_of(w.dtype)}, p, (n_runs + width_ - 1) / width_,
                    static_cast<double>(width_) * static_cast<double>(kRun * params.w_rows));
      return;
    }
    Matmul p{};
    p.y = to, p.x = from, p.w = matrix;
    p.n_tokens = u32(n_tokens), p.n_in = u32(n_columns), p.n_out = u32(params.w_rows);
    p.x_stride = x_stride, p.x_head_stride = x_head_stride, p.y_stride = y_stride, p.y_head_stride = y_head_stride;
    p.head_rows = u32(w.shape[1]);
    multiply(p, w.dtype, n_heads, After::store);
  }

  // ---- experts ----

  struct RouteExperts {
    Address ids, weights, logits, bias;
    std::uint32_t n_tokens, k, is_sigmoid, normalizes, has_bias;
    float sum_epsilon, scale;
    std::uint32_t n_groups, n_groups_used;
  };
  void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) override {
    dispatch("route_experts", {u32(logits.shape[1])},
             RouteExperts{address_of(ids), address_of(weights), address_of(logits), address_of(bias), u32(ids.shape[0]), u32(ids.shape[1]),
                          params.scoring == ExpertScoring::sigmoid ? 1u : 0u, params.normalize ? 1u : 0u, bias ? 1u : 0u, params.sum_epsilon,
                          params.scale, u32(params.n_groups), u32(params.n_groups_used)},
             ids.shape[0]);
  }

  struct ExpertsIn {
    Address hidden, x, ids, table, stop;
    std::uint32_t first_group, end_group, k, dim, hidden_dim, row_bytes;
  };
  struct ExpertsOut {
    Address y, hidden, ids, weights, table, stop;
    std::uint32_t first_group, end_group, k, dim, hidden_dim, row_bytes;
  };
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    const ExpertMlp& pattern = experts.pattern();
    std::vector<Address> table;  // of each expert that is there gate, up and down
    for (std::int64_t e = 0; e < experts.n_experts(); ++e) {
      if (!experts.has(e)) {
        table.insert(table.end(), 3, 0);
        continue;
      }
      const ExpertMlp& expert = experts[e];
      const bool is_alike =
          expert.gate.dtype == pattern.gate.dtype && expert.up.dtype == pattern.gate.dtype && expert.down.dtype == pattern.down.dtype;
      if (!is_alike) return Backend::do_moe_experts(y, x, ids, weights, experts);
      table.insert(table.end(), {address_of(expert.gate), address_of(expert.up), address_of(expert.down)});
    }
    if (stop_requested()) return;
    const std::int64_t n_tokens = x.shape[0], dim = x.shape[1], k = ids.shape[1], hidden_dim = pattern.gate.shape[0];
    const Arena::Mark frame(workspace());
    const Tensor addresses = workspace().temp(DType::i32, {std::ssize(table) * 2});
    const Tensor hidden = workspace().temp(DType::f32, {n_tokens * k, hidden_dim});
    upload(addresses, table.data());
    const auto row_bytes = [](const Tensor& w) { return u32(static_cast<std::int64_t>(bytes_of(w.dtype, w.shape[1]))); };
    dispatch_long("experts_in", {number_of(pattern.gate.dtype)},
                  ExpertsIn{address_of(hidden), address_of(x), address_of(ids), address_of(addresses), 0, 0, 0, u32(k), u32(dim), u32(hidden_dim),
                            row_bytes(pattern.gate)},
                  n_tokens * k * hidden_dim, static_cast<double>(2 * dim));
    dispatch_long("experts_out", {number_of(pattern.down.dtype)},
                  ExpertsOut{address_of(y), address_of(hidden), address_of(ids), address_of(weights), address_of(addresses), 0, 0, 0, u32(k),
                             u32(dim), u32(hidden_dim), row_bytes(pattern.down)},
                  n_tokens * dim, static_cast<double>(k * hidden_dim));
  }

  // ---- keys and values ----

  struct StoreKv {
    Address cache, x, cells;
    std::uint32_t n_tokens, n_heads, head_dim;
  };
  struct BoundPages {
    Address bounds, cache, cells;
    std::uint32_t n_tokens, n_heads, head_dim;
  };
  void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) override {
    const std::int64_t n_tokens = x.shape[0], n_heads = x.shape[1], head_dim = x.shape[2];
    const Constants constants{number_of(cache.dtype), layout_of(cache)};
    dispatch_each("store_kv", constants, StoreKv{address_of(cache), address_of(x), address_of(cells), u32(n_tokens), u32(n_heads), u32(head_dim)},
                  n_tokens * n_heads * ((head_dim + 31) / 32));
    if (!page_bounds) return;
    dispatch_each("bound_pages", constants,
                  BoundPages{address_of(page_bounds), address_of(cache), address_of(cells), u32(n_tokens), u32(n_heads), u32(head_dim)},
                  n_tokens * n_heads * head_dim);
  }

  struct LoadKv {
    Address y, cache, cells;
    std::uint32_t n, n_heads, head_dim;
  };
  void do_load_kv(Tensor y, Tensor cache, Tensor cells) override {
    dispatch_each("load_kv", {number_of(cache.dtype), layout_of(cache)},
                  LoadKv{address_of(y), address_of(cache), address_of(cells), u32(y.shape[0]), u32(y.shape[1]), u32(y.shape[2])}, y.shape.n_values());
  }

  struct SelectPages {
    Address kept, scores, q, k_cache, kv_lengths, sequences, block_table, protected_blocks, page_bounds;
    std::uint32_t n_tokens, n_heads, n_kv_heads, head_dim, max_blocks, n_pages, has_protected, has_bounds;
  };
  struct Attention {
    Address y, q, k_cache, v_cache, kv_lengths, sequences, block_table, protected_blocks, kept, stop;
    std::uint32_t first_group, end_group, heads, dims, max_blocks, selection, n_sinks, window;
    float scale;
  };
  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    static constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;
    const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], head_dim = q.shape[2], v_head_dim = y.shape[2], n_kv_heads = k_cache.shape[1];
    const std::int64_t max_blocks = step.block_table.shape[1];
    const KvSelection& selection = step.selection;
    const auto at_most = [](std::int64_t n) { return u32(std::min(n, kMostTokens)); };
    const Arena::Mark frame(workspace());
    Tensor kept;
    if (selection.kind == KvSelection::Kind::pages) {
      kept = workspace().temp(DType::i32, {n_tokens, n_kv_heads, max_blocks});
      const Tensor scores = workspace().temp(DType::f32, kept.shape);
      dispatch("select_pages", {number_of(k_cache.dtype), layout_of(k_cache)},
               SelectPages{address_of(kept), address_of(scores), address_of(q), address_of(k_cache), address_of(step.kv_lengths),
                           address_of(step.sequences), address_of(step.block_table), address_of(step.protected_blocks),
                           address_of(params.page_bounds), u32(n_tokens), u32(n_heads), u32(n_kv_heads), u32(head_dim), u32(max_blocks),
                           at_most(selection.n_pages), step.protected_blocks ? 1u : 0u, params.page_bounds ? 1u : 0u},
               n_tokens * n_kv_heads);
    }
    Attention p{};
    p.y = address_of(y), p.q = address_of(q), p.k_cache = address_of(k_cache), p.v_cache = address_of(v_cache);
    p.kv_lengths = address_of(step.kv_lengths), p.sequences = address_of(step.sequences), p.block_table = address_of(step.block_table);
    p.protected_blocks = address_of(step.protected_blocks), p.kept = address_of(kept);
    p.heads = u32(n_heads | n_kv_heads << 16), p.dims = u32(head_dim | v_head_dim << 16), p.max_blocks = u32(max_blocks);
    p.selection = static_cast<std::uint32_t>(selection.kind) | (step.protected_blocks ? 1u << 8 : 0u);
    p.n_sinks = at_most(selection.n_sinks), p.window = at_most(selection.window);
    p.scale = params.scale;
    const Tensor& values = v_cache ? v_cache : k_cache;
    const std::uint32_t value_layout = v_cache ? layout_of(v_cache) : layout_of(k_cache);
    const std::uint32_t n_sums = (u32(v_head_dim) + width_ - 1) / width_;
    dispatch_long("attention", {number_of(k_cache.dtype), layout_of(k_cache), number_of(values.dtype), value_layout, n_sums, v_cache ? 0u : 1u}, p,
                  n_tokens * n_heads, static_cast<double>(max_blocks * kKvBlockLength) * static_cast<double>(head_dim + v_head_dim), false);
  }

  const DeviceInfo device_;
  const std::shared_ptr<Stream> stream_;
  const std::uint32_t width_;
  std::map<std::pair<std::string, Constants>, VkPipeline> pipelines_;
};

}  // namespace

Result<std::unique_ptr<Backend>> create_vulkan_backend(const FoundCard& found) {
  ASSIGN_OR_RETURN(std::shared_ptr<Card> card, Card::open(found));
  ASSIGN_OR_RETURN(std::shared_ptr<Stream> stream, Stream::create(std::move(card)));
  return std::unique_ptr<Backend>(std::make_unique<VulkanBackend>(found.info, std::move(stream)));
}

}  // namespace pio::vulkan
