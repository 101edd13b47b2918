#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kernels/base/result.h"

namespace pio {

// Writes one file. What is under the name stays as it is until commit(), which replaces it in one step and keeps its permissions; a writer
// that goes without commit() leaves nothing. Links are followed: the file they lead to is replaced, not the link. A device or pipe is
// written directly, is never removed, and keeps what it was given before a failure. One thread.
//
// The part has no name while it is written, so that a killed process leaves nothing either; where the file system has no files without
// names it is called ".pio-part-…", in the same folder.
class ReplaceFile {
 public:
  enum class Part { unnamed_where_possible, named };

  // Fails with bad_argument where the path is a folder; with io where it cannot be written, for that file too if it exists: one that is
  // read-only is not replaced. Opening a pipe waits for its reader.
  static Result<ReplaceFile> open(const std::filesystem::path& path, Part part = Part::unnamed_where_possible);
  ReplaceFile(ReplaceFile&& other) noexcept;
  ReplaceFile& operator=(ReplaceFile&&) = delete;
  ~ReplaceFile();

  // For its owner alone, whatever the file that it replaces allows. Before the first byte.
  Result<void> make_private();
  // The next bytes. Fails with io; after a failure nothing can be committed. (A full disk, a limit on file sizes, a pipe without a reader:
  // errors, never a signal.)
  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view text) { return write(std::as_bytes(std::span(text.data(), text.size()))); }
  // What was written, to the disk. commit() does it too; here for several files that are to appear together.
  Result<void> sync();
  // Under the name. The bytes of the file. Once.
  Result<std::uint64_t> commit();

  std::uint64_t n_written() const { return n_written_; }
  // Whether a file is replaced, not a device or pipe written.
  bool replaces() const { return !is_direct_; }

 private:
  explicit ReplaceFile(std::filesystem::path path) : path_(std::move(path)) {}
  Result<void> open_direct(int descriptor);
  Result<void> open_part(Part part);
  Result<void> keep_permissions();
  Result<void> name_part();
  Error failed(const std::string& expected, int number);

  std::filesystem::path path_;    // as it was asked for, for messages
  std::filesystem::path target_;  // behind all links
  std::filesystem::path part_;    // empty while it has no name
  int file_ = -1;
  bool is_direct_ = false;
  std::optional<Error> error_;  // the first, of write or sync
  std::uint64_t n_written_ = 0;
};

}  // namespace pio
