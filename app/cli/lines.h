#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/base/result.h"

namespace pio::cli {

// The lines of a file, or of standard input for "-" and "", as they come: what a pipe has written can be answered before it writes more.
class LineReader {
 public:
  static Result<LineReader> open(const std::string& path);
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;
  ~LineReader();

  // The next line without its end ("\n" or "\r\n"); nothing at the end. Fails with io, with cancelled when Ctrl+C comes first, or with
  // bad_argument for a line of more than 1 GiB.
  Result<std::optional<std::string>> next();
  // Whether next() gives a line, the end or an error without waiting.
  bool is_ready();
  // Of the line that next() gave, from 1 on.
  int number() const { return number_; }
  // What messages call it.
  const std::string& label() const { return label_; }

 private:
  LineReader(int file, std::string label) : file_(file), label_(std::move(label)) {}

  // Reads a piece more behind held_.
  Result<void> read_more();

  int file_;
  std::string label_;
  std::string held_;    // read and not given yet
  std::size_t at_ = 0;  // where it begins in held_
  bool is_at_end_ = false;
  int number_ = 0;
};

// Calls `line` for each line that is not blank; an error ends it and gets the file's name and the line's number.
Result<void> for_each_line(const std::string& path, const std::function<Result<void>(std::string_view line)>& line);

bool is_blank(std::string_view line);

}  // namespace pio::cli
