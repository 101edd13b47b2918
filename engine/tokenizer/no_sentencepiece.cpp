#include "engine/tokenizer/sentencepiece.h"

namespace pio {

Result<std::unique_ptr<Tokenizer>> build_sentencepiece(SentencePieceModel, const std::vector<int>&, std::optional<int>, std::string_view label) {
  return make_error(ErrorCode::not_available, std::string(label) + ": a SentencePiece tokenizer: not available in this build");
}

}  // namespace pio
