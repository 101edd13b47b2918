#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/tokenizer/sentencepiece_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace pio {

// A tokenizer of the SentencePiece library (Kudo and Richardson 2018, arXiv:1808.06226). The model was checked. Without the library:
// not_available. Texts are read as the library reads them, with three differences in encode_pieces():
// - Control and user-defined pieces are recognised where pieces of kind control wrote them, and nowhere else.
// - Each control piece ends a text: what follows gets the dummy prefix again. A user-defined one stands within its text.
// - A user-defined piece of a single character is no boundary of anything; a person's words reach it.
Result<std::unique_ptr<Tokenizer>> build_sentencepiece(SentencePieceModel model, const std::vector<int>& stop_ids, std::optional<int> begin_id,
                                                       std::string_view label);

}  // namespace pio
