#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"

// What a SentencePiece model file says, as plain values: a protocol buffer of sentencepiece_model.proto (github.com/google/sentencepiece),
// read and written by hand. The library is given only what was checked here and written anew: it trusts its input.

namespace pio {

struct SentencePieceModel {
  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };  // also llama.cpp's token types
  enum class Algorithm { unigram = 1, bpe = 2, word = 3, character = 4 };
  struct Piece {
    std::string text;  // spaces as U+2581, bytes as "<0x0A>"
    float score = 0;
    Type type = Type::normal;
  };

  std::vector<Piece> pieces;  // a piece's place is its id
  Algorithm algorithm = Algorithm::unigram;
  std::string begin_piece = "<s>", end_piece = "</s>";
  std::string character_map;  // how to normalize: a double array and the texts it leads to; empty: not at all
  bool has_byte_fallback = false, treats_space_as_suffix = false;
  bool adds_dummy_prefix = true, removes_extra_spaces = true, escapes_spaces = true;
};

// `label` names the file in errors. bad_file where it is no such model, or one that is unsound.
Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes, std::string_view label);
// Whatever is wrong with a model that was put together from another file's values; parsed ones were checked already.
Result<void> check_sentencepiece_model(const SentencePieceModel& model, std::string_view label);
std::string serialize(const SentencePieceModel& model);

// The byte that a piece of type byte stands for; none where it is misspelled.
std::optional<char> byte_of_piece(std::string_view text);

}  // namespace pio
