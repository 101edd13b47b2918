#include "kernels/cuda/cuda_backend.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <utility>
#include <vector>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/stream.h"
#include "kernels/recorded_steps.h"
#include "kernels/refusal.h"

// The ops: each fills what its kernel reads (launch.h) and has the stream launch it.

namespace pio::cuda {
namespace {

constexpr std::int64_t kMostValueDims = std::int64_t{kMostSums} * 128;
constexpr std::int64_t kMostRowsInParts = 16, kMostPartValues = std::int64_t{1} << 23;
static_assert(kMostExperts == kMostCardExperts, "what route.cu has room for");
constexpr std::size_t kMostTables = 1024;  // of experts' addresses
constexpr std::size_t kBytesOfARead = 16;
constexpr int kFirstWithTensorCores = 80;                           // compute capability; 7.5 has some, without asynchronous copies and bfloats
constexpr std::int64_t kMostProductBytes = std::int64_t{64} << 20;  // of the products of experts that wait to be added up
constexpr double kWorkOfRounding = 8;                               // multiplications that take as long as rounding a number

// Integers of 8 bits times a scale; the same as formats.cuh has it.
bool has_codes(DType dtype) { return info(dtype).block_length > 1 && dtype != DType::nf4; }

// Bytes of the inputs of a row that a tile has at once.
std::size_t bytes_of_256(DType dtype) { return bytes_of(dtype, 256); }

class CudaBuffer final : public Buffer {
 public:
  CudaBuffer(std::size_t n_bytes, std::shared_ptr<Stream> stream, void* memory)
      : Buffer(n_bytes, nullptr), stream_(std::move(stream)), memory_(static_cast<std::byte*>(memory)) {}
  ~CudaBuffer() override { stream_->release(memory_); }
  std::byte* memory() const { return memory_; }

 private:
  std::shared_ptr<Stream> stream_;  // it is there as long as its buffers
  std::byte* memory_;
};

// Null of no tensor.
template <class T>
T* at(const Tensor& t) {
  return t.buffer ? reinterpret_cast<T*>(static_cast<const CudaBuffer*>(t.buffer)->memory() + t.offset) : nullptr;
}
float* floats(const Tensor& t) { return at<float>(t); }
std::int32_t* integers(const Tensor& t) { return at<std::int32_t>(t); }
std::uint32_t u32(std::int64_t n) { return static_cast<std::uint32_t>(n); }
std::uint64_t u64(std::int64_t n) { return static_cast<std::uint64_t>(n); }

Matrix matrix_of(const Tensor& w) {
  if (!w) return {};
  return {at<std::uint8_t>(w), bytes_of(w.dtype, w.shape.back()), w.dtype};
}
Cache cache_of(const Tensor& cache) {
  if (!cache) return {};
  const CacheLayout layout = cache.layout == TensorLayout::keys     ? CacheLayout::keys
                             : cache.layout == TensorLayout::values ? CacheLayout::values
                                                                    : CacheLayout::rows;
  return {at<std::uint8_t>(cache), cache.dtype, layout, u32(cache.shape[1]), u32(cache.shape[2])};
}

class CudaBackend final : public Backend {
 public:
  CudaBackend(DeviceInfo device, std::shared_ptr<Stream> stream, int capability, Activations activations)
      : device_(std::move(device)),
        stream_(std::move(stream)),
        rounds_(activations == Activations::q8),
        has_tensor_cores_(capability >= kFirstWithTensorCores),
        steps_(*stream_, workspace()) {}
  ~CudaBackend() override {
    steps_.forget();
    static_cast<void>(stream_->finish());
  }

  const DeviceInfo& device() const override { return device_; }

  Result<std::unique_ptr<Buffer>> allocate(std::size_t n_bytes) override {
    ASSIGN_OR_RETURN(void* const memory, stream_->allocate(n_bytes));
    return std::unique_ptr<Buffer>(std::make_unique<CudaBuffer>(n_bytes, stream_, memory));
  }

  Result<std::unique_ptr<Buffer>> wrap(const void* data, std::size_t n_bytes) override {
    ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer, allocate(n_bytes));
    stream_->upload(static_cast<const CudaBuffer&>(*buffer).memory(), static_cast<const std::byte*>(data), n_bytes);
    return buffer;
  }

  void upload(Tensor destination, const void* source) override {
    if (destination.shape.n_values() == 0) return;
    stream_->upload(at<std::byte>(destination), static_cast<const std::byte*>(source), destination.n_bytes());
  }
  void download(void* destination, Tensor source) override {
    if (source.shape.n_values() == 0) return;
    stream_->download(static_cast<std::byte*>(destination), at<std::byte>(source), source.n_bytes());
  }
  void flush() override { stream_->flush(); }
  std::uint64_t n_launches() const override { return stream_->n_launches(); }
  int launches_of(Composition op) const override {
    if (op == Composition::experts) return 3;
    return op == Composition::moe_experts || op == Composition::attention ? 2 : 1;
  }
  Result<void> sync() override { return stream_->finish(); }

  std::span<const std::int64_t> step_sizes() const override { return steps_.kSizes; }
  void begin_recording(const RecordingKey& key) override {
    stream_->watch(stop_token());
    steps_.begin(key);
  }
  void end_recording(Tensor result) override { steps_.end(result, stop_requested()); }
  Tensor replay(const RecordingKey& key) override { return steps_.replay(key, stop_token()); }

  std::optional<std::uint64_t> read_all(const Buffer& buffer) override {
    const Arena::Mark frame(workspace());
    const Tensor sum = workspace().temp(DType::i32, {1});
    std::uint32_t words = 0;
    upload(sum, &words);
    const std::uint64_t n = buffer.n_bytes() / kBytesOfARead;
    const ReadAll p{static_cast<const CudaBuffer&>(buffer).memory(), at<std::uint32_t>(sum), n};
    run_long(static_cast<std::uint32_t>((n + kReadOfABlock - 1) / kReadOfABlock), kReadOfABlock, true,
             [&](const Part& part, cudaStream_t stream) { launch_read_all(p, part, stream); });
    download(&words, sum);
    if (stream_->error()) return {};
    return words;
  }

  Result<void> supports(Op op, DType dtype, const Shape& extents) const override {
    RETURN_IF_ERROR(Backend::supports(op, dtype, extents));
    RETURN_IF_ERROR(check_card_limits(device_, op, extents));
    if (op == Op::attention && extents.rank() == 4 && extents[3] > kMostValueDims)
      return not_supported(device_, "values of at most 1024 numbers", std::to_string(extents[3]));
    return {};
  }

 private:
  // ---- launching ----

  template <class Launch>
  void run(bool has_work, const Launch& launch) {
    if (has_work && !stop_requested()) stream_->run(launch);
  }

  // What may take longer than a stop may: as many blocks at a time as there is room for.
  template <class Launch>
  void run_long(std::uint32_t n_blocks, double work_of_block, bool is_work_known, const Launch& launch) {
    stream_->watch(stop_token());
    Part part;
    part.stop = stream_->is_short(work_of_block * n_blocks) ? stream_->zero_word() : stream_->stop_word();
    for (std::uint32_t first = 0; first < n_blocks && !stop_requested();) {
      const double room = std::max(1.0, stream_->room_for_work() / std::max(1.0, work_of_block));
      part.first_block = first;
      part.n_blocks = std::min(n_blocks - first, static_cast<std::uint32_t>(std::min(room, 1e9)));
      stream_->run([&](cudaStream_t stream) { launch(part, stream); });
      stream_->add_work(work_of_block * part.n_blocks, is_work_known);
      if (stream_->room_for_work() < work_of_block) stream_->flush();
      first += part.n_blocks;
    }
  }

  // ---- rows and values ----

  void decode(const Tensor& y, const Tensor& w, const Tensor& ids, std::int64_t n_rows) {
    const DecodeRows p{floats(y), matrix_of(w), integers(ids), u32(n_rows), u32(w.shape.back())};
    run(n_rows > 0 && p.n_in > 0, [&](cudaStream_t stream) { launch_decode_rows(p, stream); });
  }
  void do_embed(Tensor y, Tensor table, Tensor ids) override { decode(y, table, ids, y.shape[0]); }
  void do_cast(Tensor y, Tensor x) override {
    if (y.dtype == DType::f32) return decode(y, x, {}, x.shape.n_rows());
    const Cast p{at<void>(y), floats(x), u64(x.shape.n_values()), y.dtype};
    run(p.n > 0, [&](cudaStream_t stream) { launch_cast(p, stream); });
  }
  void do_copy(Tensor y, Tensor x) override {
    if (!stop_requested()) stream_->copy(at<void>(y), at<void>(x), x.n_bytes());
  }

  void pairs(PairOp op, const Tensor& y, const Tensor& a, const Tensor& b = {}, float factor = 0) {
    const Pairs p{floats(y), floats(a), floats(b), u64(y.shape.n_values()), factor};
    run(p.n > 0, [&](cudaStream_t stream) { launch_pairs(op, p, stream); });
  }
  void do_add(Tensor y, Tensor a, Tensor b) override { pairs(PairOp::add, y, a, b); }
  void do_multiply(Tensor y, Tensor a, Tensor b) override { pairs(PairOp::multiply, y, a, b); }
  void do_silu(Tensor y, Tensor x) override { pairs(PairOp::silu, y, x); }
  void do_glu(Tensor y, Tensor gate, Tensor up) override { pairs(PairOp::glu, y, gate, up); }
  void do_gelu(Tensor y, Tensor x, Gelu kind) override { pairs(kind == Gelu::tanh ? PairOp::gelu_tanh : PairOp::gelu_erf, y, x); }
  void do_add_scaled(Tensor y, Tensor x, float scale) override { pairs(PairOp::add_scaled, y, x, {}, scale); }

  void do_gather_rows(Tensor y, Tensor x, Tensor rows) override {
    const GatherRows p{floats(y), floats(x), integers(rows), u32(y.shape[0]), u32(y.shape[1])};
    run(y.shape.n_values() > 0, [&](cudaStream_t stream) { launch_gather_rows(p, stream); });
  }
  void do_copy_columns(Tensor y, std::int64_t y_first, Tensor x, std::int64_t x_first, std::int64_t n) override {
    const std::int64_t n_rows = y.shape.n_rows();
    if (n_rows == 0 || n == 0) return;
    const CopyColumns p{floats(y),           floats(x),    u32(n_rows),        u32(n), u32(n_rows / x.shape.n_rows()), u32(y_first),
                        u32(y.shape.back()), u32(x_first), u32(x.shape.back())};
    run(true, [&](cudaStream_t stream) { launch_copy_columns(p, stream); });
  }
  void do_sum_rows(Tensor y, Tensor x, Tensor rows, Tensor weights) override {
    const SumRows p{floats(y), floats(x), integers(rows), floats(weights), u32(y.shape[0]), u32(rows.shape[1]), u32(y.shape[1])};
    run(y.shape.n_values() > 0, [&](cudaStream_t stream) { launch_sum_rows(p, stream); });
  }
  void do_argmax(Tensor y, Tensor x) override {
    const Argmax p{integers(y), floats(x), u32(x.shape[0]), u32(x.shape[1])};
    run(p.n_rows > 0, [&](cudaStream_t stream) { launch_argmax(p, stream); });
  }

  // ---- norms and positions ----

  void do_rms_norm(Tensor y, Tensor x, Tensor w, float eps) override {
    const Norm p{floats(y), floats(x), floats(w), nullptr, u32(x.shape.n_rows()), u32(x.shape.back()), eps};
    run(p.n_rows > 0, [&](cudaStream_t stream) { launch_rms_norm(p, stream); });
  }
  void do_layer_norm(Tensor y, Tensor x, Tensor w, Tensor bias, float eps) override {
    const Norm p{floats(y), floats(x), floats(w), floats(bias), u32(x.shape.n_rows()), u32(x.shape.back()), eps};
    run(p.n_rows > 0, [&](cudaStream_t stream) { launch_layer_norm(p, stream); });
  }
  void do_rope(Tensor x, Tensor positions, Tensor inv_freq, RopeParams params, Tensor axes) override {
    const Rope p{floats(x),       integers(positions), floats(inv_freq),       integers(axes),        u32(x.shape[0]),
                 u32(x.shape[1]), u32(x.shape[2]),     u32(inv_freq.shape[0]), u32(params.first_dim), params.pairing == RopePairing::interleaved};
    run(p.n_tokens > 0 && p.n_pairs > 0, [&](cudaStream_t stream) { launch_rope(p, stream); });
  }
  void do_hadamard(Tensor x, std::int64_t n) override {
    const Hadamard p{floats(x), u32(x.shape.n_values() / n), u32(n), std::sqrt(static_cast<float>(n))};
    run(p.n_parts > 0, [&](cudaStream_t stream) { launch_hadamard(p, stream); });
  }

  // ---- products ----

  // Whether rows of x are rounded by a launch of their own: many are, or one that is too long for a block to do it on its way.
  bool rounds_beforehand(std::int64_t n_rows, std::int64_t n_in, bool any_rounded) const {
    return any_rounded && (n_rows > 1 || n_in > kMostInputsToRound);
  }
  Tensor rounded_rows(std::int64_t n_rows, std::int64_t n_in) { return workspace().temp(DType::i32, {n_rows, rounded_words(u32(n_in))}); }
  const std::uint32_t* round(const Tensor& to, const float* x, std::int64_t n_heads, std::int64_t stride, std::int64_t head_stride, std::int64_t n_in,
                             const Tensor& norm = {}, float eps = 0, const Tensor& normed = {}) {
    const Round p{at<std::uint32_t>(to), x,  floats(norm), floats(normed), u32(to.shape[0]), u32(n_in), u32(n_heads), u64(stride),
                  u64(head_stride),      eps};
    run_products(p, kWorkOfRounding * static_cast<double>(p.n_rows) * static_cast<double>(n_in), launch_round);
    return p.y;
  }
  template <class Product>
  void run_products(const Product& p, double work, void (*launch)(const Product&, const Part&, cudaStream_t)) {
    const std::uint32_t n_blocks = blocks_of(p);
    if (n_blocks == 0) return;
    run_long(n_blocks, work / n_blocks, true, [&](const Part& part, cudaStream_t stream) { launch(p, part, stream); });
  }
  static double work_of(std::int64_t n_tokens, std::int64_t n_in, std::int64_t n_out) {
    return static_cast<double>(n_tokens) * static_cast<double>(n_in) * static_cast<double>(n_out);
  }

  // Coarse weights of 16 bits are multiplied with what they make of x, however many rows it has; others of 16 bits with x as it is.
  void multiply(Matmul p, bool is_coarse) {
    const Arena::Mark frame(workspace());
    p.rounds = rounds_ && has_codes(p.w.format);
    p.x_heads = p.x_head_stride == 0 ? 1 : p.n_heads;
    if (p.n_tokens == 0) return;
    if (rounds_beforehand(p.n_tokens, p.n_in, p.rounds)) {
      const Tensor rounded = rounded_rows(std::int64_t{p.n_tokens} * p.x_heads, p.n_in);
      p.rounded = round(rounded, p.x, p.x_heads, static_cast<std::int64_t>(p.x_stride), static_cast<std::int64_t>(p.x_head_stride), p.n_in);
    }
    const double work = work_of(p.n_tokens, p.n_in, std::int64_t{p.n_out} * p.n_heads);
    const bool by_halves = is_coarse && rounds_ && has_tensor_cores_ && (p.w.format == DType::f16 || p.w.format == DType::bf16);
    if (!by_halves && !goes_by_tiles(p.n_tokens, p.w.format)) return run_products(p, work, launch_matmul);
    if (by_halves) {
      RoundToHalves rounding{};
      rounding.n_rows = p.n_tokens * p.x_heads;
      rounding.y = at<std::uint32_t>(workspace().temp(DType::i32, {rounding.n_rows, halves_words(p.n_in)}));
      rounding.x = p.x, rounding.n_in = p.n_in, rounding.n_heads = p.x_heads, rounding.stride = p.x_stride, rounding.head_stride = p.x_head_stride;
      rounding.is_bfloat = p.w.format == DType::bf16;
      run(true, [&](cudaStream_t stream) { launch_round_to_halves(rounding, stream); });
      p.rounded = rounding.y;
    }
    Tiles tiles = tiles_of(p.y, p.rounded, p.w, p.n_tokens, p.n_in, p.n_out);
    tiles.has_factors = by_halves;
    tiles.bias = p.bias, tiles.n_heads = p.n_heads, tiles.x_heads = p.x_heads, tiles.head_rows = p.head_rows;
    tiles.x = p.x, tiles.x_stride = p.x_stride, tiles.x_head_stride = p.x_head_stride, tiles.n_following = p.n_following;
    tiles.y_stride = p.y_stride, tiles.y_head_stride = p.y_head_stride, tiles.after = p.after;
    run_products(tiles, work, by_halves ? launch_halves : launch_tiles);
  }

  // Many rows that are multiplied as 8-bit integers.
  bool goes_by_tiles(std::int64_t n_tokens, DType format) const {
    return has_tensor_cores_ && rounds_ && has_codes(format) && n_tokens > kTokensOfABlock;
  }
  static Tiles tiles_of(float* y, const std::uint32_t* rounded, const Matrix& w, std::int64_t n_tokens, std::int64_t n_in, std::int64_t n_out) {
    Tiles p{};
    p.y = y, p.rounded = rounded, p.w = w, p.chunk_bytes = u32(bytes_of_256(w.format));
    p.n_tokens = u32(n_tokens), p.n_in = p.row_inputs = u32(n_in), p.n_out = u32(n_out), p.n_heads = p.x_heads = 1;
    p.n_tiles = (p.n_tokens + kTileTokens - 1) / kTileTokens;
    p.y_stride = p.n_out;
    return p;
  }
  void multiply(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& bias, After after) {
    Matmul p{};
    p.y = floats(y), p.x = floats(x), p.w = matrix_of(w), p.bias = floats(bias);
    p.n_tokens = u32(x.shape[0]), p.n_in = u32(w.shape[1]), p.n_out = u32(w.shape[0]), p.n_heads = 1;
    p.x_stride = p.n_in, p.y_stride = p.n_out;
    p.after = after;
    multiply(p, w.is_coarse);
  }
  void do_matmul(Tensor y, Tensor x, Tensor w, Tensor bias) override { multiply(y, x, w, bias, After::store); }
  void do_matmul_add(Tensor residual, Tensor x, Tensor w, Tensor bias) override { multiply(residual, x, w, bias, After::add); }
  void do_matmul_gelu(Tensor y, Tensor x, Tensor w, Tensor bias, Gelu kind) override {
    multiply(y, x, w, bias, kind == Gelu::tanh ? After::gelu_tanh : After::gelu_erf);
  }

  void do_norm_matmul(std::span<const Projection> projections, Tensor x, Tensor norm, float eps, Tensor normed) override {
    const std::int64_t n_tokens = x.shape[0], n_in = x.shape[1];
    if (projections.empty() || projections.size() > 3) return Backend::do_norm_matmul(projections, x, norm, eps, normed);
    if (n_tokens == 0) return;
    NormMatmul p{};
    p.x = floats(x), p.norm = floats(norm), p.normed = floats(normed);
    p.n_tokens = u32(n_tokens), p.n_in = u32(n_in), p.eps = eps;
    std::int64_t n_out = 0;
    for (std::size_t i = 0; i < projections.size(); ++i) {
      const auto& [y, w, bias] = projections[i];
      p.y[i] = floats(y), p.w[i] = matrix_of(w), p.bias[i] = floats(bias), p.n_out[i] = u32(w.shape[0]);
      p.rounds = p.rounds || (rounds_ && has_codes(w.dtype));
      n_out += w.shape[0];
    }
    const Arena::Mark frame(workspace());
    if (rounds_beforehand(n_tokens, n_in, p.rounds)) {
      p.rounded = round(rounded_rows(n_tokens, n_in), p.x, 1, n_in, 0, n_in, norm, eps, normed);
      p.normed = nullptr;
    }
    // What goes by tiles has a launch of its own; the others have one together, without those.
    for (std::size_t i = 0; i < projections.size(); ++i) {
      if (!goes_by_tiles(n_tokens, p.w[i].format)) continue;
      Tiles tiles = tiles_of(p.y[i], p.rounded, p.w[i], n_tokens, n_in, p.n_out[i]);
      tiles.bias = p.bias[i], tiles.has_factors = true;
      run_products(tiles, work_of(n_tokens, n_in, p.n_out[i]), launch_tiles);
      n_out -= p.n_out[i];
      p.n_out[i] = 0;
    }
    if (n_out > 0) run_products(p, work_of(n_tokens, n_in, n_out), launch_norm_matmul);
  }

  void do_norm_glu_matmul(Tensor y, Tensor x, Tensor norm, float eps, Tensor gate, Tensor up) override {
    const std::int64_t n_tokens = x.shape[0], n_in = x.shape[1], n_out = y.shape[1];
    if (n_tokens == 0) return;
    const Arena::Mark frame(workspace());
    NormGluMatmul p{};
    p.y = floats(y), p.x = floats(x), p.norm = floats(norm), p.gate = matrix_of(gate), p.up = matrix_of(up);
    p.n_tokens = u32(n_tokens), p.n_in = u32(n_in), p.n_out = u32(n_out), p.eps = eps;
    p.rounds = rounds_ && (has_codes(gate.dtype) || has_codes(up.dtype));
    if (rounds_beforehand(n_tokens, n_in, p.rounds)) p.rounded = round(rounded_rows(n_tokens, n_in), p.x, 1, n_in, 0, n_in, norm, eps);
    if (!goes_by_tiles(n_tokens, gate.dtype) || !goes_by_tiles(n_tokens, up.dtype)) {
      return run_products(p, 2 * work_of(n_tokens, n_in, n_out), launch_norm_glu_matmul);
    }
    Tiles tiles = tiles_of(p.y, p.rounded, p.gate, n_tokens, n_in, n_out);
    tiles.has_factors = true;
    run_products(tiles, work_of(n_tokens, n_in, n_out), launch_tiles);
    tiles.w = p.up, tiles.chunk_bytes = u32(bytes_of_256(p.up.format)), tiles.after = After::gate;
    run_products(tiles, work_of(n_tokens, n_in, n_out), launch_tiles);
  }

  void do_matmul_heads(Tensor y, Tensor x, Tensor w, HeadsParams params) override { do_matmul_heads_and_copy(y, x, w, params); }
  void do_matmul_heads_and_copy(Tensor y, Tensor x, Tensor w, HeadsParams params) override {
    const std::int64_t n_tokens = x.shape[0], n_heads = w.shape[0], x_dim = x.shape[2], y_dim = y.shape[2], n_columns = w.shape[2];
    if (n_tokens == 0) return;
    Matrix matrix = matrix_of(w);
    matrix.w += static_cast<std::size_t>(params.w_first) * matrix.row_bytes;
    float* const to = floats(y) + params.y_first;
    const float* const from = floats(x) + params.x_first;
    const std::uint64_t x_stride = u64(x.shape[1] * x_dim), x_head_stride = x.shape[1] == 1 ? 0 : u64(x_dim);
    if (params.transposed) {
      MatmulTransposed p{to,
                         from,
                         matrix,
                         u32(n_tokens),
                         u32(n_heads),
                         u32(params.w_rows),
                         u32(n_columns),
                         x_stride,
                         x_head_stride,
                         u64(n_heads * y_dim),
                         u64(y_dim),
                         u32(w.shape[1]),
                         u32(params.n_following)};
      run_products(p, work_of(n_tokens * n_heads, n_columns, params.w_rows), launch_matmul_transposed);
      return;
    }
    Matmul p{};
    p.y = to, p.x = from, p.w = matrix;
    p.n_tokens = u32(n_tokens), p.n_in = u32(n_columns), p.n_out = u32(params.w_rows), p.n_heads = u32(n_heads);
    p.x_stride = x_stride, p.x_head_stride = x_head_stride, p.y_stride = u64(n_heads * y_dim), p.y_head_stride = u64(y_dim);
    p.head_rows = u32(w.shape[1]), p.n_following = u32(params.n_following);
    multiply(p, w.is_coarse);
  }

  // ---- experts ----

  void do_route_experts(Tensor ids, Tensor weights, Tensor logits, Tensor bias, RoutingParams params) override {
    const RouteExperts p{integers(ids),      floats(weights),      floats(logits),
                         floats(bias),       u32(ids.shape[0]),    u32(logits.shape[1]),
                         u32(ids.shape[1]),  u32(params.n_groups), u32(params.n_groups_used),
                         params.sum_epsilon, params.scale,         params.scoring == ExpertScoring::sigmoid,
                         params.normalize};
    run(p.n_tokens > 0 && p.k > 0, [&](cudaStream_t stream) { launch_route_experts(p, stream); });
  }

  // Where the experts of a set lie. Kept on the device by what it says, as a layer's experts seldom move; null where their formats differ.
  const ExpertAddresses* table_of(const ExpertSet& experts) {
    const ExpertMlp& pattern = experts.pattern();
    std::vector<const std::uint8_t*> table;
    for (std::int64_t e = 0; e < experts.n_experts(); ++e) {
      if (!experts.has(e)) {
        table.insert(table.end(), 3, nullptr);
        continue;
      }
      const ExpertMlp& expert = experts[e];
      const bool is_alike =
          expert.gate.dtype == pattern.gate.dtype && expert.up.dtype == pattern.gate.dtype && expert.down.dtype == pattern.down.dtype;
      if (!is_alike) return nullptr;
      for (const Tensor* const t : {&expert.gate, &expert.up, &expert.down}) table.push_back(at<std::uint8_t>(*t));
    }
    const auto known = tables_.find(table);
    if (known != tables_.end()) return reinterpret_cast<const ExpertAddresses*>(known->second->memory());
    if (tables_.size() >= kMostTables) {
      steps_.forget();
      tables_.clear();
    }
    const std::size_t n_bytes = table.size() * sizeof(table[0]);
    Result<std::unique_ptr<Buffer>> buffer = allocate(n_bytes);
    if (!buffer) {
      stream_->set_error(buffer.error());
      return nullptr;
    }
    std::unique_ptr<CudaBuffer> own(static_cast<CudaBuffer*>(buffer->release()));
    stream_->upload(own->memory(), reinterpret_cast<const std::byte*>(table.data()), n_bytes);
    return reinterpret_cast<const ExpertAddresses*>(tables_.emplace(std::move(table), std::move(own)).first->second->memory());
  }

  // y = what the experts make of x, the shared one too where there is one; added to y where it `adds`.
  void mix(const Tensor& y, const Tensor& x, const Tensor& ids, const Tensor& weights, const ExpertAddresses* table, std::int64_t n_experts,
           const ExpertMlp& pattern, const ExpertMlp& shared, bool adds) {
    const std::int64_t n_tokens = x.shape[0], dim = x.shape[1], k = ids.shape[1], hidden_dim = pattern.gate.shape[0];
    const std::int64_t shared_dim = shared.gate ? shared.gate.shape[0] : 0, n_hidden = k * hidden_dim + shared_dim;
    if (n_tokens == 0) return;
    const bool in_goes = n_experts <= kMostExperts && goes_by_tiles(n_tokens, pattern.gate.dtype) && goes_by_tiles(n_tokens, pattern.up.dtype) &&
                         (shared_dim == 0 || (goes_by_tiles(n_tokens, shared.gate.dtype) && goes_by_tiles(n_tokens, shared.up.dtype)));
    const bool out_goes = n_experts <= kMostExperts && goes_by_tiles(n_tokens, pattern.down.dtype) && hidden_dim % 32 == 0 && shared_dim % 32 == 0 &&
                          (shared_dim == 0 || goes_by_tiles(n_tokens, shared.down.dtype));
    const std::int64_t of_token = (k + (shared_dim > 0 ? 1 : 0)) * dim * 4, most = std::max<std::int64_t>(kMostProductBytes / of_token, kTileTokens);
    if (out_goes && n_tokens > most) {
      for (std::int64_t first = 0; first < n_tokens; first += most) {
        const std::int64_t n = std::min(most, n_tokens - first);
        mix(y.rows(first, n), x.rows(first, n), ids.rows(first, n), weights.rows(first, n), table, n_experts, pattern, shared, adds);
      }
      return;
    }
    const auto any_rounded = [&](const Tensor& of_all, const Tensor& of_shared) {
      return rounds_ && (has_codes(of_all.dtype) || (shared_dim > 0 && has_codes(of_shared.dtype)));
    };
    const Arena::Mark frame(workspace());
    const Tensor hidden = workspace().temp(DType::f32, {n_tokens, n_hidden});
    ExpertsIn in{};
    in.hidden = floats(hidden), in.x = floats(x), in.ids = integers(ids), in.table = table, in.pattern = matrix_of(pattern.gate);
    in.shared_gate = matrix_of(shared.gate), in.shared_up = matrix_of(shared.up);
    in.n_tokens = u32(n_tokens), in.k = u32(k), in.dim = u32(dim), in.hidden_dim = u32(hidden_dim), in.shared_dim = u32(shared_dim);
    in.rounds = any_rounded(pattern.gate, shared.gate);
    if (in_goes || rounds_beforehand(1, dim, in.rounds)) in.rounded = round(rounded_rows(n_tokens, dim), in.x, 1, dim, 0, dim);
    Tiles of_experts{};  // what tiles of experts have alike
    if (in_goes || out_goes) {
      const std::int64_t n_choices = n_tokens * k, most_tiles = n_choices / kTileTokens + std::min(n_experts, n_choices);
      GroupExperts group{};
      group.order = at<std::uint32_t>(workspace().temp(DType::i32, {n_choices}));
      group.tiles = at<ExpertTile>(workspace().temp(DType::i32, {most_tiles, 3}));
      group.n_tiles = at<std::uint32_t>(workspace().temp(DType::i32, {1}));
      group.ids = in.ids, group.hidden = in.hidden, group.n_tokens = in.n_tokens, group.k = in.k, group.n_experts = u32(n_experts);
      group.hidden_stride = u32(n_hidden), group.hidden_dim = in.hidden_dim;
      run(true, [&](cudaStream_t stream) { launch_group_experts(group, stream); });
      of_experts.order = group.order, of_experts.n_of_experts = group.n_tiles, of_experts.of_experts = group.tiles;
      of_experts.table = table, of_experts.k = in.k, of_experts.n_tiles = u32(most_tiles);
    }
    const auto expert_tiles = [&](Tiles p, OfExpert matrix) {
      p.order = of_experts.order, p.n_of_experts = of_experts.n_of_experts, p.of_experts = of_experts.of_experts;
      p.table = table, p.k = in.k, p.n_tiles = of_experts.n_tiles, p.matrix = matrix;
      run_products(p, work_of(p.n_tokens * k, p.n_in, p.n_out), launch_tiles);
    };
    if (in_goes) {
      Tiles p = tiles_of(in.hidden, in.rounded, in.pattern, n_tokens, dim, hidden_dim);
      p.y_stride = u64(n_hidden), p.y_step = u64(hidden_dim);
      expert_tiles(p, OfExpert::gate);
      p.w = matrix_of(pattern.up), p.chunk_bytes = u32(bytes_of_256(p.w.format)), p.after = After::gate;
      expert_tiles(p, OfExpert::up);
      if (shared_dim > 0) {
        Tiles q = tiles_of(in.hidden + k * hidden_dim, in.rounded, in.shared_gate, n_tokens, dim, shared_dim);
        q.y_stride = u64(n_hidden);
        run_products(q, work_of(n_tokens, dim, shared_dim), launch_tiles);
        q.w = in.shared_up, q.chunk_bytes = u32(bytes_of_256(q.w.format)), q.after = After::gate;
        run_products(q, work_of(n_tokens, dim, shared_dim), launch_tiles);
      }
    } else {
      run_products(in, 2 * work_of(n_tokens, dim, n_hidden), launch_experts_in);
    }

    ExpertsOut out{};
    out.y = floats(y), out.hidden = in.hidden, out.ids = in.ids, out.weights = floats(weights), out.table = table;
    out.pattern = matrix_of(pattern.down), out.shared_down = matrix_of(shared.down);
    out.n_tokens = in.n_tokens, out.k = in.k, out.dim = in.dim, out.hidden_dim = in.hidden_dim, out.shared_dim = in.shared_dim;
    out.adds = adds;
    // Blocks of 32 that reach from one expert's into the next one's are nobody's: such matrices are multiplied by what is there.
    out.rounds = any_rounded(pattern.down, shared.down) && hidden_dim % 32 == 0 && shared_dim % 32 == 0;
    if (out_goes || rounds_beforehand(1, n_hidden, out.rounds)) {
      out.rounded = round(rounded_rows(n_tokens, n_hidden), in.hidden, 1, n_hidden, 0, n_hidden);
    }
    if (!out_goes) return run_products(out, work_of(n_tokens, n_hidden, dim), launch_experts_out);
    const std::int64_t n_products = k + (shared_dim > 0 ? 1 : 0);
    float* const products = floats(workspace().temp(DType::f32, {n_tokens * n_products, dim}));
    Tiles p = tiles_of(products, out.rounded, out.pattern, n_tokens, hidden_dim, dim);
    p.row_inputs = u32(n_hidden), p.x_step = u32(hidden_dim), p.y_stride = u64(n_products * dim), p.y_step = u64(dim);
    expert_tiles(p, OfExpert::down);
    if (shared_dim > 0) {
      Tiles q = tiles_of(products + k * dim, out.rounded, out.shared_down, n_tokens, shared_dim, dim);
      q.row_inputs = p.row_inputs, q.x_first = u32(k * hidden_dim), q.y_stride = p.y_stride;
      run_products(q, work_of(n_tokens, shared_dim, dim), launch_tiles);
    }
    const CombineExperts combine{out.y, products, out.ids, out.weights, out.n_tokens, out.k, out.dim, shared_dim > 0, adds};
    run(true, [&](cudaStream_t stream) { launch_combine_experts(combine, stream); });
  }
  void do_moe_experts(Tensor y, Tensor x, Tensor ids, Tensor weights, const ExpertSet& experts) override {
    const ExpertAddresses* const table = table_of(experts);
    if (!table) return Backend::do_moe_experts(y, x, ids, weights, experts);
    mix(y, x, ids, weights, table, experts.n_experts(), experts.pattern(), {}, false);
  }
  void do_experts(Tensor residual, Tensor x, Tensor logits, const Mixture& mixture) override {
    const ExpertAddresses* const table = table_of(mixture.experts);
    if (!table) return Backend::do_experts(residual, x, logits, mixture);
    const Arena::Mark frame(workspace());
    const Shape chosen{x.shape[0], mixture.n_used};
    const Tensor ids = workspace().temp(DType::i32, chosen), weights = workspace().temp(DType::f32, chosen);
    route_experts(ids, weights, logits, mixture.bias, mixture.routing);
    mix(residual, x, ids, weights, table, mixture.experts.n_experts(), mixture.experts.pattern(), mixture.shared, true);
  }

  // ---- keys and values ----

  void do_store_kv(Tensor cache, Tensor x, Tensor cells, Tensor page_bounds) override {
    const StoreKv p{cache_of(cache), floats(x), integers(cells), u32(x.shape[0])};
    run(p.n_tokens > 0, [&](cudaStream_t stream) { launch_store_kv(p, stream); });
    if (page_bounds) bound_pages(page_bounds, cache, cells);
  }
  void bound_pages(const Tensor& page_bounds, const Tensor& cache, const Tensor& cells) {
    const BoundPages p{floats(page_bounds), cache_of(cache), integers(cells), u32(cells.shape[0])};
    run(p.n_tokens > 0, [&](cudaStream_t stream) { launch_bound_pages(p, stream); });
  }
  void do_load_kv(Tensor y, Tensor cache, Tensor cells) override {
    const LoadKv p{floats(y), cache_of(cache), integers(cells), u32(y.shape[0])};
    run(p.n > 0, [&](cudaStream_t stream) { launch_load_kv(p, stream); });
  }

  void do_attention(Tensor y, Tensor q, Tensor k_cache, Tensor v_cache, const Step& step, AttentionParams params) override {
    static constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;
    const std::int64_t n_tokens = q.shape[0], n_heads = q.shape[1], head_dim = q.shape[2], v_head_dim = y.shape[2], n_kv_heads = k_cache.shape[1];
    const std::int64_t max_blocks = step.block_table.shape[1], n_parts = (max_blocks + kBlocksOfAPart - 1) / kBlocksOfAPart;
    const KvSelection& selection = step.selection;
    const auto at_most = [](std::int64_t n) { return u32(std::min(n, kMostTokens)); };
    if (n_tokens == 0) return;
    const Arena::Mark frame(workspace());
    Tensor kept;
    if (selection.kind == KvSelection::Kind::pages) {
      kept = workspace().temp(DType::i32, {n_tokens, n_kv_heads, max_blocks});
      const Tensor scores = workspace().temp(DType::f32, kept.shape);
      const SelectPages p{at<std::uint32_t>(kept),
                          floats(scores),
                          floats(q),
                          cache_of(k_cache),
                          integers(step.kv_lengths),
                          integers(step.sequences),
                          integers(step.block_table),
                          integers(step.protected_blocks),
                          floats(params.page_bounds),
                          u32(n_tokens),
                          u32(n_heads),
                          u32(max_blocks),
                          at_most(selection.n_pages)};
      run(true, [&](cudaStream_t stream) { launch_select_pages(p, stream); });
    }
    // A few rows leave most of a card idle unless they are cut; many need no more blocks, and memory for all their parts would be large.
    const bool in_parts = n_tokens <= kMostRowsInParts && n_parts > 1 && n_tokens * n_heads * n_parts * (v_head_dim + 2) <= kMostPartValues;
    Tensor parts = y;
    if (in_parts) parts = workspace().temp(DType::f32, {n_tokens * n_heads * n_parts, v_head_dim + 2});
    Attention p{};
    p.y = floats(parts), p.q = floats(q), p.k_cache = cache_of(k_cache), p.v_cache = cache_of(v_cache);
    p.kv_lengths = integers(step.kv_lengths), p.sequences = integers(step.sequences), p.block_table = integers(step.block_table);
    p.protected_blocks = integers(step.protected_blocks), p.kept = at<std::uint32_t>(kept);
    p.n_tokens = u32(n_tokens), p.n_heads = u32(n_heads), p.v_head_dim = u32(v_head_dim), p.max_blocks = u32(max_blocks), p.n_parts = u32(n_parts);
    p.selection = selection.kind == KvSelection::Kind::full     ? Select::full
                  : selection.kind == KvSelection::Kind::window ? Select::window
                                                                : Select::pages;
    p.n_sinks = at_most(selection.n_sinks), p.window = at_most(selection.window), p.scale = params.scale, p.in_parts = in_parts;
    // As many rows of heads that share keys as a tile has: fewer leave most of it idle.
    p.by_tiles = !in_parts && n_tokens * (n_heads / n_kv_heads) >= kRowsOfAttentionTile && v_head_dim <= kMostTileDims;
    const std::int64_t rows_of_block = p.by_tiles ? kRowsOfAttentionTile : 1;
    const std::int64_t n_cells = rows_of_block * (in_parts ? std::min<std::int64_t>(max_blocks, kBlocksOfAPart) : max_blocks) * kKvBlockLength;
    run_long(blocks_of(p), static_cast<double>(n_cells) * static_cast<double>(head_dim + v_head_dim), false,
             [&](const Part& part, cudaStream_t stream) { launch_attention(p, part, stream); });
    if (!in_parts) return;
    const MergeAttention merge{floats(y), floats(parts), p.kv_lengths, p.n_tokens, p.n_heads, p.v_head_dim, p.n_parts};
    run(true, [&](cudaStream_t stream) { launch_merge_attention(merge, stream); });
  }

  void do_qk_norm_rope_store(const QkvHeads& heads, const Step& step) override {
    const Tensor &q = heads.q, &k = heads.k, &v = heads.v;
    const std::int64_t most = std::max({q.shape[2], k.shape[2], v ? v.shape[2] : 0});
    const bool alike = !v || v.shape[1] == k.shape[1];
    if (most > kMostHeadDims || !alike) return Backend::do_qk_norm_rope_store(heads, step);
    QkNormRopeStore p{};
    p.q = floats(q), p.k = floats(k), p.v = floats(v), p.q_norm = floats(heads.q_norm), p.k_norm = floats(heads.k_norm);
    p.positions = integers(step.positions), p.frequencies = floats(heads.inv_freq), p.axes = integers(heads.axes), p.cells = integers(step.cells);
    p.k_cache = cache_of(heads.k_cache), p.v_cache = cache_of(heads.v_cache);
    p.n_tokens = u32(q.shape[0]), p.n_heads = u32(q.shape[1]), p.q_dim = u32(q.shape[2]), p.n_pairs = u32(heads.inv_freq.shape[0]);
    p.q_first_dim = u32(heads.q_first_dim), p.k_first_dim = u32(heads.k_first_dim), p.k_norm_dims = heads.k_norm ? u32(heads.k_norm.shape[0]) : 0;
    p.hadamard_length = u32(heads.hadamard_length), p.root = std::sqrt(static_cast<float>(heads.hadamard_length)), p.eps = heads.norm_eps;
    p.is_interleaved = heads.pairing == RopePairing::interleaved;
    run(p.n_tokens > 0, [&](cudaStream_t stream) { launch_qk_norm_rope_store(p, stream); });
    if (heads.page_bounds) bound_pages(heads.page_bounds, heads.k_cache, step.cells);
  }

  const DeviceInfo device_;
  const std::shared_ptr<Stream> stream_;
  const bool rounds_, has_tensor_cores_;
  std::map<std::vector<const std::uint8_t*>, std::unique_ptr<CudaBuffer>> tables_;
  RecordedSteps<Stream> steps_;
};

}  // namespace

Result<std::unique_ptr<Backend>> create_cuda_backend(const DeviceInfo& device, int number, int capability, Activations activations) {
  ASSIGN_OR_RETURN(std::shared_ptr<Stream> stream, Stream::create(device, number));
  return std::unique_ptr<Backend>(std::make_unique<CudaBackend>(device, std::move(stream), capability, activations));
}

}  // namespace pio::cuda
