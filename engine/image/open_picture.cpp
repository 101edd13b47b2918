#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/files/mapped_file.h"
#include "engine/files/words.h"
#include "engine/image/decode.h"
#include "engine/image/picture_header.h"

namespace pio {

Result<PictureFile> open_picture(const ImageInput& input) {
  if (input.bytes) return PictureFile{.owner = input.bytes, .bytes = *input.bytes, .label = "picture"};
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(input.path));
  std::string label = std::filesystem::path(input.path).filename().string();
  if (file.n_bytes() > kMaxPictureFileBytes) return too_large_a_picture(file.n_bytes(), label);
  ASSIGN_OR_RETURN(std::vector<std::byte> read, file.read_front(file.n_bytes()));
  auto held = std::make_shared<const std::vector<std::byte>>(std::move(read));
  const std::span<const std::byte> bytes = *held;
  return PictureFile{.owner = std::move(held), .bytes = bytes, .label = std::move(label)};
}

bool looks_like_picture_file(const std::string& path) {
  constexpr std::uint64_t kFrontBytes = 64;
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return false;
  const Result<std::vector<std::byte>> front = file->read_front(kFrontBytes);
  return front && *picture_format(*front) != '\0';
}

}  // namespace pio
