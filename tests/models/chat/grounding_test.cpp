#include "models/qwen3_vl_2b/grounding.h"

#include <gtest/gtest.h>

#include <chrono>

namespace pio {
namespace {

void expect_place(const Grounding& have, Grounding::Kind kind, const std::string& label, double left, double top, double right, double bottom) {
  EXPECT_EQ(have.kind, kind);
  EXPECT_EQ(have.label, label);
  EXPECT_EQ(std::tie(have.left, have.top, have.right, have.bottom), std::tie(left, top, right, bottom));
}

constexpr auto kBox = Grounding::Kind::box;
constexpr auto kPoint = Grounding::Kind::point;

TEST(Grounding, BoxesAndPointsOfAFencedListBecomePartsOfThePicture) {
  const auto found = parse_grounding(
      "Here they are:\n```json\n[\n\t{\"bbox_2d\": [100, 200, 300, 400], \"label\": \"a \\u00e9 cat\"},\n"
      "\t{\"point_2d\": [500, 250.5], \"label\": \"eye\"},\n"
      "\t{\"bbox_2d\": [0,0,1000,1000], \"text_content\": \"Sale {50%}\"}\n]\n```\nThree.");
  ASSERT_EQ(found.size(), 3u);
  expect_place(found[0], kBox, "a é cat", 0.1, 0.2, 0.3, 0.4);
  expect_place(found[1], kPoint, "eye", 0.5, 0.2505, 0.5, 0.2505);
  expect_place(found[2], kBox, "", 0, 0, 1, 1);
  EXPECT_EQ(found[2].text, "Sale {50%}");
}

TEST(Grounding, WhatLiesOutsideIsClampedAndCornersAreSorted) {
  const auto found = parse_grounding(R"({"bbox_2d": [900, -50, 20, 1e9], "label": "x"})");
  ASSERT_EQ(found.size(), 1u);
  expect_place(found[0], kBox, "x", 0.02, 0, 0.9, 1);
}

TEST(Grounding, AListThatBreaksOffGivesEveryPlaceWhoseNumbersAreWhole) {
  const std::string whole = R"([{"bbox_2d": [1, 2, 3, 4], "label": "one"}, {"bbox_2d": [10, 20, 30, 40], "label": "two"}])";
  const std::size_t first = whole.find("4]") + 2, second = whole.find("40]") + 3;
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    const auto found = parse_grounding(whole.substr(0, n));
    EXPECT_EQ(found.size(), n < first ? 0u : n < second ? 1u : 2u) << n;
    if (n >= whole.find("one\"") + 4) {
      EXPECT_EQ(found[0].label, "one") << n;
    }
  }
}

TEST(Grounding, ObjectsWithinObjectsAndOtherMembersAreReadPast) {
  const auto found = parse_grounding(
      R"({"objects": [{"label": "car", "seen": true, "colour": {"name": "red", "rgb": [255, 0, 0]}, "bbox_2d": [1, 1, 2, 2]}, null, "[{"], "n": 1.5e1})");
  ASSERT_EQ(found.size(), 1u);
  expect_place(found[0], kBox, "car", 0.001, 0.001, 0.002, 0.002);
}

TEST(Grounding, TagsOfAPageAreBoxes) {
  const auto found = parse_grounding("<html><body>\n<h2 class=\"t\" data-bbox=\"10 20 990 60\">Title</h2><img data-bbox='0 70 500 1000'/></body>");
  ASSERT_EQ(found.size(), 2u);
  expect_place(found[0], kBox, "h2", 0.01, 0.02, 0.99, 0.06);
  EXPECT_EQ(found[0].text, "Title");
  expect_place(found[1], kBox, "img", 0, 0.07, 0.5, 1);
  EXPECT_EQ(found[1].text, "");
}

TEST(Grounding, WordsAndBrokenObjectsAreNone) {
  for (const char* text : {"", "{", "no boxes here", "int f() { return 1; }", R"({"bbox_2d": "1 2 3 4"})", R"({"bbox_2d": [1, 2, 3]})",
                           R"({"bbox_2d": [1, 2, 3, 4, 5]})", R"({"point_2d": [1, 2, 3, 4]})", R"({"bbox_2d": [1, 2, x, 4], "label": "a"})",
                           R"({"bbox_2d": [[1, 2, 3, 4]]})", R"(data-bbox="1 2 3")", R"(data-bbox=1 2 3 4)",
                           R"({"bbox_2d": [nan, 2, 3, 4] , "l": "........................................"})"}) {
    EXPECT_TRUE(parse_grounding(text).empty()) << text;
  }
}

TEST(Grounding, LongNonsenseIsReadInABlink) {
  for (const std::string& unit :
       {std::string("{"), std::string("{\"a\":"), std::string("{\"a\":["), std::string("{\"a\":{\"b\":[[1,"), std::string("{\""),
        std::string("data-bbox="), std::string("data-bbox=\"1 "), std::string("{\"bbox_2d\":[1,"), std::string("\\\"{")}) {
    std::string text;
    while (text.size() < 200'000) text += unit;
    const auto start = std::chrono::steady_clock::now();
    parse_grounding(text);
    // 200,000 characters are read at most 17 times: some 10 ms. Quadratic would be minutes.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << unit;
  }
}

}  // namespace
}  // namespace pio
