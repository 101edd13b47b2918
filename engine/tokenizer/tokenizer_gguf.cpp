#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/gguf_token_type.h"
#include "engine/tokenizer/sentencepiece.h"
#include "engine/tokenizer/tokenizer.h"

namespace pio {

namespace {

std::string kind_of(const MetaValue& value) {
  static constexpr const char* kKinds[] = {"true or false",      "an integer",        "a number",         "a string", "a list of true and false",
                                           "a list of integers", "a list of numbers", "a list of strings"};
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
    return make_error(code, std::string(label_) + ": " + std::string(key) + ": expected " + std::string(expected) + ", found " + std::string(found));
  }

 private:
  const MetadataLookup& metadata_;
  std::string_view label_;
};

using Strings = std::vector<std::string>;
using Integers = std::vector<std::int64_t>;
using Numbers = std::vector<double>;

// What both kinds of tokenizer have.
struct Vocabulary {
  const Strings* tokens = nullptr;
  const Integers* types = nullptr;  // null: all normal
  std::vector<int> stop_ids;
  std::optional<int> begin_id;  // where it is to be put first

  std::int64_t type(std::size_t id) const { return types ? (*types)[id] : kNormalToken; }
};

Result<Vocabulary> read_vocabulary(const Keys& keys, bool begin_first_unless_told) {
  Vocabulary vocabulary;
  ASSIGN_OR_RETURN(vocabulary.tokens, keys.required<Strings>("tokenizer.ggml.tokens", "a list of strings"));
  ASSIGN_OR_RETURN(vocabulary.types, keys.optional<Integers>("tokenizer.ggml.token_type", "a list of integers"));
  const std::size_t n_tokens = vocabulary.tokens->size();
  if (vocabulary.types && vocabulary.types->size() != n_tokens) {
    return keys.error("tokenizer.ggml.token_type", std::to_string(n_tokens) + " types", std::to_string(vocabulary.types->size()));
  }
  if (n_tokens > kMaxTokenIds) {
    return keys.error("tokenizer.ggml.tokens", "at most " + std::to_string(kMaxTokenIds) + " tokens", std::to_string(n_tokens));
  }
  const auto id_at = [&](std::string_view key) -> Result<std::optional<int>> {
    ASSIGN_OR_RETURN(const std::int64_t* id, keys.optional<std::int64_t>(key, "a token id"));
    if (!id) return std::optional<int>();
    if (*id < 0 || *id >= static_cast<std::int64_t>(n_tokens)) {
      return keys.error(key, "an id below " + std::to_string(n_tokens), std::to_string(*id));
    }
    return std::optional<int>(static_cast<int>(*id));
  };
  std::vector<int>& stop_ids = vocabulary.stop_ids;
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    ASSIGN_OR_RETURN(const std::optional<int> id, id_at(key));
    if (id && std::find(stop_ids.begin(), stop_ids.end(), *id) == stop_ids.end()) stop_ids.push_back(*id);
  }
  ASSIGN_OR_RETURN(const bool* adds_begin, keys.optional<bool>("tokenizer.ggml.add_bos_token", "true or false"));
  ASSIGN_OR_RETURN(const std::optional<int> begin, id_at("tokenizer.ggml.bos_token_id"));
  if (adds_begin ? *adds_begin : begin_first_unless_told) vocabulary.begin_id = begin;
  return vocabulary;
}

Result<std::unique_ptr<Tokenizer>> load_bpe(const Keys& keys, std::string_view label) {
  ASSIGN_OR_RETURN(const std::string* pre, keys.required<std::string>("tokenizer.ggml.pre", "the name of a split pattern"));
  const std::optional<SplitRule> rule = split_rule_of_gguf(*pre);
  if (!rule) return keys.error("tokenizer.ggml.pre", "qwen2, llama-bpe, glm4, smollm or gpt-2", *pre, ErrorCode::unsupported_model);
  ASSIGN_OR_RETURN(const Strings* merges, keys.required<Strings>("tokenizer.ggml.merges", "a list of strings"));
  ASSIGN_OR_RETURN(const Vocabulary vocabulary, read_vocabulary(keys, false));

  BpeParts parts;
  parts.split = *rule;
  parts.normalize = *rule == SplitRule::qwen2;       // a GGUF does not say so, the published tokenizer.json does
  parts.ignore_merges = *rule == SplitRule::llama3;  // the same
  parts.vocabulary.reserve(vocabulary.tokens->size());
  for (std::size_t i = 0; i < vocabulary.tokens->size(); ++i) {
    const std::string& spelling = (*vocabulary.tokens)[i];
    const int id = static_cast<int>(i);
    switch (vocabulary.type(i)) {
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
  parts.stop_ids = vocabulary.stop_ids;
  parts.begin_id = vocabulary.begin_id;
  return build_bpe(parts, label);
}

// llama.cpp's "llama": SentencePiece with merges by score, no normalization, bytes as the fallback where the pieces have them.
Result<std::unique_ptr<Tokenizer>> load_llama(const Keys& keys, std::string_view label) {
  ASSIGN_OR_RETURN(const Numbers* scores, keys.required<Numbers>("tokenizer.ggml.scores", "a list of numbers"));
  ASSIGN_OR_RETURN(const bool* adds_prefix, keys.optional<bool>("tokenizer.ggml.add_space_prefix", "true or false"));
  ASSIGN_OR_RETURN(const Vocabulary vocabulary, read_vocabulary(keys, true));
  const Strings& tokens = *vocabulary.tokens;
  if (scores->size() != tokens.size()) {
    return keys.error("tokenizer.ggml.scores", std::to_string(tokens.size()) + " scores", std::to_string(scores->size()));
  }
  SentencePieceModel model;
  model.algorithm = SentencePieceModel::Algorithm::bpe;
  model.adds_dummy_prefix = adds_prefix ? *adds_prefix : true;
  model.removes_extra_spaces = false;
  model.pieces.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto type = static_cast<SentencePieceModel::Type>(std::clamp<std::int64_t>(vocabulary.type(i), 0, 7));
    model.has_byte_fallback |= type == SentencePieceModel::Type::byte;
    model.pieces.push_back({tokens[i], static_cast<float>((*scores)[i]), type});
  }
  RETURN_IF_ERROR(check_sentencepiece_model(model, label));
  return build_sentencepiece(std::move(model), vocabulary.stop_ids, vocabulary.begin_id, label);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_gguf_tokenizer(const MetadataLookup& metadata, std::string_view label) {
  const Keys keys(metadata, label);
  ASSIGN_OR_RETURN(const std::string* model, keys.required<std::string>("tokenizer.ggml.model", "a string"));
  if (*model == "llama") return load_llama(keys, label);
  if (*model == "gpt2") return load_bpe(keys, label);
  return keys.error("tokenizer.ggml.model", "gpt2 or llama", *model, ErrorCode::unsupported_model);
}

}  // namespace pio
