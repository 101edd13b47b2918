// A slice of every layer on each of several devices (--split-mode rows): what each has, what that takes, and the answers, which are those of one device but for
// the order in which some sums are made.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/engine.h"
#include "engine/kv/kv_memory.h"
#include "engine/plan/device_plan.h"
#include "tests/engine/core/logits_of.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

// ---- where cuts lie ----

std::vector<Range> ranges_of(const std::vector<std::int64_t>& shares, std::int64_t n, std::int64_t unit = 1) {
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < shares.size(); ++i) ranges.push_back(range_of({shares, i}, n, unit));
  return ranges;
}

TEST(Ranges, LieWhereTheSharesSayAtMultiplesOfTheUnit) {
  using Ranges = std::vector<Range>;
  EXPECT_EQ(ranges_of({1, 1}, 8), (Ranges{{0, 4}, {4, 8}}));
  EXPECT_EQ(ranges_of({3, 1}, 8), (Ranges{{0, 6}, {6, 8}}));
  EXPECT_EQ(ranges_of({3, 1}, 2), (Ranges{{0, 1}, {1, 2}})) << "the lower of two places that are as near";
  EXPECT_EQ(ranges_of({20, 28, 16}, 9728, 256), (Ranges{{0, 3072}, {3072, 7296 / 256 * 256}, {7296 / 256 * 256, 9728}}));
  EXPECT_EQ(ranges_of({1, 1}, 160, 128), (Ranges{{0, 128}, {128, 160}})) << "the rest of a block is the last one's";
  EXPECT_EQ(ranges_of({1, 3}, 160, 256), (Ranges{{0, 0}, {0, 160}})) << "no place inside";
  EXPECT_EQ(ranges_of({3, 1}, 1), (Ranges{{0, 1}, {1, 1}}));
  EXPECT_EQ(ranges_of({1, 0, 1}, 6), (Ranges{{0, 3}, {3, 3}, {3, 6}}));
}

TEST(Ranges, CoverAllOnce) {
  for (std::int64_t n = 1; n < 40; ++n) {
    for (const std::int64_t unit : {1, 2, 3, 8, 64}) {
      for (const std::vector<std::int64_t>& shares : {std::vector<std::int64_t>{1}, {1, 1}, {7, 2}, {1, 5, 3}, {0, 4}, {4, 0}, {1, 1, 1, 1, 1}}) {
        std::int64_t at = 0;
        for (const Range& range : ranges_of(shares, n, unit)) {
          EXPECT_EQ(range.begin, at);
          EXPECT_LE(range.begin, range.end);
          EXPECT_TRUE(range.begin % unit == 0 || range.begin == n) << n << ", " << unit;
          at = range.end;
        }
        EXPECT_EQ(at, n);
      }
    }
  }
}

// ---- answers ----

LoadRequest exact_request(const std::string& path, std::int64_t context_length = 256) {
  LoadRequest request;
  request.path = path;
  request.device = "cpu";
  request.context_length = context_length;
  request.n_threads = 1;
  request.kv = DType::f32;
  request.activations = Activations::f32;
  return request;
}

LoadRequest in_rows(LoadRequest request, const std::vector<std::int64_t>& split) {
  request.device = "cpu";
  for (std::size_t i = 1; i < split.size(); ++i) request.device += ",cpu";
  request.split = split;
  request.split_mode = SplitMode::rows;
  return request;
}

std::unique_ptr<LoadedModel> load(const LoadRequest& request) {
  Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(request, {}, {});
  EXPECT_TRUE(loaded) << loaded.error().message;
  return loaded ? std::move(*loaded) : nullptr;
}

PlannedModel planned(const LoadRequest& request) {
  const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
  const ModelDevices devices = create_devices_for(request).value();
  return plan_model(*file, request, devices).value();
}

// Each sum over heads, inner columns or experts is one of the same float32 numbers in another order: some roundings, through all layers. A unit in the last
// place of these models' logits, some 10, is 1e-6; this is 20 of them. Found are 3e-6 to 8e-6, with pictures up to 1.6e-5.
constexpr double kTolerance = 2e-5;

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

const std::vector<std::vector<std::int64_t>> kSplits = {{1, 1}, {3, 1}, {1, 4}, {1, 2, 1}, {1, 0, 1}};

GenerateRequest greedy(std::vector<int> ids, std::int64_t max_tokens = 12) {
  GenerateRequest wanted;
  wanted.ids = std::move(ids);
  wanted.max_tokens = max_tokens;
  wanted.ignore_eos = true;
  wanted.sampling.temperature = 0;
  wanted.drafts.kind = Drafts::Kind::off;
  return wanted;
}
std::vector<int> some_ids(int n, int first = 3) {
  std::vector<int> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

class RowsTest : public testing::TestWithParam<const char*> {
 protected:
  static std::string path() { return test::model_data(GetParam()).string(); }
  static bool is_latent() { return std::string(GetParam()).find("glm") == 0; }
};

TEST_P(RowsTest, GiveTheLogitsOfOneDevice) {
  const LoadRequest request = exact_request(path());
  const std::unique_ptr<LoadedModel> whole = load(request);
  const std::vector<float> expected = test::logits_of(*whole).value();
  for (const std::vector<std::int64_t>& split : kSplits) {
    const std::unique_ptr<LoadedModel> sliced = load(in_rows(request, split));
    ASSERT_TRUE(sliced);
    const auto n_having = static_cast<std::size_t>(std::ranges::count_if(split, [](std::int64_t share) { return share > 0; }));
    EXPECT_EQ(sliced->info().devices.size(), n_having);
    for (const DeviceStats& device : sliced->info().devices) EXPECT_GT(device.weight_bytes, 0u);
    EXPECT_EQ(sliced->info().n_parameters, whole->info().n_parameters);
    const std::vector<float> logits = test::logits_of(*sliced).value();
    EXPECT_LE(largest_difference(logits, expected), kTolerance) << testing::PrintToString(split);
    EXPECT_EQ(test::logits_of(*sliced).value(), logits) << "the sums have one order";
  }
}

TEST_P(RowsTest, GiveTheGreedyIdsOfOneDevice) {
  const LoadRequest request = exact_request(path());
  const auto answered = [](const LoadRequest& with) {
    const std::unique_ptr<Engine> engine = create_engine();
    EXPECT_TRUE(engine->load(with, {}, {}));
    GenerateRequest wanted = greedy(some_ids(40));
    wanted.wants_logits = true;
    std::vector<std::vector<float>> rows;
    GenerateSink sink;
    sink.logits = [&](std::span<const float> row) { rows.emplace_back(row.begin(), row.end()); };
    return std::pair(engine->generate(wanted, sink, {}).value().ids, rows);
  };
  const auto [expected, rows] = answered(request);
  std::size_t n_sure = 0;  // before the first that is a near tie
  for (; n_sure < rows.size(); ++n_sure) {
    std::vector<float> row = rows[n_sure];
    std::ranges::partial_sort(row, row.begin() + 2, std::ranges::greater());
    if (row[0] - row[1] <= 2 * kTolerance) break;
  }
  ASSERT_GT(n_sure, 4u);
  for (const std::vector<std::int64_t>& split : kSplits) {
    const std::vector<int> ids = answered(in_rows(request, split)).first;
    EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(n_sure), ids.begin())) << testing::PrintToString(split);
  }
}

// A row has the same bits whatever runs beside it: a prompt in other chunks, a token as a draft, two conversations in one step.
TEST_P(RowsTest, HaveTheSameBitsInStepsOfAnySize) {
  const LoadRequest request = in_rows(exact_request(path(), 512), {3, 2});
  const std::unique_ptr<LoadedModel> model = load(request);
  const TokenIds ids = model->vocabulary().check(some_ids(48), "ids").value();
  const auto logits_in = [&](std::int64_t n_chunk) {
    Session session(*model);
    std::vector<float> all, part;
    session.begin_decoding();
    for (std::int64_t at = 0; at < ids.size(); at += n_chunk) {
      EXPECT_TRUE(session.process(ids.span().subspan(at, std::min(n_chunk, ids.size() - at)), Session::Outputs::all, part, {}));
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  };
  const std::vector<float> at_once = logits_in(48);
  for (const std::int64_t n : {1, 2, 7}) EXPECT_EQ(logits_in(n), at_once) << n;
}

TEST_P(RowsTest, DraftsAndOtherAnswersChangeNothing) {
  LoadRequest request = in_rows(exact_request(path(), 512), {1, 1});
  request.n_sequences = 2;
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->load(request, {}, {}));
  GenerateRequest first = greedy(std::vector<int>(60, 5), 60), second = greedy(some_ids(30, 20), 60);
  const std::vector<int> of_first = engine->generate(first, {}, {}).value().ids, of_second = engine->generate(second, {}, {}).value().ids;
  GenerateRequest drafted = first;
  drafted.drafts = {.kind = Drafts::Kind::lookup, .longest = 8, .only_where_it_pays = false};
  const GenerateResult with_drafts = engine->generate(drafted, {}, {}).value();
  EXPECT_EQ(with_drafts.ids, of_first);
  EXPECT_GT(with_drafts.stats.accepted_tokens, 0);
  const std::unique_ptr<Generation> a = engine->begin(first, {}).value(), b = engine->begin(second, {}).value();
  Generation* const both[] = {a.get(), b.get()};
  while (!a->is_finished() || !b->is_finished())
    for (const auto& events : engine->advance(both)) ASSERT_TRUE(events) << events.error().message;
  EXPECT_EQ(a->result().ids, of_first);
  EXPECT_EQ(b->result().ids, of_second);
}

TEST_P(RowsTest, ConversationsAreKeptOverAllDevices) {
  const TempFolder folder;
  const LoadRequest request = in_rows(exact_request(path()), {1, 1});
  const auto answer = [&](const LoadRequest& with) {
    const std::unique_ptr<Engine> engine = create_engine();
    EXPECT_TRUE(engine->keep_conversations({.folder = folder.path()}));
    EXPECT_TRUE(engine->load(with, {}, {}));
    GenerateRequest wanted = greedy(some_ids(100), 5);
    wanted.conversation = "a";
    return engine->generate(wanted, {}, {}).value();
  };
  const GenerateResult first = answer(request), again = answer(request);
  EXPECT_EQ(first.stats.restored_from, SnapshotTier::none);
  EXPECT_EQ(again.stats.restored_from, SnapshotTier::disk);
  EXPECT_EQ(answer(in_rows(request, {1, 4})).stats.restored_from, SnapshotTier::none) << "cut elsewhere, and its sums rounded otherwise";
  EXPECT_EQ(answer(exact_request(path())).stats.restored_from, SnapshotTier::none) << "nor are they those of a whole model";
  if (!is_latent()) {  // MLA's two forms differ in the last bits
    EXPECT_EQ(again.ids, first.ids);
  }
}

TEST_P(RowsTest, AnAnswerSaysWhatEachDeviceDidAndThePlanWhatItWould) {
  for (const std::vector<std::int64_t>& split : {std::vector<std::int64_t>{1, 1}, {3, 1}}) {
    const LoadRequest request = in_rows(exact_request(path(), 1024), split);
    const LoadPlan plan = planned(request).plan, whole = planned(exact_request(path(), 1024)).plan;
    EXPECT_TRUE(plan.fits) << plan.why_not;
    ASSERT_EQ(plan.devices.size(), 2u);
    std::uint64_t weights = 0, state = 0, experts = 0;
    std::int64_t n_experts = 0;
    for (const LoadPlan::Device& device : plan.devices) {
      ASSERT_TRUE(device.slice);
      weights += device.weight_bytes, state += device.state_bytes, experts += device.expert_bytes, n_experts += device.n_experts;
      EXPECT_EQ(device.n_layers, whole.devices[0].n_layers);
      EXPECT_LT(device.weight_bytes, whole.weight_bytes);
    }
    // Norms are on both, and what the heads of latent attention share.
    EXPECT_GE(weights, whole.weight_bytes);
    EXPECT_LE(weights, whole.weight_bytes + whole.weight_bytes / (is_latent() ? 8 : 64));
    EXPECT_EQ(state, whole.state_bytes * (is_latent() ? 2 : 1));
    EXPECT_EQ(experts, whole.devices[0].expert_bytes);
    EXPECT_EQ(n_experts, whole.devices[0].n_experts);

    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->load(request, {}, {}));
    EXPECT_EQ(engine->loaded()->device, "cpu,cpu");
    const DeviceWork work = engine->generate(greedy(some_ids(300), 40), {}, {}).value().stats.decode_work;
    ASSERT_EQ(work.devices.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(work.devices[i].weight_bytes, plan.devices[i].weight_bytes);
      EXPECT_GT(work.devices[i].bytes, 0);
      // Which experts a token chooses is not known before: a device that has few of them may have none to compute.
      const auto launches = static_cast<double>(plan.devices[i].launches_per_token);
      EXPECT_NEAR(work.devices[i].launches / 40, launches, (plan.n_experts > 0 || n_experts > 0 ? 0.15 : 0.05) * launches) << i;
    }
  }
}

// Temporaries are planned: a pass takes no more than the block that was made for them.
TEST_P(RowsTest, NeedNoMoreTemporariesThanPlanned) {
  const std::unique_ptr<LoadedModel> model = load(in_rows(exact_request(path()), {1, 1}));
  std::vector<std::uint64_t> before;
  for (const Stage& stage : model->stages()) before.push_back(stage.context->generation());
  EXPECT_TRUE(test::logits_of(*model));
  Session session(*model);
  std::vector<float> logits;
  const TokenIds ids = model->vocabulary().check(some_ids(250), "ids").value();
  EXPECT_TRUE(session.process(ids, Session::Outputs::last, logits, {}));
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(model->stages()[i].context->generation(), before[i]) << i;
}

TEST_P(RowsTest, AStopEndsAPassAndTheNextOneIsSound) {
  const std::unique_ptr<LoadedModel> model = load(in_rows(exact_request(path()), {1, 1}));
  const std::vector<float> expected = test::logits_of(*model).value();
  const TokenIds ids = model->vocabulary().check(some_ids(200), "ids").value();
  const std::int64_t n_layers = model->model().spec().n_layers;
  for (std::int64_t at = 0; at < n_layers; ++at) {
    for (const std::size_t device : {0, 1}) {
      std::stop_source stop;
      ForwardContext& context = *model->stages()[device].context;
      context.on_layer_input = [&](std::int64_t layer, Tensor) {
        if (layer == at) stop.request_stop();
      };
      Session session(*model);
      std::vector<float> logits;
      const Result<void> status = session.process(ids, Session::Outputs::last, logits, stop.get_token());
      context.on_layer_input = {};
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().code, ErrorCode::cancelled);
      EXPECT_EQ(status.error().message, "stopped");
    }
  }
  EXPECT_EQ(test::logits_of(*model).value(), expected);
}

// What a device's pass throws ends the step on all of them.
TEST_P(RowsTest, AnExceptionOnADeviceEndsThePassOfAll) {
  const std::unique_ptr<LoadedModel> model = load(in_rows(exact_request(path()), {1, 1}));
  const std::vector<float> expected = test::logits_of(*model).value();
  const TokenIds ids = model->vocabulary().check(some_ids(20), "ids").value();
  for (const Stage& stage : model->stages()) {
    stage.context->on_layer_input = [&](std::int64_t layer, Tensor) {
      if (layer == 1) throw std::bad_alloc();
    };
    Session session(*model);
    std::vector<float> logits;
    EXPECT_THROW(static_cast<void>(session.process(ids, Session::Outputs::last, logits, {})), std::bad_alloc);
    stage.context->on_layer_input = {};
  }
  EXPECT_EQ(test::logits_of(*model).value(), expected);
}

INSTANTIATE_TEST_SUITE_P(Families, RowsTest, testing::Values("llama-tiny", "qwen2-tiny", "qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// ---- formats ----

// Logits of a fixture's file in rows against those of the whole, with activations as they are.
void expect_same_logits(const std::string& path, LoadQuantization quantization, const std::vector<std::int64_t>& split) {
  SCOPED_TRACE(path + ", " + testing::PrintToString(split));
  LoadRequest request = exact_request(path);
  request.quantization = quantization;
  const std::vector<float> expected = test::logits_of(*load(request)).value();
  const std::unique_ptr<LoadedModel> sliced = load(in_rows(request, split));
  ASSERT_TRUE(sliced);
  EXPECT_LE(largest_difference(test::logits_of(*sliced).value(), expected), kTolerance);
}

TEST(Rows, AreCutBetweenBlocksOfEveryFormat) {
  for (const char* name : {"qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    const std::string path = test::model_data(name).string();
    for (const LoadQuantization quantization : {LoadQuantization::int8, LoadQuantization::int4, LoadQuantization::nf4, LoadQuantization::fp16})
      expect_same_logits(path, quantization, {3, 2});
  }
  int n_files = 0;
  for (const char* folder : {"qwen3-small", "qwen3-moe-small", "glm4-moe-lite-small", "glm4-moe-lite-tiny"}) {
    const std::filesystem::path fixture = test::shared_fixture(folder);
    if (fixture.empty()) GTEST_SKIP() << "no fixture " << folder << ": set PIO_SHARED to the folder that has fixtures/";
    for (const char* file : {"model-q4_k_m.gguf", "model-q8_0.gguf", "model-iq4_xs.gguf", "model-q4_0.gguf", "model-mxfp4_moe.gguf"}) {
      if (!std::filesystem::exists(fixture / file)) continue;
      ++n_files;
      expect_same_logits((fixture / file).string(), LoadQuantization::keep, {1, 1});
    }
  }
  EXPECT_GE(n_files, 8);
}

// 2 heads of keys with 2 × 64 inputs of the output matrix, and 256 inner columns: no block of 256 begins inside.
TEST(Rows, WhatHasNoPlaceForACutLiesWholeOnOneDeviceAndThePlanSaysSo) {
  const std::filesystem::path fixture = test::shared_fixture("qwen3-small");
  if (fixture.empty()) GTEST_SKIP() << "no fixture qwen3-small: set PIO_SHARED to the folder that has fixtures/";
  const LoadPlan plan = planned(in_rows(exact_request((fixture / "model-q4_k_m.gguf").string()), {1, 1})).plan;
  EXPECT_TRUE(plan.fits) << plan.why_not;
  ASSERT_EQ(plan.fallbacks.size(), 2u);
  EXPECT_EQ(plan.fallbacks[0].text(), "attention: split: expected heads that can be cut between blocks of 256 values, found 2 of 128");
  EXPECT_EQ(plan.fallbacks[1].text(), "feed-forward: split: expected columns that can be cut between blocks of 256 values, found 256 of 1");
  for (const Range LayerSlice::*part : {&LayerSlice::heads, &LayerSlice::hidden}) {
    EXPECT_EQ((*plan.devices[0].slice.*part).n() * (*plan.devices[1].slice.*part).n(), 0);
    EXPECT_GT((*plan.devices[0].slice.*part).n() + (*plan.devices[1].slice.*part).n(), 0);
  }
  const LoadPlan finer = planned(in_rows(exact_request((fixture / "model-q8_0.gguf").string()), {1, 1})).plan;
  EXPECT_TRUE(finer.fallbacks.empty());
  EXPECT_EQ(finer.devices[0].slice->heads, (Range{0, 1}));
  EXPECT_EQ(finer.devices[1].slice->hidden, (Range{128, 256}));

  const LoadPlan one_head = planned(in_rows(exact_request(test::model_data("qwen3-moe-tiny").string()), {3, 1})).plan;
  ASSERT_EQ(one_head.fallbacks.size(), 1u);
  EXPECT_EQ(one_head.fallbacks[0].text(), "attention: split: expected several heads, found 1");
  EXPECT_EQ(one_head.devices[0].slice->experts, (Range{0, 12}));
  EXPECT_EQ(one_head.devices[1].state_bytes, 0u);
}

// ---- what goes with a model ----

TEST(Rows, AdaptersAreCutAsTheirMatrices) {
  LoadRequest request = exact_request(test::model_data("qwen3-tiny").string());
  const std::vector<float> without = test::logits_of(*load(request)).value();
  request.loras = {{.path = test::model_data("qwen3-tiny-lora").string(), .scale = 1.5f}};
  const std::vector<float> expected = test::logits_of(*load(request)).value();
  EXPECT_GT(largest_difference(expected, without), 1e-2);
  for (const std::vector<std::int64_t>& split : kSplits)
    EXPECT_LE(largest_difference(test::logits_of(*load(in_rows(request, split))).value(), expected), kTolerance) << testing::PrintToString(split);
}

TEST(Rows, SelectionsOfCachedTokensAreThoseOfOneDevice) {
  for (const KvSelection& attention :
       {KvSelection{.kind = KvSelection::Kind::window, .n_sinks = 4, .window = 20}, KvSelection{.kind = KvSelection::Kind::pages, .n_pages = 1}}) {
    LoadRequest request = exact_request(test::model_data("qwen3-tiny").string());
    request.attention = attention;
    const std::vector<float> expected = test::logits_of(*load(request)).value();
    EXPECT_LE(largest_difference(test::logits_of(*load(in_rows(request, {1, 1}))).value(), expected), kTolerance);
  }
}

TEST(Rows, LatentKeysAreChosenByPagesOnOneDeviceOnly) {
  LoadRequest request = in_rows(exact_request(test::model_data("glm4-moe-lite-mtp-tiny").string()), {1, 1});
  request.attention = {.kind = KvSelection::Kind::pages, .n_pages = 4};
  const Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(request, {}, {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::not_available);
  EXPECT_NE(loaded.error().message.find(
                "--split-mode rows: expected attention to all latents or a window of them, found pages, which all heads choose together"),
            std::string::npos)
      << loaded.error().message;
}

TEST(Rows, RoutingIsToldOnce) {
  LoadRequest request = exact_request(test::model_data("qwen3-moe-tiny").string());
  const auto routing_of = [](const LoadRequest& with) {
    const std::unique_ptr<Engine> engine = create_engine();
    EXPECT_TRUE(engine->load(with, {}, {}));
    GenerateRequest wanted = greedy(some_ids(20), 4);
    wanted.wants_routing = true;
    std::vector<std::vector<std::int32_t>> all;
    const std::unique_ptr<Generation> generation = engine->begin(wanted, {}).value();
    while (!generation->is_finished()) {
      const std::vector<GenerationEvent> events = generation->advance().value();
      for (const GenerationEvent& event : events)
        if (event.kind == GenerationEvent::Kind::routing) all.push_back(event.routing.ids);
    }
    return all;
  };
  EXPECT_EQ(routing_of(in_rows(request, {1, 3})), routing_of(request));
}

TEST(Rows, PicturesAreSeenByAllDevices) {
  const std::filesystem::path fixture = test::shared_fixture("qwen3-vl-tiny");
  if (fixture.empty()) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  std::ifstream in(fixture / "cases/one_image.json");
  const nlohmann::json one = nlohmann::json::parse(in);
  const auto logits = [&](const LoadRequest& with) {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(with, {}, {});
    EXPECT_TRUE(status) << status.error().message;
    LogitsRequest request{.ids = one["ids_unexpanded"], .images = {}, .videos = {}, .n_chunk = 0};
    for (const std::string name : one["images"]) request.images.push_back({.path = (fixture / "images" / name).string(), .bytes = nullptr});
    return engine->logits(request, {}).value().values;
  };
  const LoadRequest request = exact_request(fixture.string(), 1024);
  const std::vector<float> expected = logits(request);
  EXPECT_FALSE(expected.empty());
  for (const std::vector<std::int64_t>& split : {std::vector<std::int64_t>{1, 1}, {3, 1}})
    EXPECT_LE(largest_difference(logits(in_rows(request, split)), expected), kTolerance) << testing::PrintToString(split);
}

// ---- what does not go together ----

TEST(Rows, RefuseWhatDoesNotGoTogether) {
  const auto refusal = [](const LoadRequest& request) {
    const Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(request, {}, {});
    return loaded ? std::string("taken") : loaded.error().message;
  };
  const LoadRequest request = exact_request(test::model_data("llama-tiny").string());
  LoadRequest one = in_rows(request, {1, 1});
  one.device = "cpu";
  EXPECT_EQ(refusal(one), "--split-mode rows: expected several devices, found cpu");
  one.split.clear();
  EXPECT_EQ(refusal(one), "--split-mode rows: expected several devices, found cpu");
  LoadRequest two = in_rows(request, {1, 1, 1});
  two.device = "cpu,cpu";
  EXPECT_EQ(refusal(two), "--split: expected a number for each of 2 devices, found 3");
  EXPECT_EQ(refusal(in_rows(request, {1, -1})), "--split: expected shares of every layer, found -1");
  EXPECT_EQ(refusal(in_rows(request, {0, 0})), "--split: expected a share above 0, found none");
  LoadRequest no_split = in_rows(request, {1, 1});
  no_split.split.clear();
  EXPECT_EQ(refusal(no_split), "taken");
  LoadRequest small = in_rows(request, {1, 1});
  small.ram_bytes = 1 << 20;
  EXPECT_NE(refusal(small).find("cpu: "), std::string::npos) << refusal(small);
}

}  // namespace
}  // namespace pio
