#include "engine/stop_strings.h"

#include <gtest/gtest.h>

#include <random>

namespace pio {
namespace {

std::string fed(StopStrings& stops, std::string_view text, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += n) out += stops.push(text.substr(i, n));
  return out;
}

}  // namespace

TEST(StopStrings, NothingOfAStopStringComesThrough) {
  StopStrings stops({"END"});
  EXPECT_EQ(stops.push("one E"), "one ");
  EXPECT_EQ(stops.push("N"), "");
  EXPECT_FALSE(stops.found());
  EXPECT_EQ(stops.push("D two"), "");
  EXPECT_TRUE(stops.found());
  EXPECT_EQ(stops.push("three"), "");
  EXPECT_EQ(stops.finish(), "");
}

TEST(StopStrings, AFalseBeginningComesThroughAsSoonAsItIsOne) {
  StopStrings stops({"aab"});
  EXPECT_EQ(stops.push("aa"), "");
  EXPECT_EQ(stops.push("a"), "a");  // "aa" may still begin "aab"
  EXPECT_EQ(stops.push("c"), "aac");
  EXPECT_EQ(stops.push("a"), "");
  EXPECT_EQ(stops.finish(), "a");
}

TEST(StopStrings, TheEarliestOfSeveralCounts) {
  StopStrings stops({"later", "\n\n", ""});
  EXPECT_EQ(stops.push("x\n\ny later"), "x");
  EXPECT_TRUE(stops.found());
}

TEST(StopStrings, PiecesOfAnySizeGiveTheSameText) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += "ab\n"[random() % 3];
    const std::vector<std::string> words = {"abab", "b\nb", "\n\n\n"};
    std::size_t end = std::string::npos;
    for (const std::string& word : words) end = std::min(end, text.find(word));
    for (std::size_t n : {1, 2, 3, 7, 40}) {
      StopStrings stops(words);
      std::string out = fed(stops, text, n);
      out += stops.finish();
      EXPECT_EQ(out, text.substr(0, end)) << "pieces of " << n;
      EXPECT_EQ(stops.found(), end != std::string::npos);
    }
  }
}

}  // namespace pio
