// What the engine makes of graphics cards that have less memory than they say, or are lost: two renderers in software, under a layer of the tests' own.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "engine/engine.h"
#include "engine/files/metadata.h"
#include "engine/kv/kv_memory.h"
#include "engine/loaded_model.h"
#include "engine/plan/device_plan.h"
#include "tests/engine/core/exact_turns.h"
#include "tests/support/software_cards.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/support/under_vulkan_layer.h"

namespace pio {
namespace {

constexpr std::int64_t kTokens = 12;

using test::note_of;

LoadRequest request_for(const std::string& name, const std::string& device, std::int64_t context_length = 512) {
  return test::exact_request(test::model_data(name), device, context_length);
}
GenerateRequest turn(int first_id = 3, const std::string& conversation = "a") { return test::greedy_turn(kTokens, first_id, conversation); }

class CardsTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    static const bool are_here = test::use_software_cards(2);
    layer_ = are_here ? test::under_vulkan_layer() : nullptr;
    if (!layer_) GTEST_SKIP() << "no software renderer for Vulkan on this machine, or no module";
  }
  void TearDown() override {
    if (layer_) layer_->do_nothing();
  }

  // The ids of the processor alone.
  const std::vector<int>& expected(int first_id = 3) {
    std::vector<int>& ids = expected_[first_id];
    if (ids.empty()) {
      const std::unique_ptr<Engine> engine = create_engine();
      EXPECT_TRUE(engine->load(request_for(GetParam(), "cpu"), {}, {}));
      ids = engine->generate(turn(first_id), {}, {}).value().ids;
    }
    return ids;
  }

  void expect_answer(Engine& engine, int first_id = 3) {
    const Result<GenerateResult> result = engine.generate(turn(first_id, "again"), {}, {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->ids, expected(first_id));
  }

  // As expect_answer, on these devices because of a lost one.
  void expect_answer_without(Engine& engine, const std::string& lost, const std::string& devices, int first_id = 3) {
    expect_answer(engine, first_id);
    EXPECT_EQ(engine.loaded()->device, devices);
    const DeviceLost* const note = note_of<DeviceLost>(engine);
    ASSERT_TRUE(note);
    EXPECT_EQ(note->lost, lost);
    EXPECT_NE(text_of(*note).find(lost + " does not answer any more"), std::string::npos) << text_of(*note);
  }

  test::VulkanLayer* layer_ = nullptr;

 private:
  std::map<int, std::vector<int>> expected_;
};

// ---- less memory ----

// The cache is larger than what a backend takes for itself, so that some of the layers have room beside that and others have none.
constexpr std::int64_t kLargeContext = 196608;

TEST_P(CardsTest, GetLessOfAModelWhereTheyHaveNoMemoryForIt) {
  const LoadRequest request = request_for(GetParam(), "vulkan", kLargeContext);
  std::uint64_t most = 0, weight_bytes = 0;
  {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request, {}, {});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_FALSE(note_of<LessOnCard>(*engine));
    expect_answer(*engine);
    most = layer_->n_bytes;
    ASSERT_EQ(engine->loaded()->devices.size(), 1u);
    weight_bytes = engine->loaded()->devices[0].weight_bytes;
  }
  std::uint64_t before = weight_bytes;
  for (const double share : {0.9, 0.7, 0.5, 0.0}) {
    layer_->most_bytes_in_all = std::max<std::uint64_t>(static_cast<std::uint64_t>(share * static_cast<double>(most)), 1);
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request, {}, {});
    ASSERT_TRUE(status) << share << ": " << status.error().message;
    const LessOnCard* const note = note_of<LessOnCard>(*engine);
    ASSERT_TRUE(note) << share;
    EXPECT_EQ(note->device, "vulkan");
    EXPECT_GT(note->n_bytes, 0u);
    EXPECT_NE(text_of(*note).find("vulkan: no memory for "), std::string::npos) << text_of(*note);
    const std::vector<DeviceStats>& devices = engine->loaded()->devices;
    const auto card = std::ranges::find(devices, "vulkan", &DeviceStats::name);
    const std::uint64_t here = card == devices.end() ? 0 : card->weight_bytes;
    EXPECT_LT(here, weight_bytes) << share;
    EXPECT_LE(here, before) << share;
    if (share == 0.9) {
      EXPECT_GT(here, 0u) << "some of it has room";
      EXPECT_LE(layer_->n_bytes, layer_->most_bytes_in_all);
    } else if (share == 0) {
      EXPECT_EQ(here, 0u);
    }
    before = here;
    expect_answer(*engine);
  }
}

TEST_P(CardsTest, GetLessOfAModelWhereOneOfTwoHasNoMemoryForIt) {
  LoadRequest request = request_for(GetParam(), "vulkan", kLargeContext);
  {
    const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
    request.vram_bytes = plan_model(*file, request, create_devices_for(request).value()).value().plan.needed_bytes / 100 * 72;
  }
  request.device = "vulkan,vulkan:1";
  std::uint64_t most = 0;
  {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request, {}, {});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(engine->loaded()->device, "vulkan,vulkan:1");
    most = layer_->n_bytes;
    expect_answer(*engine);
  }
  layer_->most_bytes_in_all = most - (4 << 20);  // the second one is loaded last
  const std::unique_ptr<Engine> engine = create_engine();
  const Result<void> status = engine->load(request, {}, {});
  ASSERT_TRUE(status) << status.error().message;
  ASSERT_TRUE(note_of<LessOnCard>(*engine));
  expect_answer(*engine);
}

// Weights, caches and temporaries in several allocations of the driver, each within its largest one: the same logits, and the same bytes told.
TEST_P(CardsTest, HoldAModelInSeveralAllocations) {
  const LoadRequest request = request_for(GetParam(), "vulkan", 64);
  struct Answer {
    GenerateResult result;
    std::vector<float> logits;
    LoadedInfo info;
  };
  const auto answer = [&]() -> Answer {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request, {}, {});
    EXPECT_TRUE(status) << status.error().message;
    if (!status) return {};
    GenerateRequest wanted = turn();
    wanted.wants_logits = true;
    Answer all;
    GenerateSink sink;
    sink.logits = [&](std::span<const float> row) { all.logits.insert(all.logits.end(), row.begin(), row.end()); };
    all.result = engine->generate(wanted, sink, {}).value();
    all.info = *engine->loaded();
    return all;
  };
  const Answer one = answer();
  ASSERT_FALSE(one.logits.empty());
  EXPECT_EQ(one.result.ids, expected());
  const test::LargestVulkanAllocation largest(*layer_, 192 << 10);
  const std::uint64_t before = layer_->n_bytes;
  const Answer several = answer();
  EXPECT_EQ(several.info.device, "vulkan");
  EXPECT_EQ(several.result.ids, one.result.ids);
  EXPECT_EQ(several.logits, one.logits);
  EXPECT_EQ(several.info.weight_bytes, one.info.weight_bytes);
  EXPECT_EQ(several.info.state_bytes, one.info.state_bytes);
  EXPECT_EQ(several.info.layout.resident_bytes, one.info.layout.resident_bytes);
  EXPECT_GT(several.info.layout.resident_bytes, std::uint64_t{192 << 10});
  ASSERT_EQ(several.result.stats.decode_work.devices.size(), one.result.stats.decode_work.devices.size());
  EXPECT_EQ(several.result.stats.decode_work.devices[0].bytes, one.result.stats.decode_work.devices[0].bytes);
  EXPECT_EQ(several.result.stats.decode_work.devices[0].launches, one.result.stats.decode_work.devices[0].launches);
  // One of them fails: less of the model on the card.
  layer_->most_bytes_in_all = before + one.info.layout.resident_bytes / 2;
  const Answer less = answer();
  EXPECT_TRUE(std::ranges::any_of(less.info.notes, [](const ModelNote& note) { return std::holds_alternative<LessOnCard>(note); }));
  EXPECT_EQ(less.result.ids, one.result.ids);
}

// What is one tensor and larger than an allocation lies with the processor, and the plan says so.
TEST_P(CardsTest, LeaveTensorsToTheProcessorThatNoAllocationHolds) {
  const test::LargestVulkanAllocation largest(*layer_, 50 << 10);
  const LoadRequest request = request_for(GetParam(), "vulkan", 64);
  {
    const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
    const PlannedModel planned = plan_model(*file, request, create_devices_for(request).value()).value();
    EXPECT_TRUE(planned.plan.fits) << planned.plan.why_not;
    const auto is_too_large = [](const LoadPlan::Fallback& fallback) {
      return fallback.reason.find("the driver's largest allocation") != std::string::npos;
    };
    EXPECT_TRUE(std::ranges::any_of(planned.plan.fallbacks, is_too_large));
  }
  const std::unique_ptr<Engine> engine = create_engine();
  const Result<void> status = engine->load(request, {}, {});
  ASSERT_TRUE(status) << status.error().message;
  expect_answer(*engine);
}

// Of a mixture some experts in slots, of other models layers: the same answers, and experts that change places between a prompt and its answer.
TEST_P(CardsTest, HaveSomeOfTheExpertsInSlots) {
  LoadRequest request = request_for(GetParam(), "vulkan");
  const auto planned = [&] {
    const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
    return plan_model(*file, request, create_devices_for(request).value()).value();
  };
  const std::uint64_t whole = planned().plan.needed_bytes;
  const bool is_mixture = planned().plan.devices[0].n_experts > 0;
  int n_with_slots = 0;
  std::set<std::int64_t> seen;  // experts on the card
  for (std::uint64_t percent = 60; percent < 100 && n_with_slots < 3; ++percent) {
    request.vram_bytes = whole * percent / 100;
    const PlannedModel plan = planned();
    if ((is_mixture && !plan.has_card_slots) || !seen.insert(plan.plan.devices[0].n_experts).second) continue;
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request, {}, {});
    ASSERT_TRUE(status) << status.error().message;
    expect_answer(*engine);
    const GenerateResult result = engine->generate(turn(), {}, {}).value();
    EXPECT_EQ(result.ids, expected());
    if (!plan.has_card_slots) continue;
    ++n_with_slots;
    const std::vector<DeviceStats>& devices = result.stats.decode_work.devices;
    ASSERT_EQ(devices.size(), 2u);
    EXPECT_EQ(devices[0].n_experts, plan.plan.devices[0].n_experts);
    EXPECT_GT(devices[0].expert_choices, 0);
    EXPECT_GE(devices[0].expert_hits, 0);
    EXPECT_LT(devices[0].expert_hits, devices[0].expert_choices);
    EXPECT_GT(devices[1].bytes, 0);
  }
  EXPECT_EQ(n_with_slots > 0, is_mixture);
}

// ---- a slice of every layer on each ----

LoadRequest in_rows(LoadRequest request, std::vector<std::int64_t> split = {}) {
  request.device = "vulkan,vulkan:1";
  request.split = std::move(split);
  request.split_mode = SplitMode::rows;
  return request;
}

TEST_P(CardsTest, ThatHaveSlicesGiveTheIdsOfTheProcessor) {
  for (const std::vector<std::int64_t>& split : {std::vector<std::int64_t>{}, {3, 1}, {1, 4}}) {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(in_rows(request_for(GetParam(), ""), split), {}, {});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(engine->loaded()->device, "vulkan,vulkan:1");
    for (const DeviceStats& device : engine->loaded()->devices) EXPECT_GT(device.weight_bytes, 0u);
    expect_answer(*engine);
    expect_answer(*engine, 7);
  }
}

TEST_P(CardsTest, AndTheProcessorHaveSlices) {
  const std::unique_ptr<Engine> engine = create_engine();
  LoadRequest request = in_rows(request_for(GetParam(), ""));
  request.device = "vulkan,cpu";
  const Result<void> status = engine->load(request, {}, {});
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(engine->loaded()->device, "vulkan,cpu");
  expect_answer(*engine);
}

TEST_P(CardsTest, LostWithTheirSlicesEndTheAnswerAndTheNextOneIsTheOthers) {
  const std::string names[] = {"vulkan", "vulkan:1"};
  for (const std::uint64_t n_submits : {1, 2, 5, 8}) {
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->load(in_rows(request_for(GetParam(), "")), {}, {}));
    const std::unique_ptr<Generation> generation = engine->begin(turn(), {}).value();
    while (std::ssize(generation->result().ids) < 3) ASSERT_TRUE(generation->advance());
    layer_->lose_at_submit = layer_->n_submits + n_submits;  // of whichever card comes then
    Result<std::vector<GenerationEvent>> events = std::vector<GenerationEvent>();
    while (events && !generation->is_finished()) events = generation->advance();
    ASSERT_FALSE(events) << n_submits;
    EXPECT_EQ(events.error().code, ErrorCode::device_lost) << events.error().message;
    const std::string lost = events.error().device;
    ASSERT_TRUE(lost == names[0] || lost == names[1]) << lost;
    EXPECT_NE(events.error().message.find(lost + ": "), std::string::npos) << events.error().message;
    EXPECT_TRUE(generation->is_finished());
    const std::vector<int> kept = generation->result().ids;
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), expected().begin()));
    expect_answer(*engine);
    EXPECT_TRUE(note_of<DeviceLost>(*engine));
    EXPECT_EQ(engine->loaded()->device.find(lost + ","), std::string::npos) << engine->loaded()->device;
    layer_->lose_at_submit = 0;
  }
}

TEST_P(CardsTest, WithoutMemoryForTheirSlicesRefuseInWords) {
  LoadRequest request = in_rows(request_for(GetParam(), "", kLargeContext));
  std::uint64_t most = 0;
  {
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->load(request, {}, {}));
    most = layer_->n_bytes;
  }
  layer_->most_bytes_in_all = most - (4 << 20);  // the caches come last
  const std::unique_ptr<Engine> engine = create_engine();
  Result<void> status = engine->load(request, {}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::out_of_memory) << status.error().message;
  EXPECT_NE(status.error().message.find("expected"), std::string::npos) << status.error().message;
  layer_->do_nothing();
  request.vram_bytes = 1 << 20;
  status = engine->load(request, {}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::out_of_memory) << status.error().message;
  EXPECT_NE(status.error().message.find("vulkan: "), std::string::npos) << status.error().message;
}

// ---- lost cards ----

TEST_P(CardsTest, LostInAnAnswerEndItAndTheNextOneIsTheProcessors) {
  for (const std::uint64_t n_submits : {1, 2, 5}) {
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->load(request_for(GetParam(), "vulkan"), {}, {}));
    const std::unique_ptr<Generation> generation = engine->begin(turn(), {}).value();
    while (std::ssize(generation->result().ids) < 3) ASSERT_TRUE(generation->advance());
    layer_->lose_at_submit = layer_->n_submits + n_submits;  // and stays lost
    Result<std::vector<GenerationEvent>> events = std::vector<GenerationEvent>();
    while (events && !generation->is_finished()) events = generation->advance();
    ASSERT_FALSE(events) << n_submits;
    EXPECT_EQ(events.error().code, ErrorCode::device_lost) << events.error().message;
    EXPECT_EQ(events.error().device, "vulkan");
    EXPECT_NE(events.error().message.find("vulkan: "), std::string::npos) << events.error().message;
    EXPECT_TRUE(generation->is_finished());
    const std::vector<int> kept = generation->result().ids;
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), expected().begin()));
    expect_answer_without(*engine, "vulkan", "cpu");
    layer_->lose_at_submit = 0;
    // It is taken again where it is asked for again.
    ASSERT_TRUE(engine->load(request_for(GetParam(), "vulkan"), {}, {}));
    EXPECT_EQ(engine->loaded()->device, "vulkan");
    EXPECT_FALSE(note_of<DeviceLost>(*engine));
    expect_answer(*engine);
  }
}

TEST_P(CardsTest, LostInAPromptEndTheAnswer) {
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->load(request_for(GetParam(), "vulkan"), {}, {}));
  layer_->lose_at_submit = layer_->n_submits + 1;
  const Result<GenerateResult> result = engine->generate(turn(), {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::device_lost) << result.error().message;
  expect_answer_without(*engine, "vulkan", "cpu");
}

TEST_P(CardsTest, LostBetweenAnswersAreNotMissed) {
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->load(request_for(GetParam(), "vulkan"), {}, {}));
  expect_answer(*engine);
  layer_->lose_at_submit = layer_->n_submits + 1;
  EXPECT_FALSE(engine->generate(turn(7), {}, {}));
  expect_answer_without(*engine, "vulkan", "cpu", 7);
}

TEST_P(CardsTest, LostWhileLoadingAreNotWaitedFor) {
  const std::uint64_t before = layer_->n_submits;
  ASSERT_TRUE(create_engine()->load(request_for(GetParam(), "vulkan"), {}, {}));
  const std::uint64_t n_submits = layer_->n_submits - before;
  ASSERT_GT(n_submits, 0u);
  for (const std::uint64_t number : std::set<std::uint64_t>{1, (n_submits + 1) / 2, n_submits}) {
    layer_->lose_at_submit = layer_->n_submits + number;
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request_for(GetParam(), "vulkan"), {}, {});
    ASSERT_TRUE(status) << number << ": " << status.error().message;
    EXPECT_EQ(engine->loaded()->device, "cpu") << number << " of " << n_submits;
    expect_answer_without(*engine, "vulkan", "cpu");
    layer_->lose_at_submit = 0;
  }
}

// Of two conversations that share steps, and of one that waits for its turn.
TEST_P(CardsTest, LostUnderSeveralAnswersEndAllOfThem) {
  const std::unique_ptr<Engine> engine = create_engine();
  LoadRequest request = request_for(GetParam(), "vulkan");
  request.n_sequences = 2;
  ASSERT_TRUE(engine->load(request, {}, {}));
  const std::unique_ptr<Generation> first = engine->begin(turn(3, "a"), {}).value(), second = engine->begin(turn(20, "b"), {}).value(),
                                    waiting = engine->begin(turn(30, "c"), {}).value();
  Generation* const both[] = {first.get(), second.get()};
  while (std::ssize(first->result().ids) < 2 || std::ssize(second->result().ids) < 2)
    for (const auto& events : engine->advance(both)) ASSERT_TRUE(events) << events.error().message;
  layer_->lose_at_submit = layer_->n_submits + 2;
  std::vector<Result<std::vector<GenerationEvent>>> events;
  while (!first->is_finished() || !second->is_finished()) {
    events = engine->advance(both);
    if (!events[0] || !events[1]) break;
  }
  for (const auto& of_one : events) {
    ASSERT_FALSE(of_one);
    EXPECT_EQ(of_one.error().code, ErrorCode::device_lost) << of_one.error().message;
  }
  EXPECT_TRUE(first->is_finished() && second->is_finished());
  EXPECT_FALSE(waiting->is_finished());
  expect_answer_without(*engine, "vulkan", "cpu");
  // The model that it was begun on is gone.
  EXPECT_TRUE(waiting->is_finished());
  EXPECT_EQ(waiting->result().finish_reason, FinishReason::cancelled);
  EXPECT_TRUE(waiting->advance());
  const Result<GenerateResult> after = engine->generate(turn(30, "c"), {}, {});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->ids, expected(30));
}

TEST_P(CardsTest, LostOfTwoLeaveTheOther) {
  struct Case {
    std::uint64_t lost;
    const char *name, *left;
  };
  for (const Case& c : {Case{1, "vulkan", "vulkan:1"}, Case{2, "vulkan:1", "vulkan"}}) {
    const std::unique_ptr<Engine> engine = create_engine();
    LoadRequest request = request_for(GetParam(), "vulkan:0,vulkan:1");
    request.split = {1, LoadedModel::load(request_for(GetParam(), "cpu"), {}, {}).value()->model().spec().n_layers - 1};
    ASSERT_TRUE(engine->load(request, {}, {}));
    EXPECT_EQ(engine->loaded()->device, "vulkan,vulkan:1");
    expect_answer(*engine);
    const std::unique_ptr<Generation> generation = engine->begin(turn(), {}).value();
    while (std::ssize(generation->result().ids) < 3) ASSERT_TRUE(generation->advance());
    layer_->lost_card = c.lost;
    layer_->lose_at_submit = layer_->n_submits + 1;
    Result<std::vector<GenerationEvent>> events = std::vector<GenerationEvent>();
    while (events && !generation->is_finished()) events = generation->advance();
    ASSERT_FALSE(events);
    EXPECT_EQ(events.error().code, ErrorCode::device_lost) << events.error().message;
    EXPECT_EQ(events.error().device, c.name);
    expect_answer_without(*engine, c.name, c.left);
    layer_->do_nothing();
  }
}

TEST_P(CardsTest, LostBesideTheProcessorLeaveAllToIt) {
  for (const std::uint64_t n_submits : {1, 3}) {
    const std::unique_ptr<Engine> engine = create_engine();
    LoadRequest request = request_for(GetParam(), "cpu,vulkan");
    request.split = {1, LoadedModel::load(request_for(GetParam(), "cpu"), {}, {}).value()->model().spec().n_layers - 1};
    ASSERT_TRUE(engine->load(request, {}, {}));
    EXPECT_EQ(engine->loaded()->device, "cpu,vulkan");
    layer_->lose_at_submit = layer_->n_submits + n_submits;
    const Result<GenerateResult> result = engine->generate(turn(), {}, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::device_lost) << result.error().message;
    expect_answer_without(*engine, "vulkan", "cpu");
    layer_->lose_at_submit = 0;
  }
}

// Where it has the layers and the processor their experts, as far as a model has such.
TEST_P(CardsTest, LostWithExpertsElsewhereLeaveAllToTheProcessor) {
  LoadRequest request = request_for(GetParam(), "vulkan");
  const auto planned = [&] {
    const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
    return plan_model(*file, request, create_devices_for(request).value()).value().plan;
  };
  const std::uint64_t whole = planned().needed_bytes;
  const std::int64_t n_layers = planned().devices[0].n_layers, n_experts = planned().devices[0].n_experts;
  for (std::uint64_t percent = 60; percent < 100; ++percent) {
    request.vram_bytes = whole * percent / 100;
    const LoadPlan plan = planned();
    if (plan.devices.size() == 2 && plan.devices[0].n_layers == n_layers && plan.devices[0].n_experts <= n_experts / 2) break;
  }
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->load(request, {}, {}));
  EXPECT_EQ(engine->loaded()->device, "vulkan,cpu");
  const std::unique_ptr<Generation> generation = engine->begin(turn(), {}).value();
  while (std::ssize(generation->result().ids) < 3) ASSERT_TRUE(generation->advance());
  layer_->lose_at_submit = layer_->n_submits + 2;
  Result<std::vector<GenerationEvent>> events = std::vector<GenerationEvent>();
  while (events && !generation->is_finished()) events = generation->advance();
  ASSERT_FALSE(events);
  EXPECT_EQ(events.error().code, ErrorCode::device_lost) << events.error().message;
  expect_answer_without(*engine, "vulkan", "cpu");
}

// What was kept before is good, and nothing is kept of a card that gives zeros.
TEST_P(CardsTest, LostKeepNothingWrongOfConversations) {
  const TempFolder folder;
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->keep_conversations({.folder = folder.path()}));
  ASSERT_TRUE(engine->load(request_for(GetParam(), "vulkan"), {}, {}));
  GenerateRequest wanted = turn();
  wanted.ids.resize(200);
  std::iota(wanted.ids.begin(), wanted.ids.end(), 3);
  std::vector<int> ids;
  {
    const std::unique_ptr<Engine> other = create_engine();
    ASSERT_TRUE(other->load(request_for(GetParam(), "cpu"), {}, {}));
    ids = other->generate(wanted, {}, {}).value().ids;
  }
  const std::unique_ptr<Generation> generation = engine->begin(wanted, {}).value();
  while (std::ssize(generation->result().ids) < 3) ASSERT_TRUE(generation->advance());
  layer_->lose_at_submit = layer_->n_submits + 1;
  while (generation->advance() && !generation->is_finished()) {
  }
  const Result<GenerateResult> again = engine->generate(wanted, {}, {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->ids, ids);
  // And where the model goes without another turn.
  layer_->do_nothing();
  ASSERT_TRUE(engine->load(request_for(GetParam(), "vulkan"), {}, {}));
  wanted.ids[0] = 4;
  wanted.conversation = "b";
  ASSERT_TRUE(engine->generate(wanted, {}, {}));
  layer_->lose_at_submit = layer_->n_submits + 1;
  ASSERT_TRUE(engine->load(request_for(GetParam(), "cpu"), {}, {}));
  const Result<GenerateResult> elsewhere = engine->generate(wanted, {}, {});
  ASSERT_TRUE(elsewhere) << elsewhere.error().message;
  const std::unique_ptr<Engine> fresh = create_engine();
  ASSERT_TRUE(fresh->load(request_for(GetParam(), "cpu"), {}, {}));
  EXPECT_EQ(elsewhere->ids, fresh->generate(wanted, {}, {}).value().ids);
}

TEST_P(CardsTest, LostAreNoReasonForOtherWorkToFail) {
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->load(request_for(GetParam(), "vulkan"), {}, {}));
  layer_->lose_at_submit = layer_->n_submits + 1;
  EXPECT_FALSE(engine->generate(turn(), {}, {}));
  std::vector<int> text(64);
  std::iota(text.begin(), text.end(), 3);
  const Result<PerplexityResult> perplexity = engine->perplexity(text, 32, -1, {}, {});
  ASSERT_TRUE(perplexity) << perplexity.error().message;
  EXPECT_EQ(engine->loaded()->device, "cpu");
  EXPECT_TRUE(note_of<DeviceLost>(*engine));
}

std::string name_of_model(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Models, CardsTest, testing::Values("llama-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"), name_of_model);

// ---- what a plan says, and what an answer counts ----

// Bytes of weights that a token reads, by the file alone: of a table one row, of experts those that are chosen, nothing of layers behind the last.
// Where each of n_devices has slices they read norms each, and of latent attention what all heads share.
double weight_bytes_per_token(const std::string& path, double n_slices = 1) {
  const std::unique_ptr<ModelFile> file = open_model_file(path).value();
  const auto number = [&](const char* key) {
    const auto found = number_of(file->metadata(), key);
    return found.value_or(0);
  };
  const double n_experts = std::max(number("num_experts"), number("n_routed_experts")), n_used = number("num_experts_per_tok");
  const std::string behind = "model.layers." + std::to_string(static_cast<int>(number("num_hidden_layers"))) + ".";
  const bool has_head = std::ranges::any_of(file->tensors(), [](const TensorInfo& tensor) { return tensor.name == "lm_head.weight"; });
  double n_bytes = 0;
  for (const TensorInfo& tensor : file->tensors()) {
    double share = 1;
    if (tensor.name.starts_with(behind)) share = 0;
    else if (tensor.name.find(".experts.") != std::string::npos) share = n_used / n_experts;
    else if (tensor.name == "model.embed_tokens.weight" && has_head) share = 1.0 / static_cast<double>(tensor.shape[0]);
    else if (tensor.name.find("norm") != std::string::npos && tensor.name != "model.norm.weight") share = n_slices;
    else if (tensor.name.find(".q_a_proj.") != std::string::npos || tensor.name.find(".kv_a_proj_with_mqa.") != std::string::npos) share = n_slices;
    n_bytes += share * static_cast<double>(tensor.n_bytes);
  }
  return n_bytes;
}

class CardStatsTest : public CardsTest {
 protected:
  static LoadPlan planned(const LoadRequest& request) {
    const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
    return plan_model(*file, request, create_devices_for(request).value()).value().plan;
  }

  static constexpr std::int64_t kPrompt = 480, kAnswer = 64;  // so that a step sees some 513 tokens, as the plan's does

  // An answer to a prompt whose end is its own: the beginning is read once. Adds what the devices did of it, and how many commands the cards were given.
  void answer(Engine& engine, int number, bool is_random, std::vector<DeviceStats>& devices, double& commands) {
    GenerateRequest wanted = turn(3, std::to_string(number));
    wanted.ids.resize(kPrompt);
    for (int i = 0; i < kPrompt; ++i) wanted.ids[i] = 3 + 7 * i % 300;
    for (int i = kPrompt - 16; i < kPrompt; ++i) wanted.ids[i] += number;
    wanted.max_tokens = kAnswer;
    if (is_random) wanted.sampling.temperature = 1, wanted.sampling.seed = static_cast<std::uint64_t>(number);
    const std::unique_ptr<Generation> generation = engine.begin(wanted, {}).value();
    while (generation->result().ids.empty()) ASSERT_TRUE(generation->advance());
    const std::uint64_t before = layer_->n_dispatches + layer_->n_copies;
    while (!generation->is_finished()) ASSERT_TRUE(generation->advance());
    commands += static_cast<double>(layer_->n_dispatches + layer_->n_copies - before);
    const std::vector<DeviceStats>& now = generation->result().stats.decode_work.devices;
    devices.resize(now.size());
    for (std::size_t i = 0; i < now.size(); ++i) {
      devices[i].name = now[i].name;
      devices[i].weight_bytes = now[i].weight_bytes;
      devices[i].bytes += now[i].bytes;
      devices[i].launches += now[i].launches;
    }
  }

  // Every device's bytes and launches of a token within 5 % of what the plan says, and all launches as many as went to the cards.
  // Which experts a card has in slots follows what was chosen, and of few experts and 64 tokens it is chance how many of the choices these are. So where there
  // are slots, it is the plan after a run that is held to it, and four answers of random words, other ones than that run had.
  void expect_as_planned(LoadRequest request, std::size_t n_devices) {
    SCOPED_TRACE(request.device + ", " + std::to_string(request.vram_bytes) + " bytes");
    layer_->hides_time = true;  // a busy processor would have its renderer's commands cut
    const bool has_slots = planned(request).card_hit_rate > 0;
    const int n_answers = has_slots ? 4 : 1;
    const TempFolder cache;
    double commands = 0;
    std::vector<DeviceStats> devices;
    if (has_slots) {
      request.cache_folder = cache.path().string();
      const std::unique_ptr<Engine> engine = create_engine();
      ASSERT_TRUE(engine->load(request, {}, {}));
      for (int i = 0; i < n_answers; ++i) answer(*engine, n_answers + i, true, devices, commands);
      devices.clear();
      commands = 0;
    }
    const LoadPlan plan = planned(request);
    ASSERT_EQ(plan.devices.size(), n_devices);
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->load(request, {}, {}));
    for (int i = 0; i < n_answers; ++i) answer(*engine, i, has_slots, devices, commands);
    for (DeviceStats& device : devices) device.launches /= n_answers, device.bytes /= n_answers;
    commands /= n_answers;

    ASSERT_EQ(devices.size(), n_devices);
    double launches = 0, bytes = 0, planned_bytes = 0;
    for (std::size_t i = 0; i < n_devices; ++i) {
      const LoadPlan::Device& planned = plan.devices[i];
      EXPECT_EQ(devices[i].name, planned.name);
      EXPECT_EQ(devices[i].weight_bytes, planned.weight_bytes);
      const auto of_plan = static_cast<double>(planned.launches_per_token), bytes_of_plan = static_cast<double>(planned.bytes_per_token);
      EXPECT_NEAR(devices[i].launches / kAnswer, of_plan, 0.05 * of_plan) << planned.name;
      EXPECT_NEAR(devices[i].bytes / kAnswer, bytes_of_plan, 0.05 * bytes_of_plan) << planned.name;
      if (planned.is_card) launches += devices[i].launches;
      bytes += devices[i].bytes / kAnswer;
      planned_bytes += bytes_of_plan;
    }
    EXPECT_EQ(launches, commands);
    const std::unique_ptr<LoadedModel> model = LoadedModel::load(request_for(GetParam(), "cpu"), {}, {}).value();
    const double n_slices = request.split_mode == SplitMode::rows ? static_cast<double>(n_devices) : 1;
    const bool is_latent = model->model().spec().kv_layers.front().v_head_dim == 0;  // its keys lie with every device that has heads
    const double state_bytes_per_token =
        static_cast<double>(kv_bytes_per_token(model->model().spec().kv_layers, DType::f32)) * (is_latent ? n_slices : 1);
    const double of_file = weight_bytes_per_token(request.path, n_slices) + state_bytes_per_token * (kPrompt + (kAnswer + 1) / 2.0);
    EXPECT_NEAR(bytes, of_file, 0.05 * of_file);
    EXPECT_NEAR(planned_bytes, of_file, 0.05 * of_file);
  }
};

TEST_P(CardStatsTest, AreThePlansOnACard) { expect_as_planned(request_for(GetParam(), "vulkan", 1024), 1); }

TEST_P(CardStatsTest, AreThePlansOnTwoCards) {
  LoadRequest request = request_for(GetParam(), "vulkan,vulkan:1", 1024);
  request.split = {1, LoadedModel::load(request_for(GetParam(), "cpu"), {}, {}).value()->model().spec().n_layers - 1};
  expect_as_planned(request, 2);
}

TEST_P(CardStatsTest, AreThePlansOfSlices) {
  for (const std::vector<std::int64_t>& split : {std::vector<std::int64_t>{1, 1}, {3, 1}})
    expect_as_planned(in_rows(request_for(GetParam(), "", 1024), split), 2);
}

// Layers, then experts, lie with the processor where the card has no room for them.
TEST_P(CardStatsTest, AreThePlansOnACardAndTheProcessor) {
  LoadRequest request = request_for(GetParam(), "vulkan", 1024);
  const std::uint64_t whole = planned(request).needed_bytes;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;  // layers and experts on the card
  for (std::uint64_t percent = 60; percent < 100; percent += 3) {
    request.vram_bytes = whole * percent / 100;
    const LoadPlan plan = planned(request);
    if (plan.devices.size() == 2 && seen.emplace(plan.devices[0].n_layers, plan.devices[0].n_experts).second) expect_as_planned(request, 2);
  }
  EXPECT_GE(seen.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Models, CardStatsTest, testing::Values("llama-tiny", "qwen2-tiny", "qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"),
                         name_of_model);

}  // namespace
}  // namespace pio
