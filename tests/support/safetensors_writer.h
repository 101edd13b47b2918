#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace pio {

// A safetensors file of any header text, sound or not, before `n_data_bytes` bytes 0, 1, 2, …
inline std::vector<std::byte> safetensors_file(std::string_view header, std::size_t n_data_bytes) {
  const std::uint64_t n_header_bytes = header.size();
  std::vector<std::byte> bytes(8 + header.size() + n_data_bytes);
  std::memcpy(bytes.data(), &n_header_bytes, 8);
  if (!header.empty()) std::memcpy(bytes.data() + 8, header.data(), header.size());
  for (std::size_t i = 0; i < n_data_bytes; ++i) bytes[8 + header.size() + i] = static_cast<std::byte>(i);
  return bytes;
}

}  // namespace pio
