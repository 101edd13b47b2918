// The metadata of a Hugging Face folder in GGUF's words, as llama.cpp's converter writes it (models.md 1.c to 6).

#include <algorithm>

#include "engine/chat/chat_template.h"
#include "engine/files/mapped_file.h"
#include "engine/files/metadata.h"
#include "engine/loaded_model.h"
#include "engine/quantize/convert.h"
#include "engine/tokenizer/tokenizer.h"
#include "models/json_value.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

// The largest published ones hold some thousand added tokens in 1 MB.
constexpr std::size_t kTokenizerConfigBytes = std::size_t{16} << 20;

std::string architecture_in_gguf(const std::string& model_type) {
  if (model_type == "qwen3_moe") return "qwen3moe";
  if (model_type == "qwen3_vl") return "qwen3vl";
  if (model_type == "glm4_moe_lite") return "deepseek2";
  return model_type;
}

void write_attention(const DenseConfig& c, const std::string& prefix, Metadata& out) {
  out[prefix + "attention.head_count"] = c.hyper.n_heads;
  out[prefix + "attention.layer_norm_rms_epsilon"] = static_cast<double>(c.hyper.norm_eps);
  out[prefix + "rope.freq_base"] = static_cast<double>(static_cast<float>(c.hyper.rope_theta));  // llama.cpp takes no f64
  out[prefix + "rope.dimension_count"] = c.hyper.rope_dims;
  if (!c.mla) {
    out[prefix + "attention.head_count_kv"] = c.hyper.n_kv_heads;
    out[prefix + "attention.key_length"] = out[prefix + "attention.value_length"] = c.hyper.head_dim;
    return;
  }
  // One head: its key is the latent and the rotated part, its value the latent.
  out[prefix + "attention.head_count_kv"] = std::int64_t{1};
  out[prefix + "attention.key_length"] = c.mla->kv_rank + c.mla->rope_dim;
  out[prefix + "attention.value_length"] = c.mla->kv_rank;
  out[prefix + "attention.key_length_mla"] = c.mla->nope_dim + c.mla->rope_dim;
  out[prefix + "attention.value_length_mla"] = c.mla->v_dim;
  out[prefix + "attention.kv_lora_rank"] = c.mla->kv_rank;
  if (c.mla->q_rank > 0) out[prefix + "attention.q_lora_rank"] = c.mla->q_rank;
}

void write_mixture(const DenseConfig& c, const std::string& prefix, Metadata& out) {
  if (c.moe.n_experts == 0) return;
  out[prefix + "expert_count"] = c.moe.n_experts;
  out[prefix + "expert_used_count"] = c.moe.n_used;
  out[prefix + "expert_feed_forward_length"] = c.moe.hidden_dim;
  out[prefix + "expert_weights_norm"] = c.moe.routing.normalize;
  if (!c.mla) return;
  out[prefix + "leading_dense_block_count"] = static_cast<std::int64_t>(std::ranges::count(c.is_mixture, false));
  out[prefix + "expert_shared_count"] = c.moe.shared_hidden_dim / c.moe.hidden_dim;
  out[prefix + "expert_weights_scale"] = static_cast<double>(c.moe.routing.scale);
  out[prefix + "expert_gating_func"] = std::int64_t{c.moe.routing.scoring == ExpertScoring::sigmoid ? 2 : 1};
  out[prefix + "expert_group_count"] = c.moe.routing.n_groups;
  out[prefix + "expert_group_used_count"] = c.moe.routing.n_groups_used;
}

// "bos_token": a spelling, or an object that has it as "content". Null where there is none.
const std::string* spelling_in(const JsonValue& config, const std::string& key) {
  const JsonValue* value = config.find(key);
  if (value && value->is_object()) value = value->find("content");
  return value && value->is_string() ? &value->text() : nullptr;
}

Result<void> write_tokenizer(const ModelFile& file, const DenseConfig& c, Metadata& out) {
  const fs::path folder = file.paths().front().parent_path();
  const std::string label = "tokenizer.json";
  ASSIGN_OR_RETURN(const std::string json, read_text_file(folder / label, kTokenizerFileBytes));
  ASSIGN_OR_RETURN(Metadata tokenizer, gguf_from_tokenizer_json(json, c.hyper.vocab_size, c.mla ? "glm4" : "llama-bpe", label));
  const auto& tokens = std::get<std::vector<std::string>>(tokenizer.at("tokenizer.ggml.tokens"));
  const auto id_of = [&](const std::string& spelling) -> std::optional<std::int64_t> {
    const auto it = std::ranges::find(tokens, spelling);
    return it == tokens.end() ? std::nullopt : std::optional<std::int64_t>(it - tokens.begin());
  };

  JsonValue config;
  std::error_code ignored;
  if (fs::exists(folder / "tokenizer_config.json", ignored)) {
    ASSIGN_OR_RETURN(const std::string text, read_text_file(folder / "tokenizer_config.json", kTokenizerConfigBytes));
    ASSIGN_OR_RETURN(config, JsonValue::parse(text));
  }
  // A spelling in tokenizer_config.json comes before a number in config.json.
  for (const auto& [key, gguf] : {std::pair{"bos", "bos"}, {"eos", "eos"}, {"pad", "padding"}, {"unk", "unknown"}}) {
    std::optional<std::int64_t> id;
    if (const std::string* spelling = spelling_in(config, std::string(key) + "_token")) id = id_of(*spelling);
    for (const char* section : {"", "text_config."}) {
      const auto* number = value_of<std::int64_t>(file.metadata(), section + std::string(key) + "_token_id");
      if (!id && number && *number >= 0 && *number < c.hyper.vocab_size) id = *number;
    }
    if (id) tokenizer["tokenizer.ggml." + std::string(gguf) + "_token_id"] = *id;
  }
  if (c.mla) {  // GLM ends a turn with the next one's role; llama.cpp's converter sets these by name
    for (const auto& [spelling, gguf] :
         {std::pair{"[gMASK]", "bos"}, {"<|endoftext|>", "eos"}, {"<|endoftext|>", "unknown"}, {"<|user|>", "eot"}, {"<|observation|>", "eom"}}) {
      if (const auto id = id_of(spelling)) tokenizer["tokenizer.ggml." + std::string(gguf) + "_token_id"] = *id;
    }
  }
  for (const char* key : {"add_bos_token", "add_eos_token"}) {
    const JsonValue* value = config.find(key);
    if (value && value->kind() == JsonValue::Kind::boolean) tokenizer["tokenizer.ggml." + std::string(key)] = value->as_bool();
  }
  if (std::optional<std::string> text = chat_template_of(file)) tokenizer["tokenizer.chat_template"] = std::move(*text);
  out.merge(tokenizer);
  return {};
}

void write_sampling(const Metadata& in, Metadata& out) {
  for (const auto& [key, gguf] :
       {std::pair{"temperature", "temp"}, {"top_k", "top_k"}, {"top_p", "top_p"}, {"min_p", "min_p"}, {"repetition_penalty", "penalty_repeat"}}) {
    const std::string from = "generation." + std::string(key), name = "general.sampling." + std::string(gguf);
    const auto* whole = value_of<std::int64_t>(in, from);
    if (key == std::string_view("top_k") && whole) out[name] = *whole;
    else if (const std::optional<double> number = number_of(in, from)) out[name] = static_cast<double>(static_cast<float>(*number));
  }
}

}  // namespace

Result<void> convert_metadata(const ModelFile& file, const DenseConfig& c, std::int64_t n_left_layers, ConvertedModel& model) {
  const bool dense_first = std::ranges::is_sorted(c.is_mixture);
  if (c.mla && (!dense_first || c.pairing != RopePairing::interleaved))
    return make_error(ErrorCode::unsupported_model, file.label() + ": " +
                                                        (dense_first ? "rope_interleave: expected true, found false"
                                                                     : "mlp_layer_types: expected dense layers first, found others"));
  Metadata& out = model.model.metadata;
  const std::string architecture = architecture_in_gguf(file.architecture()), prefix = architecture + ".";
  out["general.architecture"] = architecture;
  out["general.type"] = std::string("model");
  out["general.name"] = file.label();
  out[prefix + "block_count"] = c.hyper.n_layers + n_left_layers;
  out[prefix + "context_length"] = c.hyper.context_length;
  out[prefix + "embedding_length"] = c.hyper.dim;
  out[prefix + "feed_forward_length"] = c.hyper.hidden_dim;
  out[prefix + "vocab_size"] = c.hyper.vocab_size;
  if (n_left_layers > 0) out[prefix + "nextn_predict_layers"] = n_left_layers;
  write_attention(c, prefix, out);
  write_mixture(c, prefix, out);
  if (!c.rope_sections.empty()) {
    std::vector<std::int64_t> sections = c.rope_sections;
    sections.resize(4);
    out[prefix + "rope.dimension_sections"] = std::move(sections);
  }
  write_sampling(file.metadata(), out);
  return write_tokenizer(file, c, out);
}

}  // namespace pio
