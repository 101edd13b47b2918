#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/gguf_token_type.h"
#include "engine/tokenizer/tokenizer.h"

namespace pio {

namespace {

std::string kind_of(const MetaValue& value) {
  static constexpr const char* kKinds[] = {"true or false", "an integer", "a number", "a string",
                                           "a list of true and false", "a list of integers", "a list of numbers", "a list of strings"};
  return kKinds[value.index()];
}

// Typed access to one key each, with errors in words.
class Keys {
 public:
  Keys(const MetadataLookup& metadata, std::string_view label) : metadata_(metadata), label_(label) {}

  // Null when the key is absent.
  template <class T>
  Result<const T*> optional(std::string_view key, const char* expected) const {
    const MetaValue* value = metadata_(key);
    if (!value) return static_cast<const T*>(nullptr);
    if (const T* typed = std::get_if<T>(value)) return typed;
    return error(key, expected, kind_of(*value));
  }
  template <class T>
  Result<const T*> required(std::string_view key, const char* expected) const {
    ASSIGN_OR_RETURN(const T* value, optional<T>(key, expected));
    if (!value) return error(key, expected, "nothing");
    return value;
  }
  Error error(std::string_view key, std::string_view expected, std::string_view found, ErrorCode code = ErrorCode::bad_file) const {
    return make_error(code, std::string(label_) + ": " + std::string(key) + ": expected " + std::string(expected) + ", found " +
                                std::string(found));
  }

 private:
  const MetadataLookup& metadata_;
  std::string_view label_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_gguf_tokenizer(const MetadataLookup& metadata, std::string_view label) {
  using Strings = std::vector<std::string>;
  using Integers = std::vector<std::int64_t>;
  const Keys keys(metadata, label);
  ASSIGN_OR_RETURN(const std::string* model, keys.required<std::string>("tokenizer.ggml.model", "a string"));
  if (*model == "llama") {
    return make_error(ErrorCode::unsupported_model,
                      std::string(label) + ": tokenizer model llama (SentencePiece) is not supported by this build");
  }
  if (*model != "gpt2") return keys.error("tokenizer.ggml.model", "gpt2", *model, ErrorCode::unsupported_model);
  ASSIGN_OR_RETURN(const std::string* pre, keys.required<std::string>("tokenizer.ggml.pre", "the name of a split pattern"));
  const std::optional<SplitRule> rule = split_rule_of_gguf(*pre);
  if (!rule) return keys.error("tokenizer.ggml.pre", "qwen2, llama-bpe, glm4, smollm or gpt-2", *pre, ErrorCode::unsupported_model);
  ASSIGN_OR_RETURN(const Strings* tokens, keys.required<Strings>("tokenizer.ggml.tokens", "a list of strings"));
  ASSIGN_OR_RETURN(const Strings* merges, keys.required<Strings>("tokenizer.ggml.merges", "a list of strings"));
  ASSIGN_OR_RETURN(const Integers* types, keys.optional<Integers>("tokenizer.ggml.token_type", "a list of integers"));
  if (types && types->size() != tokens->size()) {
    return keys.error("tokenizer.ggml.token_type", std::to_string(tokens->size()) + " types", std::to_string(types->size()));
  }
  if (tokens->size() > kMaxTokenIds) {
    return keys.error("tokenizer.ggml.tokens", "at most " + std::to_string(kMaxTokenIds) + " tokens", std::to_string(tokens->size()));
  }

  BpeParts parts;
  parts.split = *rule;
  parts.normalize = *rule == SplitRule::qwen2;       // a GGUF does not say so, the published tokenizer.json does
  parts.ignore_merges = *rule == SplitRule::llama3;  // the same
  parts.vocabulary.reserve(tokens->size());
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const std::string& spelling = (*tokens)[i];
    const int id = static_cast<int>(i);
    switch (types ? (*types)[i] : kNormalToken) {
      case kControlToken: parts.added.push_back({spelling, id, true}); break;
      case kUserDefinedToken: parts.added.push_back({spelling, id, false}); break;
      case kUnusedToken: break;  // padding rows: holes, or beyond the last id
      default: parts.vocabulary.push_back({spelling, id}); break;
    }
  }
  parts.merges.reserve(merges->size());
  for (const std::string& merge : *merges) {
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string::npos || space + 1 == merge.size()) {
      return keys.error("tokenizer.ggml.merges", "two tokens with a space between", "\"" + merge.substr(0, 40) + "\"");
    }
    parts.merges.push_back({std::string_view(merge).substr(0, space), std::string_view(merge).substr(space + 1)});
  }

  const auto id_at = [&](std::string_view key) -> Result<std::optional<int>> {
    ASSIGN_OR_RETURN(const std::int64_t* id, keys.optional<std::int64_t>(key, "a token id"));
    if (!id) return std::optional<int>();
    if (*id < 0 || *id >= static_cast<std::int64_t>(tokens->size())) {
      return keys.error(key, "an id below " + std::to_string(tokens->size()), std::to_string(*id));
    }
    return std::optional<int>(static_cast<int>(*id));
  };
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    ASSIGN_OR_RETURN(const std::optional<int> id, id_at(key));
    if (id && std::find(parts.stop_ids.begin(), parts.stop_ids.end(), *id) == parts.stop_ids.end()) parts.stop_ids.push_back(*id);
  }
  ASSIGN_OR_RETURN(const bool* adds_begin, keys.optional<bool>("tokenizer.ggml.add_bos_token", "true or false"));
  ASSIGN_OR_RETURN(const std::optional<int> begin, id_at("tokenizer.ggml.bos_token_id"));
  if (adds_begin && *adds_begin) parts.begin_id = begin;
  return build_bpe(parts, label);
}

}  // namespace pio
