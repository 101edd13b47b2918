#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/kv/snapshot.h"
#include "engine/files/xxh64.h"

// The header of a snapshot: as it comes, and with a checksum that fits, so that what is behind it is reached.

namespace {

void read(std::span<const std::byte> bytes) {
  const auto header = pio::parse_snapshot_header(bytes, "fuzz");
  if (!header) return;
  if (header->ids.empty() || std::ssize(header->ids) > pio::kSnapshotTokens || std::ssize(header->checksums) != header->n_pieces() ||
      header->n_bytes() < header->header_bytes)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  read(bytes);
  const auto header_bytes = pio::snapshot_header_bytes(bytes, "fuzz");
  if (!header_bytes) return 0;
  std::vector<std::byte> whole(bytes.begin(), bytes.end());
  whole.resize(*header_bytes);
  const std::uint64_t checksum = pio::xxh64(std::span(whole).first(whole.size() - 8));
  std::memcpy(whole.data() + whole.size() - 8, &checksum, 8);
  read(whole);
  return 0;
}
