#include <cstdlib>

#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/utf8_stream.h"

// A tokenizer.json from anywhere; then text goes through it, there and back.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto loaded = pio::load_tokenizer_json(json, "tokenizer.json");
  if (!loaded) return 0;
  const pio::Tokenizer& tokenizer = **loaded;
  const std::string_view texts[] = {"Hello, 1234 wörld!\n\n  it's<|im_start|>user\n<|im_end|>", "\xff\xc3", json.substr(0, 200)};
  for (const std::string_view text : texts) {
    for (const auto special : {pio::SpecialTokens::none, pio::SpecialTokens::user, pio::SpecialTokens::all}) {
      pio::Utf8Stream stream;
      std::string out;
      for (const int id : tokenizer.encode(text, special)) {
        if (id < 0 || id >= tokenizer.n_ids()) std::abort();
        out += stream.push(tokenizer.bytes(id));
      }
      out += stream.finish();
    }
  }
  const pio::Piece pieces[] = {{pio::Piece::Kind::control, "<|im_start|>"}, {pio::Piece::Kind::text, "user<|im_end|>"}};
  static_cast<void>(tokenizer.encode_pieces(pieces));
  return 0;
}
