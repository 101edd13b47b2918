#include "kernels/vulkan/vulkan_backend.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <map>
#include <thread>
#include <vector>

#include "kernels/recorded_steps.h"
#include "kernels/refusal.h"
#include "kernels/vulkan/stream.h"

// The ops: each fills the parameters of its shader (shaders/<op>.comp), in the order in which they stand there, and has the stream dispatch it.

namespace pio::vulkan {
namespace {

using Address = VkDeviceAddress;
using Constants = std::vector<std::uint32_t>;

// Invocations of a workgroup; of a renderer on the processor a few of its vectors.
constexpr std::uint32_t kWidth = 64, kSoftwareWidth = 16;
constexpr std::int64_t kRun = 8;                                 // RUN of shaders/formats.glsl
constexpr std::uint32_t kTokensOfAGroup = 8, kRowsOfAGroup = 4;  // rows of x, and of weights, that a workgroup multiplies
constexpr std::uint32_t kSoftwareTokensOfAGroup = 4, kFewRowsOfAGroup = 2;
constexpr std::int64_t kMostRows = 0xffff;  // of x, and their inputs, where norm_matmul.comp counts both in a word
constexpr std::int64_t kMostDims = 2048;    // of a head that a workgroup keeps, in half of the least shared memory there is
constexpr std::int64_t kBlocksOfAPart = 8;  // ATTENTION_PART of shaders/sizes.glsl
constexpr std::int64_t kMostRowsInParts = 16, kMostPartValues = std::int64_t{1} << 23;
// Rows of a tile of attention, and sums of values of all of them that an invocation keeps.
constexpr std::int64_t kMostTileRows = 16, kTileSums = 32, kSoftwareTileSums = 128;
constexpr std::int64_t kReadStretch = 4096;  // READ_STRETCH of shaders/sizes.glsl, each of
constexpr std::size_t kBytesOfARead = 16;    // so many bytes
constexpr std::size_t kMostTables = 1024;    // of experts' addresses

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

bool is_quantized(DType dtype) { return info(dtype).block_length > 1; }
std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

class VulkanBackend final : public Backend {
 public:
  VulkanBackend(DeviceInfo device, std::shared_ptr<Stream> stream, VulkanForms forms)
      : device_(std::move(device)),
        stream_(std::move(stream)),
        forms_(forms),
        width_(device_.is_software ? kSoftwareWidth : kWidth),
        steps_(*stream_, workspace()) {}
  ~VulkanBackend() override {
    steps_.forget();
    static_cast<void>(stream_->finish());
    stream_->card().keep_pipelines();
  }

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
  void flush() override { stream_->flush(); }
  std::uint64_t n_launches() const override { return stream_->n_launches(); }
  int launches_of(Composition op) const override {
    if (op == Composition::experts) return 3;
    return op == Composition::moe_experts || op == Composition::attention ? 2 : 1;
  }
  Result<void> sync() override { return stream_->finish(); }

  std::uint64_t most_bytes_at_once() const override { return stream_->card().most_bytes(); }

  std::span<const std::int64_t> step_sizes() const override { return steps_.kSizes; }
  void begin_recording(const RecordingKey& key) override { steps_.begin(key); }
  void end_recording(Tensor result) override { steps_.end(result, stop_requested()); }
  Tensor replay(const RecordingKey& key) override {
    if (stream_->was_too_long()) steps_.forget();
    return steps_.replay(key, stop_token());
  }

  std::optional<std::uint64_t> read_all(const Buffer& buffer) override {
    const Arena::Mark frame(workspace());
    const Tensor sum = workspace().temp(DType::i32, {1});
    std::uint32_t words = 0;
    upload(sum, &words);
    const auto n = static_cast<std::int64_t>(buffer.n_bytes() / kBytesOfARead);
    dispatch_long("read_all", {}, ReadAll{static_cast<const VulkanBuffer&>(buffer).piece().address, address_of(sum), 0, 0, 0, u32(n)},
                  (n + kReadStretch - 1) / kReadStretch, static_cast<double>(kReadStretch));
    download(&words, sum);
    if (stream_->error()) return {};
    return words;
  }

  Result<void> supports(Op op, DType dtype, const Shape& extents) const override {
    RETURN_IF_ERROR(Backend::supports(op, dtype, extents));
    RETURN_IF_ERROR(check_card_limits(device_, op, extents));
    switch (op) {
      case Op::embed:
      case Op::matmul:
      case Op::matmul_heads:
      case Op::moe_experts:
      case Op::cast: {
        if (!has_decoder(dtype))
          return not_supported(device_, "F32, F16, BF16, Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS or MXFP4", info(dtype).name);
        // Addresses know no largest range, but a tensor lies in one allocation.
        const std::uint64_t most = most_bytes_at_once(), n_bytes = op == Op::cast ? 0 : bytes_of(dtype, extents.n_values());
        if (n_bytes <= most) return {};
        return not_supported(device_, "weights of at most " + std::to_string(most) + " bytes, the driver's largest allocation",
                             std::to_string(n_bytes));
      }
      default: return {};
    }
  }

 private:
  struct ReadAll {
    Address x, sum, stop;
    std::uint32_t first_group, end_group, n;
  };

  // ---- dispatching ----

  template <class Parameters>
  void dispatch(const char* shader, const Constants& constants, const Parameters& parameters, std::int64_t n_groups, std::uint32_t dot = 0) {
    static_assert(sizeof(Parameters) <= 128, "push constants of every device");
    if (stop_requested() || n_groups <= 0) return;
    if (const VkPipeline pipeline = pipeline_of(shader, constants, dot)) {
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
                     bool is_work_known = true, std::uint32_t dot = 0) {
    stream_->watch(stop_token());
    const bool is_short = work_of_group * static_cast<double>(n_groups) < stream_->room_for_work();
    parameters.stop = is_short ? stream_->zero_word() : stream_->stop_word();
    for (std::int64_t first = 0; first < n_groups && !stop_requested();) {
      const double room = std::max(1.0, stream_->room_for_work() / std::max(1.0, work_of_group));
      const std::int64_t n = std::min(n_groups - first, static_cast<std::int64_t>(std::min(room, 1e9)));
      parameters.first_group = u32(first);
      parameters.end_group = u32(first + n);
      dispatch(shader, constants, parameters, n, dot);
      stream_->add_work(work_of_group * static_cast<double>(n), is_work_known);
      if (stream_->room_for_work() < work_of_group) stream_->flush();
      first += n;
    }
  }

  // Whether reduce.glsl is in a shader: all others are the same in both forms.
  static bool has_sums(std::string_view shader) {
    return shader.find("matmul") != shader.npos || shader.find("norm") != shader.npos || shader.starts_with("experts") || shader == "round" ||
           shader == "route_experts";
  }

  VkPipeline pipeline_of(const char* shader, const Constants& constants, std::uint32_t dot) {
    Constants all{width_, forms_.by_subgroups && has_sums(shader) ? 1u : 0u, dot};
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

  // How many rows of x and of weights a workgroup multiplies, and whether x is rounded beforehand.
  struct Products {
    std::uint32_t n_tokens = 1;
    bool is_rounded = false;
  };
  // Many rows are rounded once and not by every workgroup; beside weights that want them as they are, few are taken at a time.
  Products products_of(std::int64_t n_tokens, std::initializer_list<DType> formats) const {
    if (n_tokens == 1) return {};
    const bool rounds = forms_.activations == Activations::q8;
    if (!rounds || std::ranges::none_of(formats, is_quantized)) return {tokens_at_once(), false};
    if (std::ranges::all_of(formats, is_quantized)) return {tokens_at_once(), true};
    return {};
  }
  // A renderer on the processor compiles what is unrolled for longer than it computes.
  std::uint32_t tokens_at_once() const { return device_.is_software ? kSoftwareTokensOfAGroup : kTokensOfAGroup; }
  std::uint32_t rows_at_once() const { return device_.is_software || !forms_.has_much_shared ? kFewRowsOfAGroup : kRowsOfAGroup; }

  // A shader that has products in it: `constants` behind those of products.glsl.
  template <class Parameters>
  void dispatch_products(const std::string& shader, Products products, std::array<DType, 3> formats, std::initializer_list<std::uint32_t> constants,
                         const Parameters& parameters, std::int64_t n_groups, double work_of_group) {
    const bool rounds = forms_.activations == Activations::q8 && std::ranges::any_of(formats, is_quantized);
    const std::uint32_t dot = !rounds ? 0 : forms_.has_dot ? 2 : 1;  // DOT of dot.glsl
    Constants all{products.n_tokens,     rows_at_once(),        number_of(formats[0]),
                  number_of(formats[1]), number_of(formats[2]), products.is_rounded ? 1u : 0u};
    all.insert(all.end(), constants);
    dispatch_long((dot == 2 ? shader + "_dot" : shader).c_str(), all, parameters, n_groups, work_of_group, true, dot);
  }
  static std::int64_t n_tiles(std::int64_t n_tokens, Products products) { return (n_tokens + products.n_tokens - 1) / products.n_tokens; }
  std::int64_t n_row_groups(std::int64_t n_rows) const { return (n_rows + rows_at_once() - 1) / rows_at_once(); }
  double group_work(Products products, std::int64_t n_in) const { return static_cast<double>(n_in) * products.n_tokens * rows_at_once(); }

  struct Round {
    Address y, x, norm, normed;
    std::uint32_t n_rows, n_in, n_heads, stride, head_stride;
    float eps;
  };
  // Words of a rounded row: its blocks, each of codes and a scale, and the norm's.
  static std::int64_t rounded_words(std::int64_t n_in) { return n_in / 32 * 9 + 1; }
  Tensor rounded_rows(std::int64_t n_rows, std::int64_t n_in) { return workspace().temp(DType::i32, {n_rows, rounded_words(n_in)}); }
  void round(const Tensor& to, Address x, std::int64_t n_heads, std::int64_t stride, std::int64_t head_stride, std::int64_t n_in,
             const Tensor& norm = {}, float eps = 0, const Tensor& normed = {}) {
    dispatch(
        "round", {norm ? 1u : 0u},
        Round{address_of(to), x, address_of(norm), address_of(normed), u32(to.shape[0]), u32(n_in), u32(n_heads), u32(stride), u32(head_stride), eps},
        to.shape[0]);
  }

  struct Matmul {
    Address y, x, w, bias, stop;
    std::uint32_t first_group, end_group;
    std::uint32_t n_tokens, n_in, n_out;
    std::uint32_t x_stride, x_head_stride, y_stride, y_head_stride;
    std::uint32_t head_rows, n_following, has_bias;
  };
  void multiply(Matmul p, DType dtype, std::int64_t n_heads, After after) {
    const Arena::Mark frame(workspace());
    Products products = products_of(p.n_tokens, {dtype});
    if (p.n_following > 0 && products.is_rounded) products = {};  // those columns are copied as they are
    if (products.is_rounded) {
      const std::int64_t x_heads = p.x_head_stride == 0 ? 1 : n_heads;
      const Tensor rounded = rounded_rows(p.n_tokens * x_heads, p.n_in);
      round(rounded, p.x, x_heads, p.x_stride, p.x_head_stride, p.n_in);
      p.x = address_of(rounded);
      p.x_stride = u32(x_heads * rounded_words(p.n_in)), p.x_head_stride = x_heads == 1 ? 0 : u32(rounded_words(p.n_in));
    }
    dispatch_products("matmul", products, {dtype, dtype, dtype}, {static_cast<std::uint32_t>(after)}, p,
                      n_heads * n_row_groups(p.n_out) * n_tiles(p.n_tokens, products), group_work(products, p.n_in));
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

  struct NormMatmul {
    std::array<Address, 3> y, w, bias;
    Address x, norm, normed, stop;
    std::uint32_t first_group, end_group, n_tokens_in;
    std::array<std::uint32_t, 3> n_out;
  };
  void do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) override {
    const std::int64_t n_tokens = x.shape[0], n_in = x.shape[1];
    if (projections.empty() || projections.size() > 3 || n_tokens > kMostRows || n_in > kMostRows) {
      return Backend::do_norm_matmul(projections, x, norm, eps, normed);
    }
    NormMatmul p{};
    p.x = address_of(x), p.norm = address_of(norm), p.normed = address_of(normed);
    p.n_tokens_in = u32(n_tokens | n_in << 16);
    std::array<DType, 3> formats;
    formats.fill(projections[0].w.dtype);
    std::int64_t n_groups = 0;
    for (std::size_t i = 0; i < projections.size(); ++i) {
      const auto& [y, w, bias] = projections[i];
      p.y[i] = address_of(y), p.w[i] = address_of(w), p.bias[i] = address_of(bias);
      p.n_out[i] = u32(w.shape[0]);
      formats[i] = w.dtype;
      n_groups += n_row_groups(w.shape[0]);
    }
    const Arena::Mark frame(workspace());
    const Products products = products_of(n_tokens, {formats[0], formats[1], formats[2]});
    if (products.is_rounded) {
      const Tensor rounded = rounded_rows(n_tokens, n_in);
      round(rounded, p.x, 1, n_in, 0, n_in, norm, eps, normed);
      p.x = address_of(rounded), p.normed = 0;
    }
    dispatch_products("norm_matmul", products, formats, {bits_of(eps)}, p, n_groups * n_tiles(n_tokens, products), group_work(products, n_in));
  }

  struct NormGluMatmul {
    Address y, x, norm, gate, up, stop;
    std::uint32_t first_group, end_group, n_tokens, n_in, n_out;
  };
  void do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) override {
    const std::int64_t n_tokens = x.shape[0], n_in = x.shape[1], n_out = y.shape[1];
    const Arena::Mark frame(workspace());
    const Products products = products_of(n_tokens, {gate.dtype, up.dtype});
    Address from = address_of(x);
    if (products.is_rounded) {
      const Tensor rounded = rounded_rows(n_tokens, n_in);
      round(rounded, from, 1, n_in, 0, n_in, norm, eps);
      from = address_of(rounded);
    }
    dispatch_products(
        "norm_glu_matmul", products, {gate.dtype, up.dtype, gate.dtype}, {bits_of(eps)},
        NormGluMatmul{address_of(y), from, address_of(norm), address_of(gate), address_of(up), 0, 0, 0, u32(n_tokens), u32(n_in), u32(n_out)},
        n_row_groups(n_out) * n_tiles(n_tokens, products), 2 * group_work(products, n_in));
  }

  struct MatmulTransposed {
    Address y, x, w, stop;
    std::uint32_t first_group, end_group;
    std::uint32_t n_tokens, n_heads, n_rows, n_columns, row_bytes;
    std::uint32_t x_stride, x_head_stride, y_stride, y_head_stride;
    std::uint32_t head_rows, n_following;
  };
  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override { do_matmul_heads_and_copy(y, x, w, params); }
  void do_matmul_heads_and_copy(Tensor y, Tensor x, Tensor w, HeadsParams params) override {
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
      p.head_rows = u32(w.shape[1]), p.n_following = u32(params.n_following);
      const std::int64_t n_runs = n_tokens * n_heads * ((n_columns + kRun - 1) / kRun);
      dispatch_long("matmul_transposed", {number_of(w.dtype)}, p, (n_runs + width_ - 1) / width_,
                    static_cast<double>(width_) * static_cast<double>(kRun * params.w_rows));
      return;
    }
    Matmul p{};
    p.y = to, p.x = from, p.w = matrix;
    p.n_tokens = u32(n_tokens), p.n_in = u32(n_columns), p.n_out = u32(params.w_rows);
    p.x_stride = x_stride, p.x_head_stride = x_head_stride, p.y_stride = y_stride, p.y_head_stride = y_head_stride;
    p.head_rows = u32(w.shape[1]), p.n_following = u32(params.n_following);
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

  // Where the experts of a set lie: of each that is there the addresses of gate, up and down. Kept on the device by what it says, as a layer's experts
  // seldom move; 0 where their formats differ.
  Address table_of(const ExpertSet& experts) {
    const ExpertMlp& pattern = experts.pattern();
    std::int64_t first = 0;
    while (first < experts.n_experts() && !experts.has(first)) ++first;
    if (first == experts.n_experts()) return 0;
    std::vector<Address> table;
    for (std::int64_t e = 0; e < experts.n_experts(); ++e) {
      const ExpertMlp& expert = experts[experts.has(e) ? e : first];  // who is not there has an address that can be read
      const bool is_alike =
          expert.gate.dtype == pattern.gate.dtype && expert.up.dtype == pattern.gate.dtype && expert.down.dtype == pattern.down.dtype;
      if (!is_alike) return 0;
      table.insert(table.end(), {address_of(expert.gate), address_of(expert.up), address_of(expert.down)});
    }
    const auto known = tables_.find(table);
    if (known != tables_.end()) return known->second->piece().address;
    if (tables_.size() >= kMostTables) {
      steps_.forget();
      tables_.clear();
    }
    const std::size_t n_bytes = table.size() * sizeof(Address);
    Result<std::unique_ptr<Buffer>> buffer = allocate(n_bytes);
    if (!buffer) {
      stream_->set_error(buffer.error());
      return 0;
    }
    std::unique_ptr<VulkanBuffer> own(static_cast<VulkanBuffer*>(buffer->release()));
    stream_->upload(own->piece(), 0, reinterpret_cast<const std::byte*>(table.data()), n_bytes);
    return tables_.emplace(std::move(table), std::move(own)).first->second->piece().address;
  }

  struct ExpertsIn {
    Address hidden, x, ids, table, shared_gate, shared_up, stop;
    std::uint32_t first_group, end_group, k, dim, hidden_dim, shared_dim;
  };
  struct ExpertsOut {
    Address y, hidden, ids, weights, table, shared_down, stop;
    std::uint32_t first_group, end_group, k, dim, hidden_dim, shared_dim;
  };
  // y = what the experts make of x, the shared one too where there is one; added to y where it `adds`.
  void mix(Tensor y, Tensor x, Tensor ids, Tensor weights, Address table, const ExpertMlp& pattern, const ExpertMlp& shared, bool adds) {
    const std::int64_t n_tokens = x.shape[0], dim = x.shape[1], k = ids.shape[1], hidden_dim = pattern.gate.shape[0];
    const std::int64_t shared_dim = shared.gate ? shared.gate.shape[0] : 0;
    const Arena::Mark frame(workspace());
    const Tensor hidden = workspace().temp(DType::f32, {n_tokens, k * hidden_dim + shared_dim});
    const auto format = [](const Tensor& of_shared, const Tensor& of_all) { return of_shared ? of_shared.dtype : of_all.dtype; };
    const DType shared_in = format(shared.gate, pattern.gate), shared_out = format(shared.down, pattern.down);
    dispatch_products("experts_in", {}, {pattern.gate.dtype, shared_in, shared_in}, {},
                      ExpertsIn{address_of(hidden), address_of(x), address_of(ids), table, address_of(shared.gate), address_of(shared.up), 0, 0, 0,
                                u32(k), u32(dim), u32(hidden_dim), u32(shared_dim)},
                      n_tokens * (k * n_row_groups(hidden_dim) + n_row_groups(shared_dim)), 2 * group_work({}, dim));
    dispatch_products("experts_out", {}, {pattern.down.dtype, shared_out, shared_out}, {adds ? 1u : 0u},
                      ExpertsOut{address_of(y), address_of(hidden), address_of(ids), address_of(weights), table, address_of(shared.down), 0, 0, 0,
                                 u32(k), u32(dim), u32(hidden_dim), u32(shared_dim)},
                      n_tokens * n_row_groups(dim), group_work({}, k * hidden_dim + shared_dim));
  }
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    const Address table = table_of(experts);
    if (table == 0) return Backend::do_moe_experts(y, x, ids, weights, experts);
    mix(y, x, ids, weights, table, experts.pattern(), {}, false);
  }
  void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) override {
    const Address table = table_of(mixture.experts);
    const ExpertMlp& shared = mixture.shared;
    if (table == 0 || (shared.gate && shared.gate.dtype != shared.up.dtype)) return Backend::do_experts(residual, x, logits, mixture);
    const Arena::Mark frame(workspace());
    const Shape chosen{x.shape[0], mixture.n_used};
    const Tensor ids = workspace().temp(DType::i32, chosen), weights = workspace().temp(DType::f32, chosen);
    route_experts(ids, weights, logits, mixture.bias, mixture.routing);
    mix(residual, x, ids, weights, table, mixture.experts.pattern(), shared, true);
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
    dispatch_each("store_kv", {number_of(cache.dtype), layout_of(cache)},
                  StoreKv{address_of(cache), address_of(x), address_of(cells), u32(n_tokens), u32(n_heads), u32(head_dim)},
                  n_tokens * n_heads * ((head_dim + 31) / 32));
    if (page_bounds) bound_pages(page_bounds, cache, cells, n_tokens);
  }
  void bound_pages(const Tensor& page_bounds, const Tensor& cache, const Tensor& cells, std::int64_t n_tokens) {
    const std::int64_t n_heads = cache.shape[1], head_dim = cache.shape[2];
    dispatch_each("bound_pages", {number_of(cache.dtype), layout_of(cache)},
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
    std::uint32_t n_tokens;
  };
  struct MergeAttention {
    Address y, parts, kv_lengths;
    std::uint32_t n_heads, v_head_dim, n_parts;
  };
  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    static constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;
    const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], head_dim = q.shape[2], v_head_dim = y.shape[2], n_kv_heads = k_cache.shape[1];
    const std::int64_t max_blocks = step.block_table.shape[1], n_parts = (max_blocks + kBlocksOfAPart - 1) / kBlocksOfAPart;
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
    // A few rows leave most of a card idle unless they are cut; many need no more workgroups, and memory for all their parts would be large.
    const bool in_parts = n_tokens <= kMostRowsInParts && n_parts > 1 && n_tokens * n_heads * n_parts * (v_head_dim + 2) <= kMostPartValues;
    Tensor parts = y;
    if (in_parts) parts = workspace().temp(DType::f32, {n_tokens * n_heads * n_parts, v_head_dim + 2});
    Attention p{};
    p.y = address_of(parts), p.q = address_of(q), p.k_cache = address_of(k_cache), p.v_cache = address_of(v_cache);
    p.kv_lengths = address_of(step.kv_lengths), p.sequences = address_of(step.sequences), p.block_table = address_of(step.block_table);
    p.protected_blocks = address_of(step.protected_blocks), p.kept = address_of(kept);
    p.heads = u32(n_heads | n_kv_heads << 16), p.dims = u32(head_dim | v_head_dim << 16), p.max_blocks = u32(max_blocks);
    p.selection = static_cast<std::uint32_t>(selection.kind) | (step.protected_blocks ? 1u << 8 : 0u);
    p.n_sinks = at_most(selection.n_sinks), p.window = at_most(selection.window);
    p.scale = params.scale;
    p.n_tokens = u32(n_tokens);
    const Tensor& values = v_cache ? v_cache : k_cache;
    const std::uint32_t value_layout = v_cache ? layout_of(v_cache) : layout_of(k_cache);
    const std::uint32_t n_sums = (u32(v_head_dim) + width_ - 1) / width_;
    if (n_tokens > kMostRowsInParts) {
      // A prompt's rows read keys and values together: query heads that share them, and tokens that follow each other.
      const std::int64_t n_grouped = n_heads / n_kv_heads;
      const std::int64_t most_rows = std::clamp<std::int64_t>((device_.is_software ? kSoftwareTileSums : kTileSums) / n_sums, 1, kMostTileRows);
      const std::int64_t n_head_tiles = (n_grouped + most_rows - 1) / most_rows, tile_heads = (n_grouped + n_head_tiles - 1) / n_head_tiles;
      const std::int64_t tile_tokens = most_rows / tile_heads, n_groups = (n_tokens + tile_tokens - 1) / tile_tokens * n_kv_heads * n_head_tiles;
      const double work = static_cast<double>(max_blocks * kKvBlockLength) * static_cast<double>((head_dim + v_head_dim) * tile_heads * tile_tokens);
      dispatch_long("attention_tiles",
                    {number_of(k_cache.dtype), layout_of(k_cache), number_of(values.dtype), value_layout, n_sums, v_cache ? 0u : 1u, u32(tile_heads),
                     u32(tile_tokens)},
                    p, n_groups, work, false);
      return;
    }
    const std::int64_t n_cells = (in_parts ? std::min(max_blocks, kBlocksOfAPart) : max_blocks) * kKvBlockLength;
    dispatch_long(
        "attention",
        {number_of(k_cache.dtype), layout_of(k_cache), number_of(values.dtype), value_layout, n_sums, v_cache ? 0u : 1u, in_parts ? 1u : 0u}, p,
        n_tokens * n_heads * (in_parts ? n_parts : 1), static_cast<double>(n_cells) * static_cast<double>(head_dim + v_head_dim), false);
    if (!in_parts) return;
    dispatch("merge_attention", {},
             MergeAttention{address_of(y), address_of(parts), address_of(step.kv_lengths), u32(n_heads), u32(v_head_dim), u32(n_parts)},
             n_tokens * n_heads);
  }

  struct QkNormRopeStore {
    Address q, k, v, q_norm, k_norm, positions, frequencies, axes, cells, k_cache, v_cache;
    std::uint32_t n_tokens, heads, dims, v_dim_pairs, first_dims, k_norm_dims, hadamard_length;
    float root, eps;
  };
  void do_qk_norm_rope_store(const QkvHeads& heads, const Step& step) override {
    const Tensor &q = heads.q, &k = heads.k, &v = heads.v;
    const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], q_dim = q.shape[2], n_kv_heads = k.shape[1], k_dim = k.shape[2];
    const std::int64_t v_dim = v ? v.shape[2] : 0, most = std::max({q_dim, k_dim, v_dim});
    const bool alike = !v || v.shape[1] == n_kv_heads;
    if (most > kMostDims || n_heads > kMostCardHeads || !alike) return Backend::do_qk_norm_rope_store(heads, step);
    QkNormRopeStore p{};
    p.q = address_of(q), p.k = address_of(k), p.v = address_of(v), p.q_norm = address_of(heads.q_norm), p.k_norm = address_of(heads.k_norm);
    p.positions = address_of(step.positions), p.frequencies = address_of(heads.inv_freq), p.axes = address_of(heads.axes);
    p.cells = address_of(step.cells), p.k_cache = address_of(heads.k_cache), p.v_cache = address_of(heads.v_cache);
    p.n_tokens = u32(n_tokens), p.heads = u32(n_heads | n_kv_heads << 16), p.dims = u32(q_dim | k_dim << 16);
    p.v_dim_pairs = u32(v_dim | heads.inv_freq.shape[0] << 16), p.first_dims = u32(heads.q_first_dim | heads.k_first_dim << 16);
    p.k_norm_dims = u32((heads.k_norm ? heads.k_norm.shape[0] : 0) | (heads.pairing == RopePairing::interleaved ? 1 << 16 : 0));
    p.hadamard_length = u32(heads.hadamard_length), p.root = std::sqrt(static_cast<float>(heads.hadamard_length)), p.eps = heads.norm_eps;
    const Tensor& v_cache = v ? heads.v_cache : heads.k_cache;
    dispatch("qk_norm_rope_store",
             {std::bit_ceil(u32(std::max<std::int64_t>(most, 64))), number_of(heads.k_cache.dtype), layout_of(heads.k_cache),
              number_of(v_cache.dtype), layout_of(v_cache)},
             p, n_tokens * (n_heads + (v ? 2 : 1) * n_kv_heads));
    if (heads.page_bounds) bound_pages(heads.page_bounds, heads.k_cache, step.cells, n_tokens);
  }

  const DeviceInfo device_;
  const std::shared_ptr<Stream> stream_;
  const VulkanForms forms_;
  const std::uint32_t width_;
  std::map<std::vector<Address>, std::unique_ptr<VulkanBuffer>> tables_;
  RecordedSteps<Stream> steps_;
  std::map<std::pair<std::string, Constants>, VkPipeline> pipelines_;
};

}  // namespace

Result<std::unique_ptr<Backend>> create_vulkan_backend(const FoundCard& found, const VulkanForms& forms) {
  ASSIGN_OR_RETURN(std::shared_ptr<Card> card, Card::open(found));
  ASSIGN_OR_RETURN(std::shared_ptr<Stream> stream, Stream::create(std::move(card)));
  return std::unique_ptr<Backend>(std::make_unique<VulkanBackend>(found.info, std::move(stream), forms));
}

}  // namespace pio::vulkan
