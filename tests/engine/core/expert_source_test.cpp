// Experts that are not resident: what goes wrong with them ends the step, and nothing else.

#include "models/expert_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/loaded_model.h"
#include "engine/session.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

class FailingExperts final : public ExpertSource {
 public:
  const ExpertSet* resident(std::int64_t) const override { return nullptr; }
  Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t> ids, const std::stop_token&) override {
    return make_error(ErrorCode::io,
                      "expert " + std::to_string(ids.front()) + " of layer " + std::to_string(layer) + ": expected 12288 bytes, found 7");
  }
};

// Never delivers. Ends its waiting as a source has to.
class StalledExperts final : public ExpertSource {
 public:
  const ExpertSet* resident(std::int64_t) const override { return nullptr; }
  Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t>, const std::stop_token& stop) override {
    return std::unique_ptr<ExpertLease>(std::make_unique<Lease>(layer, stop));
  }

 private:
  class Lease final : public ExpertLease {
   public:
    Lease(std::int64_t layer, std::stop_token stop) : experts_(layer, 16), stop_(std::move(stop)) {}
    Result<std::optional<std::int32_t>> next() override {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      never.wait(lock, stop_, [] { return false; });
      return make_error(ErrorCode::cancelled, "stopped");
    }
    const ExpertSet& experts() const override { return experts_; }

   private:
    ExpertSet experts_;
    std::stop_token stop_;
  };
};

class ExpertSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    LoadRequest request;
    request.path = test::model_data("qwen3-moe-tiny").string();
    request.context_length = 128;
    auto model = LoadedModel::load(request, {}, {});
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
    ids_ = model_->vocabulary().check(std::vector<int>{5, 9, 2, 70, 33}, "ids").value();
  }
  Result<void> run(Session& session, std::vector<float>& logits, std::stop_token stop = {}) {
    session.begin_prompt(ids_.size());
    return session.process(ids_, Session::Outputs::last, logits, stop);
  }
  ExpertSource*& experts() { return model_->stages().front().context->experts; }

  std::unique_ptr<LoadedModel> model_;
  TokenIds ids_;
};

TEST_F(ExpertSourceTest, AnExpertThatCannotBeReadEndsTheStepAndTheNextOneIsAsEver) {
  std::vector<float> expected, logits;
  Session fresh(*model_);
  ASSERT_TRUE(run(fresh, expected));

  FailingExperts failing;
  Session session(*model_);
  experts() = &failing;
  const Result<void> failed = run(session, logits);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::io);
  EXPECT_TRUE(failed.error().message.ends_with(" of layer 0: expected 12288 bytes, found 7")) << failed.error().message;

  experts() = nullptr;
  ASSERT_TRUE(run(session, logits));
  EXPECT_EQ(logits, expected);
}

TEST_F(ExpertSourceTest, AStopEndsTheWaitingForExpertsWithin200Milliseconds) {
  StalledExperts stalled;
  experts() = &stalled;
  Session session(*model_);
  std::vector<float> logits;
  std::stop_source stop;
  std::chrono::steady_clock::time_point stopped_at;
  std::jthread person([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stopped_at = std::chrono::steady_clock::now();
    stop.request_stop();
  });
  const Result<void> stopped = run(session, logits, stop.get_token());
  const auto ended_at = std::chrono::steady_clock::now();
  person.join();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_GE(ended_at, stopped_at);
  EXPECT_LT(ended_at - stopped_at, std::chrono::milliseconds(200));

  experts() = nullptr;
  EXPECT_TRUE(run(session, logits));
}

}  // namespace
}  // namespace pio
