#include "models/qwen3_vl_2b/vision.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/number_text.h"
#include "models/binder.h"
#include "models/blocks/linear.h"
#include "models/blocks/norm.h"

namespace pio {
namespace {

// Patches (or merged tokens) of a matrix product at a time, where its input or output would otherwise be several times the residual stream.
constexpr std::int64_t kChunkRows = 2048;
// Queries, keys and values kept at a time: as many heads as fit, at least one.
constexpr std::int64_t kQkvBytes = std::int64_t{128} << 20;

struct LayerNorm {
  Tensor w, bias;  // [dim]
};

struct VisionBlock {
  LayerNorm norm1, norm2;
  Linear qkv;   // [3 * dim, dim]: queries, keys, values, each [n_heads, head_dim]
  Linear out;   // [dim, dim]
  Linear up;    // [hidden_dim, dim]
  Linear down;  // [dim, hidden_dim]
};

struct Merger {
  LayerNorm norm;  // [dim] of a patch, or [merged_dim] of a block of patches
  Linear fc1;      // [merged_dim, merged_dim]
  Linear fc2;      // [out_dim, merged_dim]
};

void bind_norm(Binder& binder, LayerNorm& norm, const std::string& stem, std::int64_t dim) {
  binder.bind(norm.w, stem + ".weight", {dim});
  binder.bind(norm.bias, stem + ".bias", {dim});
}

// Any weights as float32 on the host.
Result<std::vector<float>> decoded(Backend& backend, Tensor weights) {
  std::vector<std::unique_ptr<Buffer>> buffers;
  ASSIGN_OR_RETURN(const Tensor values, backend.allocate_tensor(DType::f32, weights.shape, buffers));
  backend.decode_rows(values, weights);
  std::vector<float> out(values.shape.n_values());
  backend.download(out.data(), values);
  return out;
}

class Qwen3VlVision final : public Vision {
 public:
  Qwen3VlVision(VisionConfig config, Backend& backend) : c_(std::move(config)), backend_(backend) {}
  Result<void> bind_weights(WeightSource& source);

  std::int64_t n_parameters() const override { return bound_.n_parameters; }
  std::int64_t patch_dim() const override { return c_.input.patch_dim(); }
  std::string_view picture_token() const override { return "<|image_pad|>"; }
  std::string_view film_token() const override { return "<|video_pad|>"; }
  Result<PreparedPicture> prepare(const Pixels& pixels, std::int64_t most_pixels, std::stop_token stop) const override {
    return prepare_picture(c_.input, pixels, most_pixels, stop);
  }
  PictureWork work() const override;
  Result<PreparedPicture> prepare_film(const FrameSource& film, std::stop_token stop) const override {
    return pio::prepare_film(c_.input, film, stop);
  }
  void patches(const PreparedPicture& picture, std::int64_t first, std::int64_t n, float* values) const override {
    write_patches(c_.input, picture, first, n, values);
  }
  std::vector<PictureSlot> slots(const PreparedPicture& picture) const override;
  PreparedPicture smallest_picture() const override {
    const std::int64_t n = c_.input.merge_size, side = c_.input.factor();
    return {.grid = {1, n, n}, .height = side, .width = side, .frames = {std::vector<std::uint8_t>(side * side * 3)}, .seconds = {}};
  }
  Result<VisionFeatures> encode(const PreparedPicture& picture) const override;

 private:
  Result<void> join_time_slices(Tensor first, Tensor second);
  Result<void> make_rope_tables();

  void embed_patches(ForwardContext& ctx, const PreparedPicture& picture, Tensor x) const;
  void table_rows(const PreparedPicture& picture, std::int64_t first, std::int64_t n, float* values) const;
  Tensor places(ForwardContext& ctx, const PreparedPicture& picture) const;
  Tensor slot_starts(ForwardContext& ctx, const PreparedPicture& picture) const;
  void attend(ForwardContext& ctx, const VisionBlock& block, Tensor x, Tensor places, Tensor starts) const;
  void feed_forward(ForwardContext& ctx, const VisionBlock& block, Tensor x) const;
  void merge(ForwardContext& ctx, const Merger& merger, Tensor x, Tensor y) const;
  Tensor norm(ForwardContext& ctx, Tensor x, const LayerNorm& norm) const;

  // Row and column of a patch, which come in blocks of merge_size².
  std::array<std::int64_t, 2> row_and_column(const PreparedPicture& picture, std::int64_t patch) const;

  VisionConfig c_;
  Backend& backend_;
  Tensor patch_w_;            // [dim, patch_dim]: values in the order channel, time, y, x
  Tensor patch_bias_;         // [dim]
  std::vector<float> table_;  // [table_side, table_side, dim]: embeddings of places
  std::vector<VisionBlock> blocks_;
  Merger merger_;
  std::vector<Merger> deepstack_;
  Tensor inv_freq_, axes_;  // [head_dim / 2]
  BoundWeights bound_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

PictureWork Qwen3VlVision::work() const {
  PictureWork work;
  work.grid = [input = c_.input](std::int64_t height, std::int64_t width, std::int64_t most_pixels) -> Result<std::array<std::int64_t, 3>> {
    ASSIGN_OR_RETURN(const ImageSize size, picture_size(input, {height, width}, most_pixels));
    return std::array<std::int64_t, 3>{1, size.height / input.patch_size, size.width / input.patch_size};
  };
  work.patches_of_token = c_.input.merge_size * c_.input.merge_size;
  const std::int64_t of_mergers = static_cast<std::int64_t>(1 + deepstack_.size()) * c_.merged_dim() * (c_.merged_dim() + c_.out_dim);
  work.per_patch = static_cast<double>(c_.n_blocks * c_.dim * (4 * c_.dim + 2 * c_.hidden_dim) + c_.dim * c_.input.patch_dim() +
                                       of_mergers / work.patches_of_token);
  work.per_pair = static_cast<double>(2 * c_.n_blocks * c_.dim);
  return work;
}

std::vector<PictureSlot> Qwen3VlVision::slots(const PreparedPicture& picture) const {
  PictureSlot slot;
  slot.height = picture.grid[1] / c_.input.merge_size;
  slot.width = picture.grid[2] / c_.input.merge_size;
  if (picture.seconds.empty()) return {slot};
  std::vector<PictureSlot> slots;
  for (const double seconds : picture.seconds) {
    slot.before = {{Piece::Kind::text, "<" + fixed_text(seconds, 1) + " seconds>"}, {Piece::Kind::control, "<|vision_start|>"}};
    slot.after = {{Piece::Kind::control, "<|vision_end|>"}};
    slots.push_back(slot);
  }
  return slots;
}

Result<VisionFeatures> Qwen3VlVision::encode(const PreparedPicture& picture) const {
  const std::int64_t per_slot = picture.grid[1] * picture.grid[2];
  const std::int64_t n_patches = picture.grid[0] * per_slot;
  const std::int64_t n_tokens = n_patches / (c_.input.merge_size * c_.input.merge_size);

  VisionFeatures features;
  ASSIGN_OR_RETURN(features.values, backend_.allocate_tensor(DType::f32, {n_tokens, c_.out_dim}, features.buffers));
  for (std::size_t i = 0; i < deepstack_.size(); ++i) {
    ASSIGN_OR_RETURN(const Tensor values, backend_.allocate_tensor(DType::f32, {n_tokens, c_.out_dim}, features.buffers));
    features.deepstack.push_back(values);
  }
  for (const std::unique_ptr<Buffer>& buffer : features.buffers) features.n_bytes += buffer->n_bytes();

  ForwardContext ctx(backend_);  // of its own, so that a big picture's memory goes with the pass
  Tensor x = ctx.temp(DType::f32, {n_patches, c_.dim});
  embed_patches(ctx, picture, x);
  const Tensor where = places(ctx, picture), starts = slot_starts(ctx, picture);
  std::size_t n_merged = 0;
  for (std::int64_t b = 0; b < c_.n_blocks && !ctx.stop_requested(); ++b) {
    attend(ctx, blocks_[b], x, where, starts);
    feed_forward(ctx, blocks_[b], x);
    if (n_merged < deepstack_.size() && c_.deepstack_blocks[n_merged] == b) {
      merge(ctx, deepstack_[n_merged], x, features.deepstack[n_merged]);
      ++n_merged;
    }
  }
  merge(ctx, merger_, x, features.values);
  RETURN_IF_ERROR(backend_.sync());
  if (ctx.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
  features.scratch_bytes = ctx.n_bytes();
  return features;
}

void Qwen3VlVision::embed_patches(ForwardContext& ctx, const PreparedPicture& picture, Tensor x) const {
  std::vector<float> host;
  for (std::int64_t first = 0; first < x.shape[0] && !ctx.stop_requested(); first += kChunkRows) {
    const std::int64_t n = std::min(kChunkRows, x.shape[0] - first);
    const ForwardContext::Mark mark(ctx);
    host.resize(n * std::max(patch_dim(), c_.dim));
    patches(picture, first, n, host.data());
    const Tensor values = ctx.temp(DType::f32, {n, patch_dim()});
    backend_.upload(values, host.data());
    backend_.matmul(x.rows(first, n), values, patch_w_, patch_bias_);
    table_rows(picture, first, n, host.data());
    const Tensor place = ctx.temp(DType::f32, {n, c_.dim});
    backend_.upload(place, host.data());
    add_to(ctx, x.rows(first, n), place);
  }
}

// The table of places stretched over the picture's grid, corners on corners; in the float32 arithmetic of transformers 5.23.
void Qwen3VlVision::table_rows(const PreparedPicture& picture, std::int64_t first, std::int64_t n, float* values) const {
  const std::int64_t side = c_.table_side();
  struct Tap {
    std::int64_t low, high;
    float low_weight, high_weight;
  };
  const auto tap = [&](std::int64_t i, std::int64_t extent) {
    const float at = static_cast<float>(i) * static_cast<float>(side - 1) / static_cast<float>(std::max<std::int64_t>(extent - 1, 1));
    const auto low = static_cast<std::int64_t>(at);
    const std::int64_t high = std::min(low + 1, side - 1);
    const float part = at - static_cast<float>(low);
    return Tap{low, high, 1 - part, part};
  };
  for (std::int64_t p = first; p < first + n; ++p, values += c_.dim) {
    const auto [row, column] = row_and_column(picture, p);
    const Tap y = tap(row, picture.grid[1]), x = tap(column, picture.grid[2]);
    const float* corners[4] = {&table_[(y.low * side + x.low) * c_.dim], &table_[(y.low * side + x.high) * c_.dim],
                               &table_[(y.high * side + x.low) * c_.dim], &table_[(y.high * side + x.high) * c_.dim]};
    const float weights[4] = {y.low_weight * x.low_weight, y.low_weight * x.high_weight, y.high_weight * x.low_weight, y.high_weight * x.high_weight};
    for (std::int64_t i = 0; i < c_.dim; ++i)
      values[i] = weights[0] * corners[0][i] + weights[1] * corners[1][i] + weights[2] * corners[2][i] + weights[3] * corners[3][i];
  }
}

std::array<std::int64_t, 2> Qwen3VlVision::row_and_column(const PreparedPicture& picture, std::int64_t patch) const {
  const std::int64_t side = c_.input.merge_size, across = picture.grid[2] / side;
  const std::int64_t within = patch % (picture.grid[1] * picture.grid[2]), block = within / (side * side), inner = within % (side * side);
  return {block / across * side + inner / side, block % across * side + inner % side};
}

Tensor Qwen3VlVision::places(ForwardContext& ctx, const PreparedPicture& picture) const {
  const std::int64_t n = picture.grid[0] * picture.grid[1] * picture.grid[2];
  std::vector<std::int32_t> host(2 * n);
  for (std::int64_t p = 0; p < n; ++p) {
    const auto [row, column] = row_and_column(picture, p);
    host[p] = static_cast<std::int32_t>(row);
    host[n + p] = static_cast<std::int32_t>(column);
  }
  const Tensor where = ctx.temp(DType::i32, {2, n});
  backend_.upload(where, host.data());
  return where;
}

// [n_slots + 1]: the first patch of each time slot; no frame sees another.
Tensor Qwen3VlVision::slot_starts(ForwardContext& ctx, const PreparedPicture& picture) const {
  std::vector<std::int32_t> host;
  for (std::int64_t slot = 0; slot <= picture.grid[0]; ++slot) host.push_back(static_cast<std::int32_t>(slot * picture.grid[1] * picture.grid[2]));
  const Tensor starts = ctx.temp(DType::i32, {std::ssize(host)});
  backend_.upload(starts, host.data());
  return starts;
}

Tensor Qwen3VlVision::norm(ForwardContext& ctx, Tensor x, const LayerNorm& norm) const {
  const Tensor y = ctx.temp(DType::f32, x.shape);
  backend_.layer_norm(y, x, norm.w, norm.bias, c_.norm_eps);
  return y;
}

// x += out(attention(norm1 x)), some heads at a time.
void Qwen3VlVision::attend(ForwardContext& ctx, const VisionBlock& block, Tensor x, Tensor places, Tensor starts) const {
  const ForwardContext::Mark mark(ctx);
  const std::int64_t n = x.shape[0], head_dim = c_.head_dim();
  const Tensor h = norm(ctx, x, block.norm1);  // [n, dim]
  const Tensor y = ctx.temp(DType::f32, {n, c_.n_heads, head_dim});
  const std::int64_t fitting = kQkvBytes / std::max<std::int64_t>(3 * n * head_dim * static_cast<std::int64_t>(sizeof(float)), 1);
  const std::int64_t n_group = std::clamp<std::int64_t>(fitting, 1, c_.n_heads);
  for (std::int64_t first = 0; first < c_.n_heads && !ctx.stop_requested(); first += n_group) {
    const std::int64_t n_heads = std::min(n_group, c_.n_heads - first);
    const ForwardContext::Mark group_mark(ctx);
    Tensor parts[3];  // queries, keys, values
    for (std::int64_t part = 0; part < 3; ++part) {
      const std::int64_t row = part * c_.dim + first * head_dim, n_rows = n_heads * head_dim;
      parts[part] = ctx.temp(DType::f32, {n, n_rows});
      backend_.matmul(parts[part], h, block.qkv.w.rows(row, n_rows), block.qkv.bias.rows(row, n_rows));
      parts[part] = parts[part].reshaped({n, n_heads, head_dim});
      if (part < 2) backend_.rope(parts[part], places, inv_freq_, {.pairing = RopePairing::half}, axes_);
    }
    backend_.self_attention(y, parts[0], parts[1], parts[2], starts, first, 1 / std::sqrt(static_cast<float>(head_dim)));
  }
  const Tensor flat = y.reshaped({n, c_.dim});
  for (std::int64_t first = 0; first < n && !ctx.stop_requested(); first += kChunkRows) {
    const std::int64_t n_rows = std::min(kChunkRows, n - first);
    add_linear(ctx, x.rows(first, n_rows), flat.rows(first, n_rows), block.out);
  }
}

// x += down(gelu(up(norm2 x)))
void Qwen3VlVision::feed_forward(ForwardContext& ctx, const VisionBlock& block, Tensor x) const {
  for (std::int64_t first = 0; first < x.shape[0] && !ctx.stop_requested(); first += kChunkRows) {
    const ForwardContext::Mark mark(ctx);
    const Tensor rows = x.rows(first, std::min(kChunkRows, x.shape[0] - first));
    const Tensor h = linear_gelu(ctx, norm(ctx, rows, block.norm2), block.up, Gelu::tanh);
    add_linear(ctx, rows, h, block.down);
  }
}

// y [n_tokens, out_dim] = fc2(gelu(fc1(…))) of each block of patches: normed patch by patch, or (deepstack) as a whole.
void Qwen3VlVision::merge(ForwardContext& ctx, const Merger& merger, Tensor x, Tensor y) const {
  const std::int64_t merged_dim = c_.merged_dim(), n_merged = merged_dim / c_.dim;
  const std::int64_t chunk = std::max<std::int64_t>(kChunkRows / n_merged, 1);
  for (std::int64_t first = 0; first < y.shape[0] && !ctx.stop_requested(); first += chunk) {
    const std::int64_t n = std::min(chunk, y.shape[0] - first);
    const ForwardContext::Mark mark(ctx);
    Tensor h = x.rows(first * n_merged, n * n_merged);
    if (merger.norm.w.shape[0] == merged_dim) h = h.reshaped({n, merged_dim});
    h = norm(ctx, h, merger.norm).reshaped({n, merged_dim});
    h = linear_gelu(ctx, h, merger.fc1, Gelu::erf);
    backend_.matmul(y.rows(first, n), h, merger.fc2.w, merger.fc2.bias);
  }
}

Result<void> Qwen3VlVision::bind_weights(WeightSource& source) {
  const bool is_gguf = source.naming() == WeightSource::Naming::gguf;
  const std::int64_t patch = c_.input.patch_size, merged_dim = c_.merged_dim();
  Binder binder(source, backend_, MatrixUse::coarse);  // q, k and v are parts of one matrix
  Tensor slices[2], table;
  if (is_gguf) {  // a slice of the kernel for each of two frames
    binder.bind(slices[0], "v.patch_embd.weight", {c_.dim, 3, patch, patch});
    binder.bind(slices[1], "v.patch_embd.weight.1", {c_.dim, 3, patch, patch});
  } else {  // five extents, of which the last two lie in one
    binder.bind_as(patch_w_, "v.patch_embd.weight", {c_.dim, 3, c_.input.temporal_size, patch * patch}, {c_.dim, patch_dim()});
  }
  binder.bind(patch_bias_, "v.patch_embd.bias", {c_.dim});
  binder.bind(table, "v.position_embd.weight", {c_.n_positions, c_.dim});
  blocks_.resize(c_.n_blocks);
  for (std::int64_t b = 0; b < c_.n_blocks; ++b) {
    const std::string prefix = "v.blk." + std::to_string(b) + ".";
    VisionBlock& block = blocks_[b];
    bind_norm(binder, block.norm1, prefix + "ln1", c_.dim);
    binder.bind(block.qkv, prefix + "attn_qkv", {3 * c_.dim, c_.dim}, true);
    binder.bind(block.out, prefix + "attn_out", {c_.dim, c_.dim}, true);
    bind_norm(binder, block.norm2, prefix + "ln2", c_.dim);
    binder.bind(block.up, prefix + "ffn_up", {c_.hidden_dim, c_.dim}, true);
    binder.bind(block.down, prefix + "ffn_down", {c_.dim, c_.hidden_dim}, true);
  }
  bind_norm(binder, merger_.norm, "v.post_ln", c_.dim);
  binder.bind(merger_.fc1, "mm.0", {merged_dim, merged_dim}, true);
  binder.bind(merger_.fc2, "mm.2", {c_.out_dim, merged_dim}, true);
  deepstack_.resize(c_.deepstack_blocks.size());
  for (std::size_t i = 0; i < deepstack_.size(); ++i) {
    // GGUF names a merger by its block, Hugging Face by its own number.
    const std::string prefix = "v.deepstack." + std::to_string(is_gguf ? c_.deepstack_blocks[i] : static_cast<std::int64_t>(i)) + ".";
    bind_norm(binder, deepstack_[i].norm, prefix + "norm", merged_dim);
    binder.bind(deepstack_[i].fc1, prefix + "fc1", {merged_dim, merged_dim}, true);
    binder.bind(deepstack_[i].fc2, prefix + "fc2", {c_.out_dim, merged_dim}, true);
  }
  if (!is_gguf) {  // the language half lies in the same folder
    for (const char* prefix : {"blk.", "token_embd.", "output.", "output_norm."}) binder.leave(prefix);
  }
  ASSIGN_OR_RETURN(bound_, binder.finish());

  ASSIGN_OR_RETURN(table_, decoded(backend_, table));
  if (is_gguf) RETURN_IF_ERROR(join_time_slices(slices[0], slices[1]));
  return make_rope_tables();
}

Result<void> Qwen3VlVision::join_time_slices(Tensor first, Tensor second) {
  ASSIGN_OR_RETURN(const std::vector<float> early, decoded(backend_, first));
  ASSIGN_OR_RETURN(const std::vector<float> late, decoded(backend_, second));
  std::vector<float> joined;
  joined.reserve(early.size() + late.size());
  const std::int64_t n = c_.input.patch_size * c_.input.patch_size;  // of a channel
  for (std::int64_t at = 0; at < static_cast<std::int64_t>(early.size()); at += n) {
    joined.insert(joined.end(), early.begin() + at, early.begin() + at + n);
    joined.insert(joined.end(), late.begin() + at, late.begin() + at + n);
  }
  ASSIGN_OR_RETURN(patch_w_, backend_.allocate_tensor(DType::f32, {c_.dim, patch_dim()}, buffers_, joined.data()));
  return {};
}

// The first half of a head's pairs is rotated by row, the second by column, with the same frequencies.
Result<void> Qwen3VlVision::make_rope_tables() {
  const std::int64_t n_pairs = c_.head_dim() / 2, n_half = n_pairs / 2;
  std::vector<float> inv_freq(n_pairs);
  std::vector<std::int32_t> axes(n_pairs);
  for (std::int64_t i = 0; i < n_pairs; ++i) {
    inv_freq[i] = static_cast<float>(std::pow(c_.rope_theta, -2.0 * static_cast<double>(i % n_half) / static_cast<double>(n_pairs)));
    axes[i] = i < n_half ? 0 : 1;
  }
  ASSIGN_OR_RETURN(inv_freq_, backend_.allocate_tensor(DType::f32, {n_pairs}, buffers_, inv_freq.data()));
  ASSIGN_OR_RETURN(axes_, backend_.allocate_tensor(DType::i32, {n_pairs}, buffers_, axes.data()));
  return {};
}

}  // namespace

Result<std::unique_ptr<Vision>> create_qwen3_vl_vision(WeightSource& source, Backend& backend, const ModelSpec& language_model) {
  ASSIGN_OR_RETURN(VisionConfig config, read_vision_config(source));
  if (language_model.n_position_axes != 3) {
    return make_error(ErrorCode::unsupported_model, source.label() + ": expected a language model that sees, found " + language_model.architecture);
  }
  if (config.out_dim != language_model.dim || static_cast<std::int64_t>(config.deepstack_blocks.size()) > language_model.n_layers) {
    return make_error(ErrorCode::bad_file, source.label() + ": expected embeddings of " + std::to_string(language_model.dim) +
                                               " values for at most " + std::to_string(language_model.n_layers) + " layers, found " +
                                               std::to_string(config.out_dim) + " for " + std::to_string(config.deepstack_blocks.size()));
  }
  auto vision = std::make_unique<Qwen3VlVision>(std::move(config), backend);
  RETURN_IF_ERROR(vision->bind_weights(source));
  return std::unique_ptr<Vision>(std::move(vision));
}

}  // namespace pio
