#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/files/file_reader.h"
#include "kernels/base/result.h"

namespace pio {

// A file's bytes, mapped read-only. Move-only; unmapped when it goes.
// The kernel reads the file as the bytes are touched. A file that another program shortens meanwhile ends this one with SIGBUS, as every
// mapping does; one that is replaced by a rename (as downloaders do) stays whole.
class MappedFile {
 public:
  // Fails with not_found or io{path}. An empty file gives no bytes. Folders and devices are refused.
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  // Copies a part of bytes() to `out` without touching it: by reading the file. Thread-safe. Fails as FileReader::read.
  Result<void> read(std::span<const std::byte> part, std::byte* out) const;
  bool holds(std::span<const std::byte> part) const;
  // Null where the file is empty.
  FileReader* reader() const { return reader_.get(); }
  ReadCounts read_counts() const { return reader_ ? reader_->counts() : ReadCounts(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile() = default;
  std::span<const std::byte> bytes_;
  std::filesystem::path path_;
  std::unique_ptr<FileReader> reader_;
};

// Bytes of a mapped file that will not be read again soon: the system may take back their memory. The whole pages among them, because those
// at the ends may belong to neighbours.
void release_pages(std::span<const std::byte> bytes);

// A whole text file, at most `limit` bytes (bad_file beyond).
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit);

}  // namespace pio
