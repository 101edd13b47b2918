#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "kernels/base/result.h"

namespace pio::cli {

// --logits-out: the rows of the sampled steps as float32 [n_steps, vocab_size], an .npy file. How many they are is known at the end, so
// they are kept in a temporary file until then.
class LogitsFile {
 public:
  // Fails where `path` cannot be written, before anything is generated.
  static Result<LogitsFile> open(const std::string& path);
  // A failure is kept for finish().
  void append(std::span<const float> row);
  Result<void> finish();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  LogitsFile(std::string path, std::FILE* rows) : path_(std::move(path)), rows_(rows) {}

  std::string path_;
  std::unique_ptr<std::FILE, Close> rows_;
  std::int64_t n_rows_ = 0, vocab_size_ = 0;
  bool has_failed_ = false;
};

}  // namespace pio::cli
