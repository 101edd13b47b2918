#include "engine/draft/lookup_drafter.h"

#include <algorithm>

namespace pio {

// ---- what was read before ----------------------------------------------------------------------------------------------------------

std::size_t LookupDrafter::slot_of_gram(std::int64_t end) const {
  std::uint64_t hash = 0;
  for (int i = kGram; i > 0; --i) hash = (hash ^ static_cast<std::uint32_t>(tokens_[end - i])) * 0x9e3779b97f4a7c15;  // Fibonacci hashing
  return static_cast<std::size_t>(hash >> 20) & (heads_.size() - 1);
}

// The place behind the last token becomes one of those that its last kGram tokens lead to.
void LookupDrafter::index_last() {
  before_.push_back(-1);  // of place n_tokens() - 1, which no gram ends before until later
  const std::int64_t end = n_tokens();
  if (end > std::ssize(heads_)) {
    heads_.assign(std::max<std::size_t>(1024, 4 * heads_.size()), -1);
    before_.assign(end + 1, -1);
    for (std::int64_t place = kGram; place < end; ++place) {
      std::int32_t& head = heads_[slot_of_gram(place)];
      before_[place] = head;
      head = static_cast<std::int32_t>(place);
    }
  }
  if (std::ssize(before_) < end + 1) before_.resize(end + 1, -1);
  if (end < kGram) return;
  std::int32_t& head = heads_[slot_of_gram(end)];
  before_[end] = head;
  head = static_cast<std::int32_t>(end);
}

int LookupDrafter::agreeing_before(std::int64_t place) const {
  int n = 0;
  const std::int64_t end = n_tokens();
  while (n < kLongestMatch && n < place && tokens_[place - 1 - n] == tokens_[end - 1 - n]) ++n;
  return n;
}

// ---- following ---------------------------------------------------------------------------------------------------------------------

int LookupDrafter::read(Reader& reader) const {
  for (int n_empty = 0;; ++n_empty) {
    if (reader.edit >= 0) return edits_[reader.edit].to[reader.in_edit];
    if (reader.at < 0 || reader.at >= n_tokens()) return -1;
    const auto found = edit_of_.find(tokens_[reader.at]);
    if (found == edit_of_.end() || n_empty > 1) return tokens_[reader.at];
    const Edit& edit = edits_[found->second];
    const std::int64_t n = std::ssize(edit.from);
    if (!edit.holds || reader.at + n > n_tokens() || !std::equal(edit.from.begin(), edit.from.end(), tokens_.begin() + reader.at))
      return tokens_[reader.at];
    if (edit.to.empty()) {
      reader.at += n;
      continue;
    }
    reader.edit = found->second;
    reader.in_edit = 0;
  }
}

void LookupDrafter::step(Reader& reader) const {
  if (reader.edit < 0) {
    ++reader.at;
    return;
  }
  const Edit& edit = edits_[reader.edit];
  if (++reader.in_edit < std::ssize(edit.to)) return;
  reader.at += std::ssize(edit.from);
  reader.edit = -1;
}

int LookupDrafter::expected() const {
  if (!is_following()) return -1;
  Reader reader = reader_;
  return std::max(-1, read(reader));
}

std::vector<int> LookupDrafter::draft(std::int64_t n, const std::function<bool(int id)>& may_draft) const {
  std::vector<int> ids;
  if (!is_following()) return ids;
  for (Reader reader = reader_; std::ssize(ids) < n; step(reader)) {
    // behind the end stand the guesses themselves: what repeats goes on repeating
    const std::int64_t beyond = reader.at - n_tokens();
    if (beyond >= std::ssize(ids)) break;
    const int id = reader.edit < 0 && beyond >= 0 ? ids[beyond] : read(reader);
    if (id < 0 || !may_draft(id)) break;
    ids.push_back(id);
  }
  return ids;
}

void LookupDrafter::push(int id) {
  if (is_following()) follow(id);
  tokens_.push_back(id);
  if (match_ < kLongestMatch) find_place();
  if (!is_following() && lost_ >= 0) find_behind_edit();
  index_last();
}

void LookupDrafter::follow(int id) {
  const int guessed = read(reader_);
  if (guessed == id) {
    step(reader_);
    match_ = std::min(match_ + 1, kLongestMatch);
    return;
  }
  if (reader_.edit >= 0) {
    edits_[reader_.edit].holds = false;
    if (reader_.in_edit == 0 && tokens_[reader_.at] == id) {  // not edited here
      reader_ = {.at = reader_.at + 1};
      return;
    }
  }
  lost_ = is_answer_ && match_ >= kFollowed ? reader_.at : -1;
  lost_end_ = n_tokens();
  reader_ = {};
  match_ = 0;
}

// The place with the longest agreement; of equals the one that it follows, else the last.
void LookupDrafter::find_place() {
  if (n_tokens() < kGram || heads_.empty()) return;
  std::int32_t place = heads_[slot_of_gram(n_tokens())];
  for (int i = 0; i < kCandidates && place >= 0; ++i, place = before_[place]) {
    const int n = agreeing_before(place);
    if (n < kGram || n <= match()) continue;
    if (lost_ >= 0 && place > lost_ && place <= lost_ + kEditLength) remember_edit(place - n, n);
    reader_ = {.at = place};
    match_ = n;
  }
  if (is_following() && lost_ >= 0) lost_ = -1;
}

// Behind an edit it goes on where the last token stands a little further.
void LookupDrafter::find_behind_edit() {
  if (n_tokens() - lost_end_ > 4 * kEditLength) {
    lost_ = -1;
    return;
  }
  const std::int64_t end = std::min(lost_ + kEditLength, n_tokens() - 1);
  for (std::int64_t place = lost_; place < end; ++place) {
    if (tokens_[place] != tokens_.back()) continue;
    remember_edit(place, 1);
    reader_ = {.at = place + 1};
    match_ = 1;
    lost_ = -1;
    return;
  }
}

// Tokens lost_ … end_of_old - 1 have become those since lost_end_, up to the last n_agreeing ones.
void LookupDrafter::remember_edit(std::int64_t end_of_old, int n_agreeing) {
  const std::int64_t n_old = end_of_old - lost_, n_new = n_tokens() - n_agreeing - lost_end_;
  if (n_old < 1 || n_old > kEditLength || n_new < 0 || n_new > kEditLength || std::ssize(edits_) >= kEdits) return;
  Edit edit{.from = {tokens_.begin() + lost_, tokens_.begin() + end_of_old}, .to = {tokens_.begin() + lost_end_, tokens_.end() - n_agreeing}};
  edit_of_[edit.from.front()] = static_cast<int>(edits_.size());
  edits_.push_back(std::move(edit));
}

}  // namespace pio
