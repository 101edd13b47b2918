#include "engine/tokenizer/encoded_stretches.h"

namespace pio {

const std::vector<int>* EncodedStretches::find(std::string_view text) {
  const auto found = places_.find(text);
  if (found == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front().ids;
}

void EncodedStretches::put(std::string_view text, std::span<const int> ids) {
  if (text.size() + ids.size_bytes() > max_bytes_ || places_.contains(text)) return;
  std::list<Entry> one;
  one.push_back({std::string(text), {ids.begin(), ids.end()}});
  places_.emplace(one.front().text, one.begin());
  n_bytes_ += one.front().n_bytes();
  entries_.splice(entries_.begin(), one);
  while (n_bytes_ > max_bytes_) {
    n_bytes_ -= entries_.back().n_bytes();
    places_.erase(entries_.back().text);
    entries_.pop_back();
  }
}

}  // namespace pio
