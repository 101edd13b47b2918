#pragma once

#include <array>
#include <cstdint>
#include <vector>

// How many tokens are worth guessing: from how often guesses held and from what steps took, both measured while answering. Pure: times are
// told.

namespace pio {

// What a step of so many rows takes beside others. Of one model on one device, for all its answers.
class StepTimes {
 public:
  void took(std::int64_t n_rows, double seconds);
  // 0 where no step was measured.
  double seconds(std::int64_t n_rows) const;
  // The most rows that were measured.
  std::int64_t widest() const { return std::ssize(measured_) - 1; }

 private:
  struct Measured {
    double seconds = 0;
    int n = 0;
  };
  std::vector<Measured> measured_;  // by rows
};

// Of one answer. A guess holds the more surely the more tokens before it agree, so that is counted by their number, also of guesses that were
// not tried: they are compared with what came all the same.
class DraftLength {
 public:
  DraftLength(StepTimes& times, std::int64_t longest);
  // The token that was expected behind `match` agreeing ones came, or another.
  void saw(int match, bool came);
  // How many tokens to guess behind `match` agreeing ones, at most n: those that make the most tokens a second; 0 where a step of one does.
  std::int64_t choose(int match, std::int64_t n);

 private:
  static constexpr int kClasses = 9;
  struct Held {
    double came = 0, of = 0;  // fading counts
  };
  static int class_of(int match);
  double share(int match) const { return held_[class_of(match)].came / held_[class_of(match)].of; }

  StepTimes& times_;
  std::int64_t longest_;
  std::array<Held, kClasses> held_;
  int n_declined_ = 0, next_trial_ = 64;  // guesses that were likely and yet too dear; a short one is tried after so many
};

}  // namespace pio
