#include "engine/files/model_file.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/files/mapped_model.h"
#include "engine/files/words.h"

namespace pio {
namespace {

constexpr std::uint64_t kFrontBytes = 64;  // enough to tell what a file is

bool starts_with_gguf_magic(std::span<const std::byte> bytes) {
  constexpr std::string_view magic = "GGUF";
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(), [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

}  // namespace

Result<void> check_names_differ(const std::vector<TensorInfo>& tensors, std::string_view label) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return tensors[a].name < tensors[b].name; });
  const auto twin = std::adjacent_find(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return tensors[a].name == tensors[b].name; });
  if (twin != order.end()) return bad_file(label, "tensor " + shown(tensors[*twin].name) + ": expected once, found twice");
  return {};
}

Result<void> ModelFile::read(std::span<const std::byte> part, std::byte* out) const {
  if (!part.empty()) std::memcpy(out, part.data(), part.size());
  return {};
}

Result<std::unique_ptr<ModelFile>> open_model_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return open_hugging_face(path);
  if (path.extension() == ".safetensors") {
    ASSIGN_OR_RETURN(const MappedFile shard, MappedFile::open(path));
    return open_hugging_face(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
  }
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  ASSIGN_OR_RETURN(const std::vector<std::byte> front, file.read_front(kFrontBytes));
  if (starts_with_gguf_magic(front) || path.extension() == ".gguf") return open_gguf(path);
  Error error = bad_file(path.filename().string(), "expected a GGUF file or a Hugging Face folder, found " + what_it_looks_like(front));
  error.path = path.string();
  return error;
}

}  // namespace pio
