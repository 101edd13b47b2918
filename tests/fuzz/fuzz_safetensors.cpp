#include <cstdlib>

#include "engine/files/model_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto parsed = pio::parse_safetensors(bytes, "fuzz.safetensors");
  if (!parsed) return 0;
  std::uint64_t end = 0;  // in the order of the data, one after the other
  for (const pio::SafetensorsEntry& entry : *parsed) {
    if (entry.offset < end || entry.info.n_bytes > size || entry.offset > size - entry.info.n_bytes) std::abort();
    if (entry.info.n_bytes != pio::bytes_of(entry.info.dtype, entry.info.shape.n_values())) std::abort();
    end = entry.offset + entry.info.n_bytes;
  }
  return 0;
}
