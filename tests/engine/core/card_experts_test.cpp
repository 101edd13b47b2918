// Experts that a card has some of in slots and the processor all: the numbers of one device, whatever lies where; what fails; what is counted.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <set>

#include "engine/engine.h"
#include "engine/experts/profile_file.h"
#include "engine/loaded_model.h"
#include "engine/plan/device_plan.h"
#include "tests/engine/core/exact_turns.h"
#include "tests/engine/core/logits_of.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/support/under_vulkan_layer.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

// Another order of the same sums in float32, a few layers deep, of logits of size 10.
constexpr double kOtherOrder = 1e-4;

LoadRequest exact_request(const fs::path& path, const std::string& devices) { return test::exact_request(path, devices, 256); }

// All layers on the first device, all experts on the second one, and of these as many as `slots_bytes` hold on the first.
// `staging_bytes` of memory are for those that prompts bring.
Result<std::unique_ptr<LoadedModel>> load_shared(const LoadRequest& request, std::uint64_t slots_bytes, std::uint64_t staging_bytes = 0) {
  ASSIGN_OR_RETURN(std::unique_ptr<ModelFile> file, open_for_loading(request));
  ASSIGN_OR_RETURN(ModelDevices devices, create_devices_for(request));
  LoadRequest of_processor = request;
  of_processor.device = "cpu";
  const auto n_layers = static_cast<std::size_t>(test::planned(of_processor).estimate->spec().n_layers);
  const ModelPlacement placement{.layers = std::vector<std::size_t>(n_layers, 0),
                                 .experts = std::vector<std::size_t>(n_layers, 1),
                                 .embeddings = 1,
                                 .head = 0,
                                 .vision = 1,
                                 .slots_bytes = slots_bytes,
                                 .staging_bytes = staging_bytes};
  ASSIGN_OR_RETURN(const PlannedModel planned, plan_placement(*file, request, devices, placement));
  return LoadedModel::load_planned(request, std::move(file), std::move(devices), planned, {}, {});
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
  return largest;
}

// The likeliest token of each row, -1 where two are nearly as likely.
std::vector<int> likeliest(const std::vector<float>& logits, std::size_t n_rows) {
  std::vector<int> ids;
  const std::size_t n = logits.size() / n_rows;
  for (std::size_t row = 0; row < n_rows; ++row) {
    std::vector<float> values(logits.begin() + row * n, logits.begin() + (row + 1) * n);
    const auto best = std::ranges::max_element(values);
    const float most = *best;
    const auto id = static_cast<int>(best - values.begin());
    *best = -INFINITY;
    ids.push_back(most - *std::ranges::max_element(values) > 2 * kOtherOrder ? id : -1);
  }
  return ids;
}

struct TestCase {
  const char *model, *devices;
};

class CardExpertsTest : public testing::TestWithParam<TestCase> {
 protected:
  void SetUp() override {
    test::VulkanLayer* const layer = test::under_vulkan_layer();
    if (layer) layer->hides_time = true;  // a busy processor would have its renderer's commands cut, which makes more of them
    const bool is_on_vulkan = std::string(GetParam().devices).find("vulkan") != std::string::npos;
    if (is_on_vulkan && !layer) GTEST_SKIP() << "no software renderer for Vulkan on this machine, or no module";
  }
  fs::path path() const { return test::model_data(GetParam().model); }
  LoadRequest request() const { return exact_request(path(), GetParam().devices); }
  // The mixtures' experts, which are of one size.
  ExpertKind kind() const { return load_shared(request(), 1).value()->card_experts()->kinds()[0]; }
  const std::vector<float>& expected() {
    if (expected_.empty()) expected_ = test::logits_of(*LoadedModel::load(exact_request(path(), "cpu"), {}, {}).value()).value();
    return expected_;
  }
  static void read_prompt(LoadedModel& model) {
    Session session(model);
    std::vector<int> ids(40);
    std::iota(ids.begin(), ids.end(), 3);
    const TokenIds prompt = model.vocabulary().check(ids, "ids").value();
    std::vector<float> logits;
    session.begin_prompt(prompt.size());
    ASSERT_TRUE(session.process(prompt, Session::Outputs::all, logits, {}));
  }
  void expect_the_same(LoadedModel& model) {
    const Result<std::vector<float>> logits = test::logits_of(model);
    ASSERT_TRUE(logits) << logits.error().message;
    EXPECT_LT(largest_difference(*logits, expected()), kOtherOrder);
    constexpr std::size_t kRows = 41;
    const std::vector<int> ids = likeliest(*logits, kRows), of_one = likeliest(expected(), kRows);
    int n_certain = 0;
    for (std::size_t row = 0; row < kRows; ++row) {
      if (ids[row] < 0 || of_one[row] < 0) continue;
      EXPECT_EQ(ids[row], of_one[row]);
      ++n_certain;
    }
    EXPECT_GT(n_certain, 30);
  }

 private:
  std::vector<float> expected_;
};

TEST_P(CardExpertsTest, GiveTheLogitsOfOneDeviceWithAnyNumberOfSlots) {
  std::uint64_t slot_bytes = 0;
  std::int64_t n_all = 0;
  {
    const std::unique_ptr<LoadedModel> all = load_shared(request(), std::uint64_t{1} << 30).value();
    ASSERT_TRUE(all->card_experts());
    ASSERT_EQ(all->card_experts()->kinds().size(), 1u);
    slot_bytes = all->card_experts()->kinds()[0].slot_bytes;
    n_all = all->card_experts()->kinds()[0].n_in_all();
    EXPECT_EQ(all->card_experts()->n_held(), n_all);
    expect_the_same(*all);
    EXPECT_EQ(all->card_experts()->counts().choices, 0) << "nothing was read back";
  }
  const bool is_quick = request().device == "cpu,cpu";
  for (std::int64_t n = 0; n < n_all; n += is_quick ? 1 : 7) {
    SCOPED_TRACE(std::to_string(n) + " slots");
    const Result<std::unique_ptr<LoadedModel>> loaded = load_shared(request(), static_cast<std::uint64_t>(n) * slot_bytes);
    ASSERT_TRUE(loaded) << loaded.error().message;
    CardExperts& experts = *(*loaded)->card_experts();
    EXPECT_EQ(experts.n_slots(), n);
    EXPECT_EQ(experts.n_held(), n);
    expect_the_same(**loaded);
    EXPECT_GT(experts.counts().choices, 0);
    EXPECT_GE(experts.counts().hits, 0);
    if (n == 0) {
      EXPECT_EQ(experts.counts().hits, 0);
    }
    if (n > n_all / 2) {
      EXPECT_GT(experts.counts().hits, 0);
    }
    if (HasFailure()) return;
  }
}

// Experts change hands between steps, and the numbers stay.
// A prompt's step has the card compute all, however few experts the staging memory holds at a time; a token has the processor do its part.
TEST_P(CardExpertsTest, AreBroughtForAPromptWithTheSameLogits) {
  const ExpertKind kind = this->kind();
  for (const std::int64_t n_slots : {std::int64_t{0}, kind.n_in_all() / 3}) {
    for (const std::int64_t n_staging : {std::int64_t{1}, std::int64_t{3}, kind.n_experts}) {
      if (n_staging != 3 && request().device != "cpu,cpu") continue;  // a renderer takes its time
      SCOPED_TRACE(std::to_string(n_slots) + " slots, " + std::to_string(n_staging) + " brought at a time");
      const std::uint64_t staging_bytes = static_cast<std::uint64_t>(n_staging) * kind.slot_bytes;
      const std::uint64_t slots_bytes = static_cast<std::uint64_t>(n_slots) * kind.slot_bytes;
      Result<std::unique_ptr<LoadedModel>> loaded = load_shared(request(), slots_bytes, staging_bytes);
      ASSERT_TRUE(loaded) << loaded.error().message;
      LoadedModel& model = **loaded;
      CardExperts& experts = *model.card_experts();
      EXPECT_EQ(experts.n_slots(), n_slots);
      EXPECT_EQ(experts.n_bytes(), slots_bytes + staging_bytes);
      experts.set_staging(Staging::always);
      read_prompt(model);
      const CardExperts::Counts staged = experts.counts();
      EXPECT_GT(staged.n_staged, 0);
      EXPECT_EQ(staged.staged_bytes, static_cast<std::uint64_t>(staged.n_staged) * kind.file_bytes);
      EXPECT_EQ(staged.hits + staged.staged_choices, staged.choices);
      EXPECT_EQ(staged.host_bytes, 0u);
      expect_the_same(model);
      const CardExperts::Counts twice = experts.counts();
      EXPECT_EQ(twice.n_staged, 2 * staged.n_staged);
      experts.set_staging(Staging::never);
      expect_the_same(model);
      EXPECT_EQ(experts.counts().n_staged, twice.n_staged);
      EXPECT_GT(experts.counts().host_bytes, twice.host_bytes);
      // Which of the two is quicker is the machine's; the numbers are the same.
      experts.set_staging(Staging::where_it_pays);
      for (int i = 0; i < 2; ++i) expect_the_same(model);
      if (HasFailure()) return;
    }
  }
}

TEST_P(CardExpertsTest, AreTheProcessorsWhereTheyCannotBeBrought) {
  const TempFolder folder;
  const fs::path copy = folder.path() / "model", weights = copy / "model.safetensors";
  fs::copy(path(), copy, fs::copy_options::recursive);
  LoadRequest of_copy = request();
  of_copy.path = copy.string();
  const ExpertKind kind = this->kind();
  const std::unique_ptr<LoadedModel> model = load_shared(of_copy, 2 * kind.slot_bytes, 4 * kind.slot_bytes).value();
  CardExperts& experts = *model->card_experts();
  experts.set_staging(Staging::always);
  fs::resize_file(weights, fs::file_size(weights) / 100);
  expect_the_same(*model);
  EXPECT_EQ(experts.counts().n_staged, 0);
  EXPECT_GT(experts.counts().choices, 0);
  expect_the_same(*model);
}

TEST_P(CardExpertsTest, HaveStagingMemoryInThePlan) {
  const ExpertKind kind = this->kind();
  const auto needed = [&](std::uint64_t staging_bytes) {
    const std::unique_ptr<LoadedModel> model = load_shared(request(), 3 * kind.slot_bytes, staging_bytes).value();
    return std::pair(model->info().loading.planned_bytes, model->info().layout.resident_bytes);
  };
  const auto without = needed(0), with = needed(5 * kind.slot_bytes);
  EXPECT_EQ(with.first - without.first, 5 * kind.slot_bytes);
  EXPECT_EQ(with.second - without.second, 5 * kind.slot_bytes);
}

TEST_P(CardExpertsTest, BringWhatIsChosenMoreBetweenSteps) {
  const ExpertKind kind = this->kind();
  std::int64_t n_brought = 0, hits_before = 0, hits_after = 0;
  for (const std::int64_t n_slots : {kind.n_in_all() / 4, kind.n_in_all() / 3, kind.n_in_all() / 2}) {
    const std::unique_ptr<LoadedModel> model = load_shared(request(), static_cast<std::uint64_t>(n_slots) * kind.slot_bytes).value();
    CardExperts& experts = *model->card_experts();
    expect_the_same(*model);
    const CardExperts::Counts before = experts.counts();
    EXPECT_EQ(before.n_promoted, 0) << "nothing is fetched for a step";
    EXPECT_EQ(experts.promote(0, 10, {}), 0);
    std::stop_source stopped;
    stopped.request_stop();
    EXPECT_EQ(experts.promote(std::uint64_t{1} << 30, 10, stopped.get_token()), 0);
    const std::int64_t one = experts.promote(kind.file_bytes, 10, {});
    EXPECT_LE(one, 1) << "no more than asked for";
    expect_the_same(*model);
    const std::int64_t others = experts.promote(std::uint64_t{1} << 30, 10, {});
    EXPECT_TRUE(one > 0 || others == 0);
    EXPECT_EQ(experts.counts().n_promoted, one + others);
    EXPECT_EQ(experts.n_held(), n_slots);
    const CardExperts::Counts promoted = experts.counts();
    expect_the_same(*model);
    const CardExperts::Counts after = experts.counts();
    EXPECT_EQ(after.choices - promoted.choices, before.choices) << "the same tokens";
    EXPECT_GE(after.hits - promoted.hits, before.hits);
    n_brought += one + others;
    hits_before += before.hits;
    hits_after += after.hits - promoted.hits;
  }
  EXPECT_GT(n_brought, 0);
  EXPECT_GT(hits_after, hits_before) << "of whose experts more are there now";
}

// A read that fails between steps leaves a slot empty, and the processor computes what lay there; while loading it is an error with a name.
TEST_P(CardExpertsTest, NameAnExpertThatCannotBeReadAndGoOnWithoutIt) {
  const TempFolder folder;
  const fs::path copy = folder.path() / "model", weights = copy / "model.safetensors", kept = folder.path() / "kept";
  fs::copy(path(), copy, fs::copy_options::recursive);
  fs::copy_file(weights, kept);
  LoadRequest of_copy = request();
  of_copy.path = copy.string();
  const ExpertKind kind = this->kind();
  std::int64_t n_slots = 0;  // so many that what they begin with is not what tokens choose most
  for (bool has_more = false; !has_more;) {
    ASSERT_LT(++n_slots, kind.n_in_all());
    const std::unique_ptr<LoadedModel> whole = load_shared(request(), static_cast<std::uint64_t>(n_slots) * kind.slot_bytes).value();
    expect_the_same(*whole);
    has_more = whole->card_experts()->promote(std::uint64_t{1} << 30, 10, {}) > 0;
  }
  const std::unique_ptr<LoadedModel> model = load_shared(of_copy, static_cast<std::uint64_t>(n_slots) * kind.slot_bytes).value();
  expect_the_same(*model);
  CardExperts& experts = *model->card_experts();
  const auto written = fs::last_write_time(weights);
  fs::resize_file(weights, fs::file_size(weights) / 100);
  EXPECT_EQ(experts.promote(std::uint64_t{1} << 30, 10, {}), 0);
  EXPECT_EQ(experts.n_held(), n_slots - 1);
  const Result<void> status = experts.fill({}, {}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::io) << status.error().message;
  EXPECT_NE(status.error().message.find("expert "), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find(" of layer "), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find("model.safetensors"), std::string::npos) << status.error().message;
  expect_the_same(*model);
  fs::copy_file(kept, weights, fs::copy_options::overwrite_existing);
  fs::last_write_time(weights, written);
  EXPECT_GT(experts.promote(std::uint64_t{1} << 30, 10, {}), 0);
  EXPECT_EQ(experts.n_held(), n_slots);
  expect_the_same(*model);
}

TEST_P(CardExpertsTest, BeginWithWhatAnEarlierRunChose) {
  const TempFolder folder;
  LoadRequest with_cache = request();
  with_cache.cache_folder = folder.path().string();
  const ExpertKind kind = this->kind();
  const std::uint64_t slots_bytes = static_cast<std::uint64_t>(kind.n_in_all() / 3) * kind.slot_bytes;
  std::int64_t cold = 0;
  {
    const std::unique_ptr<LoadedModel> first = load_shared(with_cache, slots_bytes).value();
    expect_the_same(*first);
    cold = first->card_experts()->counts().hits;
  }
  const std::unique_ptr<LoadedModel> second = load_shared(with_cache, slots_bytes).value();
  expect_the_same(*second);
  EXPECT_GT(second->card_experts()->counts().hits, cold);
}

// What an answer says that each device read, against a plan told how often experts were there.
TEST_P(CardExpertsTest, CountWhatEachDeviceReadsAndHandsOver) {
  const ExpertKind kind = this->kind();
  LoadRequest with_context = request();
  with_context.context_length = 512;  // a plan counts with attention that is cut into parts
  const std::unique_ptr<LoadedModel> model = load_shared(with_context, static_cast<std::uint64_t>(kind.n_in_all() / 2) * kind.slot_bytes).value();
  Session session(*model);
  std::vector<int> ids(20);
  std::iota(ids.begin(), ids.end(), 3);
  const TokenIds prompt = model->vocabulary().check(ids, "ids").value();
  std::vector<float> logits;
  session.begin_prompt(prompt.size());
  ASSERT_TRUE(session.process(prompt, Session::Outputs::last, logits, {}));
  session.begin_decoding();
  DeviceWork work;
  constexpr int kTokens = 16;
  for (int i = 0; i < kTokens; ++i) {
    ASSERT_TRUE(session.process(prompt.span().subspan(static_cast<std::size_t>(i), 1), Session::Outputs::last, logits, {}));
    model->add_last_step(work, session.n_tokens(), 1);
  }
  ASSERT_EQ(work.devices.size(), 2u);
  const DeviceStats &card = work.devices[0], &host = work.devices[1];
  EXPECT_EQ(card.n_experts, kind.n_in_all() / 2);
  EXPECT_EQ(card.expert_choices, model->model().mixture(kind.layers[0]).n_used * std::ssize(kind.layers) * kTokens);
  EXPECT_GT(card.expert_hits, 0);
  EXPECT_LT(card.expert_hits, card.expert_choices);
  EXPECT_EQ(host.expert_choices, 0);

  std::unique_ptr<ModelFile> file = open_for_loading(with_context).value();
  const ModelDevices devices = create_devices_for(with_context).value();
  const auto n_layers = static_cast<std::size_t>(model->model().spec().n_layers);
  const ModelPlacement placement{.layers = std::vector<std::size_t>(n_layers, 0),
                                 .experts = std::vector<std::size_t>(n_layers, 1),
                                 .embeddings = 1,
                                 .head = 0,
                                 .vision = 1,
                                 .slots_bytes = static_cast<std::uint64_t>(kind.n_in_all() / 2) * kind.slot_bytes};
  const PlannedModel planned = plan_placement(*file, with_context, devices, placement).value();
  ASSERT_TRUE(planned.has_card_slots);
  EXPECT_EQ(planned.plan.devices[0].n_experts, kind.n_in_all() / 2);
  EXPECT_EQ(planned.plan.devices[0].expert_bytes, static_cast<std::uint64_t>(kind.n_in_all() / 2) * kind.slot_bytes);
  EXPECT_DOUBLE_EQ(planned.plan.card_hit_rate, 0.5) << "of a run that nothing is known of every expert is as likely";
  const double hit_rate = card.expert_hits / card.expert_choices;
  double read = 0, as_planned = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const PlannedLoad& load = planned.parts[i].load;
    const double shared = i == 0 ? hit_rate : 1 - hit_rate, predicted = i == 0 ? planned.plan.card_hit_rate : 1 - planned.plan.card_hit_rate;
    const double with_hits = static_cast<double>(load.weight_bytes_per_token - load.shared_bytes_per_token) +
                             static_cast<double>(load.shared_bytes_per_token) / predicted * shared;
    double state = 0;
    for (int t = 0; t < kTokens; ++t) state += static_cast<double>(load.state_bytes_per_token) * (21 + t);
    EXPECT_NEAR(work.devices[i].bytes, with_hits * kTokens + state, 0.05 * work.devices[i].bytes) << i;
    read += work.devices[i].bytes - state;
    as_planned += static_cast<double>(load.weight_bytes_per_token) * kTokens;
  }
  EXPECT_NEAR(read, as_planned, 0.05 * read);
  const double launches = planned.plan.devices[0].launches_per_token;
  EXPECT_NEAR(card.launches / kTokens, launches, 0.05 * launches);
}

INSTANTIATE_TEST_SUITE_P(Devices, CardExpertsTest,
                         testing::Values(TestCase{"qwen3-moe-tiny", "cpu,cpu"}, TestCase{"glm4-moe-lite-mtp-tiny", "cpu,cpu"},
                                         TestCase{"qwen3-moe-tiny", "vulkan,cpu"}, TestCase{"glm4-moe-lite-mtp-tiny", "vulkan,cpu"}),
                         [](const auto& info) {
                           std::string name = std::string(info.param.model) + "_" + info.param.devices;
                           std::ranges::replace_if(
                               name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
                           return name;
                         });

}  // namespace
}  // namespace pio
