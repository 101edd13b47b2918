#include "engine/draft/lookup_drafts.h"

#include <algorithm>

namespace pio {

void LookupDrafts::push(int id) {
  // the prompt says little of how well guesses hold in the answer
  if (const int match = drafter_.match(); is_answer_ && match > 0) length_.saw(match, drafter_.expected() == id);
  drafter_.push(id);
}

void LookupDrafts::begin_answer() {
  is_answer_ = true;
  drafter_.begin_answer();
}

std::vector<int> LookupDrafts::draft(std::int64_t n, const std::function<bool(int id)>& may_draft) {
  return drafter_.draft(only_where_it_pays_ ? length_.choose(drafter_.match(), n) : std::min(n, longest_), may_draft);
}

}  // namespace pio
