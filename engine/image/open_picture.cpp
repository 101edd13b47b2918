#include <filesystem>

#include "engine/files/mapped_file.h"
#include "engine/image/decode.h"

namespace pio {

Result<PictureFile> open_picture(const ImageInput& input) {
  if (input.bytes) return PictureFile{.owner = input.bytes, .bytes = *input.bytes, .label = "picture"};
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(input.path));
  auto held = std::make_shared<const MappedFile>(std::move(file));
  const std::span<const std::byte> bytes = held->bytes();
  return PictureFile{.owner = std::move(held), .bytes = bytes, .label = std::filesystem::path(input.path).filename().string()};
}

}  // namespace pio
