#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/tokenizer.h"

namespace pio {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxDepth = 64;  // a published tokenizer.json has six levels

// Reads the vocabulary and the merges straight into flat memory (a tree of 600,000 nodes would take 20 times the room), and the small
// rest into a tree.
class Reader final : public nlohmann::json_sax<Json> {
 public:
  struct Span {
    std::size_t at = 0, n_bytes = 0;
  };
  struct Entry {
    Span spelling;
    std::int64_t id = 0;
  };

  std::string text;  // of all spans
  std::vector<Entry> vocabulary;
  std::vector<Span> merges;  // left, right, left, right …
  Json rest;
  std::string error;  // "<thing>: expected, found", when sax_parse gives false

  std::string_view view(Span span) const { return std::string_view(text).substr(span.at, span.n_bytes); }

  bool null() override { return value(Json(), "null"); }
  bool boolean(bool b) override { return value(Json(b), "true or false"); }
  bool number_integer(number_integer_t number) override { return number_of(number, Json(number)); }
  bool number_unsigned(number_unsigned_t number) override {
    constexpr auto kMost = static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    return number_of(static_cast<std::int64_t>(std::min(number, kMost)), Json(number));
  }
  bool number_float(number_float_t number, const string_t&) override { return value(Json(number), "a fraction"); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& s) override {
    if (in_ != In::merges) return value(Json(std::move(s)), "a string");
    if (in_pair_) {
      merges.push_back(keep(s));
      return ++n_in_pair_ <= 2 || fail("model.merges: expected pairs, found a list of more");
    }
    // The older form: "left right", with one space; the byte alphabet has none.
    const std::size_t space = s.find(' ');
    if (space == std::string::npos || s.find(' ', space + 1) != std::string::npos) {
      return fail("model.merges: expected two tokens with a space between, found \"" + s.substr(0, 40) + "\"");
    }
    merges.push_back(keep(std::string_view(s).substr(0, space)));
    merges.push_back(keep(std::string_view(s).substr(space + 1)));
    return true;
  }
  bool key(string_t& s) override {
    if (in_ == In::vocabulary) vocabulary.push_back({keep(s), 0});
    else key_ = std::move(s);
    return true;
  }

  bool start_object(std::size_t) override {
    if (in_model("vocab")) {
      vocabulary.clear();  // a repeated key has its last value
      in_ = In::vocabulary;
      return true;
    }
    return open(Json::object(), "an object");
  }
  bool end_object() override {
    if (in_ == In::vocabulary) in_ = In::rest;
    else path_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override {
    if (in_model("merges")) {
      merges.clear();
      in_ = In::merges;
      return true;
    }
    if (in_ == In::merges && !in_pair_) {
      in_pair_ = true;
      n_in_pair_ = 0;
      return true;
    }
    return open(Json::array(), "a list");
  }
  bool end_array() override {
    if (in_pair_) {
      in_pair_ = false;
      return n_in_pair_ == 2 || fail("model.merges: expected pairs, found a list of " + std::to_string(n_in_pair_));
    }
    if (in_ == In::merges) in_ = In::rest;
    else path_.pop_back();
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    return fail("byte " + std::to_string(at) + ": expected JSON, found something else");
  }

 private:
  enum class In { rest, vocabulary, merges };

  bool fail(std::string words) {
    error = std::move(words);
    return false;
  }
  Span keep(std::string_view s) {
    const Span span{text.size(), s.size()};
    text += s;
    return span;
  }
  // The value that now begins belongs to this key of the model.
  bool in_model(std::string_view key) const {
    return in_ == In::rest && path_.size() == 2 && path_[1].name == "model" && path_[1].json->is_object() && key_ == key;
  }
  bool number_of(std::int64_t number, Json json) {
    if (in_ != In::vocabulary) return value(std::move(json), "a number");
    vocabulary.back().id = number;
    return true;
  }
  bool value(Json json, const char* found) { return place(std::move(json), found) != nullptr; }
  bool open(Json json, const char* found) {
    if (path_.size() == kMaxDepth) return fail("nesting: expected at most " + std::to_string(kMaxDepth) + " levels, found more");
    std::string name = key_;
    Json* placed = place(std::move(json), found);
    if (placed) path_.push_back({std::move(name), placed});
    return placed != nullptr;
  }
  // Where the value went: into the container that is open. Null, and an error, inside vocabulary or merges.
  Json* place(Json json, const char* found) {
    if (in_ != In::rest) {
      error = in_ == In::merges ? "model.merges: expected pairs of strings, found " : "model.vocab: expected token ids, found ";
      error += found;
      return nullptr;
    }
    if (path_.empty()) return &(rest = std::move(json));
    Json& container = *path_.back().json;
    if (container.is_object()) return &(container[key_] = std::move(json));
    container.push_back(std::move(json));
    return &container.back();
  }

  struct Level {
    std::string name;
    Json* json;  // stays where it is: only the last child of an open container grows
  };
  std::vector<Level> path_;
  std::string key_;
  In in_ = In::rest;
  bool in_pair_ = false;
  int n_in_pair_ = 0;
};

// The value of a key, or null when it is absent or the JSON null.
const Json* member(const Json* object, const char* key) {
  if (!object || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() || found->is_null() ? nullptr : &*found;
}

bool is_string(const Json* value, std::string_view wanted) { return value && value->is_string() && value->get_ref<const std::string&>() == wanted; }

bool is_type(const Json* value, std::string_view wanted) { return is_string(member(value, "type"), wanted); }

// A bool with the value that the library takes when the key is absent.
bool is_set(const Json* object, const char* key, bool otherwise) {
  const Json* value = member(object, key);
  return value && value->is_boolean() ? value->get<bool>() : otherwise;
}

std::string shown(const Json* value) {
  if (!value) return "nothing";
  const std::string text = value->dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 300 ? text.substr(0, 300) + "…" : text;
}

bool is_byte_level(const Json* step, bool with_pattern) {
  return is_type(step, "ByteLevel") && !is_set(step, "add_prefix_space", true) && is_set(step, "use_regex", true) == with_pattern;
}

// One of the published pre-tokenizers, or none.
std::optional<SplitRule> split_rule(const Json* pre_tokenizer) {
  if (is_byte_level(pre_tokenizer, true)) return SplitRule::gpt2;
  const Json* steps = member(pre_tokenizer, "pretokenizers");
  if (!is_type(pre_tokenizer, "Sequence") || !steps || !steps->is_array() || steps->size() != 2) return std::nullopt;
  const Json *first = &(*steps)[0], *second = &(*steps)[1];
  if (is_type(first, "Digits") && is_set(first, "individual_digits", false) && is_byte_level(second, true)) return SplitRule::smollm;
  const Json* pattern = member(member(first, "pattern"), "Regex");
  if (!is_type(first, "Split") || !is_string(member(first, "behavior"), "Isolated") || is_set(first, "invert", false) || !pattern ||
      !pattern->is_string() || !is_byte_level(second, false)) {
    return std::nullopt;
  }
  return split_rule_of_pattern(pattern->get_ref<const std::string&>());
}

// A text that is there and not empty.
bool is_given(const Json* value) { return value && !is_string(value, ""); }

}  // namespace

Result<void> read_tokenizer_json(std::string_view json, std::string_view label, const UseBpeParts& use) {
  const auto error = [&](ErrorCode code, const std::string& words) { return make_error(code, std::string(label) + ": " + words); };
  Reader reader;
  if (!Json::sax_parse(json, &reader)) return error(ErrorCode::bad_file, reader.error);
  const Json* root = &reader.rest;
  const Json* model = member(root, "model");
  if (!model || !model->is_object()) return error(ErrorCode::bad_file, "model: expected an object, found " + shown(model));

  const auto unsupported = [&](const std::string& thing, const std::string& expected, const Json* found) {
    return error(ErrorCode::unsupported_model, thing + ": expected " + expected + ", found " + shown(found));
  };
  if (const Json* type = member(model, "type"); type && !is_string(type, "BPE")) return unsupported("model.type", "BPE", type);
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const Json* text = member(model, key); is_given(text)) return unsupported(std::string("model.") + key, "nothing", text);
  }
  if (is_set(model, "byte_fallback", false)) return unsupported("model.byte_fallback", "false", member(model, "byte_fallback"));
  if (const Json* dropout = member(model, "dropout"); dropout && *dropout != 0) return unsupported("model.dropout", "nothing", dropout);

  BpeParts parts;
  const Json* normalizer = member(root, "normalizer");
  if (normalizer && !is_type(normalizer, "NFC")) return unsupported("normalizer", "NFC or nothing", normalizer);
  parts.normalize = normalizer != nullptr;
  const Json* pre_tokenizer = member(root, "pre_tokenizer");
  const std::optional<SplitRule> rule = split_rule(pre_tokenizer);
  if (!rule) return unsupported("pre_tokenizer", "the split pattern of GPT-2, Qwen2, Llama 3, GLM-4 or SmolLM", pre_tokenizer);
  parts.split = *rule;
  parts.ignore_merges = is_set(model, "ignore_merges", false);
  parts.has_unknown_token = is_given(member(model, "unk_token"));

  // Beyond the range of an id whatever the number: build_bpe refuses it by name.
  const auto as_id = [](std::int64_t id) { return id < 0 || id > kMaxTokenIds ? kMaxTokenIds : static_cast<int>(id); };
  std::unordered_map<std::string_view, std::size_t> seen;
  parts.vocabulary.reserve(reader.vocabulary.size());
  seen.reserve(reader.vocabulary.size());
  for (const Reader::Entry& entry : reader.vocabulary) {
    const BpeParts::Entry read{reader.view(entry.spelling), as_id(entry.id)};
    const auto [at, is_new] = seen.emplace(read.spelling, parts.vocabulary.size());
    if (is_new) parts.vocabulary.push_back(read);
    else parts.vocabulary[at->second] = read;
  }
  parts.merges.reserve(reader.merges.size() / 2);
  for (std::size_t i = 0; i + 1 < reader.merges.size(); i += 2) {
    parts.merges.push_back({reader.view(reader.merges[i]), reader.view(reader.merges[i + 1])});
  }

  const Json* added = member(root, "added_tokens");
  if (added && !added->is_array()) return error(ErrorCode::bad_file, "added_tokens: expected a list, found " + shown(added));
  for (std::size_t i = 0; added && i < added->size(); ++i) {
    const Json* token = &(*added)[i];
    const Json *content = member(token, "content"), *id = member(token, "id");
    const std::string thing = "added_tokens[" + std::to_string(i) + "]";
    if (!content || !content->is_string() || !id || !id->is_number_integer()) {
      return error(ErrorCode::bad_file, thing + ": expected content and id, found " + shown(token));
    }
    for (const char* key : {"single_word", "lstrip", "rstrip"}) {
      if (is_set(token, key, false)) return unsupported(thing + "." + key, "false", member(token, key));
    }
    // Such a token is looked for in the normalized text; without a normalizer that is the same.
    if (parts.normalize && is_set(token, "normalized", false)) {
      return unsupported(thing + ".normalized", "false", member(token, "normalized"));
    }
    const bool is_huge = id->is_number_unsigned() && id->get<std::uint64_t>() > kMaxTokenIds;
    const std::int64_t number = is_huge ? kMaxTokenIds : id->get<std::int64_t>();
    parts.added.push_back({content->get_ref<const std::string&>(), as_id(number), is_set(token, "special", false)});
  }
  return use(parts);
}

Result<std::unique_ptr<Tokenizer>> load_tokenizer_json(std::string_view json, std::string_view label) {
  std::unique_ptr<Tokenizer> tokenizer;
  RETURN_IF_ERROR(read_tokenizer_json(json, label, [&](const BpeParts& parts) -> Result<void> {
    ASSIGN_OR_RETURN(tokenizer, build_bpe(parts, label));
    return {};
  }));
  return tokenizer;
}

}  // namespace pio
