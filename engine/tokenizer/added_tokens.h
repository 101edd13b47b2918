#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

// Tokens that are found in a text by their spelling, before anything else happens to it.

namespace pio {

// Bytes [first, last) of a text.
struct Interval {
  std::size_t first, last;
};

// The text of all pieces, and where the template itself wrote it; neighbours are one interval.
struct JoinedPieces {
  std::string text;
  std::vector<Interval> control;
};
JoinedPieces join(std::span<const Piece> pieces);

// What limit_ids promises of the vocabulary proper, n_base_ids long, and of begin and end tokens.
Result<void> check_rows(const Tokenizer& tokenizer, int n_base_ids, std::int64_t n_rows, std::string_view label);

class AddedTokens {
 public:
  struct Match {
    int token = -1;
    std::size_t n_bytes = 0;
  };

  void put(std::string_view spelling, int token);
  // The longest spelling that begins `text`; token -1 for none.
  Match longest(std::string_view text) const;
  std::optional<int> find(std::string_view spelling) const;
  // Tokens from n_ids on are found no more. Returns how many those were.
  int forget_from(int n_ids);

  // Calls found(position, match) for the spellings in these intervals (in order), the leftmost first and the longest at one place.
  template <class Found>
  void for_each(std::string_view text, std::span<const Interval> intervals, const Found& found) const {
    for (const Interval& interval : intervals) {
      for (std::size_t at = interval.first; at < interval.last;) {
        const Match match = longest(text.substr(at, interval.last - at));
        if (match.token >= 0) found(at, match);
        at += std::max<std::size_t>(match.n_bytes, 1);
      }
    }
  }

 private:
  struct Node {
    char byte = 0;
    int token = -1;
    std::uint32_t child = 0, sibling = 0;  // 0: none; the root is nobody's child
  };
  std::uint32_t child(std::uint32_t node, char byte) const;
  std::vector<Node> nodes_{1};
};

}  // namespace pio
