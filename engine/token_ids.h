#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/result.h"

// Token ids that a model may be given. Only a Vocabulary makes them, so that no unchecked id reaches a table.

namespace pio {

// Some checked ids, borrowed.
class TokenSpan {
 public:
  TokenSpan() = default;
  std::int64_t size() const { return std::ssize(ids_); }
  bool empty() const { return ids_.empty(); }
  int operator[](std::int64_t i) const { return ids_[i]; }
  std::span<const int> values() const { return ids_; }
  TokenSpan subspan(std::int64_t first, std::int64_t n) const {
    CHECK(first >= 0 && n >= 0 && first + n <= size(), "subspan: out of range");
    return TokenSpan(ids_.subspan(first, n));
  }
  TokenSpan subspan(std::int64_t first) const { return subspan(first, size() - first); }

 private:
  friend class TokenIds;
  explicit TokenSpan(std::span<const int> ids) : ids_(ids) {}
  std::span<const int> ids_;
};

// Each id is a row of the embedding table, or below zero where it stands for a picture's embedding.
class TokenIds {
 public:
  TokenIds() = default;
  operator TokenSpan() const& { return TokenSpan(ids_); }  // NOLINT: implicit, as a vector becomes a span
  operator TokenSpan() const&& = delete;
  TokenSpan span() const& { return TokenSpan(ids_); }
  TokenSpan span() const&& = delete;
  std::int64_t size() const { return std::ssize(ids_); }
  bool empty() const { return ids_.empty(); }
  int operator[](std::int64_t i) const { return ids_[i]; }
  const std::vector<int>& values() const { return ids_; }

 private:
  friend class Vocabulary;
  explicit TokenIds(std::vector<int> ids) : ids_(std::move(ids)) {}
  std::vector<int> ids_;
};

// The rows of a model's embedding table.
class Vocabulary {
 public:
  explicit Vocabulary(std::int64_t n_rows) : n_rows_(n_rows) {}
  std::int64_t n_rows() const { return n_rows_; }

  // Fails with bad_argument{limit, asked} at the first id outside the table. `what` names them to a person: "prompt".
  Result<TokenIds> check(std::vector<int> ids, const char* what) const { return check(std::move(ids), what, 0); }
  // The same, with ids below zero for pictures' embeddings (engine/image/pictures.h makes them).
  Result<TokenIds> check_with_pictures(std::vector<int> ids, const char* what) const { return check(std::move(ids), what, INT32_MIN); }

 private:
  Result<TokenIds> check(std::vector<int> ids, const char* what, std::int64_t lowest) const {
    for (const int id : ids) {
      if (id >= lowest && id < n_rows_) continue;
      Error error = make_error(ErrorCode::bad_argument,
                               std::string(what) + ": token ids 0 to " + std::to_string(n_rows_ - 1) + ", found " + std::to_string(id));
      error.limit = static_cast<std::uint64_t>(n_rows_ - 1);
      error.asked = id < 0 ? 0 : static_cast<std::uint64_t>(id);
      return error;
    }
    return TokenIds(std::move(ids));
  }
  std::int64_t n_rows_;
};

}  // namespace pio
