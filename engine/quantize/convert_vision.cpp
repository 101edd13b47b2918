// The vision encoder of Qwen3-VL as llama.cpp's mmproj files hold it (models.md 3.c).

#include <algorithm>
#include <charconv>

#include "engine/files/words.h"
#include "engine/quantize/convert.h"
#include "models/hf_names.h"

namespace pio {
namespace {

constexpr std::string_view kDeepstack = "v.deepstack.", kPatches = "v.patch_embd.weight";

// "v.deepstack.1.norm.weight" → "v.deepstack.2.norm.weight": a folder counts the mergers, GGUF names the blocks that they follow. Empty
// where the config has no such merger.
std::string by_block(const std::string& name, const std::vector<std::int64_t>& blocks) {
  std::size_t merger = 0;
  const char* end = name.data() + name.size();
  const auto [rest, problem] = std::from_chars(name.data() + kDeepstack.size(), end, merger);
  if (problem != std::errc() || merger >= blocks.size()) return {};
  return std::string(kDeepstack) + std::to_string(blocks[merger]) + std::string(rest, end);
}

// Rounded to what f32 holds: llama.cpp takes no f64.
std::vector<double> as_floats(const std::array<double, 3>& values) {
  std::vector<double> floats;
  for (const double value : values) floats.push_back(static_cast<double>(static_cast<float>(value)));
  return floats;
}

void write_metadata(const ModelFile& file, const VisionConfig& c, std::map<std::string, MetaValue, std::less<>>& out) {
  const std::string prefix = "clip.vision.";
  std::vector<bool> is_deepstack(static_cast<std::size_t>(c.n_blocks));
  for (const std::int64_t block : c.deepstack_blocks) is_deepstack[static_cast<std::size_t>(block)] = true;
  out["general.architecture"] = std::string("clip");
  out["general.type"] = std::string("mmproj");
  out["general.name"] = file.label();
  out["clip.has_vision_encoder"] = true;
  out["clip.projector_type"] = std::string("qwen3vl_merger");
  out["clip.use_gelu"] = true;
  out[prefix + "attention.head_count"] = c.n_heads;
  out[prefix + "attention.layer_norm_epsilon"] = static_cast<double>(c.norm_eps);
  out[prefix + "block_count"] = c.n_blocks;
  out[prefix + "embedding_length"] = c.dim;
  out[prefix + "feed_forward_length"] = c.hidden_dim;
  out[prefix + "projection_dim"] = c.out_dim;
  out[prefix + "patch_size"] = c.input.patch_size;
  out[prefix + "spatial_merge_size"] = c.input.merge_size;
  out[prefix + "image_size"] = c.table_side() * c.input.patch_size;
  out[prefix + "image_mean"] = as_floats(c.input.mean);
  out[prefix + "image_std"] = as_floats(c.input.deviation);
  out[prefix + "is_deepstack_layers"] = std::move(is_deepstack);
}

}  // namespace

Result<void> convert_vision(const ModelFile& file, const VisionConfig& c, ConvertedModel& model) {
  ConvertedFile& vision = model.vision.emplace();
  write_metadata(file, c, vision.metadata);
  const std::int64_t side = c.input.patch_size;
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const TensorInfo& from = file.tensors()[i];
    std::string name = canonical_name(from.name).value_or("");
    if (!name.starts_with("v.") && !name.starts_with("mm.")) continue;
    if (name.starts_with(kDeepstack)) name = by_block(name, c.deepstack_blocks);
    if (name.empty())
      return bad_file(file.label(), "expected " + std::to_string(c.deepstack_blocks.size()) + " deepstack mergers, found " + shown(from.name));
    const auto add = [&](std::string to, Shape shape) -> ConvertedTensor& {
      ConvertedTensor& tensor = vision.tensors.emplace_back();
      tensor.info = {std::move(to), from.dtype, shape, 0};
      tensor.sources = {i};
      return tensor;
    };
    if (name != kPatches) {
      ConvertedTensor& tensor = add(name, from.shape);
      tensor.is_source = !file.is_made(i);
      tensor.read_row = [i](SourceRows& rows, std::int64_t row, float* values) { return rows.row(i, row, values); };
      continue;
    }
    // [dim, 3, 2, side * side] → a kernel for each frame, [dim, 3, side, side]
    if (from.shape != Shape{c.dim, 3, 2, side * side})
      return bad_file(file.label(), shown(from.name) + ": expected " + Shape{c.dim, 3, 2, side * side}.text() + ", found " + from.shape.text());
    for (const std::int64_t frame : {0, 1}) {
      add(name + (frame == 0 ? "" : ".1"), {c.dim, 3, side, side}).read_row = [i, side, frame](SourceRows& rows, std::int64_t row,
                                                                                               float* values) -> Result<void> {
        std::vector<float> kernel(static_cast<std::size_t>(side * side));
        RETURN_IF_ERROR(rows.row(i, row / side * 2 + frame, kernel.data()));
        std::copy_n(kernel.begin() + row % side * side, side, values);
        return {};
      };
    }
  }
  return {};
}

}  // namespace pio
