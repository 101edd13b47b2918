// What is cached and found again: the answers have the bytes of a fresh read.

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>

#include "engine/engine.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

struct Case {
  const char* model;
  DType kv = DType::f16;
  KvSelection attention = {};
};

class ReuseTest : public testing::TestWithParam<Case> {
 protected:
  static constexpr std::int64_t kContext = 4096;

  LoadRequest load_request() {
    LoadRequest request;
    request.path = test::model_data(GetParam().model).string();
    request.kv = GetParam().kv;
    request.attention = GetParam().attention;
    request.context_length = kContext;
    request.n_threads = 2;
    return request;
  }
  std::unique_ptr<Engine> load(const std::filesystem::path& snapshots = {}) { return load({.folder = snapshots}, load_request()); }
  static std::unique_ptr<Engine> load(const SnapshotSettings& settings, const LoadRequest& request) {
    std::unique_ptr<Engine> engine = create_engine();
    EXPECT_TRUE(engine->keep_conversations(settings));
    const Result<void> status = engine->load(request, {}, {});
    EXPECT_TRUE(status) << status.error().message;
    return engine;
  }
  // To another model and back.
  void switch_twice(Engine& engine) {
    LoadRequest other = load_request();
    other.path = test::model_data("qwen2-tiny").string();
    other.kv = DType::f16;
    ASSERT_TRUE(engine.switch_to(other, {}, {}));
    EXPECT_EQ(answer(engine, ids(0, 100), "a").result.stats.restored_from, SnapshotTier::none) << "another model's";
    ASSERT_TRUE(engine.switch_to(load_request(), {}, {}));
  }
  static std::vector<int> ids(int first, int n) {
    std::vector<int> ids(n);
    for (int i = 0; i < n; ++i) ids[i] = 3 + (first + 7 * i + i * i % 13) % 300;
    return ids;
  }
  static std::vector<int> joined(std::vector<int> a, const std::vector<int>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  struct Answer {
    GenerateResult result;
    std::vector<float> logits;
  };
  static Answer answer(Engine& engine, const std::vector<int>& prompt, const std::string& conversation) {
    GenerateRequest request;
    request.conversation = conversation;
    request.ids = prompt;
    request.sampling.temperature = 0;
    request.max_tokens = 6;
    request.ignore_eos = true;
    Answer answer;
    GenerateSink sink;
    sink.logits = [&](std::span<const float> row) { answer.logits.insert(answer.logits.end(), row.begin(), row.end()); };
    Result<GenerateResult> result = engine.generate(request, sink, {});
    EXPECT_TRUE(result) << result.error().message;
    if (result) answer.result = std::move(*result);
    return answer;
  }
  void expect_as_fresh(const Answer& answer, const std::vector<int>& prompt) {
    const std::unique_ptr<Engine> engine = load();
    const Answer fresh = ReuseTest::answer(*engine, prompt, "fresh");
    EXPECT_EQ(fresh.result.stats.reused_tokens, 0);
    EXPECT_EQ(answer.result.ids, fresh.result.ids);
    EXPECT_TRUE(answer.logits == fresh.logits) << "the bytes differ";
  }
};

TEST_P(ReuseTest, ASecondChatAboutADocumentReadsItsOwnWords) {
  const std::vector<int> document = ids(0, 2000), second = joined(document, ids(40, 17));
  const std::unique_ptr<Engine> engine = load();
  answer(*engine, joined(document, ids(20, 12)), "a");
  const Answer found = answer(*engine, second, "b");
  EXPECT_GE(found.result.stats.reused_tokens, 2000 - 31);
  EXPECT_LE(found.result.stats.read_tokens, 17 + 31);
  EXPECT_EQ(found.result.stats.shared_tokens, found.result.stats.reused_tokens);
  expect_as_fresh(found, second);
}

TEST_P(ReuseTest, AnEditInTheMiddleOfABlockReadsFromThereOn) {
  const std::vector<int> beginning = ids(0, 150), edited = joined(beginning, ids(60, 20));
  const std::unique_ptr<Engine> engine = load();
  const std::vector<int> before = joined(beginning, ids(20, 100));
  const Answer first = answer(*engine, before, "a");
  const Answer found = answer(*engine, edited, "a");
  EXPECT_GE(found.result.stats.reused_tokens, 150);
  expect_as_fresh(found, edited);
  const Answer again = answer(*engine, before, "a");
  EXPECT_EQ(again.result.stats.reused_tokens, 249) << "all but the token whose logits are wanted";
  EXPECT_EQ(again.result.ids, first.result.ids);
  EXPECT_TRUE(again.logits == first.logits);
}

TEST_P(ReuseTest, AConversationComesBackFromMemoryWithItsModel) {
  const std::vector<int> prompt = ids(0, 1100);
  const std::unique_ptr<Engine> engine = load();
  const Answer first = answer(*engine, prompt, "a");
  EXPECT_EQ(first.result.stats.restored_from, SnapshotTier::none);
  EXPECT_EQ(first.result.stats.read_tokens, 1100);
  switch_twice(*engine);
  const Answer again = answer(*engine, prompt, "a");
  EXPECT_EQ(again.result.stats.restored_from, SnapshotTier::ram);
  EXPECT_EQ(again.result.stats.read_tokens, 1);
  EXPECT_EQ(again.result.ids, first.result.ids);
  EXPECT_TRUE(again.logits == first.logits) << "the bytes differ";
  // Its next turn, and one that is cached by now.
  std::vector<int> next = joined(prompt, first.result.ids);
  next.push_back(9);
  const Answer after = answer(*engine, next, "a");
  EXPECT_LE(after.result.stats.read_tokens, 2);
  EXPECT_EQ(after.result.stats.restored_from, SnapshotTier::none);
  expect_as_fresh(after, next);
}

TEST_P(ReuseTest, AConversationComesBackFromDiskInAnotherProcess) {
  const TempFolder folder;
  const std::vector<int> prompt = ids(0, 1100), other = joined(ids(0, 700), ids(30, 50));
  Answer first;
  {
    const std::unique_ptr<Engine> engine = load(folder.path());
    first = answer(*engine, prompt, "a");
  }
  const std::unique_ptr<Engine> engine = load(folder.path());
  const Answer again = answer(*engine, prompt, "b");
  EXPECT_EQ(again.result.stats.restored_from, SnapshotTier::disk);
  EXPECT_EQ(again.result.stats.read_tokens, 1);
  EXPECT_EQ(again.result.ids, first.result.ids);
  EXPECT_TRUE(again.logits == first.logits) << "the bytes differ";
  const Answer edited = answer(*load(folder.path()), other, "c");
  EXPECT_EQ(edited.result.stats.restored_from, SnapshotTier::disk);
  EXPECT_LE(edited.result.stats.read_tokens, 50);
  expect_as_fresh(edited, other);
}

TEST_P(ReuseTest, WhatMemoryHasNoRoomForComesBackFromTheFolder) {
  const TempFolder folder;
  const std::vector<int> prompt = ids(0, 700), other = ids(90, 600);
  const std::unique_ptr<Engine> engine = load({.folder = folder.path(), .ram_bytes = 0}, load_request());
  const Answer first = answer(*engine, prompt, "a"), second = answer(*engine, other, "b");
  switch_twice(*engine);
  for (const auto& [ids, before] : {std::pair(prompt, first), std::pair(other, second)}) {
    const Answer again = answer(*engine, ids, "c");
    EXPECT_NE(again.result.stats.restored_from, SnapshotTier::none) << "from memory while it waits to be written";
    EXPECT_EQ(again.result.stats.read_tokens, 1);
    EXPECT_TRUE(again.logits == before.logits) << "the bytes differ";
  }
}

TEST_P(ReuseTest, AFileThatChangedIsAnotherModel) {
  const TempFolder folder, copies;
  const std::filesystem::path copy = copies.path() / "model";
  std::filesystem::copy(load_request().path, copy, std::filesystem::copy_options::recursive);
  LoadRequest request = load_request();
  request.path = copy.string();
  const std::vector<int> prompt = ids(0, 300);
  const auto read = [&] { return answer(*load({.folder = folder.path()}, request), prompt, "a").result.stats.read_tokens; };
  EXPECT_EQ(read(), 300);
  EXPECT_EQ(read(), 1);
  const std::filesystem::path weights = copy / "model.safetensors";
  const auto touch = [&] { std::filesystem::last_write_time(weights, std::filesystem::last_write_time(weights) + std::chrono::seconds(1)); };
  touch();
  EXPECT_EQ(read(), 1) << "a file that was only touched holds the same model";
  {
    std::fstream file(weights, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(weights)) - 100);
    file.put('x');
  }
  touch();
  EXPECT_EQ(read(), 300) << "of other weights";
  EXPECT_EQ(read(), 1);
}

TEST_P(ReuseTest, AForgottenConversationIsReadAnewAndOthersAreNot) {
  const TempFolder folder;
  const std::vector<int> prompt = ids(0, 700), other = ids(90, 600);
  const auto read = [](Engine& engine, const std::vector<int>& ids) { return answer(engine, ids, "c").result.stats.read_tokens; };
  {
    const std::unique_ptr<Engine> engine = load(folder.path());
    answer(*engine, prompt, "a");
    answer(*engine, other, "b");
    engine->forget_conversation("a");
    EXPECT_EQ(read(*load(folder.path()), prompt), 700);
    EXPECT_LE(read(*engine, other), 32);
  }
  const std::unique_ptr<Engine> engine = load(folder.path());
  EXPECT_EQ(read(*engine, prompt), 1) << "c has read it meanwhile";
  engine->forget_conversation("c");
  EXPECT_EQ(read(*engine, other), 1);
  EXPECT_EQ(read(*engine, prompt), 700);
  // While it is answered, and then with its model.
  GenerateRequest request;
  request.conversation = "d";
  request.ids = ids(150, 300);
  Result<std::unique_ptr<Generation>> turn = engine->begin(request, {});
  ASSERT_TRUE(turn && (*turn)->advance());
  engine->forget_conversation("d");
  turn->reset();
  switch_twice(*engine);
  EXPECT_EQ(read(*engine, request.ids), 300);
}

TEST_P(ReuseTest, TwoAnswersOfOneChatAreBothRestored) {
  const TempFolder folder;
  const std::vector<int> prompt = ids(0, 200), longer = joined(prompt, ids(70, 100));
  const std::unique_ptr<Engine> before = load(folder.path());
  answer(*before, longer, "a");
  const Answer first = answer(*before, prompt, "a");
  const std::unique_ptr<Engine> engine = load(folder.path());
  const Answer again = answer(*engine, prompt, "a");
  EXPECT_EQ(again.result.stats.read_tokens, 1);
  EXPECT_TRUE(again.logits == first.logits);
  EXPECT_EQ(answer(*engine, longer, "a").result.stats.read_tokens, 1);
}

// MLA: what the form of a prompt changes are the last bits.
TEST(ReuseOfLatents, IsWithinTheToleranceAndNotWhereTheBytesAreWanted) {
  const TempFolder folder;
  LoadRequest request;
  request.path = test::model_data("glm4-moe-lite-mtp-tiny").string();
  request.context_length = 512;
  request.activations = Activations::f32;
  GenerateRequest turn;
  for (int i = 0; i < 300; ++i) turn.ids.push_back(3 + 7 * i % 300);
  turn.sampling.temperature = 0;
  turn.max_tokens = 1;
  std::vector<std::vector<float>> rows;
  GenerateSink sink;
  sink.logits = [&](std::span<const float> row) { rows.emplace_back(row.begin(), row.end()); };
  const std::int64_t read[] = {300, 1, 300};
  for (int i = 0; i < 3; ++i) {
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->keep_conversations({.folder = folder.path()}));
    ASSERT_TRUE(engine->load(request, {}, {}));
    turn.same_bytes = i == 2;
    const Result<GenerateResult> result = engine->generate(turn, sink, {});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->stats.read_tokens, read[i]) << i;
  }
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2], rows[0]);
  double largest = 0;
  for (std::size_t i = 0; i < rows[0].size(); ++i) largest = std::max<double>(largest, std::abs(rows[1][i] - rows[0][i]));
  EXPECT_LT(largest, 2e-3);
}

INSTANTIATE_TEST_SUITE_P(Caches, ReuseTest,
                         testing::Values(Case{"llama-tiny"}, Case{"qwen3-tiny", DType::q8_0}, Case{"qwen3-tiny", DType::q4_0}, Case{"qwen3-moe-tiny"},
                                         Case{"qwen3-tiny", DType::f16, {.kind = KvSelection::Kind::pages, .n_pages = 8}}),
                         [](const testing::TestParamInfo<Case>& info) {
                           std::string name = std::string(info.param.model) + "_" + pio::info(info.param.kv).name;
                           if (info.param.attention.kind != KvSelection::Kind::full) name += "_pages";
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace pio
