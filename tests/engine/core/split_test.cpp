// A model over several devices: what each has, what that takes, and the answers, which are those of one.

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "engine/engine.h"
#include "engine/plan/device_plan.h"
#include "tests/engine/core/logits_of.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

LoadRequest request_for(const std::string& name, std::int64_t context_length = 256) {
  LoadRequest request;
  request.path = test::model_data(name).string();
  request.context_length = context_length;
  request.n_threads = 2;
  return request;
}

// A graphics card in a plan: so much memory, and no op on weights of one format.
class PlannedCard final : public CountingBackend {
 public:
  PlannedCard(const Backend& device, std::uint64_t n_bytes, std::string name = "vulkan") : CountingBackend(device), info_(device.device()) {
    info_.name = std::move(name);
    info_.kind = DeviceKind::vulkan;
    info_.free_bytes = info_.total_bytes = n_bytes;
  }
  const DeviceInfo& device() const override { return info_; }
  void refuse_op(Op op, DType dtype, std::int64_t rows = -1) { op_ = op, dtype_ = dtype, rows_ = rows; }
  Result<void> supports(Op op, DType dtype, const Shape& extents) const override {
    if (op != op_ || dtype != dtype_ || (rows_ >= 0 && extents[0] != rows_)) return CountingBackend::supports(op, dtype, extents);
    return make_error(ErrorCode::not_available, info_.name + ": expected less than " + extents.text() + " of " + info(dtype).name);
  }

 private:
  DeviceInfo info_;
  std::optional<Op> op_;
  DType dtype_ = DType::f32;
  std::int64_t rows_ = -1;
};

// Cards of such sizes in front of the processor.
class PlannedDevices {
 public:
  explicit PlannedDevices(const std::vector<std::uint64_t>& cards) : cpu_(create_backend("cpu", {.n_threads = 1, .isa = ""}).value()) {
    for (std::size_t i = 0; i < cards.size(); ++i)
      devices_.backends.push_back(std::make_unique<PlannedCard>(*cpu_, cards[i], "vulkan:" + std::to_string(i)));
    devices_.backends.push_back(create_backend("cpu", {.n_threads = 1, .isa = ""}).value());
    devices_.n_named = devices_.backends.size();
  }
  PlannedCard& card(std::size_t i = 0) { return static_cast<PlannedCard&>(*devices_.backends[i]); }
  ModelDevices& devices() { return devices_; }

 private:
  std::unique_ptr<Backend> cpu_;
  ModelDevices devices_;
};

PlannedModel planned_on(PlannedDevices& devices, const LoadRequest& request) {
  const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
  Result<PlannedModel> planned = plan_model(*file, request, devices.devices());
  EXPECT_TRUE(planned) << planned.error().message;
  return std::move(*planned);
}

const LoadPlan::Device* device_of(const LoadPlan& plan, const std::string& name) {
  const auto found = std::ranges::find(plan.devices, name, &LoadPlan::Device::name);
  return found == plan.devices.end() ? nullptr : &*found;
}
std::uint64_t bytes_of_device(const LoadPlan& plan, const std::string& name) {
  const LoadPlan::Device* const device = device_of(plan, name);
  return device ? device->weight_bytes + device->state_bytes + device->scratch_bytes : 0;
}

// Beside what a card holds for others.
LoadRequest with_budget(LoadRequest request, std::uint64_t vram_bytes) {
  request.vram_bytes = vram_bytes;
  return request;
}

class SplitTest : public testing::TestWithParam<const char*> {};

TEST_P(SplitTest, LayersOnTwoDevicesGiveTheBytesOfOne) {
  LoadRequest request = request_for(GetParam());
  const std::unique_ptr<LoadedModel> whole = LoadedModel::load(request, {}, {}).value();
  const std::vector<float> expected = test::logits_of(*whole).value();
  const std::int64_t n_layers = whole->model().spec().n_layers;
  EXPECT_EQ(whole->info().devices.size(), 1u);
  for (std::int64_t n = 0; n <= n_layers; ++n) {
    LoadRequest split = request;
    split.device = "cpu,cpu";
    split.split = {n, n_layers - n};
    const Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(split, {}, {});
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(test::logits_of(**loaded).value(), expected) << n << " layers on the first";
    const bool is_whole = n == 0 || n == n_layers;
    EXPECT_EQ((*loaded)->info().devices.size(), is_whole ? 1u : 2u);
    for (const DeviceStats& device : (*loaded)->info().devices) EXPECT_GT(device.weight_bytes, 0u);
  }
}

TEST_P(SplitTest, AnAnswerSaysWhatEachDeviceDid) {
  LoadRequest request = request_for(GetParam());
  const auto answered = [](const LoadRequest& with) {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(with, {}, {});
    EXPECT_TRUE(status) << status.error().message;
    GenerateRequest wanted;
    wanted.ids = {3, 14, 15, 92, 65, 35};
    wanted.max_tokens = 6;
    wanted.ignore_eos = true;
    wanted.sampling.temperature = 0;
    wanted.drafts.kind = Drafts::Kind::off;
    return engine->generate(wanted, {}, {}).value();
  };
  const GenerateResult whole = answered(request);
  ASSERT_EQ(whole.stats.decode_work.devices.size(), 1u);
  request.device = "cpu,cpu";
  request.split = {1, whole.ids.empty() ? 0 : LoadedModel::load(request_for(GetParam()), {}, {}).value()->model().spec().n_layers - 1};
  const GenerateResult split = answered(request);
  EXPECT_EQ(split.ids, whole.ids);
  const DeviceWork &of_one = whole.stats.decode_work, &of_two = split.stats.decode_work;
  ASSERT_EQ(of_two.devices.size(), 2u);
  const DeviceStats &one = of_one.devices[0], &first = of_two.devices[0], &second = of_two.devices[1];
  EXPECT_GT(first.launches, 0);
  EXPECT_GT(second.launches, 0);
  EXPECT_EQ(first.launches + second.launches, one.launches);
  EXPECT_EQ(first.bytes + second.bytes, one.bytes);
  EXPECT_GT(of_one.host_seconds, 0);
  EXPECT_GE(of_one.sync_seconds, 0);
  // six steps decoded, the last of which gives no logits
  const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
  const ModelDevices devices = create_devices_for(request).value();
  const PlannedModel planned = plan_model(*file, request, devices).value();
  ASSERT_EQ(planned.plan.devices.size(), 2u);
  EXPECT_NEAR(first.launches / 6, static_cast<double>(planned.plan.devices[0].launches_per_token),
              0.15 * static_cast<double>(planned.plan.devices[0].launches_per_token));
  EXPECT_NEAR(second.launches / 6, static_cast<double>(planned.plan.devices[1].launches_per_token),
              0.15 * static_cast<double>(planned.plan.devices[1].launches_per_token));
}

TEST_P(SplitTest, ConversationsAreKeptOverBothDevices) {
  const TempFolder folder;
  LoadRequest request = request_for(GetParam());
  const std::int64_t n_layers = LoadedModel::load(request, {}, {}).value()->model().spec().n_layers;
  request.device = "cpu,cpu";
  request.split = {1, n_layers - 1};
  std::vector<int> ids(100);
  std::iota(ids.begin(), ids.end(), 3);
  std::vector<std::vector<int>> answers;
  for (const bool comes_back : {false, true}) {
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->keep_conversations({.folder = folder.path()}));
    ASSERT_TRUE(engine->load(request, {}, {}));
    GenerateRequest wanted;
    wanted.conversation = "a";
    wanted.ids = ids;
    wanted.max_tokens = 5;
    wanted.ignore_eos = true;
    wanted.sampling.temperature = 0;
    const GenerateResult result = engine->generate(wanted, {}, {}).value();
    EXPECT_EQ(result.stats.restored_from, comes_back ? SnapshotTier::disk : SnapshotTier::none);
    answers.push_back(result.ids);
  }
  if (std::string(GetParam()).find("glm") == std::string::npos) {  // MLA's two forms differ in the last bits
    EXPECT_EQ(answers[0], answers[1]);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, SplitTest, testing::Values("llama-tiny", "qwen2-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Split, ExpertsOnAnotherDeviceGiveTheBytesOfOne) {
  for (const char* name : {"qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    const LoadRequest request = request_for(name);
    const std::unique_ptr<LoadedModel> whole = LoadedModel::load(request, {}, {}).value();
    const std::vector<float> expected = test::logits_of(*whole).value();
    const auto n_layers = static_cast<std::size_t>(whole->model().spec().n_layers);
    for (std::size_t n = 0; n <= n_layers; ++n) {  // so many layers' experts lie with their layers
      ModelPlacement placement{
          .layers = std::vector<std::size_t>(n_layers, 0), .experts = std::vector<std::size_t>(n_layers, 1), .embeddings = 1, .head = 0, .vision = 1};
      std::fill_n(placement.experts.begin(), n, 0);
      LoadRequest two = request;
      two.device = "cpu,cpu";
      std::unique_ptr<ModelFile> file = open_for_loading(two).value();
      ModelDevices devices = create_devices_for(two).value();
      const PlannedModel planned = plan_placement(*file, two, devices, placement).value();
      const Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load_planned(two, std::move(file), std::move(devices), planned, {}, {});
      ASSERT_TRUE(loaded) << loaded.error().message;
      EXPECT_EQ(test::logits_of(**loaded).value(), expected) << name << ", experts of " << n << " layers";
    }
  }
}

TEST(Split, RefusesWhatDoesNotGoTogether) {
  const auto refusal = [](LoadRequest request) {
    const Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(request, {}, {});
    return loaded ? std::string("taken") : loaded.error().message;
  };
  LoadRequest request = request_for("llama-tiny");
  request.split = {1, 1};
  EXPECT_EQ(refusal(request), "--split: expected a number for each of 1 device, found 2");
  request.split = {1};
  EXPECT_NE(refusal(request).find("in all, found 1"), std::string::npos) << refusal(request);
  request.device = "cpu,cpu";
  request.split = {1, 7};
  EXPECT_NE(refusal(request).find("in all, found 8"), std::string::npos) << refusal(request);
  request.split = {-1, 3};
  EXPECT_EQ(refusal(request), "--split: expected numbers of layers, found -1");
  request.split = {};
  request.device = "cpu,auto";
  EXPECT_EQ(refusal(request), "--device: expected names of devices, found auto among several");
  request.device = "cpu,";
  EXPECT_NE(refusal(request).find("device : expected"), std::string::npos) << refusal(request);
}

TEST(Split, ACardIsFilledWithinItsBudgetAndNeverLessThanWithASmallerOne) {
  for (const char* name : {"llama-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    const LoadRequest request = request_for(name);
    PlannedDevices devices({std::uint64_t{8} << 30});
    const LoadPlan whole = planned_on(devices, with_budget(request, std::uint64_t{4} << 30)).plan;
    ASSERT_EQ(whole.devices.size(), 1u);
    const std::uint64_t all = whole.needed_bytes;
    EXPECT_EQ(bytes_of_device(whole, "vulkan:0"), all);
    std::uint64_t before = 0;
    std::int64_t n_layers_before = 0, n_experts_before = 0;
    for (std::uint64_t budget = all / 50; budget <= all; budget += all / 50) {
      const PlannedModel planned = planned_on(devices, with_budget(request, budget));
      EXPECT_TRUE(planned.plan.fits) << planned.plan.why_not;
      const std::uint64_t here = bytes_of_device(planned.plan, "vulkan:0");
      EXPECT_LE(here, budget) << name;
      EXPECT_GE(here, before) << name << " with " << budget;
      before = here;
      const LoadPlan::Device* const card = device_of(planned.plan, "vulkan:0");
      const LoadPlan::Device* const host = device_of(planned.plan, "cpu");
      const std::int64_t n_layers = card ? card->n_layers : 0, n_experts = card ? card->n_experts : 0;
      EXPECT_GE(n_layers, n_layers_before);
      EXPECT_GE(n_experts, n_experts_before);
      if (n_experts > 0) {
        EXPECT_EQ(n_layers, whole.devices[0].n_layers) << "the layers come before the experts";
      }
      if (host) {
        // beside slots of the card the processor has all experts: which of them lie in slots changes
        EXPECT_EQ(host->n_experts + (planned.has_card_slots ? 0 : n_experts), whole.devices[0].n_experts);
        EXPECT_EQ(host->n_layers + n_layers, whole.devices[0].n_layers);
      }
      n_layers_before = n_layers, n_experts_before = n_experts;
    }
    EXPECT_GT(before, all * 8 / 10) << name;
  }
}

// What is left beside layers, conversation and temporaries is for experts: of every layer some, and the processor has all.
TEST(Split, ACardHasSlotsForAsManyExpertsAsItsBudgetLeaves) {
  for (const char* name : {"qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    const LoadRequest request = request_for(name);
    PlannedDevices devices({std::uint64_t{8} << 30});
    const LoadPlan whole = planned_on(devices, with_budget(request, std::uint64_t{4} << 30)).plan;
    std::int64_t n_before = 0;
    double hits_before = 0;
    std::uint64_t read_before = UINT64_MAX;
    int n_with_slots = 0;
    for (std::uint64_t budget = whole.needed_bytes / 2; budget < whole.needed_bytes; budget += whole.needed_bytes / 240) {
      const PlannedModel planned = planned_on(devices, with_budget(request, budget));
      if (!planned.has_card_slots) continue;
      ++n_with_slots;
      const LoadPlan::Device &card = *device_of(planned.plan, "vulkan:0"), &host = *device_of(planned.plan, "cpu");
      ASSERT_GT(whole.devices[0].n_experts, card.n_experts) << name;
      EXPECT_EQ(card.n_layers, whole.devices[0].n_layers);
      EXPECT_EQ(host.n_experts, whole.devices[0].n_experts);
      EXPECT_EQ(host.n_layers, 0);
      EXPECT_GE(card.n_experts, n_before);
      if (card.n_experts > 0) {
        const std::uint64_t slot_bytes = card.expert_bytes / static_cast<std::uint64_t>(card.n_experts);
        EXPECT_LT(budget - bytes_of_device(planned.plan, "vulkan:0"), slot_bytes) << "one more would have had room";
      }
      EXPECT_GE(planned.plan.card_hit_rate, hits_before);
      EXPECT_LE(planned.plan.card_hit_rate, 1);
      EXPECT_LE(host.bytes_per_token, read_before) << "the more the card has, the less the processor reads";
      EXPECT_NEAR(static_cast<double>(card.bytes_per_token + host.bytes_per_token), static_cast<double>(whole.devices[0].bytes_per_token),
                  0.05 * static_cast<double>(whole.devices[0].bytes_per_token));
      EXPECT_EQ(planned.plan.expert_bytes, whole.expert_bytes) << "of the file, once";
      EXPECT_EQ(planned.plan.dense_bytes, whole.dense_bytes);
      n_before = card.n_experts, hits_before = planned.plan.card_hit_rate, read_before = host.bytes_per_token;
    }
    EXPECT_GT(n_with_slots, 5) << name;
  }
}

TEST(Split, TwoCardsAndTheProcessorHaveTheLayersInOrder) {
  const LoadRequest request = request_for("qwen3-moe-tiny");
  PlannedDevices devices({std::uint64_t{8} << 30, std::uint64_t{8} << 30});
  const LoadPlan whole = planned_on(devices, request).plan;
  ASSERT_EQ(whole.devices.size(), 1u);
  int n_shared = 0;
  for (std::uint64_t percent = 20; percent < 100; percent += 4) {
    const std::uint64_t budget = whole.needed_bytes * percent / 100;
    const PlannedModel planned = planned_on(devices, with_budget(request, budget));
    EXPECT_TRUE(planned.plan.fits) << planned.plan.why_not;
    for (const LoadPlan::Device& device : planned.plan.devices) {
      if (device.is_card) {
        EXPECT_LE(device.weight_bytes + device.state_bytes + device.scratch_bytes, budget);
      }
    }
    const LoadPlan::Device *const first = device_of(planned.plan, "vulkan:0"), *const second = device_of(planned.plan, "vulkan:1");
    if (!first || !second || first->n_layers == 0 || second->n_layers == 0) continue;
    ++n_shared;
    EXPECT_EQ(first->first_layer, 0);
    EXPECT_EQ(second->first_layer, first->last_layer + 1);
  }
  EXPECT_GT(n_shared, 0);
}

TEST(Split, WhatACardDoesNotRunLiesOnTheProcessorAndIsNamed) {
  const LoadRequest request = with_budget(request_for("qwen3-moe-tiny"), std::uint64_t{1} << 30);
  PlannedDevices devices({std::uint64_t{8} << 30});
  devices.card().refuse_op(Op::moe_experts, DType::bf16);
  const PlannedModel experts = planned_on(devices, request);
  EXPECT_TRUE(experts.plan.fits) << experts.plan.why_not;
  ASSERT_FALSE(experts.plan.fallbacks.empty());
  EXPECT_EQ(experts.plan.fallbacks[0].part, "experts");
  EXPECT_EQ(experts.plan.fallbacks[0].op, "moe_experts");
  EXPECT_EQ(device_of(experts.plan, "vulkan:0")->n_experts, 0);
  EXPECT_EQ(device_of(experts.plan, "vulkan:0")->n_layers, 3);
  EXPECT_GT(device_of(experts.plan, "cpu")->n_experts, 0);

  devices.card().refuse_op(Op::embed, DType::bf16);
  const PlannedModel table = planned_on(devices, request);
  EXPECT_TRUE(table.plan.fits) << table.plan.why_not;
  EXPECT_EQ(table.plan.fallbacks.at(0).part, "embeddings");
  EXPECT_EQ(device_of(table.plan, "cpu")->n_layers, 0);
  EXPECT_TRUE(table.stages.front().has_embeddings && table.stages.front().last == 0);

  devices.card().refuse_op(Op::store_kv, DType::f16);
  const PlannedModel none = planned_on(devices, request);
  EXPECT_TRUE(none.plan.fits) << none.plan.why_not;
  EXPECT_EQ(none.plan.fallbacks.at(0).op, "store_kv");
}

}  // namespace
}  // namespace pio
