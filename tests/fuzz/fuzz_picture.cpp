#include <cstdlib>

#include "engine/image/decode.h"
#include "engine/image/picture_header.h"

// A picture file from anywhere.

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto header = pio::read_picture_header(bytes, "fuzz.png");
  const auto pixels = pio::decode_picture(bytes, "fuzz.png");
  require(header || !pixels);
  if (!pixels) {
    require(!pixels.error().message.empty());
    return 0;
  }
  require(pixels->height * pixels->width <= header->height * header->width);  // a TIFF may say its size twice
  require(pixels->rgb.size() == static_cast<std::size_t>(pixels->height * pixels->width * 3));
  return 0;
}
