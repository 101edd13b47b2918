#include "engine/tokenizer/added_tokens.h"

namespace pio {

Result<void> check_rows(const Tokenizer& tokenizer, int n_base_ids, std::int64_t n_rows, std::string_view label) {
  const auto beyond = [&](const std::string& thing, std::int64_t n) {
    Error error = make_error(ErrorCode::bad_file, std::string(label) + ": " + thing + ": expected an embedding table of at least " +
                                                      std::to_string(n) + " rows, found " + std::to_string(n_rows));
    error.limit = static_cast<std::uint64_t>(n_rows);
    error.asked = static_cast<std::uint64_t>(n);
    return error;
  };
  if (n_base_ids > n_rows) return beyond("vocabulary of " + std::to_string(n_base_ids) + " tokens", n_base_ids);
  if (const std::optional<int> begin = tokenizer.begin_id(); begin && *begin >= n_rows) {
    return beyond("begin token " + std::to_string(*begin), std::int64_t{*begin} + 1);
  }
  for (const int id : tokenizer.stop_ids()) {
    if (id >= n_rows) return beyond("end token " + std::to_string(id), std::int64_t{id} + 1);
  }
  return {};
}

JoinedPieces join(std::span<const Piece> pieces) {
  JoinedPieces joined;
  for (const Piece& piece : pieces) {
    const std::size_t start = joined.text.size();
    joined.text += piece.text;
    if (piece.kind != Piece::Kind::control) continue;
    if (!joined.control.empty() && joined.control.back().last == start) joined.control.back().last = joined.text.size();
    else joined.control.push_back({start, joined.text.size()});
  }
  return joined;
}

void AddedTokens::put(std::string_view spelling, int token) {
  std::uint32_t node = 0;
  for (const char byte : spelling) {
    std::uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({.byte = byte, .sibling = nodes_[node].child});
      nodes_[node].child = next;
    }
    node = next;
  }
  nodes_[node].token = token;
}

AddedTokens::Match AddedTokens::longest(std::string_view text) const {
  Match match;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size() && (node = child(node, text[i])) != 0; ++i) {
    if (nodes_[node].token >= 0) match = {nodes_[node].token, i + 1};
  }
  return match;
}

std::optional<int> AddedTokens::find(std::string_view spelling) const {
  const Match match = longest(spelling);
  if (match.token < 0 || match.n_bytes != spelling.size()) return std::nullopt;
  return match.token;
}

int AddedTokens::forget_from(int n_ids) {
  int n = 0;
  for (Node& node : nodes_) {
    if (node.token < n_ids) continue;
    node.token = -1;
    ++n;
  }
  return n;
}

std::uint32_t AddedTokens::child(std::uint32_t node, char byte) const {
  std::uint32_t next = nodes_[node].child;
  while (next != 0 && nodes_[next].byte != byte) next = nodes_[next].sibling;
  return next;
}

}  // namespace pio
