#include <cstdlib>

#include "engine/files/model_file.h"
#include "engine/tokenizer/tokenizer.h"

// A GGUF from anywhere: metadata, tensors, and the vocabulary in it.

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto parsed = pio::parse_gguf(bytes, "fuzz.gguf");
  if (!parsed) {
    require(!parsed.error().message.empty());
    return 0;
  }
  const pio::ModelFile& file = **parsed;
  unsigned sum = 0;
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const auto values = file.data(i);
    require(values.size() == file.tensors()[i].n_bytes);
    require(values.size() == pio::bytes_of(file.tensors()[i].dtype, file.tensors()[i].shape.n_values()));
    for (const std::byte b : values) sum += std::to_integer<unsigned>(b);
  }
  static volatile unsigned sink;
  sink = sum;  // or the reads above would be left out
  const auto tokenizer = pio::load_gguf_tokenizer(
      [&](std::string_view key) {
        const auto it = file.metadata().find(key);
        return it == file.metadata().end() ? nullptr : &it->second;
      },
      "fuzz.gguf");
  if (tokenizer)
    for (const int id : (*tokenizer)->encode("Hello, 1234 wörld<|im_end|>", pio::SpecialTokens::all)) require(id >= 0 && id < (*tokenizer)->n_ids());
  return 0;
}
