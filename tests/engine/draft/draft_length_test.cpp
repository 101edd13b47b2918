// How many tokens are worth guessing: told times and outcomes against the best choice, worked out by hand.

#include "engine/draft/draft_length.h"

#include <gtest/gtest.h>

namespace pio {
namespace {

// A device where a step of r rows takes 1 + price · (r - 1).
struct Device {
  double price;
  StepTimes times;
  void step(std::int64_t n_rows) { times.took(n_rows, 1 + price * static_cast<double>(n_rows - 1)); }
};

// Answers n tokens whose guesses hold as `holds` says, and returns the seconds that took.
template <class Holds>
double answer(Device& device, int n_tokens, int match, const Holds& holds, std::int64_t longest = 16) {
  DraftLength length(device.times, longest);
  double seconds = 0;
  for (int i = 0; i < n_tokens;) {
    const std::int64_t n = length.choose(match, n_tokens - i - 1);
    device.step(1 + n);
    seconds += 1 + device.price * static_cast<double>(n);
    std::int64_t right = 0;
    while (right < n && holds(i + right)) ++right;
    for (std::int64_t k = 0; k <= right; ++k) length.saw(match, holds(i + k));
    i += static_cast<int>(1 + right);
  }
  return seconds;
}

const auto kAlways = [](std::int64_t) { return true; };

}  // namespace

TEST(StepTimes, BetweenMeasurementsIsALineAndWiderStepsTakeNoLess) {
  StepTimes times;
  EXPECT_EQ(times.seconds(1), 0);
  times.took(1, 2);
  EXPECT_DOUBLE_EQ(times.seconds(1), 2);
  EXPECT_GT(times.seconds(5), 2);
  EXPECT_LT(times.seconds(5), 10) << "less than five steps, so that it is tried";
  times.took(5, 6);
  EXPECT_DOUBLE_EQ(times.seconds(3), 4);
  times.took(9, 4);  // the step of 5 was unlucky
  EXPECT_DOUBLE_EQ(times.seconds(5), 4);
  EXPECT_DOUBLE_EQ(times.seconds(9), 4);
}

TEST(StepTimes, AStepThatWasHeldUpIsNotBelieved) {
  StepTimes times;
  for (int i = 0; i < 8; ++i) times.took(1, 1);
  times.took(1, 100);
  EXPECT_LT(times.seconds(1), 1.2);
  for (int i = 0; i < 20; ++i) times.took(1, 3);
  EXPECT_NEAR(times.seconds(1), 3, 0.3) << "but what stays is";
}

TEST(DraftLength, NothingIsGuessedBeforeAStepWasMeasuredNorWithoutAPlace) {
  StepTimes times;
  DraftLength length(times, 16);
  EXPECT_EQ(length.choose(32, 16), 0);
  times.took(1, 1);
  EXPECT_EQ(length.choose(0, 16), 0);
  EXPECT_EQ(length.choose(32, 0), 0);
  EXPECT_GT(length.choose(32, 16), 0);
  EXPECT_LE(length.choose(32, 2), 2);
}

TEST(DraftLength, GrowsToTheLongestWhereGuessesHoldAndRowsAreCheap) {
  Device device{.price = 0.1, .times = {}};
  EXPECT_LT(answer(device, 400, 32, kAlways), 400 / 17.0 * 2.6 * 1.25);
  DraftLength length(device.times, 16);
  for (int i = 0; i < 50; ++i) length.saw(32, true);
  EXPECT_EQ(length.choose(32, 100), 16);
  DraftLength shorter(device.times, 5);
  for (int i = 0; i < 50; ++i) shorter.saw(32, true);
  EXPECT_EQ(shorter.choose(32, 100), 5);
}

TEST(DraftLength, ShrinksWhereEveryThirdFails) {
  Device device{.price = 0.1, .times = {}};
  static_cast<void>(answer(device, 200, 32, kAlways));
  DraftLength length(device.times, 16);
  for (int i = 0; i < 99; ++i) length.saw(8, i % 3 != 0);
  const std::int64_t n = length.choose(8, 16);
  EXPECT_GE(n, 1);
  EXPECT_LE(n, 5);
}

TEST(DraftLength, IsOffWhereARowCostsAsMuchAsAStep) {
  Device device{.price = 1, .times = {}};
  // 2 % over 1,000 tokens: the first trials, and rare ones after
  EXPECT_LT(answer(device, 1000, 32, kAlways), 1020);
  EXPECT_LT(answer(device, 1000, 8, [](std::int64_t i) { return i % 2 == 0; }), 1020);
}

TEST(DraftLength, IsOffWhereNothingHolds) {
  Device device{.price = 0.2, .times = {}};
  for (const int match : {1, 3, 8, 32}) {
    EXPECT_LT(answer(device, 500, match, [](std::int64_t) { return false; }), 510) << match;
  }
}

TEST(DraftLength, ComesBackWhenRowsBecomeCheap) {
  Device device{.price = 1.5, .times = {}};  // a busy moment
  static_cast<void>(answer(device, 200, 32, kAlways));
  device.price = 0.1;
  EXPECT_LT(answer(device, 2000, 32, kAlways), 1000);
}

}  // namespace pio
