// What is guessed from the tokens so far: compared with edits of made-up texts, and with a search through all of them.

#include "engine/draft/lookup_drafter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace pio {
namespace {

using Ids = std::vector<int>;

const auto kAny = [](int id) { return id >= 0; };

Ids counting(int first, int n) {
  Ids ids(n);
  for (int i = 0; i < n; ++i) ids[i] = first + i;
  return ids;
}

void push(LookupDrafter& drafter, const Ids& ids) {
  for (const int id : ids) drafter.push(id);
}

Ids joined(std::initializer_list<Ids> parts) {
  Ids all;
  for (const Ids& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Tokens of `answer` that were guessed, one after the other, from the place that was followed.
std::vector<bool> guessed(const Ids& prompt, const Ids& answer) {
  LookupDrafter drafter;
  push(drafter, prompt);
  drafter.begin_answer();
  std::vector<bool> right;
  for (const int id : answer) {
    right.push_back(drafter.expected() == id);
    drafter.push(id);
  }
  return right;
}

int count(const std::vector<bool>& right) { return static_cast<int>(std::count(right.begin(), right.end(), true)); }

}  // namespace

TEST(LookupDrafter, FollowsWhatStoodBehindTheSameThreeTokens) {
  LookupDrafter drafter;
  EXPECT_EQ(drafter.match(), 0);
  EXPECT_EQ(drafter.expected(), -1);
  EXPECT_TRUE(drafter.draft(8, kAny).empty());
  push(drafter, counting(10, 20));
  push(drafter, {500, 501});
  EXPECT_TRUE(drafter.draft(8, kAny).empty());
  push(drafter, {14, 15});
  EXPECT_EQ(drafter.match(), 0) << "two tokens are too few to begin with";
  drafter.push(16);
  EXPECT_EQ(drafter.match(), 3);
  EXPECT_EQ(drafter.expected(), 17);
  EXPECT_EQ(drafter.draft(5, kAny), (Ids{17, 18, 19, 20, 21}));
  EXPECT_EQ(drafter.draft(0, kAny), Ids());
  push(drafter, {17, 18});
  EXPECT_EQ(drafter.match(), 5);
  EXPECT_EQ(drafter.draft(1, kAny), (Ids{19}));
  drafter.push(600);
  EXPECT_EQ(drafter.match(), 0);
}

TEST(LookupDrafter, WhatRepeatsIsGuessedToGoOnRepeating) {
  LookupDrafter drafter;
  push(drafter, {1, 2, 3, 1, 2, 3});
  EXPECT_EQ(drafter.draft(10, kAny), (Ids{1, 2, 3, 1, 2, 3, 1, 2, 3, 1}));
  LookupDrafter one;
  push(one, Ids(5, 7));
  EXPECT_EQ(one.draft(6, kAny), Ids(6, 7));
}

TEST(LookupDrafter, TakesTheLongestAgreementAndOfEqualsTheLast) {
  LookupDrafter drafter;
  push(drafter, joined({{1, 2, 3, 4, 5, 100}, {9, 9}, {7, 3, 4, 5, 200}, {8, 8}, {6, 3, 4, 5, 300}, {10, 11}}));
  push(drafter, {3, 4, 5});
  EXPECT_EQ(drafter.expected(), 300);
  LookupDrafter longer;
  push(longer, joined({{1, 2, 3, 4, 5, 100}, {9, 9}, {7, 3, 4, 5, 200}, {8, 8}, {1, 2, 3, 4, 5}}));
  EXPECT_EQ(longer.expected(), 100);
}

TEST(LookupDrafter, NeverGuessesPicturesNorWhatIsRefused) {
  LookupDrafter drafter;
  push(drafter, {1, 2, 3, 4, -7, -8, 5, 6});
  push(drafter, {1, 2, 3});
  EXPECT_EQ(drafter.draft(8, kAny), (Ids{4}));
  LookupDrafter stops;
  push(stops, {1, 2, 3, 4, 5, 6, 7, 8});
  push(stops, {1, 2, 3});
  EXPECT_EQ(stops.draft(8, [](int id) { return id != 6; }), (Ids{4, 5}));
}

TEST(LookupDrafter, GoesOnBehindAnEditAsSoonAsATokenAgrees) {
  const Ids prompt = joined({counting(100, 60), {1, 2}});
  // one token replaced by two; one taken out; two put in
  const Ids replaced = joined({counting(100, 20), {900, 901}, counting(121, 30)});
  EXPECT_EQ(count(guessed(prompt, replaced)), 52 - 3 - 2 - 1) << "three to begin, two new ones, one to find the place again";
  const Ids taken_out = joined({counting(100, 20), counting(121, 30)});
  EXPECT_EQ(count(guessed(prompt, taken_out)), 50 - 3 - 1);
  const Ids put_in = joined({counting(100, 20), {900, 901}, counting(120, 30)});
  EXPECT_EQ(count(guessed(prompt, put_in)), 52 - 3 - 2 - 1);
}

TEST(LookupDrafter, AnEditThatWasSeenIsGuessedTheNextTime) {
  // `50` is renamed to `60 61` wherever it stands, each time between other tokens
  Ids prompt, answer;
  for (int i = 0; i < 6; ++i) {
    const Ids around = counting(100 + 20 * i, 12);
    prompt = joined({prompt, around, {50}});
    answer = joined({answer, around, {60, 61}});
  }
  prompt.push_back(1);
  const std::vector<bool> right = guessed(prompt, answer);
  const int n_wrong = static_cast<int>(right.size()) - count(right);
  EXPECT_EQ(n_wrong, 3 + 2 + 1) << "three to begin, the first time two and one to find the place again, then none";

  LookupDrafter drafter;
  push(drafter, prompt);
  drafter.begin_answer();
  push(drafter, Ids(answer.begin(), answer.begin() + 12 + 2 + 5));
  EXPECT_EQ(drafter.draft(12, kAny), (Ids{125, 126, 127, 128, 129, 130, 131, 60, 61, 140, 141, 142})) << "guesses of one step cross it";
}

TEST(LookupDrafter, AnEditThatDoesNotHoldIsLeft) {
  Ids prompt, answer;
  for (int i = 0; i < 6; ++i) {
    const Ids around = counting(100 + 20 * i, 12);
    prompt = joined({prompt, around, {50}});
    answer = joined({answer, around, {i == 0 ? 60 : 50}});
  }
  prompt.push_back(1);
  const std::vector<bool> right = guessed(prompt, answer);
  EXPECT_EQ(static_cast<int>(right.size()) - count(right), 3 + 1 + 1 + 1) << "the second time it is guessed once more, and the text followed";
}

TEST(LookupDrafter, WhatAPromptChangesInItselfIsNoEdit) {
  // A list whose lines differ in one token, in the prompt; the answer copies another text with such tokens.
  Ids prompt;
  for (int i = 0; i < 8; ++i) prompt = joined({prompt, counting(100, 12), {50 + i}, counting(200, 4)});
  const Ids copied = joined({counting(300, 10), {50, 51, 52, 53, 54}, counting(320, 10)});
  prompt = joined({prompt, copied, {1}});
  EXPECT_EQ(count(guessed(prompt, copied)), 25 - 3);
}

TEST(LookupDrafter, FindsAPlaceWhereverAFullSearchDoes) {
  std::mt19937 random(7);
  LookupDrafter drafter;
  Ids all;
  for (int i = 0; i < 5000; ++i) {
    // stretches of what was there, with new tokens between
    if (all.size() > 50 && random() % 4 == 0) {
      const std::size_t from = random() % (all.size() - 20);
      for (int k = 0; k < 12; ++k) all.push_back(all[from + k]), drafter.push(all.back());
    }
    all.push_back(static_cast<int>(random() % 3000));
    drafter.push(all.back());
    int longest = 0;
    const int n = static_cast<int>(all.size());
    for (int place = 3; place < n; ++place) {
      int match = 0;
      while (match < LookupDrafter::kLongestMatch && match < place && all[place - 1 - match] == all[n - 1 - match]) ++match;
      longest = std::max(longest, match);
    }
    ASSERT_TRUE(longest < 3 || drafter.match() >= 3) << i;
  }
}

TEST(LookupDrafter, ATokenTakesNoLongerBehindALongPrompt) {
  // The hardest text: few different tokens, so that every place has many of the same three before it.
  const auto seconds_of = [](int n) {
    std::mt19937 random(3);
    LookupDrafter drafter;
    for (int i = 0; i < n; ++i) drafter.push(static_cast<int>(random() % 4));
    double best = 1;
    for (int round = 0; round < 5; ++round) {
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < 2000; ++i) {
        drafter.push(static_cast<int>(random() % 4));
        static_cast<void>(drafter.draft(16, kAny));
      }
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  // a search through the prompt would take 100 times as long; memory that lies further away may take some
  EXPECT_LT(seconds_of(400000), 20 * seconds_of(4000));
}

}  // namespace pio
