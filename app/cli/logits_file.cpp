#include "app/cli/logits_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "app/cli/npy.h"

namespace pio::cli {
namespace {

Error temporary_failed() {
  return make_error(ErrorCode::io, std::string("--logits-out: a temporary file for its rows, found: ") + std::strerror(errno));
}

}  // namespace

Result<LogitsFile> LogitsFile::open(const std::string& path) {
  std::error_code ignored;
  const auto kind = std::filesystem::status(path, ignored).type();
  // A pipe's reader would take the trial's end for the file's.
  if (kind == std::filesystem::file_type::not_found || kind == std::filesystem::file_type::regular || kind == std::filesystem::file_type::directory) {
    ASSIGN_OR_RETURN(const ReplaceFile trial, ReplaceFile::open(path));
  }
  std::FILE* rows = std::tmpfile();
  if (!rows) return temporary_failed();
  return LogitsFile(path, rows);
}

void LogitsFile::append(std::span<const float> row) {
  vocab_size_ = std::ssize(row);
  ++n_rows_;
  has_failed_ |= std::fwrite(row.data(), sizeof(float), row.size(), rows_.get()) != row.size();
}

Result<void> LogitsFile::finish() {
  if (has_failed_ || std::fflush(rows_.get()) != 0 || std::fseek(rows_.get(), 0, SEEK_SET) != 0) return temporary_failed();
  ASSIGN_OR_RETURN(NpyWriter out, NpyWriter::create(path_, n_rows_, vocab_size_));
  std::array<float, 1 << 14> part;
  for (std::int64_t left = n_rows_ * vocab_size_; left > 0;) {
    const std::size_t n = std::fread(part.data(), sizeof(float), std::min<std::size_t>(part.size(), static_cast<std::size_t>(left)), rows_.get());
    if (n == 0) return temporary_failed();
    RETURN_IF_ERROR(out.append(std::span(part).first(n)));
    left -= static_cast<std::int64_t>(n);
  }
  return out.finish();
}

}  // namespace pio::cli
