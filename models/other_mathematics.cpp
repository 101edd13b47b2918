// What a file may ask for and is not computed here, in every spelling that GGUF's and transformers' writers have for it. Passing over such a
// key gives fluent text and wrong numbers, so each is refused by its name; values that mean "none" are taken.

#include <algorithm>
#include <array>
#include <cstdio>

#include "models/hyper.h"

namespace pio {
namespace {

constexpr RealRange kAnyReal{-1e30, 1e30};

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

// A number that must be the one that changes nothing. `also` is a second one that means none.
void expect_real(Hyper& hyper, HyperKey key, double neutral, double also) {
  const double value = hyper.real_or(key, neutral, kAnyReal);
  hyper.refuse_if(value != neutral && value != also, hyper.spelled(key) + ": expected " + shown(neutral) + ", found " + shown(value));
}
void expect_real(Hyper& hyper, HyperKey key, double neutral) { expect_real(hyper, key, neutral, neutral); }

void expect_flag(Hyper& hyper, HyperKey key, bool expected) {
  const char* words[] = {"false", "true"};
  hyper.refuse_if(hyper.flag_or(key, expected) != expected, hyper.spelled(key) + ": expected " + words[expected] + ", found " + words[!expected]);
}

void expect_none(Hyper& hyper, HyperKey key) { hyper.refuse_if(hyper.has(key), hyper.spelled(key) + ": expected none, found one"); }

// llama.cpp (llama-model.cpp, load_hparams): a factor without a type is linear, rope.scale_linear is its older name, 0 is no factor; the type
// "none" leaves positions as they are whatever the factor. Without a factor the yarn_* keys and original_context_length do nothing.
void refuse_scaled_rope_of_gguf(Hyper& hyper) {
  const HyperKey type_key{"rope.scaling.type", ""}, factor_key{"rope.scaling.factor", ""}, old_key{"rope.scale_linear", ""};
  expect_real(hyper, {"rope.scaling.attn_factor", ""}, 1);
  expect_real(hyper, {"rope.scaling.alpha", ""}, 1, 0);
  const std::string type = hyper.text_or(type_key, "linear");
  if (type == "none") return;
  for (const HyperKey& key : {factor_key, old_key}) expect_real(hyper, key, 1, 0);
  const bool is_one = hyper.real_or(factor_key, 0, kAnyReal) == 1;
  hyper.refuse_if(type != "linear" && !(type == "yarn" && is_one), hyper.spelled(type_key) + ": expected none, found " + type);
}

// transformers (modeling_rope_utils.py): "rope_parameters", before version 5 "rope_scaling"; "rope_type", before that "type". With the type
// "default" all other members but theta are without effect.
void refuse_scaled_rope_of(Hyper& hyper, const std::string& group) {
  const auto key_of = [&](const char* member) { return group + "." + member; };
  const auto has = [&](const std::string& key) { return hyper.has({"", key}); };
  hyper.refuse_if(has(group), group + ": expected an object of one kind for all layers, found another value");
  for (const char* layers : {"full_attention", "sliding_attention", "chunked_attention", "linear_attention"}) {
    for (const char* member : {"rope_type", "type", "rope_theta", "factor", "partial_rotary_factor"}) {
      const std::string key = key_of(layers) + "." + member;
      hyper.refuse_if(has(key), key + ": expected one kind for all layers, found one for some");
    }
  }
  std::string type, type_key = key_of("rope_type");
  for (const std::string& key : {key_of("type"), key_of("rope_type")}) {
    if (!has(key)) continue;
    const std::string named = hyper.text_or({"", key}, "");
    if (type.empty() || type == "default") {
      type = named;
      type_key = key;
    }
  }
  expect_real(hyper, {"", key_of("partial_rotary_factor")}, 1);
  for (const char* member : {"alpha", "scale"}) expect_real(hyper, {"", key_of(member)}, 1);
  if (type == "default") return;
  const double factor = hyper.real_or({"", key_of("factor")}, 1, kAnyReal);
  for (const char* member : {"short_factor", "long_factor"}) expect_none(hyper, {"", key_of(member)});
  for (const char* member : {"attention_factor", "mscale", "mscale_all_dim"})
    if (type != "linear" && type != "llama3") expect_real(hyper, {"", key_of(member)}, 1);
  // Of factor 1 these are the plain frequencies.
  const bool is_plain = has(key_of("factor")) && factor == 1 && (type == "linear" || type == "llama3" || type == "yarn");
  hyper.refuse_if(!type.empty() && !is_plain, type_key + ": expected default, found " + type);
  hyper.refuse_if(factor != 1, key_of("factor") + ": expected 1, found " + shown(factor));
}

// A window that is at least as long as the context hides nothing.
void refuse_sliding_window(Hyper& hyper, std::int64_t context_length) {
  const HyperKey window_key{"attention.sliding_window", ""}, types_key{"", "layer_types"};
  const std::int64_t window = hyper.integer_or(window_key, 0, {0, kContextRange.most});
  hyper.refuse_if(window > 0 && window < context_length, hyper.spelled(window_key) + ": expected none, found " + std::to_string(window) + " tokens");
  expect_flag(hyper, {"", "use_sliding_window"}, false);
  const MetaValue* types = hyper.find(types_key);
  if (types == nullptr) return;
  const auto* names = std::get_if<std::vector<std::string>>(types);
  hyper.require(names != nullptr && !names->empty(), hyper.spelled(types_key) + ": expected a list of names, found another value");
  if (names == nullptr) return;
  for (const std::string& name : *names)
    hyper.refuse_if(name != "full_attention", hyper.spelled(types_key) + ": expected full_attention, found " + name);
}

// Layers that leave positions alone (SmolLM3 writes 1 for a layer that has them).
void refuse_layers_without_rope(Hyper& hyper) {
  const HyperKey key{"", "no_rope_layers"};
  const MetaValue* value = hyper.find(key);
  if (value == nullptr) return;
  const auto* layers = std::get_if<std::vector<std::int64_t>>(value);
  hyper.refuse_if(layers == nullptr || std::ranges::find(*layers, 0) != layers->end(),
                  hyper.spelled(key) + ": expected rope in every layer, found layers without it");
}

}  // namespace

void refuse_other_mathematics(Hyper& hyper, std::int64_t context_length) {
  if (hyper.is_gguf()) {
    refuse_scaled_rope_of_gguf(hyper);
  } else {
    for (const char* group : {"rope_scaling", "rope_parameters"}) refuse_scaled_rope_of(hyper, group);
    for (const char* key : {"partial_rotary_factor", "rotary_pct", "rope_pct", "rope_ratio", "rope_scaling_factor"}) expect_real(hyper, {"", key}, 1);
  }
  refuse_sliding_window(hyper, context_length);
  refuse_layers_without_rope(hyper);

  for (const char* key : {"hidden_act", "hidden_activation"}) {
    const std::string activation = hyper.text_or({"", key}, "silu");
    hyper.refuse_if(activation != "silu" && activation != "swish", hyper.spelled({"", key}) + ": expected silu, found " + activation);
  }
  for (const char* key : {"attention_bias", "mlp_bias", "use_dynamic_ntk", "use_logn_attn", "alibi", "use_bidirectional_attention",
                          "attn_temperature_tuning", "use_parallel_residual"})
    expect_flag(hyper, {"", key}, false);
  expect_flag(hyper, {"use_parallel_residual", ""}, false);
  expect_flag(hyper, {"attention.causal", "is_causal"}, true);

  // Factors on embeddings, blocks and logits, and limits of logits: Granite's, MiniCPM's, Cohere's, Gemma's, OLMo's.
  constexpr std::array kFactors{HyperKey{"embedding_scale", "embedding_multiplier"}, HyperKey{"residual_scale", "residual_multiplier"},
                                HyperKey{"logit_scale", "logits_scaling"}, HyperKey{"", "logit_scale"}, HyperKey{"", "scale_emb"}};
  for (const HyperKey& key : kFactors) expect_real(hyper, key, 1, hyper.is_gguf() ? 0 : 1);
  constexpr std::array kLimits{HyperKey{"attn_logit_softcapping", "attn_logit_softcapping"},
                               HyperKey{"final_logit_softcapping", "final_logit_softcapping"},
                               HyperKey{"attention.clamp_kqv", "clip_qkv"},
                               HyperKey{"attention.max_alibi_bias", ""},
                               HyperKey{"attention.scale", "attention_multiplier"},
                               HyperKey{"attention.temperature_scale", ""}};
  for (const HyperKey& key : kLimits) expect_real(hyper, key, 0);
  for (const char* key : {"query_pre_attn_scalar", "scale_depth", "dim_model_base"}) expect_none(hyper, {"", key});
}

}  // namespace pio
