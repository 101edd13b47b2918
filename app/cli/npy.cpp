#include "app/cli/npy.h"

#include <bit>

#include "kernels/base/check.h"

namespace pio {

static_assert(std::endian::native == std::endian::little, "the header says '<f4'");

Result<NpyWriter> NpyWriter::create(const std::string& path, std::int64_t n_rows, std::int64_t n_columns) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(n_rows) + ", " + std::to_string(n_columns) + "), }";
  constexpr std::size_t kPreamble = 10;  // magic, version, length: the data begins at a multiple of 64
  header.append(63 - (kPreamble + header.size()) % 64, ' ');
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());
  std::string front("\x93NUMPY\x01\x00", 8);
  front += static_cast<char>(length & 255);
  front += static_cast<char>(length >> 8);

  ASSIGN_OR_RETURN(ReplaceFile file, ReplaceFile::open(path));
  RETURN_IF_ERROR(file.write(front + header));
  return NpyWriter(std::move(file), n_rows * n_columns);
}

Result<void> NpyWriter::append(std::span<const float> rows) {
  CHECK(std::ssize(rows) <= n_left_, "npy: more rows than were announced");
  RETURN_IF_ERROR(file_.write(std::as_bytes(rows)));
  n_left_ -= std::ssize(rows);
  return {};
}

Result<void> NpyWriter::finish() {
  CHECK(n_left_ == 0, "npy: rows are missing");
  RETURN_IF_ERROR(file_.commit());
  return {};
}

Result<void> write_npy(const std::string& path, std::span<const float> values, std::int64_t n_rows, std::int64_t n_columns) {
  ASSIGN_OR_RETURN(NpyWriter writer, NpyWriter::create(path, n_rows, n_columns));
  RETURN_IF_ERROR(writer.append(values));
  return writer.finish();
}

}  // namespace pio
