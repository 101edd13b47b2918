// Several turns in the same steps: each has the bytes that it has alone, whoever joins and leaves beside it.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "engine/engine.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

using Kind = GenerationEvent::Kind;
constexpr std::int64_t kChunk = 512;

std::unique_ptr<Engine> load(const std::string& name, int n_sequences, std::int64_t context_length, KvSelection attention = {}, int n_contexts = 0) {
  LoadRequest request;
  request.path = test::model_data(name).string();
  request.context_length = context_length;
  request.n_sequences = n_sequences;
  request.n_contexts = n_contexts;
  request.n_threads = 2;
  request.attention = attention;
  std::unique_ptr<Engine> engine = create_engine();
  const Result<void> status = engine->load(request, {}, {});
  EXPECT_TRUE(status) << status.error().message;
  return engine;
}

GenerateRequest prompt_of(int first, int n, std::int64_t max_tokens) {
  GenerateRequest request;
  for (int i = 0; i < n; ++i) request.ids.push_back(3 + (first + 7 * i + i * i % 11) % 300);
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.ignore_eos = true;
  request.wants_logits = true;
  request.same_bytes = true;
  return request;
}

// What came of a turn.
struct Answer {
  std::vector<int> ids;
  std::string text, streamed;
  FinishReason reason = FinishReason::stop;
  std::vector<std::vector<float>> logits;

  void take(const std::vector<GenerationEvent>& events) {
    for (const GenerationEvent& event : events) {
      if (event.kind == Kind::logits) logits.push_back(event.logits);
      if (event.kind == Kind::text) streamed += event.text;
    }
  }
  void take(const GenerateResult& result) {
    ids = result.ids;
    text = result.text;
    reason = result.finish_reason;
  }
};

Answer alone(Engine& engine, const GenerateRequest& request) {
  Answer answer;
  const std::unique_ptr<Generation> generation = engine.begin(request, {}).value();
  while (!generation->is_finished()) answer.take(generation->advance().value());
  answer.take(generation->result());
  return answer;
}

struct Case {
  const char* name;
  const char* model;
  KvSelection attention;
};

class TogetherAnswersTest : public testing::TestWithParam<Case> {};

TEST_P(TogetherAnswersTest, EachHasItsBytesInAnyOrderOfJoiningAndLeaving) {
  const KvSelection attention = GetParam().attention;
  const std::unique_ptr<Engine> single = load(GetParam().model, 1, 1024, attention);
  std::mt19937 random(7);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  constexpr int kRequests = 9;
  std::vector<GenerateRequest> requests;
  std::vector<Answer> expected;
  for (int i = 0; i < kRequests; ++i) {
    const int lengths[] = {1, 2, 31, 33, 64, 150, 500, 520, 700};
    GenerateRequest request = prompt_of(below(300), lengths[i], i == 4 ? 0 : 1 + below(30));
    if (i % 2 == 1) request.sampling = {.temperature = 0.9F, .seed = static_cast<std::uint64_t>(i)};
    request.ignore_eos = i % 3 != 0;
    Answer answer = alone(*single, request);
    if (i == 5 && answer.text.size() > 4) {  // a stop string in the middle
      request.stop = {answer.text.substr(answer.text.size() / 2, 2)};
      answer = alone(*single, request);
    }
    requests.push_back(request);
    expected.push_back(std::move(answer));
  }

  const std::unique_ptr<Engine> engine = load(GetParam().model, 4, 1024, attention);
  for (int round = 0; round < 6; ++round) {
    struct Turn {
      int which = 0, joins = 0, leaves = 1 << 20;
      std::unique_ptr<Generation> generation = {};
      std::stop_source stop = {};
      Answer answer = {};
    };
    std::vector<Turn> turns(kRequests);
    for (int i = 0; i < kRequests; ++i) {
      turns[i].which = i;
      turns[i].joins = below(25);
      if (below(4) == 0) turns[i].leaves = turns[i].joins + below(12);
    }
    std::shuffle(turns.begin(), turns.end(), random);
    for (int step = 0;; ++step) {
      std::vector<Generation*> running;
      std::vector<Turn*> owners;
      bool any_left = false;
      for (Turn& turn : turns) {
        const bool is_over = turn.generation && turn.generation->is_finished();
        any_left |= !is_over;
        if (is_over || step < turn.joins || running.size() == 4) continue;
        if (!turn.generation) turn.generation = engine->begin(requests[turn.which], turn.stop.get_token()).value();
        if (step >= turn.leaves) turn.stop.request_stop();
        running.push_back(turn.generation.get());
        owners.push_back(&turn);
      }
      if (!any_left) break;
      const auto results = engine->advance(running);
      for (std::size_t i = 0; i < results.size(); ++i) {
        ASSERT_TRUE(results[i]) << results[i].error().message;
        owners[i]->answer.take(*results[i]);
      }
    }
    for (Turn& turn : turns) {
      turn.answer.take(turn.generation->result());
      const Answer &is = turn.answer, &should = expected[turn.which];
      EXPECT_EQ(is.streamed, is.text);
      if (is.reason != FinishReason::cancelled) {
        EXPECT_EQ(is.ids, should.ids) << turn.which << ", round " << round;
        EXPECT_EQ(is.text, should.text);
        EXPECT_EQ(is.reason, should.reason);
        EXPECT_EQ(is.logits, should.logits) << turn.which << ", round " << round;
      } else {
        EXPECT_LT(turn.leaves, 1 << 20) << "only who was stopped";
        ASSERT_LE(is.ids.size(), should.ids.size());
        EXPECT_TRUE(std::equal(is.ids.begin(), is.ids.end(), should.ids.begin())) << turn.which;
        EXPECT_TRUE(std::equal(is.logits.begin(), is.logits.end(), should.logits.begin())) << turn.which;
      }
    }
  }
}

// Five answers grow in the room of one until none of them finds a block: the last one gives up some of its room and waits, whatever it was doing. What
// it had there is read again in the form in which it was read, so that it ends as it would alone.
TEST_P(TogetherAnswersTest, WhereNobodyCanGoOnTheLastOneWaitsAndKeepsItsBytes) {
  const KvSelection attention = GetParam().attention;
  const std::unique_ptr<Engine> single = load(GetParam().model, 1, 256, attention), engine = load(GetParam().model, 5, 256, attention, 1);
  for (int round = 0; round < 3; ++round) {
    std::vector<GenerateRequest> requests;
    for (int i = 0; i < 5; ++i) requests.push_back(prompt_of(37 * i + round, i == 4 ? 150 : 40 + 7 * i + 10 * round, 90));
    requests[1].sampling = {.temperature = 0.9F, .seed = 3};
    std::vector<std::unique_ptr<Generation>> turns;
    std::vector<Generation*> running;
    for (const GenerateRequest& request : requests) {
      turns.push_back(engine->begin(request, {}).value());
      running.push_back(turns.back().get());
    }
    std::vector<Answer> answers(requests.size());
    bool has_waited = false;
    for (int step = 0; std::any_of(running.begin(), running.end(), [](const Generation* g) { return !g->is_finished(); }); ++step) {
      ASSERT_LT(step, 5000);
      const auto results = engine->advance(running);
      for (std::size_t i = 0; i < results.size(); ++i) {
        ASSERT_TRUE(results[i]) << results[i].error().message;
        answers[i].take(*results[i]);
        has_waited |= running[i]->waits_for_room() && !running[i]->result().ids.empty();
      }
    }
    EXPECT_TRUE(has_waited) << "in the middle of an answer";
    for (std::size_t i = 0; i < requests.size(); ++i) {
      answers[i].take(turns[i]->result());
      const Answer should = alone(*single, requests[i]);
      EXPECT_EQ(answers[i].ids, should.ids) << i << ", round " << round;
      EXPECT_EQ(answers[i].text, should.text);
      EXPECT_EQ(answers[i].streamed, should.text);
      EXPECT_EQ(answers[i].logits, should.logits) << i << ", round " << round;
    }
  }
}

TEST(Together, AStopEndsATurnThatWaitsForRoom) {
  const std::unique_ptr<Engine> engine = load("llama-tiny", 3, 256, {}, 1);
  std::stop_source stop;
  std::vector<std::unique_ptr<Generation>> turns;
  std::vector<Generation*> running;
  for (int i = 0; i < 3; ++i) {
    turns.push_back(engine->begin(prompt_of(37 * i, 60, 150), i == 2 ? stop.get_token() : std::stop_token()).value());
    running.push_back(turns.back().get());
  }
  while (!turns[2]->waits_for_room())
    for (const auto& result : engine->advance(running)) ASSERT_TRUE(result);
  const std::size_t n_said = turns[2]->result().ids.size();
  stop.request_stop();
  for (const auto& result : engine->advance(running)) ASSERT_TRUE(result);
  EXPECT_TRUE(turns[2]->is_finished());
  EXPECT_FALSE(turns[2]->waits_for_room());
  EXPECT_EQ(turns[2]->result().finish_reason, FinishReason::cancelled);
  EXPECT_EQ(turns[2]->result().ids.size(), n_said);
  while (!turns[0]->is_finished() || !turns[1]->is_finished())
    for (const auto& result : engine->advance(running)) ASSERT_TRUE(result);
}

const KvSelection kFull, kWindow{.kind = KvSelection::Kind::window, .window = 64}, kPages{.kind = KvSelection::Kind::pages, .n_pages = 3};

INSTANTIATE_TEST_SUITE_P(Families, TogetherAnswersTest,
                         testing::Values(Case{"dense", "llama-tiny", kFull}, Case{"qwen3", "qwen3-tiny", kFull}, Case{"moe", "qwen3-moe-tiny", kFull},
                                         Case{"mla", "glm4-moe-lite-mtp-tiny", kFull}, Case{"window", "llama-tiny", kWindow},
                                         Case{"pages", "llama-tiny", kPages}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Together, NoAnswerWaitsLongerThanAChunkOfPrompts) {
  for (const char* model : {"llama-tiny", "glm4-moe-lite-mtp-tiny"}) {
    const std::unique_ptr<Engine> engine = load(model, 4, 2000);
    std::vector<std::unique_ptr<Generation>> all;
    for (int i = 0; i < 2; ++i) all.push_back(engine->begin(prompt_of(i, 5, 60), {}).value());
    std::vector<Generation*> running = {all[0].get(), all[1].get()};
    for (int i = 0; i < 4; ++i) static_cast<void>(engine->advance(running));
    for (int i = 0; i < 2; ++i) all.push_back(engine->begin(prompt_of(50 + i, 1500, 4), {}).value());
    for (int i = 2; i < 4; ++i) running.push_back(all[i].get());
    std::map<Generation*, std::int64_t> read;
    while (!all[2]->is_finished() || !all[3]->is_finished()) {
      const std::size_t before[] = {all[0]->result().ids.size(), all[1]->result().ids.size()};
      std::int64_t n_read = 0;
      const auto results = engine->advance(running);
      for (std::size_t i = 0; i < results.size(); ++i) {
        ASSERT_TRUE(results[i]);
        for (const GenerationEvent& event : *results[i]) {
          if (event.kind == Kind::prefill) n_read += event.done - std::exchange(read[running[i]], event.done);
        }
      }
      EXPECT_LE(n_read, kChunk);
      for (int i = 0; i < 2; ++i) EXPECT_EQ(all[i]->result().ids.size(), before[i] + 1) << model;
    }
    EXPECT_EQ(all[0]->result().stats.steps_waited_longest, 0);
    EXPECT_GE(all[3]->result().stats.steps_waited_longest, 2) << "behind the other prompt";
  }
}

struct Turns {
  std::vector<std::unique_ptr<Generation>> turns;
  std::vector<Generation*> running;
};

// Turns of conversations of their own, turn i with request_of(i).
template <class RequestOf>
Turns begun(Engine& engine, int n, const RequestOf& request_of) {
  Turns all;
  for (int i = 0; i < n; ++i) {
    GenerateRequest request = request_of(i);
    request.conversation = std::to_string(i);
    all.turns.push_back(engine.begin(request, {}).value());
    all.running.push_back(all.turns.back().get());
  }
  return all;
}

// Room for two contexts of 256 tokens, and four turns that want 250 each.
TEST(Together, WhoFindsNoRoomWaitsUntilAnotherOneHasEnded) {
  const std::unique_ptr<Engine> single = load("llama-tiny", 1, 256), engine = load("llama-tiny", 2, 256);
  for (int round = 0; round < 5; ++round) {
    auto [turns, running] = begun(*engine, 4, [&](int i) { return prompt_of(37 * i + round, 245, 5); });
    while (std::any_of(running.begin(), running.end(), [](const Generation* g) { return !g->is_finished(); })) {
      for (const auto& result : engine->advance(running)) ASSERT_TRUE(result) << result.error().message;
    }
    for (int i = 0; i < 4; ++i) EXPECT_EQ(turns[i]->result().ids, alone(*single, prompt_of(37 * i + round, 245, 5)).ids);
    EXPECT_GT(turns[3]->result().stats.steps_waited_longest, 3);
  }
}

// Four turns of a quarter share what one could have, in the same steps; one that needs it all waits for them.
TEST(Together, SeveralShareTheContextOfOne) {
  const std::unique_ptr<Engine> single = load("llama-tiny", 1, 1024), engine = load("llama-tiny", 4, 1024, {}, 1);
  EXPECT_EQ(engine->loaded()->state_bytes, single->loaded()->state_bytes);
  EXPECT_EQ(engine->loaded()->n_sequences, 4);
  const auto request = [](int i) { return i < 4 ? prompt_of(37 * i, 200, 20) : prompt_of(5, 1000, 20); };
  auto [turns, running] = begun(*engine, 5, request);
  while (std::any_of(running.begin(), running.end(), [](const Generation* g) { return !g->is_finished(); })) {
    for (const auto& result : engine->advance(running)) ASSERT_TRUE(result) << result.error().message;
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(turns[i]->result().ids, alone(*single, request(i)).ids);
  EXPECT_LE(turns[1]->result().stats.steps_waited_longest, 4);  // behind the prompts of the others
  EXPECT_GT(turns[4]->result().stats.steps_waited_longest, 19);
}

// From another thread, at any place of a step.
TEST(Together, AStopInTheMiddleOfAStepEndsItsOwnTurnAlone) {
  const std::unique_ptr<Engine> single = load("llama-tiny", 1, 4096), engine = load("llama-tiny", 3, 4096);
  const std::vector<int> expected = alone(*single, prompt_of(1, 600, 40)).ids;
  for (int round = 0; round < 20; ++round) {
    std::stop_source stop;
    GenerateRequest first = prompt_of(1, 600, 40), second = prompt_of(2, 900, 800);
    first.conversation = "a";
    second.conversation = "b";
    const std::unique_ptr<Generation> stays = engine->begin(first, {}).value(), goes = engine->begin(second, stop.get_token()).value();
    Generation* const both[] = {stays.get(), goes.get()};
    std::chrono::steady_clock::time_point pulled;
    std::jthread thread([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(700 * round));
      pulled = std::chrono::steady_clock::now();
      stop.request_stop();
    });
    while (!goes->is_finished()) {
      for (const auto& result : engine->advance(both)) ASSERT_TRUE(result) << result.error().message;
    }
    thread.join();
    EXPECT_LT(std::chrono::steady_clock::now() - pulled, std::chrono::milliseconds(200));
    while (!stays->is_finished()) ASSERT_TRUE(stays->advance());
    EXPECT_EQ(goes->result().finish_reason, FinishReason::cancelled);
    EXPECT_EQ(stays->result().ids, expected);
  }
}

}  // namespace
}  // namespace pio
