#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "engine/files/model_file.h"

namespace pio::test {

// What a file holds of a tensor.
inline std::vector<std::byte> tensor_bytes(const ModelFile& file, std::size_t index) {
  std::vector<std::byte> bytes(file.data(index).size());
  const Result<void> read = file.read(file.data(index), bytes.data());
  EXPECT_TRUE(read) << read.error().message;
  return bytes;
}

}  // namespace pio::test
