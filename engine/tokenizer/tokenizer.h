#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/encoded_stretches.h"
#include "kernels/base/result.h"
#include "models/chat_format.h"
#include "models/weight_source.h"

// Text ⇄ ids, exactly as the published tokenizer. Never sees a template, only its pieces. Immutable after loading (limit_ids is the end of
// that); any thread.

namespace pio {

// Which added tokens count as such when a text spells them.
enum class SpecialTokens {
  none,  // how a person's words are read
  user,  // those that the tokenizer does not call special
  all,
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // No begin or end token is added. (SentencePiece finds its user-defined pieces whatever `special` says, as its library does.) Bytes that are not UTF-8 are read as U+FFFD, one for each maximal ill-formed part.
  virtual std::vector<int> encode(std::string_view text, SpecialTokens special) const = 0;

  // Added tokens are recognised only where pieces of kind control wrote all of their characters; what lies between two recognised ones
  // is one stretch of ordinary text, whoever wrote it.
  std::vector<int> encode_pieces(std::span<const Piece> pieces) const { return *encode_pieces(pieces, nullptr, {}); }
  // The same, with what `memory` (may be null) knows of this tokenizer's stretches; the new ones are added to it. Once `stop` is requested it
  // fails with cancelled, within milliseconds.
  virtual Result<std::vector<int>> encode_pieces(std::span<const Piece> pieces, EncodedStretches* memory, const std::stop_token& stop) const = 0;

  // Ids are 0 … n_ids() - 1; a model may have more rows than that (padding).
  virtual int n_ids() const = 0;
  // For a model of n_rows rows: added tokens beyond them become unknown (their spellings are text); returns how many those were. Fails with
  // bad_file where the vocabulary itself, the begin token or an end token lies beyond them. Before anything is encoded.
  virtual Result<int> limit_ids(std::int64_t n_rows, std::string_view label) = 0;
  // The bytes an id stands for (an added token: its spelling; a control piece of SentencePiece: none); empty beyond n_ids().
  virtual std::string_view bytes(int id) const = 0;
  // Tokens that the tokenizer calls special: never shown to a person.
  virtual bool is_control(int id) const = 0;
  virtual std::optional<int> added_token(std::string_view spelling) const = 0;
  virtual int n_added_tokens() const = 0;
  // End tokens that the file names (eos, eot, eom), in no order.
  virtual const std::vector<int>& stop_ids() const = 0;
  // The begin token, when the file asks for it to be put first (GGUF add_bos_token); empty otherwise.
  virtual std::optional<int> begin_id() const = 0;
};

// From the text of a tokenizer.json. `label` names the file in errors.
Result<std::unique_ptr<Tokenizer>> load_tokenizer_json(std::string_view json, std::string_view label);
// From the bytes of a SentencePiece tokenizer.model; `begin_first` where the folder's configuration asks for the begin token "<s>".
Result<std::unique_ptr<Tokenizer>> load_sentencepiece(std::string_view model, bool begin_first, std::string_view label);
// From the tokenizer.* metadata of a GGUF; `metadata` gives null for a key that is absent.
using MetadataLookup = std::function<const MetaValue*(std::string_view key)>;
Result<std::unique_ptr<Tokenizer>> load_gguf_tokenizer(const MetadataLookup& metadata, std::string_view label);

// A tokenizer.json as the tokenizer.ggml.* keys of a GGUF, special ids left out: model, pre, tokens, token_type, merges. There are n_rows
// tokens, those that the vocabulary lacks unused ones ("[PAD7]"). `llama3_pre` names that split rule, which two families share. Added tokens
// are control tokens where tokenizer.json calls them special (llama.cpp's converter also takes all spelled <|…|>). Fails with
// unsupported_model where GGUF can't say what the file says.
Result<std::map<std::string, MetaValue, std::less<>>> gguf_from_tokenizer_json(std::string_view json, std::int64_t n_rows,
                                                                               std::string_view llama3_pre, std::string_view label);

}  // namespace pio
