#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/files/replace_file.h"
#include "kernels/base/result.h"
#include "models/weight_source.h"

namespace pio {

// Writes a GGUF file, version 3, as a ReplaceFile: it has its name when everything has been written. One thread.
class GgufFileWriter {
 public:
  // Writes the header. Whole numbers become u32, or i32, i64 where they must; fractions f32 where that holds them; lists of whole numbers i32
  // where that holds all. Tensors are laid out in this order, their n_bytes set. Fails with io.
  static Result<GgufFileWriter> create(const std::filesystem::path& path, const std::map<std::string, MetaValue, std::less<>>& metadata,
                                       std::vector<TensorInfo> tensors);

  // The next bytes of the tensors, in order; none of two tensors at once.
  Result<void> append(std::span<const std::byte> bytes);
  // After the last tensor: to the disk; then under the name. Bytes of the file.
  Result<void> sync();
  Result<std::uint64_t> finish();

 private:
  GgufFileWriter(ReplaceFile file, std::vector<TensorInfo> tensors) : file_(std::move(file)), tensors_(std::move(tensors)) {}
  Result<void> pad();

  ReplaceFile file_;
  std::vector<TensorInfo> tensors_;
  std::size_t next_ = 0;           // the tensor that is being written
  std::uint64_t n_of_tensor_ = 0;  // bytes of it so far
};

}  // namespace pio
