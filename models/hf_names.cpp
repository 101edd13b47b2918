#include "models/hf_names.h"

#include <algorithm>
#include <span>

#include "models/qwen3_vl_2b/hf_names.h"

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
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    // latent attention
    {"attn_q_a", "self_attn.q_a_proj"},
    {"attn_q_a_norm", "self_attn.q_a_layernorm"},
    {"attn_q_b", "self_attn.q_b_proj"},
    {"attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"},
    {"attn_kv_a_norm", "self_attn.kv_a_layernorm"},
    {"attn_kv_b", "self_attn.kv_b_proj"},
    // mixtures
    {"ffn_gate_inp", "mlp.gate"},
    {"ffn_gate_shexp", "mlp.shared_experts.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_experts.up_proj"},
    {"ffn_down_shexp", "mlp.shared_experts.down_proj"},
    // multi-token prediction
    {"nextn.eh_proj", "eh_proj"},
    {"nextn.enorm", "enorm"},
    {"nextn.hnorm", "hnorm"},
    {"nextn.embed_tokens", "embed_tokens"},
    {"nextn.shared_head_norm", "shared_head.norm"},
    {"nextn.shared_head_head", "shared_head.head"},
};

// With their suffixes, where those differ.
constexpr NamePair kWithSuffix[] = {
    {"exp_probs_b.bias", "mlp.gate.e_score_correction_bias"},
    {"ffn_gate_up_exps.weight", "mlp.experts.gate_up_proj"},  // transformers 5 saves experts stacked
    {"ffn_down_exps.weight", "mlp.experts.down_proj"},
};

// Of one expert: its number stands between the two parts.
constexpr NamePair kOfExpert[] = {
    {"ffn_gate", "gate_proj"},
    {"ffn_up", "up_proj"},
    {"ffn_down", "down_proj"},
};
constexpr std::string_view kHuggingFaceExperts = "mlp.experts.";

constexpr std::string_view kCanonicalLayer = "blk.";
constexpr std::string_view kHuggingFaceLayer = "model.layers.";

using Side = std::string_view NamePair::*;

const NamePair* find(std::span<const NamePair> pairs, Side side, std::string_view name) {
  const auto it = std::ranges::find_if(pairs, [&](const NamePair& pair) { return pair.*side == name; });
  return it == pairs.end() ? nullptr : &*it;
}

// The digits that `text` begins with, which a dot must follow; empty where there are none.
std::string_view leading_number(std::string_view text) {
  const std::size_t n_digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return n_digits < text.size() && text[n_digits] == '.' ? text.substr(0, n_digits) : std::string_view();
}

// What follows "blk.3.": "ffn_gate.17.weight" → "mlp.experts.17.gate_proj.weight".
std::optional<std::string> expert_to_hugging_face(std::string_view tail) {
  const std::size_t dot = tail.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const NamePair* pair = find(kOfExpert, &NamePair::canonical, tail.substr(0, dot));
  const std::string_view number = leading_number(tail.substr(dot + 1));
  if (pair == nullptr || number.empty() || tail.substr(dot + 1 + number.size()) != ".weight") return std::nullopt;
  return std::string(kHuggingFaceExperts).append(number).append(".").append(pair->hugging_face).append(".weight");
}

std::optional<std::string> expert_to_canonical(std::string_view tail) {
  if (!tail.starts_with(kHuggingFaceExperts)) return std::nullopt;
  const std::string_view rest = tail.substr(kHuggingFaceExperts.size());  // "17.gate_proj.weight"
  const std::string_view number = leading_number(rest);
  const std::size_t dot = rest.rfind('.');
  if (number.empty() || dot <= number.size() || rest.substr(dot) != ".weight") return std::nullopt;
  const NamePair* pair = find(kOfExpert, &NamePair::hugging_face, rest.substr(number.size() + 1, dot - number.size() - 1));
  if (pair == nullptr) return std::nullopt;
  return std::string(pair->canonical).append(".").append(number).append(".weight");
}

// "attn_q.weight" → "self_attn.q_proj.weight" by a table of names without their suffixes.
std::optional<std::string> translate_stem(std::span<const NamePair> stems, Side from, Side to, std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  const NamePair* pair = find(stems, from, name.substr(0, dot));
  if (pair == nullptr) return std::nullopt;
  return std::string(pair->*to).append(suffix);
}

std::optional<std::string> translate_in_layer(Side from, Side to, std::string_view tail) {
  if (const NamePair* pair = find(kWithSuffix, from, tail)) return std::string(pair->*to);
  if (std::optional<std::string> name = translate_stem(kOfLayer, from, to, tail)) return name;
  return from == &NamePair::canonical ? expert_to_hugging_face(tail) : expert_to_canonical(tail);
}

std::optional<std::string> translate(std::string_view name, Side from, Side to, std::string_view from_layer, std::string_view to_layer) {
  if (!name.starts_with(from_layer)) return translate_stem(kWhole, from, to, name);
  const std::string_view rest = name.substr(from_layer.size());  // "3.attn_q.weight"
  const std::string_view number = leading_number(rest);
  if (number.empty()) return std::nullopt;
  const std::optional<std::string> tail = translate_in_layer(from, to, rest.substr(number.size() + 1));
  if (!tail) return std::nullopt;
  return std::string(to_layer).append(number).append(".").append(*tail);
}

// Where the text half of a model that sees keeps what others keep under "model.".
constexpr std::string_view kNestedPrefix = "model.language_model.";

}  // namespace

std::optional<std::string> hugging_face_name(std::string_view canonical) {
  if (std::optional<std::string> name = hugging_face_vision_name(canonical)) return name;
  return translate(canonical, &NamePair::canonical, &NamePair::hugging_face, kCanonicalLayer, kHuggingFaceLayer);
}

std::optional<std::string> canonical_name(std::string_view hugging_face) {
  if (std::optional<std::string> name = canonical_vision_name(hugging_face)) return name;
  const bool is_nested = hugging_face.starts_with(kNestedPrefix);
  const std::string name = is_nested ? std::string("model.").append(hugging_face.substr(kNestedPrefix.size())) : std::string(hugging_face);
  return translate(name, &NamePair::hugging_face, &NamePair::canonical, kHuggingFaceLayer, kCanonicalLayer);
}

}  // namespace pio
