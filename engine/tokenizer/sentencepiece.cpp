#include "engine/tokenizer/sentencepiece.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string>

#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/unicode.h"
#include "engine/tokenizer/utf8_stream.h"

namespace pio {
namespace {

using Type = SentencePieceModel::Type;
using Processor = sentencepiece::SentencePieceProcessor;

constexpr std::string_view kSpace = "\u2581";

bool is_one_character(std::string_view text) { return static_cast<std::size_t>(utf8_step(text).n_bytes) == text.size(); }

class SentencePieceTokenizer final : public Tokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> build(SentencePieceModel model, const std::vector<int>& stop_ids, std::optional<int> begin_id,
                                                  std::string_view label);

  // The library finds its user-defined pieces in every text and its control pieces in none, whatever is asked.
  std::vector<int> encode(std::string_view text, SpecialTokens) const override {
    std::vector<int> ids;
    for (const int id : run(whole_, valid_utf8(text))) {
      if (types_[id] == Type::control) append_unknown(spellings_[id], ids);
      else ids.push_back(id);
    }
    return ids;
  }

  using Tokenizer::encode_pieces;
  Result<std::vector<int>> encode_pieces(std::span<const Piece> pieces, EncodedStretches* memory, const std::stop_token& stop) const override {
    const JoinedPieces joined = join(pieces);
    const std::string_view text = joined.text;
    std::vector<int> ids;
    std::size_t stretch = 0;
    bool begins = true;  // a text of the library
    added_.for_each(text, joined.control, [&](std::size_t at, AddedTokens::Match match) {
      const bool is_within_text = types_[match.token] == Type::user_defined;
      if (stop.stop_requested()) return;
      remember_words(text.substr(stretch, at - stretch), begins, is_within_text, ids, memory);
      ids.push_back(match.token);
      stretch = at + match.n_bytes;
      begins = !is_within_text;
    });
    if (!stop.stop_requested()) remember_words(text.substr(stretch), begins, false, ids, memory);
    if (stop.stop_requested()) return make_error(ErrorCode::cancelled, "stopped");
    return ids;
  }

  int n_ids() const override { return n_ids_; }
  // The library finds its pieces in every text; only control pieces, which it finds in none, can be left out.
  Result<int> limit_ids(std::int64_t n_rows, std::string_view label) override {
    int n_base_ids = 0;
    for (int id = 0; id < n_ids_; ++id) {
      if (types_[id] != Type::control && types_[id] != Type::unused) n_base_ids = id + 1;
    }
    RETURN_IF_ERROR(check_rows(*this, n_base_ids, n_rows, label));
    n_ids_ = static_cast<int>(std::min<std::int64_t>(n_rows, n_ids_));
    const int n_forgotten = added_.forget_from(n_ids_);
    n_added_ -= n_forgotten;
    return n_forgotten;
  }
  std::string_view bytes(int id) const override { return id >= 0 && id < n_ids() ? std::string_view(bytes_[id]) : std::string_view(); }
  bool is_control(int id) const override { return id >= 0 && id < n_ids() && types_[id] == Type::control; }
  std::optional<int> added_token(std::string_view spelling) const override { return added_.find(spelling); }
  int n_added_tokens() const override { return n_added_; }
  const std::vector<int>& stop_ids() const override { return stop_ids_; }
  std::optional<int> begin_id() const override { return begin_id_; }

 private:
  // What the library cannot read, which no text in UTF-8 is, becomes unknown rather than nothing.
  std::vector<int> run(const Processor& processor, const std::string& text) const {
    std::vector<int> ids;
    try {
      if (processor.Encode(text, &ids).ok()) return ids;
    } catch (const std::exception&) {
    }
    ids.clear();
    append_unknown(text, ids);
    return ids;
  }

  // append_words, or what it gave the last time. Where a text begins is part of what is remembered.
  void remember_words(std::string_view text, bool begins, bool has_more, std::vector<int>& ids, EncodedStretches* memory) const {
    if (!memory) return append_words(text, begins, has_more, ids);
    const std::string key = std::string(1, static_cast<char>('0' + 2 * begins + has_more)) + std::string(text);
    if (const std::vector<int>* known = memory->find(key)) {
      ids.insert(ids.end(), known->begin(), known->end());
      return;
    }
    const std::size_t first = ids.size();
    append_words(text, begins, has_more, ids);
    memory->put(key, std::span(ids).subspan(first));
  }

  // Text between two recognised pieces. `has_more`: its text goes on behind it, so that the prefix stands there even when this is empty.
  void append_words(std::string_view text, bool begins, bool has_more, std::vector<int>& ids) const {
    if (text.empty() && !(begins && has_more)) return;
    std::string words;
    if (begins && adds_prefix_) {
      words = kSpace;
      if (removes_extra_spaces_) text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    }
    words += valid_utf8(text);
    for (const int id : run(words_, words)) {
      // A character, or for the word algorithm a whole word, that is spelled like one of these.
      if (types_[id] == Type::control || (types_[id] == Type::user_defined && !is_one_character(bytes_[id]))) append_unknown(spellings_[id], ids);
      else ids.push_back(id);
    }
  }
  void append_unknown(std::string_view text, std::vector<int>& ids) const {
    if (byte_ids_[0] < 0) return ids.push_back(unknown_id_);
    for (const char byte : text) ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
  }

  Processor whole_;  // the model as it is
  Processor words_;  // the same without user-defined pieces and without the dummy prefix
  std::vector<std::string> spellings_, bytes_;
  std::vector<Type> types_;
  std::array<int, 256> byte_ids_{};  // -1 without byte fallback
  AddedTokens added_;
  int n_ids_ = 0, n_added_ = 0, unknown_id_ = 0;
  bool adds_prefix_ = false, removes_extra_spaces_ = false;
  std::vector<int> stop_ids_;
  std::optional<int> begin_id_;
};

std::string with_spaces(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const bool is_space = text.substr(at).starts_with(kSpace);
    bytes += is_space ? ' ' : text[at];
    at += is_space ? kSpace.size() : 1;
  }
  return bytes;
}

Result<std::unique_ptr<Tokenizer>> SentencePieceTokenizer::build(SentencePieceModel model, const std::vector<int>& stop_ids,
                                                                 std::optional<int> begin_id, std::string_view label) {
  auto tokenizer = std::make_unique<SentencePieceTokenizer>();
  tokenizer->byte_ids_.fill(-1);
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    const auto& [text, score, type] = model.pieces[id];
    const int number = static_cast<int>(id);
    std::string bytes;
    if (type == Type::byte) bytes = *byte_of_piece(text);
    else if (type != Type::control) bytes = with_spaces(text);
    if (type == Type::byte && model.has_byte_fallback) tokenizer->byte_ids_[static_cast<unsigned char>(bytes.front())] = number;
    if (type == Type::unknown) tokenizer->unknown_id_ = number;
    if (type == Type::control || type == Type::user_defined) {
      tokenizer->added_.put(text, number);
      ++tokenizer->n_added_;
    }
    tokenizer->types_.push_back(type);
    tokenizer->spellings_.push_back(text);
    tokenizer->bytes_.push_back(std::move(bytes));
  }
  tokenizer->adds_prefix_ = model.adds_dummy_prefix && !model.treats_space_as_suffix;
  tokenizer->removes_extra_spaces_ = model.removes_extra_spaces;
  tokenizer->n_ids_ = static_cast<int>(tokenizer->bytes_.size());
  tokenizer->stop_ids_ = stop_ids;
  tokenizer->begin_id_ = begin_id;

  const auto load = [&](Processor& processor) -> Result<void> {
    std::string problem;
    try {
      const sentencepiece::util::Status status = processor.LoadFromSerializedProto(serialize(model));
      if (status.ok()) return {};
      problem = status.error_message();
    } catch (const std::exception& error) {
      problem = error.what();
    }
    return make_error(ErrorCode::bad_file, std::string(label) + ": expected a SentencePiece model, found one that its library refuses (" +
                                               valid_utf8(problem.substr(0, 100)) + ")");
  };
  // The library fails over a text in which a control piece comes up as a whole, as a single character can, or a word where words are
  // pieces. As an unused one it comes through, and is replaced.
  const auto hide = [&](SentencePieceModel::Piece& piece) {
    const bool comes_up = is_one_character(piece.text) || model.algorithm == SentencePieceModel::Algorithm::word;
    piece.type = comes_up ? Type::unused : Type::control;
  };
  for (SentencePieceModel::Piece& piece : model.pieces) {
    if (piece.type == Type::control) hide(piece);
  }
  RETURN_IF_ERROR(load(tokenizer->whole_));
  for (SentencePieceModel::Piece& piece : model.pieces) {
    if (piece.type == Type::user_defined && !is_one_character(piece.text)) hide(piece);
  }
  model.adds_dummy_prefix = false;
  RETURN_IF_ERROR(load(tokenizer->words_));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> build_sentencepiece(SentencePieceModel model, const std::vector<int>& stop_ids, std::optional<int> begin_id,
                                                       std::string_view label) {
  return SentencePieceTokenizer::build(std::move(model), stop_ids, begin_id, label);
}

}  // namespace pio
