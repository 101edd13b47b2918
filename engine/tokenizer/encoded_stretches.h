#pragma once

#include <cstddef>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// The ids of texts between control tokens, kept from one encoding to the next: a conversation is encoded again on every turn, and most of it
// is as it was. For one tokenizer; one thread.

namespace pio {

class EncodedStretches {
 public:
  // Bytes of texts and ids that are kept; the ones unused longest give way.
  explicit EncodedStretches(std::size_t max_bytes = std::size_t{16} << 20) : max_bytes_(max_bytes) {}

  // Null where the text is not known. Valid until the next put.
  const std::vector<int>* find(std::string_view text);
  void put(std::string_view text, std::span<const int> ids);
  std::size_t n_bytes() const { return n_bytes_; }

 private:
  struct Entry {
    std::string text;
    std::vector<int> ids;
    std::size_t n_bytes() const { return text.size() + ids.size() * sizeof(int); }
  };
  std::size_t max_bytes_, n_bytes_ = 0;
  std::list<Entry> entries_;                                                 // the last used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;  // views into the entries
};

}  // namespace pio
