// What goes from memory when it gets short, in which order, and that no answer changes by it. The machine is made up: a control group whose use
// the test writes down.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "engine/engine.h"
#include "tests/engine/core/logits_of.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20, kLimit = 4096 * kMiB;

class ShortOfMemory : public testing::Test {
 protected:
  void SetUp() override {
    write("proc/self/cgroup", "0::/a\n");
    write("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
    write("sys/fs/cgroup/a/memory.max", std::to_string(kLimit) + "\n");
    write("sys/fs/cgroup/a/memory.stat", "inactive_file 0\n");
    set_free(kLimit / 2);
    engine_ = create_engine({.root = root_.path().string(), .calm = std::chrono::milliseconds(0)});
  }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_.path() / path).parent_path());
    root_.write(path, text);
  }
  void set_free(std::uint64_t n_bytes) { write("sys/fs/cgroup/a/memory.current", std::to_string(kLimit - n_bytes) + "\n"); }

  struct Answer {
    std::vector<float> logits;
    GenerationStats stats;
  };
  Answer answer(std::int64_t n_tokens = 12) {
    GenerateRequest turn;
    turn.ids.resize(30);
    std::iota(turn.ids.begin(), turn.ids.end(), 3);
    turn.sampling.temperature = 0;
    turn.max_tokens = n_tokens;
    turn.ignore_eos = true;
    turn.same_bytes = true;
    Answer answer;
    GenerateSink sink;
    sink.logits = [&](std::span<const float> row) { answer.logits.insert(answer.logits.end(), row.begin(), row.end()); };
    const Result<GenerateResult> result = engine_->generate(turn, sink, {});
    EXPECT_TRUE(result) << result.error().message;
    if (result) answer.stats = result->stats;
    return answer;
  }
  static LoadRequest request_for(const char* name) {
    LoadRequest request;
    request.path = test::model_data(name).string();
    request.context_length = 44;
    request.n_threads = 2;
    return request;
  }
  // With a budget that holds about half of the experts.
  static std::optional<LoadRequest> in_slots(const char* name) {
    LoadRequest request = request_for(name);
    request.ram_bytes = 1'000'000'000;
    const LoadPlan most = test::planned(request).plan;
    for (double share = 0.95; share > 0; share -= 0.05) {
      request.ram_bytes = most.needed_bytes - static_cast<std::uint64_t>((1 - share) * static_cast<double>(most.expert_bytes));
      const LoadPlan plan = test::planned(request).plan;
      if (plan.fits && plan.layout.form == WeightLayout::Form::in_slots && plan.n_slots > 4) return request;
    }
    return {};
  }

  TempFolder root_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ShortOfMemory, SlotsGoAndComeBackAndTheAnswersStay) {
  const std::optional<LoadRequest> request = in_slots("qwen3-moe-tiny");
  ASSERT_TRUE(request);
  const Result<void> status = engine_->load(*request, {}, {});
  ASSERT_TRUE(status) << status.error().message;
  ASSERT_EQ(engine_->loaded()->layout.form, WeightLayout::Form::in_slots);
  const Answer first = answer(), usual = answer();
  EXPECT_EQ(usual.logits, first.logits);
  EXPECT_FALSE(usual.stats.given_back.is_anything());

  set_free(kLimit / 100);
  const Answer scarce = answer();
  EXPECT_EQ(scarce.logits, first.logits);
  EXPECT_GT(scarce.stats.given_back.n_slots, 0);
  EXPECT_GT(scarce.stats.given_back.slot_bytes, 0u);
  EXPECT_EQ(scarce.stats.given_back, engine_->given_back());
  EXPECT_EQ(scarce.stats.given_back.n_models, 0);
  EXPECT_LT(scarce.stats.expert_hits, usual.stats.expert_hits);
  // neither plenty nor short: it stays as it is
  set_free(kLimit / 24);
  const Answer between = answer();
  EXPECT_FALSE(between.stats.given_back.is_anything());
  EXPECT_EQ(between.logits, first.logits);
  EXPECT_LT(between.stats.expert_hits, usual.stats.expert_hits);

  set_free(kLimit / 2);
  EXPECT_EQ(answer().logits, first.logits);
  const Answer again = answer();
  EXPECT_EQ(again.logits, first.logits);
  EXPECT_FALSE(again.stats.given_back.is_anything());
  EXPECT_GT(again.stats.expert_hits, scarce.stats.expert_hits);
}

TEST_F(ShortOfMemory, ThoseThatWaitGoBeforeSlotsAndConversations) {
  ASSERT_TRUE(engine_->keep_conversations({.folder = {}, .ram_bytes = 100 * kMiB}));
  LoadRequest first = request_for("llama-tiny"), second = request_for("qwen3-tiny");
  first.may_wait = second.may_wait = true;
  ASSERT_TRUE(engine_->load(first, {}, {}));
  answer();
  ASSERT_TRUE(engine_->switch_to(second, {}, {}));
  ASSERT_EQ(engine_->waiting().size(), 1u);
  EXPECT_EQ(engine_->plan(first)->load_seconds, 0) << "it waits in memory";
  EXPECT_GT(engine_->plan(request_for("qwen3-moe-tiny"))->load_seconds, 0);
  engine_->look_after_memory();
  EXPECT_EQ(engine_->waiting().size(), 1u);
  EXPECT_FALSE(engine_->given_back().is_anything());

  // Without an answer under way, too.
  set_free(0);
  engine_->look_after_memory();
  EXPECT_TRUE(engine_->waiting().empty());
  EXPECT_EQ(engine_->given_back().n_models, 1);
  // This machine never has enough: what the model that went had read goes as well.
  EXPECT_GT(engine_->given_back().snapshot_bytes, 0u);
  ASSERT_TRUE(engine_->switch_to(first, {}, {}));
  EXPECT_EQ(answer().stats.restored_from, SnapshotTier::none);
}

TEST_F(ShortOfMemory, ABudgetCountsForThoseThatWait) {
  LoadRequest first = request_for("llama-tiny"), second = request_for("qwen3-tiny");
  first.may_wait = second.may_wait = true;
  first.ram_bytes = second.ram_bytes = std::uint64_t{1} << 40;
  ASSERT_TRUE(engine_->load(first, {}, {}));
  ASSERT_TRUE(engine_->switch_to(second, {}, {}));
  engine_->look_after_memory();
  EXPECT_EQ(engine_->waiting().size(), 1u);
  set_free(0);  // whatever the budget: the machine does not have it
  engine_->look_after_memory();
  EXPECT_TRUE(engine_->waiting().empty());
}

TEST_F(ShortOfMemory, WithoutAModelNothingIsLookedAt) {
  set_free(0);
  engine_->look_after_memory();
  EXPECT_FALSE(engine_->given_back().is_anything());
}

}  // namespace
}  // namespace pio
