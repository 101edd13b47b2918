#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/files/replace_file.h"
#include "kernels/base/result.h"

namespace pio {

// Writes float32 [n_rows, n_columns] as NumPy's .npy, version 1.0 (numpy.lib.format), rows as they come, into a ReplaceFile: what was under
// the name stays until finish(). Fails with io{path}, or bad_argument where the path is a folder.
class NpyWriter {
 public:
  static Result<NpyWriter> create(const std::string& path, std::int64_t n_rows, std::int64_t n_columns);
  // The next rows: whole ones, at most n_rows in all.
  Result<void> append(std::span<const float> rows);
  // After the last row.
  Result<void> finish();

 private:
  NpyWriter(ReplaceFile file, std::int64_t n_values) : file_(std::move(file)), n_left_(n_values) {}

  ReplaceFile file_;
  std::int64_t n_left_;  // values
};

// All rows at once.
Result<void> write_npy(const std::string& path, std::span<const float> values, std::int64_t n_rows, std::int64_t n_columns);

}  // namespace pio
