// Which tensor gets which format: llama.cpp's recipes, src/llama-quant.cpp; models.md 8.3.

#include "engine/quantize/recipe.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "engine/files/metadata.h"
#include "engine/quantize/quantize.h"

namespace pio {
namespace {

constexpr Recipe kRecipes[] = {
    {"F32", DType::f32, 0},      {"F16", DType::f16, 1},        {"BF16", DType::bf16, 32},     {"Q4_0", DType::q4_0, 2},
    {"Q4_1", DType::q4_1, 3},    {"Q5_0", DType::q5_0, 8},      {"Q5_1", DType::q5_1, 9},      {"Q8_0", DType::q8_0, 7},
    {"Q2_K", DType::q2_k, 10},   {"Q3_K_S", DType::q3_k, 11},   {"Q3_K_M", DType::q3_k, 12},   {"Q3_K_L", DType::q3_k, 13},
    {"Q4_K_S", DType::q4_k, 14}, {"Q4_K_M", DType::q4_k, 15},   {"Q5_K_S", DType::q5_k, 16},   {"Q5_K_M", DType::q5_k, 17},
    {"Q6_K", DType::q6_k, 18},   {"IQ4_NL", DType::iq4_nl, 25}, {"IQ4_XS", DType::iq4_xs, 30}, {"MXFP4_MOE", DType::mxfp4, 38},
};

struct Dimensions {
  std::int64_t n_layers = 0;
  std::int64_t n_heads_per_kv = 1;
  std::int64_t n_experts = 0;
  bool has_output = false;
};

std::int64_t whole_number(const Metadata& metadata, const std::string& key, std::int64_t otherwise) {
  const auto* value = value_of<std::int64_t>(metadata, key);
  return value && *value > 0 ? *value : otherwise;
}

// "blk.17.attn_v.weight" → 17; 0 outside of layers.
std::int64_t layer_of(std::string_view name) {
  std::int64_t layer = 0;
  if (name.starts_with("blk.")) std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

bool has_more_bits(std::int64_t i, std::int64_t n) { return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2; }

DType by_recipe(const Recipe& recipe, std::string_view name, const Shape& shape, const Dimensions& model) {
  const std::string_view type = recipe.name;
  const DType base = recipe.base;
  const bool is_plain = base == DType::f32 || base == DType::f16 || base == DType::bf16;
  if (is_plain || base == DType::q8_0) return base;
  if (name == "output.weight" || (name == "token_embd.weight" && !model.has_output))
    return type == "MXFP4_MOE" || shape.back() % 256 != 0 ? DType::q8_0 : DType::q6_k;
  if (type == "MXFP4_MOE") return shape.rank() > 2 && shape[0] > 1 ? DType::mxfp4 : DType::q8_0;

  const std::int64_t i = layer_of(name), n = model.n_layers;
  const bool is_m = type == "Q4_K_M" || type == "Q5_K_M", is_iq4 = base == DType::iq4_nl || base == DType::iq4_xs;
  // Tuned for Mixtral, applied to every mixture of as many experts: its attention is small beside them.
  if (model.n_experts == 8) {
    if (name.ends_with(".attn_v.weight") || name.ends_with(".attn_k.weight")) return DType::q8_0;
    const bool is_low = base == DType::q2_k || base == DType::q3_k || base == DType::q4_k || is_iq4;
    if (name.ends_with(".attn_output.weight")) return is_low && type != "Q3_K_L" ? DType::q5_k : base;
  }
  if (name.ends_with(".attn_v.weight")) {
    if (is_m) return has_more_bits(i, n) ? DType::q6_k : base;
    if (type == "Q4_K_S") return i < 4 ? DType::q5_k : base;
    if (type == "Q3_K_M") return i < 2 ? DType::q5_k : DType::q4_k;
    if (type == "Q3_K_L") return DType::q5_k;
    if (type == "Q2_K") return model.n_heads_per_kv >= 4 ? DType::q4_k : DType::q3_k;
    if (is_iq4) return model.n_heads_per_kv >= 4 ? DType::q5_k : base;
  } else if (name.find(".ffn_down") != name.npos) {
    if (is_m) return has_more_bits(i, n) ? DType::q6_k : base;
    if (type == "Q4_K_S") return i < n / 8 ? DType::q5_k : base;
    if (type == "Q3_K_M") return i < n / 16 ? DType::q5_k : DType::q4_k;
    if (type == "Q3_K_L") return DType::q5_k;
    if (type == "Q2_K") return DType::q3_k;
    if (is_iq4) return i < n / 8 ? DType::q5_k : base;
  } else if (name.ends_with(".attn_output.weight")) {
    if (type == "Q3_K_M") return DType::q4_k;
    if (type == "Q3_K_L") return DType::q5_k;
    if (type == "Q2_K") return DType::q3_k;
  }
  return base;
}

// For rows that the format's blocks do not divide.
DType fitting(DType dtype, std::int64_t n_in) {
  if (n_in % info(dtype).block_length == 0) return dtype;
  DType smaller = DType::f16;
  switch (dtype) {
    case DType::q2_k:
    case DType::q3_k: smaller = DType::q4_0; break;
    case DType::q4_k: smaller = DType::q5_0; break;
    case DType::q5_k: smaller = DType::q5_1; break;
    case DType::q6_k: smaller = DType::q8_0; break;
    case DType::iq4_xs: smaller = DType::iq4_nl; break;
    default: break;
  }
  return n_in % info(smaller).block_length == 0 ? smaller : DType::f16;
}

bool stays_f32(const TensorInfo& tensor) {
  const std::string_view name = tensor.name;
  return tensor.shape.rank() < 2 || name.ends_with("_norm.weight") || name.ends_with(".bias") || name.ends_with("ffn_gate_inp.weight") ||
         name.find("patch_embd") != name.npos || name.find("position_embd") != name.npos;
}

}  // namespace

Result<Recipe> recipe_of(std::string_view type) {
  std::string upper(type), names;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  for (const Recipe& recipe : kRecipes) {
    if (recipe.name == upper) return recipe;
    names += (names.empty() ? "" : ", ") + std::string(recipe.name);
  }
  return make_error(ErrorCode::bad_argument, "type: expected one of " + names + ", found \"" + std::string(type.substr(0, 40)) + "\"");
}

Result<std::vector<DType>> formats_for(std::string_view type, const std::map<std::string, MetaValue, std::less<>>& metadata,
                                       const std::vector<TensorInfo>& tensors) {
  ASSIGN_OR_RETURN(const Recipe recipe, recipe_of(type));
  const auto* architecture = value_of<std::string>(metadata, "general.architecture");
  const std::string prefix = architecture ? *architecture + "." : "";
  Dimensions model;
  model.n_layers = whole_number(metadata, prefix + "block_count", 1);
  const std::int64_t n_heads = whole_number(metadata, prefix + "attention.head_count", 1);
  model.n_heads_per_kv = n_heads / whole_number(metadata, prefix + "attention.head_count_kv", n_heads);
  model.n_experts = whole_number(metadata, prefix + "expert_count", 0);
  model.has_output = std::any_of(tensors.begin(), tensors.end(), [](const TensorInfo& t) { return t.name == "output.weight"; });
  std::vector<DType> formats;
  for (const TensorInfo& tensor : tensors) {
    if (info(tensor.dtype).decode == nullptr) formats.push_back(tensor.dtype);  // no weight
    else if (stays_f32(tensor)) formats.push_back(DType::f32);
    else formats.push_back(fitting(by_recipe(recipe, tensor.name, tensor.shape, model), tensor.shape.back()));
  }
  return formats;
}

}  // namespace pio
