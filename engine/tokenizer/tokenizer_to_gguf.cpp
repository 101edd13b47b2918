#include <algorithm>
#include <string>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/gguf_token_type.h"
#include "engine/tokenizer/tokenizer.h"

namespace pio {
namespace {

std::string_view pre_of(SplitRule rule, std::string_view llama3_pre) {
  switch (rule) {
    case SplitRule::gpt2: return "gpt-2";
    case SplitRule::smollm: return "smollm";
    case SplitRule::qwen2: return "qwen2";
    case SplitRule::llama3: break;
  }
  return llama3_pre;
}

// Whether each entry of the vocabulary is what the merges make of its bytes, so that it does not matter whether they are ignored for it.
Result<bool> ignoring_merges_is_alike(const BpeParts& parts, std::string_view label) {
  BpeParts changed = parts;
  changed.ignore_merges = false;
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> merging, build_bpe(changed, label));
  changed.ignore_merges = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> ignoring, build_bpe(changed, label));
  return std::ranges::all_of(parts.vocabulary, [&](const BpeParts::Entry& entry) {
    const std::string_view bytes = merging->bytes(entry.id);
    return merging->encode(bytes, SpecialTokens::none) == ignoring->encode(bytes, SpecialTokens::none);
  });
}

}  // namespace

Result<std::map<std::string, MetaValue, std::less<>>> gguf_from_tokenizer_json(std::string_view json, std::int64_t n_rows,
                                                                               std::string_view llama3_pre, std::string_view label) {
  const auto refused = [&](ErrorCode code, const std::string& words) { return make_error(code, std::string(label) + ": " + words); };
  std::map<std::string, MetaValue, std::less<>> metadata;
  RETURN_IF_ERROR(read_tokenizer_json(json, label, [&](const BpeParts& parts) -> Result<void> {
    RETURN_IF_ERROR(build_bpe(parts, label));
    // What tokenizer_gguf.cpp takes from the rule, because a GGUF has no keys for it.
    if (parts.normalize != (parts.split == SplitRule::qwen2))
      return refused(ErrorCode::unsupported_model, "normalizer: expected what a GGUF file implies with this split pattern, found another");
    bool is_alike = parts.ignore_merges == (parts.split == SplitRule::llama3);
    if (!is_alike) {
      ASSIGN_OR_RETURN(is_alike, ignoring_merges_is_alike(parts, label));
    }
    if (!is_alike)
      return refused(ErrorCode::unsupported_model, "model.ignore_merges: expected what a GGUF file implies with this split pattern, found another");

    std::vector<std::string> tokens(static_cast<std::size_t>(n_rows));
    std::vector<std::int64_t> types(tokens.size(), kUnusedToken);
    const auto put = [&](std::string_view spelling, int id, GgufTokenType type) -> Result<void> {
      if (id >= n_rows)
        return refused(ErrorCode::bad_file, "expected token ids below the vocabulary's " + std::to_string(n_rows) + ", found " + std::to_string(id));
      tokens[static_cast<std::size_t>(id)] = spelling;
      types[static_cast<std::size_t>(id)] = type;
      return {};
    };
    for (const BpeParts::Entry& entry : parts.vocabulary) RETURN_IF_ERROR(put(entry.spelling, entry.id, kNormalToken));
    for (const BpeParts::Added& added : parts.added)
      RETURN_IF_ERROR(put(added.spelling, added.id, added.is_control ? kControlToken : kUserDefinedToken));
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (types[i] == kUnusedToken) tokens[i] = "[PAD" + std::to_string(i) + "]";

    std::vector<std::string> merges;
    merges.reserve(parts.merges.size());
    for (const BpeParts::Merge& merge : parts.merges) {
      if (merge.left.find(' ') != merge.left.npos || merge.right.find(' ') != merge.right.npos)
        return refused(ErrorCode::unsupported_model, "model.merges: expected letters of the byte alphabet, found a space");
      merges.push_back(std::string(merge.left) + " " + std::string(merge.right));
    }
    metadata["tokenizer.ggml.model"] = std::string("gpt2");
    metadata["tokenizer.ggml.pre"] = std::string(pre_of(parts.split, llama3_pre));
    metadata["tokenizer.ggml.tokens"] = std::move(tokens);
    metadata["tokenizer.ggml.token_type"] = std::move(types);
    metadata["tokenizer.ggml.merges"] = std::move(merges);
    return {};
  }));
  return metadata;
}

}  // namespace pio
