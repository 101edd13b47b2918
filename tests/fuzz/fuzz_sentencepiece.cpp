#include <cstdlib>

#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/utf8_stream.h"

// A tokenizer.model from anywhere; then text goes through it, there and back. The library itself is not instrumented: it shows by a
// signal when it was given what it cannot bear.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view model(reinterpret_cast<const char*>(data), size);
  const auto loaded = pio::load_sentencepiece(model, true, "tokenizer.model");
  if (!loaded) return 0;
  const pio::Tokenizer& tokenizer = **loaded;
  const auto check = [&](const std::vector<int>& ids) {
    pio::Utf8Stream stream;
    std::string out;
    for (const int id : ids) {
      if (id < 0 || id >= tokenizer.n_ids()) std::abort();
      out += stream.push(tokenizer.bytes(id));
    }
    out += stream.finish();
  };
  const std::string_view texts[] = {"Hello, 1234 wörld!\n\n  it's<|im_start|>user\n<|im_end|>", "\xff\xc3 \uff21\ufdfa e\u0301",
                                    model.substr(0, 200)};
  for (const std::string_view text : texts) {
    check(tokenizer.encode(text, pio::SpecialTokens::none));
    const pio::Piece pieces[] = {{pio::Piece::Kind::control, std::string(text)}, {pio::Piece::Kind::text, std::string(text)}};
    check(tokenizer.encode_pieces(pieces));
  }
  return 0;
}
