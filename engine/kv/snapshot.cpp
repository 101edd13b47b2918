#include "engine/kv/snapshot.h"

#include <algorithm>
#include <cstring>

#include "engine/files/xxh64.h"
#include "kernels/backend.h"

namespace pio {
namespace {

constexpr std::string_view kMagic = "PIOKVSNP";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kPage = 4096;                              // headers are whole pages, so that pieces begin at one
constexpr std::uint64_t kMostModelBytes = std::uint64_t{1} << 16;  // of the model's text
constexpr std::uint64_t kMostPieceBytes = std::uint64_t{1} << 28;  // 8 MiB a token
constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 30;      // of a conversation
constexpr std::uint64_t kMostHeaderBytes = std::uint64_t{1} << 20;
constexpr std::size_t kVersionAt = 8, kHeaderBytesAt = 12, kModelBytesAt = 16, kTokensAt = 20, kBeforeAt = 24, kParentAt = 32, kKeyAt = 40,
                      kPieceBytesAt = 48, kConversationAt = 56;

std::int64_t pieces_of(std::int64_t n_tokens) { return (n_tokens + kKvBlockLength - 1) / kKvBlockLength; }

std::uint64_t bytes_for(std::uint64_t model_bytes, std::uint64_t n_tokens) {
  const std::uint64_t used =
      kSnapshotStart + model_bytes + 4 * n_tokens + 8 * static_cast<std::uint64_t>(pieces_of(static_cast<std::int64_t>(n_tokens))) + 8;
  return (used + kPage - 1) / kPage * kPage;
}

template <class T>
T number(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void put(std::vector<std::byte>& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

Error bad(std::string_view label, const std::string& what) { return make_error(ErrorCode::bad_file, std::string(label) + ": " + what); }

}  // namespace

const char* name_of(SnapshotTier tier) {
  switch (tier) {
    case SnapshotTier::none: return "none";
    case SnapshotTier::ram: return "ram";
    case SnapshotTier::disk: return "disk";
  }
  return "unknown";
}

std::int64_t SnapshotHeader::n_pieces() const { return pieces_of(std::ssize(ids)); }

std::uint64_t first_snapshot_key(std::string_view model) { return xxh64(std::as_bytes(std::span(model.data(), model.size()))); }

std::uint64_t snapshot_key(std::uint64_t parent, std::span<const int> ids) { return xxh64(std::as_bytes(ids), parent); }

std::uint64_t conversation_key(std::string_view name) { return xxh64(std::as_bytes(std::span(name.data(), name.size()))); }

std::vector<std::byte> write_snapshot_header(SnapshotHeader& header) {
  const std::uint64_t n_tokens = header.ids.size(), model_bytes = header.model.size();
  CHECK(model_bytes <= kMostModelBytes && n_tokens >= 1 && std::ssize(header.ids) <= kSnapshotTokens, "snapshot: too long a header");
  CHECK(std::ssize(header.checksums) == header.n_pieces(), "snapshot: a checksum for each piece");
  header.header_bytes = bytes_for(model_bytes, n_tokens);
  std::vector<std::byte> bytes(header.header_bytes);
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  put(bytes, kVersionAt, kVersion);
  put(bytes, kHeaderBytesAt, static_cast<std::uint32_t>(header.header_bytes));
  put(bytes, kModelBytesAt, static_cast<std::uint32_t>(model_bytes));
  put(bytes, kTokensAt, static_cast<std::uint32_t>(n_tokens));
  put(bytes, kBeforeAt, static_cast<std::uint64_t>(header.n_before));
  put(bytes, kParentAt, header.parent);
  put(bytes, kKeyAt, header.key);
  put(bytes, kPieceBytesAt, header.piece_bytes);
  put(bytes, kConversationAt, header.conversation);
  std::size_t at = kSnapshotStart;
  const auto append = [&](const void* from, std::size_t n) {
    if (n > 0) std::memcpy(bytes.data() + at, from, n);
    at += n;
  };
  append(header.model.data(), model_bytes);
  append(header.ids.data(), 4 * n_tokens);
  append(header.checksums.data(), 8 * header.checksums.size());
  const std::span<const std::byte> checked(bytes.data(), bytes.size() - 8);
  put(bytes, bytes.size() - 8, xxh64(checked));
  return bytes;
}

Result<std::uint64_t> snapshot_header_bytes(std::span<const std::byte> start, std::string_view label) {
  if (start.size() < kSnapshotStart)
    return bad(label, "expected a header of " + std::to_string(kSnapshotStart) + " bytes, found " + std::to_string(start.size()));
  if (std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0) return bad(label, "expected a snapshot, found something else");
  const auto version = number<std::uint32_t>(start, kVersionAt);
  if (version != kVersion) return bad(label, "expected version " + std::to_string(kVersion) + " of snapshots, found " + std::to_string(version));
  const std::uint64_t header_bytes = number<std::uint32_t>(start, kHeaderBytesAt), model_bytes = number<std::uint32_t>(start, kModelBytesAt),
                      n_tokens = number<std::uint32_t>(start, kTokensAt);
  if (n_tokens < 1 || n_tokens > static_cast<std::uint64_t>(kSnapshotTokens))
    return bad(label, "expected 1 to " + std::to_string(kSnapshotTokens) + " tokens, found " + std::to_string(n_tokens));
  if (model_bytes > kMostModelBytes)
    return bad(label, "expected a model's text of at most " + std::to_string(kMostModelBytes) + " bytes, found " + std::to_string(model_bytes));
  const std::uint64_t wanted = bytes_for(model_bytes, n_tokens);
  static_assert(kSnapshotStart + kMostModelBytes + 12 * kSnapshotTokens + kPage < kMostHeaderBytes);
  if (header_bytes != wanted) return bad(label, "expected a header of " + std::to_string(wanted) + " bytes, found " + std::to_string(header_bytes));
  return header_bytes;
}

Result<SnapshotHeader> parse_snapshot_header(std::span<const std::byte> bytes, std::string_view label) {
  SnapshotHeader header;
  ASSIGN_OR_RETURN(header.header_bytes, snapshot_header_bytes(bytes, label));
  if (bytes.size() < header.header_bytes)
    return bad(label, "expected a header of " + std::to_string(header.header_bytes) + " bytes, found " + std::to_string(bytes.size()));
  bytes = bytes.first(header.header_bytes);
  if (number<std::uint64_t>(bytes, bytes.size() - 8) != xxh64(bytes.first(bytes.size() - 8)))
    return bad(label, "the header does not have its checksum");
  const std::size_t model_bytes = number<std::uint32_t>(bytes, kModelBytesAt), n_tokens = number<std::uint32_t>(bytes, kTokensAt);
  const auto n_before = number<std::uint64_t>(bytes, kBeforeAt);
  if (n_before > kMostTokens || n_before % kSnapshotTokens != 0)
    return bad(label, "expected a multiple of " + std::to_string(kSnapshotTokens) + " tokens before it, found " + std::to_string(n_before));
  header.n_before = static_cast<std::int64_t>(n_before);
  header.parent = number<std::uint64_t>(bytes, kParentAt);
  header.key = number<std::uint64_t>(bytes, kKeyAt);
  header.conversation = number<std::uint64_t>(bytes, kConversationAt);
  header.piece_bytes = number<std::uint64_t>(bytes, kPieceBytesAt);
  if (header.piece_bytes < 1 || header.piece_bytes > kMostPieceBytes)
    return bad(label, "expected pieces of at most " + std::to_string(kMostPieceBytes) + " bytes, found " + std::to_string(header.piece_bytes));
  std::size_t at = kSnapshotStart;
  header.model.assign(reinterpret_cast<const char*>(bytes.data()) + at, model_bytes);
  at += model_bytes;
  header.ids.resize(n_tokens);
  std::memcpy(header.ids.data(), bytes.data() + at, 4 * n_tokens);
  at += 4 * n_tokens;
  header.checksums.resize(static_cast<std::size_t>(header.n_pieces()));
  std::memcpy(header.checksums.data(), bytes.data() + at, 8 * header.checksums.size());
  if (header.key != snapshot_key(header.parent, header.ids)) return bad(label, "its key is not that of its tokens");
  if (header.n_before == 0 && header.parent != first_snapshot_key(header.model)) return bad(label, "its key is not that of its model");
  return header;
}

}  // namespace pio
