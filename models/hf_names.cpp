#include "models/hf_names.h"

#include <algorithm>
#include <span>

namespace pio {
namespace {

struct NamePair {
  std::string_view canonical;
  std::string_view hugging_face;
};

constexpr NamePair kWhole[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

constexpr NamePair kOfLayer[] = {
    {"attn_norm", "input_layernorm"},       {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},         {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"},    {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"},    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},          {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

constexpr std::string_view kCanonicalLayer = "blk.";
constexpr std::string_view kHuggingFaceLayer = "model.layers.";

using Side = std::string_view NamePair::*;

const NamePair* find(std::span<const NamePair> pairs, Side side, std::string_view name) {
  const auto it = std::ranges::find_if(pairs, [&](const NamePair& pair) { return pair.*side == name; });
  return it == pairs.end() ? nullptr : &*it;
}

std::optional<std::string> translate(std::string_view name, Side from, Side to, std::string_view from_layer, std::string_view to_layer) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  const std::string_view stem = name.substr(0, dot);
  if (!stem.starts_with(from_layer)) {
    const NamePair* pair = find(kWhole, from, stem);
    if (pair == nullptr) return std::nullopt;
    return std::string(pair->*to).append(suffix);
  }
  const std::string_view rest = stem.substr(from_layer.size());  // "3.attn_q"
  const std::size_t n_digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (n_digits == 0 || n_digits == rest.size() || rest[n_digits] != '.') return std::nullopt;
  const NamePair* pair = find(kOfLayer, from, rest.substr(n_digits + 1));
  if (pair == nullptr) return std::nullopt;
  return std::string(to_layer).append(rest.substr(0, n_digits + 1)).append(pair->*to).append(suffix);
}

}  // namespace

std::optional<std::string> hugging_face_name(std::string_view canonical) {
  return translate(canonical, &NamePair::canonical, &NamePair::hugging_face, kCanonicalLayer, kHuggingFaceLayer);
}

std::optional<std::string> canonical_name(std::string_view hugging_face) {
  return translate(hugging_face, &NamePair::hugging_face, &NamePair::canonical, kHuggingFaceLayer, kCanonicalLayer);
}

}  // namespace pio
