#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/unicode.h"
#include "tests/engine/tokenizer/fixtures.h"

namespace pio {
namespace {

using nlohmann::json;

std::vector<std::string> pieces_of(SplitRule rule, const std::string& text) {
  std::vector<std::string> pieces;
  split(rule, text, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

TEST(Split, CutsEveryTextWhereThePublishedPatternDoes) {
  const std::pair<const char*, SplitRule> families[] = {
      {"qwen", SplitRule::qwen2}, {"glm", SplitRule::llama3}, {"llama3", SplitRule::llama3}, {"smollm", SplitRule::smollm}};
  for (const auto& [family, rule] : families) {
    const json cases = fixtures::read_json(fixtures::kData / "splits" / (std::string(family) + ".json"))["cases"];
    ASSERT_GT(cases.size(), 100u);
    for (const json& entry : cases) {
      const std::string text = entry.value("normalized", entry["text"].get<std::string>());
      if (rule == SplitRule::qwen2) {
        EXPECT_EQ(nfc(entry["text"].get<std::string>()), text);
      }
      EXPECT_EQ(json(pieces_of(rule, text)), entry["pieces"]) << family;
    }
  }
}

// By hand from the patterns.
TEST(Split, TakesTheFirstAlternativeThatMatches) {
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(pieces_of(SplitRule::qwen2, "it'S 'll!a  b\t\n\n c12"), (Pieces{"it", "'S", " '", "ll", "!a", " ", " b", "\t\n\n", " c", "1", "2"}));
  EXPECT_EQ(pieces_of(SplitRule::qwen2, "x'\u017Fy"), (Pieces{"x", "'\u017F", "y"})) << "U+017F folds to s";
  EXPECT_EQ(pieces_of(SplitRule::llama3, "12345 !?\r\n\n x  "), (Pieces{"123", "45", " !?\r\n\n", " x", "  "}));
  EXPECT_EQ(pieces_of(SplitRule::gpt2, "it'S it's  12\n\nx \n"), (Pieces{"it", "'", "S", " it", "'s", " ", " 12", "\n", "\n", "x", " \n"}));
  EXPECT_EQ(pieces_of(SplitRule::smollm, "a  12 b"), (Pieces{"a", "  ", "1", "2", " b"})) << "(?!\\S) holds at a digit";
}

TEST(Nfc, IsThePublishedNormalFormWithTheTablesOfUnicode9) {
  const json cases = fixtures::read_json(fixtures::kData / "nfc.json")["cases"];
  ASSERT_GT(cases.size(), 100u);
  for (const json& entry : cases) {
    const std::string normal = entry[1];
    EXPECT_EQ(nfc(entry[0].get<std::string>()), normal);
    EXPECT_EQ(nfc(normal), normal);
  }
}

}  // namespace
}  // namespace pio
