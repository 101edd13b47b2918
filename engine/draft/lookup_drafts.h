#pragma once

#include "engine/draft/draft_length.h"
#include "engine/draft/lookup_drafter.h"

namespace pio {

// The guesses of one answer: what may come next, and how much of it is worth trying.
class LookupDrafts {
 public:
  // Unless only_where_it_pays, all `longest` tokens are tried wherever there is a place to follow.
  LookupDrafts(StepTimes& times, std::int64_t longest, bool only_where_it_pays)
      : times_(times), length_(times, longest), longest_(longest), only_where_it_pays_(only_where_it_pays) {}

  // Told of the prompt's tokens, of begin_answer, and of the answer's.
  void push(int id);
  void begin_answer();
  // What to try behind the tokens so far, at most n; none that `may_draft` refuses.
  std::vector<int> draft(std::int64_t n, const std::function<bool(int id)>& may_draft);
  // What a step of so many rows took, guesses among them or not.
  void took(std::int64_t n_rows, double seconds) { times_.took(n_rows, seconds); }

 private:
  StepTimes& times_;
  LookupDrafter drafter_;
  DraftLength length_;
  std::int64_t longest_;
  bool only_where_it_pays_;
  bool is_answer_ = false;
};

}  // namespace pio
