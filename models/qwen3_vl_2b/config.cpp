#include "models/qwen3_vl_2b/config.h"

#include <cmath>
#include <utility>

namespace pio {
namespace {

constexpr IntegerRange kPixelRange{1024, 1 << 27};
constexpr IntegerRange kSmallRange{1, 64};

// mrope_section: [time, rows, columns] in pairs; GGUF writes a fourth, unused one.
std::vector<std::int64_t> read_sections(Hyper& hyper, std::int64_t n_pairs) {
  std::vector<std::int64_t> sections{24, 20, 20};  // transformers' default for a config that names none
  for (const HyperKey key : {HyperKey{"rope.dimension_sections", "rope_scaling.mrope_section"}, HyperKey{"", "rope_parameters.mrope_section"}}) {
    const MetaValue* value = hyper.find(key);
    if (value == nullptr) continue;
    const auto* list = std::get_if<std::vector<std::int64_t>>(value);
    hyper.require(list && (list->size() == 3 || list->size() == 4), hyper.spelled(key) + ": expected three whole numbers, found another value");
    if (list && list->size() >= 3) sections.assign(list->begin(), list->begin() + 3);
    for (const std::int64_t section : sections) {
      hyper.require(section >= 0 && section <= n_pairs,
                    hyper.spelled(key) + ": expected 0 to " + std::to_string(n_pairs) + " pairs, found " + std::to_string(section));
    }
    return sections;
  }
  return sections;
}

// Rising block numbers: a list of them in a folder, a truth value a block in GGUF.
std::vector<std::int64_t> read_deepstack(Hyper& hyper, std::int64_t n_blocks) {
  const HyperKey key{"vision.is_deepstack_layers", "deepstack_visual_indexes"};
  const MetaValue* value = hyper.find(key);
  std::vector<std::int64_t> blocks;
  if (value == nullptr) return blocks;
  if (const auto* flags = std::get_if<std::vector<bool>>(value)) {
    hyper.require(static_cast<std::int64_t>(flags->size()) == n_blocks,
                  hyper.spelled(key) + ": expected one for each of " + std::to_string(n_blocks) + " blocks, found " + std::to_string(flags->size()));
    for (std::size_t i = 0; i < flags->size(); ++i)
      if ((*flags)[i]) blocks.push_back(static_cast<std::int64_t>(i));
  } else if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(value)) {
    blocks = *numbers;
  } else {
    hyper.require(false, hyper.spelled(key) + ": expected a list of blocks, found another value");
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    hyper.require(blocks[i] >= (i == 0 ? 0 : blocks[i - 1] + 1) && blocks[i] < n_blocks,
                  hyper.spelled(key) + ": expected rising numbers below " + std::to_string(n_blocks) + ", found " + std::to_string(blocks[i]));
  }
  return blocks;
}

// Three numbers, one a channel.
void read_channels(Hyper& hyper, HyperKey key, RealRange range, std::array<double, 3>& values) {
  const MetaValue* value = hyper.find(key);
  if (value == nullptr) return;
  std::vector<double> found;
  if (const auto* reals = std::get_if<std::vector<double>>(value)) found = *reals;
  if (const auto* whole = std::get_if<std::vector<std::int64_t>>(value)) found.assign(whole->begin(), whole->end());
  hyper.require(found.size() == 3, hyper.spelled(key) + ": expected three numbers, found another value");
  for (std::size_t c = 0; c < 3 && found.size() == 3; ++c) {
    hyper.require(found[c] >= range.least && found[c] <= range.most,
                  hyper.spelled(key) + ": expected numbers from 0 to 1, found " + std::to_string(found[c]));
    values[c] = found[c];
  }
}

// "size": {"shortest_edge", "longest_edge"} are pixels here; older files say min_pixels and max_pixels, which go before it in transformers too.
void read_limits(Hyper& hyper, const std::string& file, PixelLimits& limits) {
  const std::string shortest = file + "size.shortest_edge", longest = file + "size.longest_edge", least = file + "min_pixels",
                    most = file + "max_pixels";
  limits.least = hyper.integer_or({"", least}, hyper.integer_or({"", shortest}, limits.least, kPixelRange), kPixelRange);
  limits.most = hyper.integer_or({"", most}, hyper.integer_or({"", longest}, limits.most, kPixelRange), kPixelRange);
  hyper.require(limits.least <= limits.most, file + "size: expected shortest_edge up to longest_edge, found " + std::to_string(limits.least) +
                                                 " and " + std::to_string(limits.most));
}

// What transformers' processors can be told and is not done here: pictures are always scaled, bicubically, divided by 255, and normalised.
void refuse_other_processing(Hyper& hyper, const std::string& file, const ImageInputConfig& input) {
  for (const char* step : {"do_resize", "do_rescale", "do_normalize", "do_sample_frames"})
    hyper.refuse_if(!hyper.flag_or({"", file + step}, true), file + step + ": expected true, found false");
  constexpr std::int64_t kBicubic = 3;  // PIL.Image.Resampling
  const std::int64_t filter = hyper.integer_or({"", file + "resample"}, kBicubic, {0, 100});
  hyper.refuse_if(filter != kBicubic, file + "resample: expected 3 (bicubic), found " + std::to_string(filter));
  const double factor = hyper.real_or({"", file + "rescale_factor"}, 1.0 / 255, {0, 1e9});
  hyper.refuse_if(std::abs(factor * 255 - 1) > 1e-6, file + "rescale_factor: expected 1 / 255, found " + std::to_string(factor));
  for (const auto& [key, expected] : {std::pair<const char*, std::int64_t>{"patch_size", input.patch_size},
                                      {"merge_size", input.merge_size},
                                      {"temporal_patch_size", input.temporal_size}}) {
    const std::int64_t found = hyper.integer_or({"", file + key}, expected, {1, 1 << 16});
    hyper.refuse_if(found != expected, file + key + ": expected the tower's " + std::to_string(expected) + ", found " + std::to_string(found));
  }
  ImageInputConfig own = input;  // one for pictures and films
  read_channels(hyper, {"", file + "image_mean"}, {0, 1}, own.mean);
  read_channels(hyper, {"", file + "image_std"}, {1e-3, 1}, own.deviation);
  hyper.refuse_if(own.mean != input.mean || own.deviation != input.deviation,
                  file + "image_mean, image_std: expected those of pictures, found others");
}

ImageInputConfig read_image_input(Hyper& hyper) {
  ImageInputConfig input;
  input.patch_size = hyper.integer_or({"vision.patch_size", "patch_size"}, input.patch_size, kSmallRange);
  input.merge_size = hyper.integer_or({"vision.spatial_merge_size", "spatial_merge_size"}, input.merge_size, {1, 8});
  input.temporal_size = hyper.integer_or({"", "temporal_patch_size"}, input.temporal_size, {1, 8});
  read_channels(hyper, {"vision.image_mean", "preprocessor.image_mean"}, {0, 1}, input.mean);
  read_channels(hyper, {"vision.image_std", "preprocessor.image_std"}, {1e-3, 1}, input.deviation);
  if (hyper.is_gguf()) {  // newer llama.cpp writes pixel limits; real files have none
    input.picture.least = hyper.integer_or({"vision.image_min_pixels", ""}, input.picture.least, kPixelRange);
    input.picture.most = hyper.integer_or({"vision.image_max_pixels", ""}, input.picture.most, kPixelRange);
    hyper.require(input.picture.least <= input.picture.most, "clip.vision.image_min_pixels: expected at most image_max_pixels");
    return input;
  }
  for (const char* file : {"preprocessor.", "video_preprocessor."}) refuse_other_processing(hyper, file, input);
  read_limits(hyper, "preprocessor.", input.picture);
  read_limits(hyper, "video_preprocessor.", input.film);
  input.film_frames_per_second = hyper.real_or({"", "video_preprocessor.fps"}, input.film_frames_per_second, {0.01, 1000});
  input.film_least_frames = hyper.integer_or({"", "video_preprocessor.min_frames"}, input.film_least_frames, {1, 4096});
  input.film_most_frames = hyper.integer_or({"", "video_preprocessor.max_frames"}, input.film_most_frames, {1, 4096});
  return input;
}

}  // namespace

Result<DenseConfig> read_qwen3_vl_config(const WeightSource& source) {
  Hyper hyper(source, "text_config.");
  DenseConfig c;
  c.family = "qwen3_vl_2b";
  // As Qwen3: a checkpoint without head_dim means 128.
  c.hyper = read_dense_hyper(hyper, source, hyper.is_gguf() ? 0 : 128);
  c.attention = attention_of(c.hyper);
  c.attention.has_qk_norm = true;
  c.rope_sections = read_sections(hyper, c.hyper.rope_dims / 2);
  for (const char* key : {"rope_scaling.mrope_interleaved", "rope_parameters.mrope_interleaved"})
    hyper.refuse_if(!hyper.flag_or({"", key}, true), hyper.spelled({"", key}) + ": expected true, found false");
  if (!hyper.is_gguf()) c.left_prefixes = {"v.", "mm."};  // the vision encoder lies in the same folder
  RETURN_IF_ERROR(hyper.status());
  return c;
}

std::int64_t VisionConfig::table_side() const { return static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(n_positions)))); }

Result<VisionConfig> read_vision_config(const WeightSource& source) {
  Hyper hyper(source, "vision_config.");
  VisionConfig c;
  if (hyper.is_gguf()) {
    const std::string kind = hyper.text_or({"projector_type", ""}, "");
    hyper.refuse_if(kind != "qwen3vl_merger", "clip.projector_type: expected qwen3vl_merger, found " + (kind.empty() ? "none" : kind));
  }
  c.n_blocks = hyper.integer({"vision.block_count", "depth"}, kLayerRange);
  c.dim = hyper.integer({"vision.embedding_length", "hidden_size"}, kDimRange);
  c.n_heads = hyper.integer({"vision.attention.head_count", "num_heads"}, kHeadRange);
  c.hidden_dim = hyper.integer({"vision.feed_forward_length", "intermediate_size"}, kHiddenDimRange);
  c.out_dim = hyper.integer({"vision.projection_dim", "out_hidden_size"}, kDimRange);
  c.norm_eps = static_cast<float>(hyper.real_or({"vision.attention.layer_norm_epsilon", ""}, 1e-6, kEpsRange));
  c.rope_theta = hyper.real_or({"", "rope_parameters.rope_theta"}, 10000, kRopeThetaRange);
  // Half of a head's pairs are rotated by row, half by column.
  hyper.require(c.dim % c.n_heads == 0 && c.dim / c.n_heads % 4 == 0,
                hyper.spelled({"vision.attention.head_count", "num_heads"}) + ": expected heads of a multiple of 4 values, found " +
                    std::to_string(c.dim) + " values for " + std::to_string(c.n_heads) + " heads");
  const std::string activation = hyper.text_or({"", "hidden_act"}, "gelu_pytorch_tanh");
  hyper.refuse_if(activation != "gelu_pytorch_tanh", "vision_config.hidden_act: expected gelu_pytorch_tanh, found " + activation);
  // clip.use_silu and clip.use_gelu are of the whole file; a false use_gelu means gelu_quick.
  hyper.refuse_if(hyper.flag_or({"use_silu", ""}, false), hyper.spelled({"use_silu", ""}) + ": expected false, found true");
  hyper.refuse_if(!hyper.flag_or({"use_gelu", ""}, true), hyper.spelled({"use_gelu", ""}) + ": expected true, found false");
  c.deepstack_blocks = read_deepstack(hyper, c.n_blocks);
  c.input = read_image_input(hyper);
  c.n_positions = hyper.integer_or({"", "num_position_embeddings"}, 2304, {1, 1 << 20});
  if (hyper.is_gguf()) {  // there the table itself says it
    for (const TensorInfo& tensor : source.tensors())
      if (tensor.name == "v.position_embd.weight" && tensor.shape.rank() == 2) c.n_positions = tensor.shape[0];
  }
  hyper.require(c.n_positions >= 1 && c.n_positions <= (1 << 20) && c.table_side() * c.table_side() == c.n_positions,
                "position table: expected a square of rows, found " + std::to_string(c.n_positions));
  RETURN_IF_ERROR(hyper.status());
  return c;
}

}  // namespace pio
