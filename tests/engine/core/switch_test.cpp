// From one model to another: what stays when the new one will not do, and what must not grow.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "engine/engine.h"
#include "engine/plan/probe.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

LoadRequest request_for(const fs::path& path, std::int64_t context_length = 96) {
  LoadRequest request;
  request.path = path.string();
  request.context_length = context_length;
  request.n_threads = 2;
  return request;
}

// A copy of a tiny model whose header is sound and whose tokenizer is not: only loading finds that out.
class BrokenTokenizer {
 public:
  BrokenTokenizer() {
    fs::copy(test::model_data("qwen2-tiny"), folder_.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    folder_.write("tokenizer.json", "{\"model\":");
  }
  const fs::path& folder() const { return folder_.path(); }

 private:
  TempFolder folder_;
};

GenerateRequest greedy_request() {
  GenerateRequest request;
  request.ids = {1, 2, 3, 4, 5, 6, 7, 8};
  request.sampling.temperature = 0;
  request.max_tokens = 4;
  request.ignore_eos = true;
  return request;
}

class Switch : public testing::Test {
 protected:
  void SetUp() override {
    const Result<void> status = engine_->load(request_for(test::model_data("llama-tiny")), {}, {});
    ASSERT_TRUE(status) << status.error().message;
    words_ = generate().ids;
  }
  GenerateResult generate() {
    Result<GenerateResult> result = engine_->generate(greedy_request(), {}, {});
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : GenerateResult{};
  }
  void expect_the_old_one(bool untouched) {
    ASSERT_NE(engine_->loaded(), nullptr);
    EXPECT_EQ(engine_->loaded()->path, test::model_data("llama-tiny").string());
    EXPECT_EQ(engine_->loaded()->context_length, 96);
    const GenerateResult again = generate();
    EXPECT_EQ(again.ids, words_);
    EXPECT_EQ(again.stats.reused_tokens > 0, untouched) << "what was cached stays only where nothing was unloaded";
  }

  std::unique_ptr<Engine> engine_ = create_engine();
  std::vector<int> words_;
};

std::size_t n_entries(const char* folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_F(Switch, BringsTheNewModelAndNothingOfTheOld) {
  bool old_was_there = false;
  const LoadProgress progress = [&](std::uint64_t, std::uint64_t) { old_was_there |= engine_->loaded() != nullptr; };
  const Result<void> status = engine_->switch_to(request_for(test::model_data("qwen3-tiny"), 64), progress, {});
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_FALSE(old_was_there) << "the old one is gone before the first byte of the new one is read";
  EXPECT_EQ(engine_->loaded()->architecture, "qwen3");
  EXPECT_EQ(engine_->loaded()->context_length, 64);
  EXPECT_EQ(generate().stats.reused_tokens, 0);
}

TEST_F(Switch, DoesNotCountTheRoomOfAnUnfilledCacheTwice) {
  const LoadRequest request = request_for(test::model_data("llama-tiny"), 4'000'000);
  ASSERT_TRUE(engine_->load(request, {}, {}));
  const std::uint64_t cache_bytes = engine_->loaded()->state_bytes;
  EXPECT_EQ(cache_bytes, 4'000'000U * 384);
  const auto free_bytes = [&] { return engine_->devices().devices.front().free_bytes; };
  const std::uint64_t before = free_bytes();
  const Result<LoadPlan> plan = engine_->plan(request);
  ASSERT_TRUE(plan) << plan.error().message;
  // Nothing was read: the cache takes no memory yet, so what is free is free with it. Other programs take and give back meanwhile.
  EXPECT_LT(plan->devices.front().free_bytes, std::max(before, free_bytes()) + cache_bytes / 2);
}

TEST_F(Switch, WithoutALoadedModelIsLoading) {
  engine_->unload();
  EXPECT_TRUE(engine_->switch_to(request_for(test::model_data("qwen3-tiny")), {}, {}));
  engine_->unload();
  EXPECT_FALSE(engine_->switch_to(request_for("/nowhere.gguf"), {}, {}));
  EXPECT_EQ(engine_->loaded(), nullptr);
}

TEST_F(Switch, WhatTheHeaderShowsLeavesTheOldOneUntouched) {
  EXPECT_FALSE(engine_->switch_to(request_for("/nowhere.gguf"), {}, {}));
  expect_the_old_one(true);

  LoadRequest too_much = request_for(test::model_data("qwen3-tiny"), 100'000);
  too_much.ram_bytes = 1'000'000;
  const Result<void> status = engine_->switch_to(too_much, {}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::out_of_memory);
  expect_the_old_one(true);

  LoadRequest no_adapter = request_for(test::model_data("qwen3-tiny"));
  no_adapter.loras.push_back({"/nowhere", 1});
  EXPECT_FALSE(engine_->switch_to(no_adapter, {}, {}));
  expect_the_old_one(true);
}

TEST_F(Switch, WhatOnlyLoadingShowsBringsTheOldOneBack) {
  const BrokenTokenizer broken;
  const Result<LoadPlan> plan = engine_->plan(request_for(broken.folder()));
  ASSERT_TRUE(plan && plan->fits) << "the header is sound";
  const Result<void> status = engine_->switch_to(request_for(broken.folder()), {}, {});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("tokenizer.json"), std::string::npos) << status.error().message;
  EXPECT_EQ(status.error().message.find("the one before"), std::string::npos);
  expect_the_old_one(false);
}

// The plan has seen room that the system does not give.
TEST_F(Switch, ALimitThatIsHitWhileTheNewOneComesBringsTheOldOneBack) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer ends a process that meets its limit";
#endif
  std::ifstream sizes("/proc/self/statm");
  std::uint64_t n_pages = 0;
  sizes >> n_pages;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = n_pages * 4096 + (256 << 20);  // stacks and heaps of threads among it
  LoadRequest large = request_for(test::model_data("qwen3-tiny"), 4'000'000);
  ASSERT_TRUE(engine_->plan(large).value().fits);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  const Result<void> status = engine_->switch_to(large, {}, {});
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::out_of_memory) << status.error().message;
  EXPECT_EQ(status.error().message.find("the one before"), std::string::npos) << status.error().message;
  expect_the_old_one(false);
}

TEST_F(Switch, SaysSoWhenTheOldOneCannotComeBackEither) {
  const BrokenTokenizer broken;
  auto engine = create_engine();
  const fs::path copy = broken.folder() / "old";
  fs::create_directory(copy);
  fs::copy(test::model_data("llama-tiny"), copy);
  ASSERT_TRUE(engine->load(request_for(copy), {}, {}));
  fs::remove(copy / "config.json");
  const Result<void> status = engine->switch_to(request_for(broken.folder()), {}, {});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("the one before"), std::string::npos) << status.error().message;
  EXPECT_EQ(engine->loaded(), nullptr);
}

TEST_F(Switch, AStopBeforeTheOldOneGoesLeavesItUntouched) {
  std::stop_source stop;
  stop.request_stop();
  const Result<void> status = engine_->switch_to(request_for(test::model_data("qwen3-tiny")), {}, stop.get_token());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  expect_the_old_one(true);
}

TEST_F(Switch, AStopWhileTheNewOneComesBringsTheOldOneBackSoon) {
  std::stop_source stop;
  std::chrono::steady_clock::time_point stopped_at;
  const LoadProgress progress = [&](std::uint64_t, std::uint64_t) {
    if (stop.request_stop()) stopped_at = std::chrono::steady_clock::now();
  };
  const Result<void> status = engine_->switch_to(request_for(test::model_data("qwen3-tiny")), progress, stop.get_token());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - stopped_at).count();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  EXPECT_LT(seconds, 2) << "0.2 s to stop (LoadedWeights.AStopEndsPrefaultSoon), then a tiny model's loading on a busy machine";
  expect_the_old_one(false);
}

// A thread that was joined stays in /proc for a moment.
std::size_t n_settled_threads() {
  std::size_t n = n_entries("/proc/self/task"), before = 0;
  do {
    before = n;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    n = n_entries("/proc/self/task");
  } while (n < before);
  return n;
}

// So many where an environment variable says so: the full count is for one run before a release.
int count_of(const char* variable, int usual) {
  const char* const said = std::getenv(variable);
  return said ? std::atoi(said) : usual;
}

// PIO_SWITCHES=500 for the full run.
TEST_F(Switch, ManyTimesAmongFourModelsLeaveNoThreadNoFileAndNoMemoryBehind) {
  const int n_switches = count_of("PIO_SWITCHES", 50);
  const char* const names[] = {"llama-tiny", "qwen2-tiny", "qwen3-tiny", "qwen3-moe-tiny"};
  std::size_t n_files[4] = {}, n_threads[4] = {};
  std::uint64_t early_bytes = 0;
  for (int i = 0; i < n_switches; ++i) {
    const Result<void> status = engine_->switch_to(request_for(test::model_data(names[i % 4])), {}, {});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(generate().ids.size(), 4u);
    const std::size_t files = n_entries("/proc/self/fd"), threads = n_settled_threads();
    if (i < 4) {
      n_files[i] = files;
      n_threads[i] = threads;
    }
    EXPECT_EQ(files, n_files[i % 4]) << names[i % 4] << ", switch " << i;
    EXPECT_EQ(threads, n_threads[i % 4]) << names[i % 4] << ", switch " << i;
    if (i == 9) early_bytes = resident_bytes();
  }
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed
  std::printf("%d switches: resident %.1f MB after 10, %.1f MB at the end\n", n_switches, static_cast<double>(early_bytes) / 1e6,
              static_cast<double>(resident_bytes()) / 1e6);
  // 40 further switches or more; each model has 0.2 to 1 MB of weights and as much of state. The allocator's own rounding stays far below.
  EXPECT_LT(resident_bytes(), early_bytes + 3'000'000);
#endif
}

// Chats come and go, each with its own words: what is kept of them is bounded. PIO_TURNS=20000 for the full run.
TEST_F(Switch, ManyShortTurnsLeaveNoThreadNoFileAndNoMemoryBehind) {
  const int n_turns = count_of("PIO_TURNS", 600), n_warm = 400;
  const TempFolder folder;
  engine_ = create_engine();
  ASSERT_TRUE(engine_->keep_conversations({.folder = folder.path(), .ram_bytes = 1 << 20, .disk_bytes = 4 << 20}));
  ASSERT_TRUE(engine_->load(request_for(test::model_data("llama-tiny")), {}, {}));
  std::size_t n_files = 0, n_threads = 0;
  std::uint64_t early_bytes = 0;
  for (int i = 0; i < n_turns; ++i) {
    GenerateRequest turn = greedy_request();
    turn.conversation = "chat " + std::to_string(i);
    for (int k = 0; k < 40; ++k) turn.ids.push_back(3 + (i * 31 + k * k) % 250);
    const Result<GenerateResult> result = engine_->generate(turn, {}, {});
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->ids.size(), 4u);
    if (i % 5 == 4) engine_->forget_conversation(turn.conversation);
    if (i + 1 == n_warm) n_files = n_entries("/proc/self/fd"), n_threads = n_settled_threads(), early_bytes = resident_bytes();
  }
  std::printf("%d turns: resident %.1f MB after %d, %.1f MB at the end, %zu threads, %zu files\n", n_turns, static_cast<double>(early_bytes) / 1e6,
              n_warm, static_cast<double>(resident_bytes()) / 1e6, n_settled_threads(), n_entries("/proc/self/fd"));
  EXPECT_LE(n_entries("/proc/self/fd"), n_files + 1) << "one may be written";
  EXPECT_EQ(n_settled_threads(), n_threads);
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(resident_bytes(), early_bytes + 3'000'000);
#endif
}

// Models that wait beside the one in use.
class Waiting : public testing::Test {
 protected:
  static LoadRequest request_for(const fs::path& path) {
    LoadRequest request = pio::request_for(path);
    request.may_wait = true;
    return request;
  }
  static std::string path_of(const char* name) { return test::model_data(name).string(); }
  void switch_to(const LoadRequest& request) {
    has_read_ = false;
    const Result<void> status = engine_->switch_to(request, [this](std::uint64_t, std::uint64_t) { has_read_ = true; }, {});
    ASSERT_TRUE(status) << status.error().message;
  }
  GenerateResult generate(const std::string& conversation = {}) {
    GenerateRequest request = greedy_request();
    request.conversation = conversation;
    return engine_->generate(request, {}, {}).value();
  }

  std::unique_ptr<Engine> engine_ = create_engine();
  bool has_read_ = false;  // the last switch, of a file
};

TEST_F(Waiting, ComesBackAtOnceWithItsConversations) {
  switch_to(request_for(path_of("llama-tiny")));
  const std::vector<int> words = generate().ids;
  switch_to(request_for(path_of("qwen3-tiny")));
  EXPECT_TRUE(has_read_);
  EXPECT_EQ(generate().stats.reused_tokens, 0);
  switch_to(request_for(path_of("qwen2-tiny")));
  EXPECT_EQ(engine_->waiting(), (std::vector{path_of("qwen3-tiny"), path_of("llama-tiny")}));
  switch_to(request_for(path_of("llama-tiny")));
  EXPECT_FALSE(has_read_);
  EXPECT_EQ(engine_->loaded()->path, path_of("llama-tiny"));
  EXPECT_EQ(engine_->waiting(), (std::vector{path_of("qwen2-tiny"), path_of("qwen3-tiny")}));
  const GenerateResult again = generate();
  EXPECT_EQ(again.ids, words);
  EXPECT_EQ(again.stats.reused_tokens, 7);
  engine_->unload();
  EXPECT_TRUE(engine_->waiting().empty());
}

TEST_F(Waiting, ASwitchThatFailsOrIsStoppedLeavesTheOneInUseUntouched) {
  switch_to(request_for(path_of("llama-tiny")));
  (void)generate();
  const BrokenTokenizer broken;
  EXPECT_FALSE(engine_->switch_to(request_for(broken.folder()), {}, {}));
  EXPECT_EQ(generate().stats.reused_tokens, 7);
  std::stop_source stop;
  const Result<void> stopped = engine_->switch_to(
      request_for(path_of("qwen3-tiny")), [&](std::uint64_t, std::uint64_t) { stop.request_stop(); }, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_EQ(generate().stats.reused_tokens, 7);
  EXPECT_TRUE(engine_->waiting().empty());
}

TEST_F(Waiting, ComesAnewWhenItsFilesHaveChanged) {
  const TempFolder folder;
  fs::copy(test::model_data("llama-tiny"), folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  switch_to(request_for(folder.path()));
  (void)generate();
  switch_to(request_for(path_of("qwen3-tiny")));
  const fs::path weights = folder.path() / "model.safetensors";
  const auto touch = [&] { fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(5)); };
  touch();
  switch_to(request_for(folder.path()));
  EXPECT_FALSE(has_read_) << "it was only touched";
  EXPECT_EQ(generate().stats.reused_tokens, 7);
  switch_to(request_for(path_of("qwen3-tiny")));
  {
    std::fstream file(weights, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(fs::file_size(weights)) - 100);
    file.put('x');
  }
  touch();
  switch_to(request_for(folder.path()));
  EXPECT_TRUE(has_read_);
  EXPECT_EQ(generate().stats.reused_tokens, 0);
}

TEST_F(Waiting, GoesWhereThereIsNoRoomForBoth) {
  switch_to(request_for(path_of("llama-tiny")));
  switch_to(request_for(path_of("qwen3-tiny")));
  LoadRequest small = request_for(path_of("qwen2-tiny"));
  small.ram_bytes = std::uint64_t{1} << 30;
  small.ram_bytes = engine_->plan(small).value().needed_bytes;  // for it alone, not for what this process has beside
  switch_to(small);
  EXPECT_EQ(engine_->loaded()->path, path_of("qwen2-tiny"));
  EXPECT_TRUE(engine_->waiting().empty());
  // And while another one answers.
  switch_to(request_for(path_of("llama-tiny")));
  EXPECT_TRUE(engine_->waiting().empty()) << "the one before had a budget that does not hold two";
}

TEST_F(Waiting, LoadedAnewFromTheSameFileItReplacesTheOneBefore) {
  switch_to(request_for(path_of("llama-tiny")));
  LoadRequest longer = request_for(path_of("llama-tiny"));
  longer.context_length = 128;
  switch_to(longer);
  EXPECT_TRUE(engine_->waiting().empty());
  switch_to(request_for(path_of("qwen3-tiny")));
  switch_to(request_for(path_of("llama-tiny")));
  EXPECT_EQ(engine_->waiting(), std::vector{path_of("qwen3-tiny")});
  EXPECT_EQ(engine_->loaded()->context_length, 96);
}

TEST_F(Waiting, OnlyWhoMayWaitDoes) {
  switch_to(pio::request_for(path_of("llama-tiny")));
  switch_to(request_for(path_of("qwen3-tiny")));
  EXPECT_TRUE(engine_->waiting().empty());
}

TEST_F(Waiting, ForgetsConversationsToo) {
  switch_to(request_for(path_of("llama-tiny")));
  (void)generate("a");
  switch_to(request_for(path_of("qwen3-tiny")));
  engine_->forget_conversation("a");
  switch_to(request_for(path_of("llama-tiny")));
  EXPECT_EQ(generate("a").stats.reused_tokens, 0);
}

}  // namespace pio
