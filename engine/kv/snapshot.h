#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"

// The file of a stretch of tokens and their keys and values. A conversation is a chain of such stretches: all but the last are kSnapshotTokens long
// and begin at a multiple of that, so conversations with a common beginning have its files in common.
//
//   bytes  0  magic "PIOKVSNP"
//          8  u32 version, u32 bytes of the header, u32 bytes of the model's text, u32 tokens
//         24  u64 tokens before, u64 key of the stretch before, u64 own key, u64 bytes of a piece, u64 key of the conversation that wrote it
//         64  the model's text; i32 ids; u64 checksum of each piece; zeros; u64 checksum of the header before it
//   then the pieces: of every block of kKvBlockLength tokens what it takes in all layers, in the order of kernels/kv_layout.h
//
// Little endian. Checksums are XXH64.

namespace pio {

inline constexpr std::int64_t kSnapshotTokens = 512;

// Where keys and values lie beside the model.
enum class SnapshotTier { none, ram, disk };
const char* name_of(SnapshotTier tier);  // "none", "ram", "disk"

struct SnapshotHeader {
  // All that the numbers depend on. The first line is the model's name, the second one the format of keys and values.
  std::string model;
  std::int64_t n_before = 0;
  std::uint64_t parent = 0, key = 0;
  std::uint64_t conversation = 0;  // that wrote it; others may go on from it
  std::vector<int> ids;
  std::uint64_t piece_bytes = 0;
  std::vector<std::uint64_t> checksums = {};  // of the pieces
  std::uint64_t header_bytes = 0;

  std::int64_t n_pieces() const;
  std::uint64_t n_bytes() const { return header_bytes + static_cast<std::uint64_t>(n_pieces()) * piece_bytes; }
};

// The key before a conversation's first stretch, and that of a stretch.
std::uint64_t first_snapshot_key(std::string_view model);
std::uint64_t snapshot_key(std::uint64_t parent, std::span<const int> ids);
// Of a conversation by its name.
std::uint64_t conversation_key(std::string_view name);

// The header's bytes; header_bytes is set.
std::vector<std::byte> write_snapshot_header(SnapshotHeader& header);

// What a file must hold to know how long its header is.
inline constexpr std::size_t kSnapshotStart = 64;
// The header's length from the file's first kSnapshotStart bytes. Fails with bad_file.
Result<std::uint64_t> snapshot_header_bytes(std::span<const std::byte> start, std::string_view label);
// The header from its bytes, or more than these; everything in it is checked. Fails with bad_file.
Result<SnapshotHeader> parse_snapshot_header(std::span<const std::byte> bytes, std::string_view label);

}  // namespace pio
