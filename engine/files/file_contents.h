#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "kernels/base/result.h"

namespace pio {

// A file of at most so many bytes is looked at whole.
inline constexpr std::uint64_t kMostWholeBytes = std::uint64_t{16} << 20;

// A number for the contents of a file of n bytes, as a few looks tell them: all of a small file, of a large one its beginning, its end and places
// between. A file that was only touched has it as before; another model's, or one that is being written over, has another.
Result<std::uint64_t> contents_of(std::uint64_t n_bytes,
                                  const std::function<Result<void>(std::uint64_t offset, std::size_t n, std::byte* out)>& read);
// Of a file by its name; nothing where it cannot be read.
std::optional<std::uint64_t> contents_of(const std::filesystem::path& path);

}  // namespace pio
