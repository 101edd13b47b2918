// The tensors of a Hugging Face folder in GGUF's layouts (models.md 1.c to 5.c).

#include <algorithm>
#include <charconv>

#include "engine/files/header_source.h"
#include "engine/files/words.h"
#include "engine/plan/memory_estimate.h"
#include "engine/quantize/convert.h"
#include "kernels/registry.h"
#include "models/glm_4_7_flash/config.h"
#include "models/hf_names.h"
#include "models/qwen3_4b_instruct_2507/config.h"
#include "models/qwen3_coder_30b/config.h"
#include "models/small_dense/config.h"

namespace pio {
namespace {

Result<DenseConfig> read_config(const ModelFile& file) {
  const HeaderSource source(file);
  const std::string& type = file.architecture();
  if (type == "llama" || type == "qwen2") return read_small_dense_config(source);
  if (type == "qwen3") return read_qwen3_config(source);
  if (type == "qwen3_moe") return read_qwen3_moe_config(source);
  if (type == "glm4_moe_lite") return read_glm4_moe_lite_config(source);
  if (type == "qwen3_vl") return read_qwen3_vl_config(source);
  return unsupported(file.label(), "expected an architecture of llama, qwen2, qwen3, qwen3_moe, glm4_moe_lite, qwen3_vl, found " + shown(type));
}

// Every weight that the model reads is there in its shape, and no other: found out by making the model without its weights.
Result<void> check_weights(const ModelFile& file) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Backend> device, create_backend("reference", {}));
  RETURN_IF_ERROR(ModelEstimate::create(file, *device));
  return {};
}

// "blk.3.ffn_gate.17.weight" taken apart; a layer of -1 where it is no tensor of a layer, an expert of -1 where it is none of one.
struct Place {
  std::int64_t layer = -1, expert = -1;
  std::string stem;  // "ffn_gate"
};

Place place_of(const std::string& name) {
  Place place;
  if (!name.starts_with("blk.")) return place;
  const char* end = name.data() + name.size();
  const auto [layer_end, problem] = std::from_chars(name.data() + 4, end, place.layer);
  if (problem != std::errc() || layer_end == end) return {};
  const std::string tail(layer_end + 1, end);
  const std::size_t dot = tail.find('.');
  place.stem = tail.substr(0, dot);
  std::int64_t expert = -1;
  if (dot != tail.npos) {
    const auto [expert_end, ill] = std::from_chars(tail.data() + dot + 1, tail.data() + tail.size(), expert);
    if (ill == std::errc() && std::string_view(expert_end, tail.data() + tail.size()) == ".weight") place.expert = expert;
  }
  return place;
}

class Converter {
 public:
  Converter(const ModelFile& file, const DenseConfig& config) : file_(file), c_(config) {}

  Result<std::vector<ConvertedTensor>> tensors() {
    const std::vector<TensorInfo>& infos = file_.tensors();
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (infos[i].name.ends_with(".rotary_emb.inv_freq")) continue;  // follows from the config: models/binder.cpp
      const std::optional<std::string> name = canonical_name(infos[i].name);
      if (!name) return bad_file(file_.label(), "expected tensors that GGUF has names for, found " + shown(infos[i].name));
      if (name->starts_with("v.") || name->starts_with("mm.")) continue;  // the vision encoder's
      RETURN_IF_ERROR(add(i, *name));
    }
    for (auto& [name, matrices] : experts_) RETURN_IF_ERROR(add_experts(name, matrices));
    return std::move(out_);
  }
  std::int64_t n_left_layers() const { return n_left_layers_; }

 private:
  Result<void> add(std::size_t i, const std::string& name) {
    const Place place = place_of(name);
    n_left_layers_ = std::max(n_left_layers_, place.layer + 1 - c_.hyper.n_layers);
    if (n_left_layers_ > c_.n_left_layers)
      return bad_file(file_.label(), "expected " + std::to_string(c_.hyper.n_layers) + " layers, found " + shown(file_.tensors()[i].name));
    const std::string prefix = "blk." + std::to_string(place.layer) + ".";
    if (place.expert >= 0) {
      experts_[prefix + place.stem + "_exps.weight"].push_back({place.expert, i});
      return {};
    }
    if (place.stem == "attn_kv_b") return add_kv_b(i, prefix);
    if (place.stem == "ffn_gate_up_exps") return add_gate_up(i, prefix);
    const bool is_q = place.stem == "attn_q", is_k = place.stem == "attn_k";
    if (file_.architecture() == "llama" && (is_q || is_k)) {
      add_paired(i, name, is_q ? c_.hyper.n_heads : c_.hyper.n_kv_heads);
    } else {
      put({i}, name, file_.tensors()[i].shape, [i](SourceRows& rows, std::int64_t row, float* values) { return rows.row(i, row, values); });
      out_.back().is_source = !file_.is_made(i);
    }
    return {};
  }

  void put(std::vector<std::size_t> sources, const std::string& name, Shape shape,
           std::function<Result<void>(SourceRows&, std::int64_t, float*)> read) {
    const DType dtype = file_.tensors()[sources.front()].dtype;
    TensorInfo info{name, dtype, shape, 0};
    out_.push_back({std::move(info), std::move(sources), false, std::move(read)});
  }

  // [n_heads, 2, head_dim / 2, dim] → [n_heads, head_dim / 2, 2, dim]: the two dims of a rope pair lie side by side.
  void add_paired(std::size_t i, const std::string& name, std::int64_t n_heads) {
    const Shape shape = file_.tensors()[i].shape;
    const std::int64_t half = shape[0] / n_heads / 2;
    put({i}, name, shape, [i, half](SourceRows& rows, std::int64_t row, float* values) {
      const std::int64_t head = row / (2 * half), pair = row / 2 % half, side = row % 2;
      return rows.row(i, (head * 2 + side) * half + pair, values);
    });
  }

  // kv_b [n_heads * (nope_dim + v_dim), kv_rank] → k_b [n_heads, kv_rank, nope_dim], transposed, and v_b [n_heads, v_dim, kv_rank].
  Result<void> add_kv_b(std::size_t i, const std::string& prefix) {
    const std::int64_t n_heads = c_.hyper.n_heads, nope = c_.mla ? c_.mla->nope_dim : 0, v = c_.mla ? c_.mla->v_dim : 0;
    const std::int64_t rank = c_.mla ? c_.mla->kv_rank : 0, n = nope + v;
    RETURN_IF_ERROR(expect_shape(i, {n_heads * n, rank}));
    put({i}, prefix + "attn_k_b.weight", {n_heads, rank, nope},
        [i, rank, nope, n](SourceRows& rows, std::int64_t row, float* values) -> Result<void> {
          for (std::int64_t k = 0; k < nope; ++k) {
            ASSIGN_OR_RETURN(values[k], rows.value(i, row / rank * n + k, row % rank));
          }
          return {};
        });
    put({i}, prefix + "attn_v_b.weight", {n_heads, v, rank},
        [i, nope, v, n](SourceRows& rows, std::int64_t row, float* values) { return rows.row(i, row / v * n + nope + row % v, values); });
    return {};
  }

  // [n_experts, 2 * hidden_dim, dim], gate first, as transformers 5 saves them.
  Result<void> add_gate_up(std::size_t i, const std::string& prefix) {
    const Shape half{c_.moe.n_experts, c_.moe.hidden_dim, c_.hyper.dim};
    RETURN_IF_ERROR(expect_shape(i, {half[0], 2 * half[1], half[2]}));
    for (const auto& [name, first] : {std::pair{"ffn_gate_exps.weight", std::int64_t{0}}, {"ffn_up_exps.weight", half[1]}}) {
      put({i}, prefix + name, half, [i, n = half[1], first = first](SourceRows& rows, std::int64_t row, float* values) {
        return rows.row(i, row / n * 2 * n + first + row % n, values);
      });
    }
    return {};
  }

  // The matrices of all experts in one tensor.
  Result<void> add_experts(const std::string& name, std::vector<std::pair<std::int64_t, std::size_t>>& matrices) {
    std::ranges::sort(matrices);
    bool is_whole = static_cast<std::int64_t>(matrices.size()) == c_.moe.n_experts;
    std::vector<std::size_t> sources;
    for (const auto& [expert, i] : matrices) {
      is_whole = is_whole && expert == static_cast<std::int64_t>(sources.size());
      sources.push_back(i);
    }
    if (!is_whole) return bad_file(file_.label(), name + ": expected " + std::to_string(c_.moe.n_experts) + " experts, found others");
    const TensorInfo& first = file_.tensors()[sources.front()];
    if (first.shape.rank() != 2) return bad_file(file_.label(), shown(first.name) + ": expected a matrix, found another shape");
    for (const std::size_t i : sources) {
      RETURN_IF_ERROR(expect_shape(i, first.shape));
      if (file_.tensors()[i].dtype != first.dtype) return unsupported(file_.label(), name + ": expected experts of one format, found several");
    }
    const std::int64_t n = first.shape[0];
    put(sources, name, {c_.moe.n_experts, n, first.shape[1]}, [sources, n](SourceRows& rows, std::int64_t row, float* values) {
      return rows.row(sources[static_cast<std::size_t>(row / n)], row % n, values);
    });
    return {};
  }

  Result<void> expect_shape(std::size_t i, const Shape& shape) const {
    if (file_.tensors()[i].shape == shape) return {};
    return bad_file(file_.label(), shown(file_.tensors()[i].name) + ": expected another shape, as the config says");
  }

  const ModelFile& file_;
  const DenseConfig& c_;
  std::vector<ConvertedTensor> out_;
  std::map<std::string, std::vector<std::pair<std::int64_t, std::size_t>>> experts_;  // stacked name → (expert, tensor)
  std::int64_t n_left_layers_ = 0;
};

}  // namespace

Result<void> convert_hugging_face(const ModelFile& file, ConvertedModel& model) {
  ASSIGN_OR_RETURN(const DenseConfig config, read_config(file));
  RETURN_IF_ERROR(check_weights(file));
  Converter converter(file, config);
  ASSIGN_OR_RETURN(model.model.tensors, converter.tensors());
  RETURN_IF_ERROR(convert_metadata(file, config, converter.n_left_layers(), model));
  if (file.architecture() != "qwen3_vl") return {};
  ASSIGN_OR_RETURN(const VisionConfig vision, read_vision_config(HeaderSource(file)));
  model.model.metadata["qwen3vl.n_deepstack_layers"] = static_cast<std::int64_t>(vision.deepstack_blocks.size());
  return convert_vision(file, vision, model);
}

}  // namespace pio
