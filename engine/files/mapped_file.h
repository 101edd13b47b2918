#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/files/file_reader.h"
#include "kernels/base/result.h"

namespace pio {

// A file that is open for reading, and an address for each of its bytes. Move-only; closed when it goes.
// The addresses say where a part of the file stands, and what of it lies in the page cache can be asked by them. Nothing can be read there: a file
// that another program shortens would end this one with SIGBUS. read() fails instead. A file that is replaced by a rename (as downloaders do)
// stays whole.
class MappedFile {
 public:
  // Fails with not_found or io{path}. An empty file gives no bytes. Folders and devices are refused.
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  std::uint64_t n_bytes() const { return bytes_.size(); }
  // Copies a part of bytes() to `out`. Thread-safe. Fails as FileReader::read.
  Result<void> read(std::span<const std::byte> part, std::byte* out) const;
  // The first n bytes, or all where there are fewer.
  Result<std::vector<std::byte>> read_front(std::uint64_t n) const;
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

// A whole text file, at most `limit` bytes (bad_file beyond).
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit);

}  // namespace pio
