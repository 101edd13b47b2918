#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

// Guesses what comes next from what was there before: Saxena 2023, prompt lookup decoding. A pure function of the tokens.

namespace pio {

// Follows a place further back in the prompt or the answer that reads as the end does now: found by the last kGram tokens, followed as long
// as it agrees. Where it stops agreeing, as an edit does, it goes on behind the edit as soon as one token there agrees again; and what stood
// there in its place is remembered, so that the next such place is guessed as edited. A token takes constant time, however long the prompt.
class LookupDrafter {
 public:
  static constexpr int kGram = 3;
  static constexpr int kLongestMatch = 32;  // agreement beyond makes no difference

  // Told of the tokens in their order, the prompt's first. Ids below zero (a picture's) are never guessed.
  void push(int id);
  // The tokens from now on are the answer's. Only there an edit is one: a prompt by itself repeats with changes that say nothing of the next.
  void begin_answer() { is_answer_ = true; }
  // How many tokens before the end agreed with the place that it follows; 0 where it follows none.
  int match() const { return is_following() ? match_ : 0; }
  // What it expects next, at most n tokens; none that `may_draft` refuses, and nothing behind such a one.
  std::vector<int> draft(std::int64_t n, const std::function<bool(int id)>& may_draft) const;
  // The first of these, or -1.
  int expected() const;

 private:
  // What took the place of some tokens in an earlier stretch.
  struct Edit {
    std::vector<int> from, to;
    bool holds = true;  // the last time that it was tried
  };
  // Where it reads: at token `at`, or inside of what an edit put in the place of the tokens there.
  struct Reader {
    std::int64_t at = -1;
    int edit = -1, in_edit = 0;
  };
  static constexpr int kCandidates = 8;   // earlier places of the same kGram tokens that are compared
  static constexpr int kEditLength = 12;  // tokens of an edit, on either side
  static constexpr int kEdits = 256;
  static constexpr int kFollowed = 8;  // tokens that agree before an edit

  bool is_following() const { return reader_.at >= 0 && reader_.at < n_tokens(); }
  std::int64_t n_tokens() const { return static_cast<std::int64_t>(tokens_.size()); }
  // Enters an edit where one begins; the token there.
  int read(Reader& reader) const;
  void step(Reader& reader) const;
  void follow(int id);
  void find_place();
  void find_behind_edit();
  int agreeing_before(std::int64_t place) const;
  void remember_edit(std::int64_t end_of_old, int n_agreeing);
  std::size_t slot_of_gram(std::int64_t end) const;
  void index_last();

  std::vector<int> tokens_;
  std::vector<std::int32_t> heads_;   // by hash: behind the last such kGram tokens
  std::vector<std::int32_t> before_;  // by place: the place of the same hash before
  Reader reader_;
  int match_ = 0;
  bool is_answer_ = false;
  std::int64_t lost_ = -1, lost_end_ = 0;  // where it stopped agreeing, and how many tokens there were then
  std::vector<Edit> edits_;
  std::unordered_map<int, int> edit_of_;  // by the first token of `from`
};

}  // namespace pio
