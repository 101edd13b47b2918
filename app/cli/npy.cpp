#include "app/cli/npy.h"

#include <bit>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace pio {

static_assert(std::endian::native == std::endian::little, "the header says '<f4'");

Result<void> write_npy(const std::string& path, std::span<const float> values, std::int64_t n_rows, std::int64_t n_columns) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(n_rows) + ", " + std::to_string(n_columns) + "), }";
  constexpr std::size_t kPreamble = 10;  // magic, version, length: the data begins at a multiple of 64
  header.append(63 - (kPreamble + header.size()) % 64, ' ');
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());

  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write("\x93NUMPY\x01\x00", 8);
  out.put(static_cast<char>(length & 255));
  out.put(static_cast<char>(length >> 8));
  out << header;
  out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
  out.close();
  if (!out) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    Error error = make_error(ErrorCode::io, path + ": " + std::to_string(values.size_bytes()) + " bytes to be written, writing failed");
    error.path = path;
    return error;
  }
  return {};
}

}  // namespace pio
