// No memory in the middle of a turn: every allocation of a turn fails once, and then the engine must answer as if nothing had happened.
//
// This program replaces operator new and aligned_alloc (which Backend::allocate calls), so that a test can say which allocation fails, on
// whatever thread. A turn makes thousands of allocations; what differs between them is who asked. The chain of callers is the place of an
// allocation, and each place fails at its first and at its last time in the turn.

#include <dlfcn.h>
#include <execinfo.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include "engine/engine.h"
#include "tests/support/tiny_model.h"

namespace {

constexpr int kCallers = 10;
constexpr std::size_t kMaxPlaces = 1 << 13;

// Written by the hook, which must not allocate.
struct Place {
  std::atomic<std::uint64_t> hash{0};
  std::atomic<std::uint32_t> n_times{0};
};
std::array<Place, kMaxPlaces> places;
std::atomic<bool> counts{false};
std::atomic<std::uint64_t> wanted_place{0};
std::atomic<std::uint32_t> wanted_time{0};  // from 1
std::atomic<bool> fails_from_there{false};  // and not only once
std::atomic<bool> has_failed{false};
std::array<void*, kCallers + 2> failed_callers;  // of the last one that failed
std::atomic<int> n_failed_callers{0};
thread_local bool inside = false;

Place& place_of(std::uint64_t hash) {
  for (std::size_t i = hash % kMaxPlaces;; i = (i + 1) % kMaxPlaces) {
    std::uint64_t found = places[i].hash.load();
    if (found == 0 && places[i].hash.compare_exchange_strong(found, hash)) return places[i];
    if (found == hash || places[i].hash.load() == hash) return places[i];
  }
}

__attribute__((noinline)) bool shall_fail() {
  if (!counts.load(std::memory_order_relaxed) || inside) return false;
  inside = true;
  void* callers[kCallers + 2];
  const int n = backtrace(callers, kCallers + 2);
  std::uint64_t hash = 14695981039346656037u;
  for (int i = 2; i < n; ++i) hash = (hash ^ reinterpret_cast<std::uintptr_t>(callers[i])) * 1099511628211u;
  hash |= 1;
  const std::uint32_t time = place_of(hash).n_times.fetch_add(1) + 1;
  inside = false;
  if (hash == wanted_place && time == wanted_time) {
    std::copy_n(callers, n, failed_callers.begin());
    n_failed_callers = n;
    has_failed = true;
    return true;
  }
  return fails_from_there && has_failed;
}

void* take(std::size_t n_bytes, std::size_t alignment) {
  void* memory = nullptr;
  if (shall_fail() || posix_memalign(&memory, std::max(alignment, sizeof(void*)), n_bytes) != 0) return nullptr;
  return memory;
}

void* take_or_throw(std::size_t n_bytes, std::size_t alignment) {
  if (void* memory = take(n_bytes, alignment)) return memory;
  throw std::bad_alloc();
}

constexpr std::size_t kUsual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

// Backend::allocate calls this one.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t n_bytes) {
  void* memory = nullptr;
  return shall_fail() || posix_memalign(&memory, std::max(alignment, sizeof(void*)), n_bytes) != 0 ? nullptr : memory;
}

void* operator new(std::size_t n) { return take_or_throw(n, kUsual); }
void* operator new[](std::size_t n) { return take_or_throw(n, kUsual); }
void* operator new(std::size_t n, std::align_val_t a) { return take_or_throw(n, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return take_or_throw(n, static_cast<std::size_t>(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return take(n, kUsual); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return take(n, kUsual); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return take(n, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return take(n, static_cast<std::size_t>(a)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }

namespace pio {
namespace {

struct Case {
  const char* name;
  const char* model;  // of tests/data/models, or of the shared fixtures where `image` is set
  int n_threads;
  const char* image = nullptr;
  const char* lora = nullptr;
  KvSelection attention = {};
  DType kv = DType::f16;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

constexpr std::int64_t kContext = 1024;

class NoMemory : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    std::filesystem::path folder = test::model_data(c.model);
    if (c.image) {
      folder = test::shared_fixture(c.model);
      if (folder.empty()) GTEST_SKIP() << "no fixture " << c.model << ": set PIO_SHARED to the folder that has fixtures/";
    }
    request_.path = folder.string();
    request_.device = "cpu";
    request_.n_threads = c.n_threads;
    request_.context_length = kContext;
    request_.attention = c.attention;
    request_.kv = c.kv;
    if (c.lora) request_.loras.push_back({test::model_data(c.lora).string(), 1});
    ASSERT_NO_FATAL_FAILURE(load());
    ChatMessage message{.role = "user", .content = "Hello there"};
    if (c.image) message.content.add(ImageInput{.path = (folder / "images" / c.image).string(), .bytes = nullptr});
    turn_.messages = {message};
    turn_.sampling.temperature = 0;
    turn_.max_tokens = 3;
    turn_.ignore_eos = true;
    turn_.stop = {"never said"};
    usual_ = answer();
  }

  void load() {
    const Result<void> loaded = engine_->load(request_, {}, {});
    ASSERT_TRUE(loaded) << loaded.error().message;
  }

  std::vector<int> answer() {
    Result<GenerateResult> result = engine_->generate(turn_, {}, {});
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->ids : std::vector<int>();
  }

  // A fresh conversation each time: the whole prompt is read, and older ones must give way.
  void next_conversation() { turn_.conversation = std::to_string(++n_conversations_); }

  struct Failure {
    std::uint64_t place;
    std::uint32_t time;
  };

  // A turn whose allocations are counted. On a thread of its own: the chain of callers is then the same whoever asks for the turn.
  // Empty where memory was missing; anything but out_of_memory is no good answer to that.
  std::vector<int> counted_turn(std::stop_token stop) {
    std::vector<int> ids;
    std::string complaint;
    std::thread([&] {
      Result<GenerateResult> result = GenerateResult();
      counts = true;
      try {
        result = engine_->generate(turn_, {}, stop);
        counts = false;
      } catch (const std::bad_alloc&) {
        counts = false;
        return;
      }
      if (result) {
        ids = result->ids;
      } else if (result.error().code != ErrorCode::out_of_memory) {
        complaint = result.error().message;
      }
    }).join();
    EXPECT_EQ(complaint, "");
    return ids;
  }

  // What may fail in a turn: each place at its first three times and at its last.
  std::vector<Failure> failures() {
    for (Place& place : places) place.hash = 0, place.n_times = 0;
    next_conversation();
    wanted_place = 0;
    fails_from_there = false;
    EXPECT_EQ(counted_turn({}), usual_);
    std::vector<Failure> found;
    for (const Place& place : places) {
      const std::uint32_t n_times = place.n_times;
      for (std::uint32_t time = 1; time <= std::min(n_times, 3u); ++time) found.push_back({place.hash, time});
      if (n_times > 3) found.push_back({place.hash, n_times});
    }
    return found;
  }

  // A turn in which this allocation fails, and all after it where `from_there`. It may end for want of memory or not notice.
  void fail(const Failure& failure, bool from_there) {
    for (Place& place : places) place.n_times = 0;
    wanted_place = failure.place;
    wanted_time = failure.time;
    fails_from_there = from_there;
    has_failed = false;
    next_conversation();
    std::stop_source stop;
    const std::vector<int> ids = counted_turn(stop.get_token());
    EXPECT_TRUE(ids.empty() || ids == usual_) << testing::PrintToString(ids);
    stop.request_stop();  // whoever still holds the token of the failed turn stops the next one
  }

  std::unique_ptr<Engine> engine_ = create_engine();
  LoadRequest request_;
  GenerateRequest turn_;
  std::vector<int> usual_;
  int n_conversations_ = 0;
};

// For addr2line -Cfe.
std::string place_that_failed() {
  Dl_info found{};
  std::string text;
  for (int i = 2; i < n_failed_callers; ++i) {
    if (dladdr(failed_callers[i], &found) == 0) continue;
    char offset[32];
    std::snprintf(offset, sizeof offset, " %#tx", static_cast<char*>(failed_callers[i]) - static_cast<char*>(found.dli_fbase));
    text += offset;
  }
  return text;
}

std::int64_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

}  // namespace

TEST_P(NoMemory, LeavesTheEngineFitForTheNextTurn) {
  answer();  // what is made once has been made
  const std::vector<Failure> all = failures();
  ASSERT_GT(all.size(), 20u) << "the hook sees nothing";
  // Bounded: of more than this, every second, third, …
  constexpr std::size_t kMost = 1000;
  const std::size_t stride = (all.size() + kMost - 1) / kMost;
  const std::int64_t before = bytes_in_use();
  std::size_t n_failed = 0;
  for (std::size_t i = 0; i < all.size(); i += stride) {
    for (const bool from_there : {false, true}) {
      fail(all[i], from_there);
      n_failed += has_failed;
      ASSERT_EQ(answer(), usual_) << "in the conversation that failed: failure " << i << " of " << all.size() << ", callers" << place_that_failed();
    }
    next_conversation();
    ASSERT_EQ(answer(), usual_) << "in another conversation: failure " << i << " of " << all.size() << ", callers" << place_that_failed();
  }
  // Some work moves from thread to thread, so not all come again.
  EXPECT_GT(n_failed, 2 * (all.size() / stride) / (GetParam().n_threads > 1 ? 4 : 2));

  // No block of the cache was lost: a prompt may still take all of them.
  GenerateRequest longest;
  longest.conversation = "longest";
  longest.ids.assign(kContext - 1, 5);
  longest.max_tokens = 1;
  longest.ignore_eos = true;
  longest.sampling.temperature = 0;
  const Result<GenerateResult> full = engine_->generate(longest, {}, {});
  EXPECT_TRUE(full) << full.error().message;
  // No temporary either. One slab of 8 MB may have been added for this prompt.
  EXPECT_LT(bytes_in_use() - before, std::int64_t{24} << 20);
}

// What is made in the first turn and kept for the others.
TEST_P(NoMemory, InTheFirstTurnLeavesTheEngineFitForTheNext) {
  ASSERT_NO_FATAL_FAILURE(load());
  const std::vector<Failure> all = failures();
  const std::size_t kMost = GetParam().image ? 60 : 300;  // loading a vision model takes longer
  const std::size_t stride = (all.size() + kMost - 1) / kMost;
  std::size_t n_failed = 0;
  for (std::size_t i = 0; i < all.size(); i += stride) {
    ASSERT_NO_FATAL_FAILURE(load());
    fail(all[i], i % 2 == 1);
    n_failed += has_failed;
    ASSERT_EQ(answer(), usual_) << "failure " << i << " of " << all.size() << ", callers" << place_that_failed();
  }
  EXPECT_GT(n_failed, all.size() / stride / (GetParam().n_threads > 1 ? 4 : 2));
}

INSTANTIATE_TEST_SUITE_P(
    All, NoMemory,
    testing::Values(
        Case{"llama_1_thread", "llama-tiny", 1}, Case{"llama_2_threads", "llama-tiny", 2}, Case{"qwen2_1_thread", "qwen2-tiny", 1},
        Case{"qwen2_2_threads", "qwen2-tiny", 2}, Case{"qwen3_1_thread", "qwen3-tiny", 1}, Case{"qwen3_2_threads", "qwen3-tiny", 2},
        Case{"qwen3_moe_1_thread", "qwen3-moe-tiny", 1}, Case{"qwen3_moe_2_threads", "qwen3-moe-tiny", 2},
        Case{"glm_1_thread", "glm4-moe-lite-mtp-tiny", 1}, Case{"glm_2_threads", "glm4-moe-lite-mtp-tiny", 2},
        Case{"lora_2_threads", "qwen3-tiny", 2, nullptr, "qwen3-tiny-lora"},
        Case{"pages_2_threads", "qwen3-tiny", 2, nullptr, nullptr, {.kind = KvSelection::Kind::pages, .n_pages = 2}},
        Case{"window_q8_0_2_threads", "qwen3-tiny", 2, nullptr, nullptr, {.kind = KvSelection::Kind::window, .n_sinks = 2, .window = 8}, DType::q8_0},
        Case{"vision_1_thread", "qwen3-vl-tiny", 1, "photo_w80_h80.png"}, Case{"vision_2_threads", "qwen3-vl-tiny", 2, "photo_w80_h80.png"}),
    [](const auto& param) { return param.param.name; });

}  // namespace pio
