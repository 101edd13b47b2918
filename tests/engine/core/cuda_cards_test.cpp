// What the engine makes of a card of CUDA that has less memory than it says, or is lost: the tests' emulator, as a module like any other.

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>

#include "engine/engine.h"
#include "tests/engine/core/exact_turns.h"
#include "tests/support/cuda_on_cpu/control.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

constexpr std::int64_t kTokens = 6;
constexpr const char* kCard = "cuda_on_cpu";

// Looked for before the first engine: a process lists its devices once.
const cuda_on_cpu::Control* emulator() {
  static const cuda_on_cpu::Control* const control = []() -> const cuda_on_cpu::Control* {
    setenv("PIO_BACKENDS", PIO_CUDA_ON_CPU, 1);
    static_cast<void>(list_devices());
    void* const library = dlopen(PIO_CUDA_ON_CPU "/libpio_cuda_on_cpu.so", RTLD_NOW | RTLD_NOLOAD);
    const auto function = library ? reinterpret_cast<cuda_on_cpu::ControlFunction>(dlsym(library, cuda_on_cpu::kControlSymbol)) : nullptr;
    return function ? function() : nullptr;
  }();
  return control;
}

using test::note_of;

LoadRequest request_for(const std::string& name, const std::string& device) { return test::exact_request(test::model_data(name), device, 512); }
GenerateRequest turn(int first_id = 3) { return test::greedy_turn(kTokens, first_id, "a"); }

class CudaCardsTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(emulator()); }
  void TearDown() override {
    emulator()->mend_device();
    emulator()->set_memory(0);
  }

  // The ids of the processor alone.
  const std::vector<int>& expected() {
    if (expected_.empty()) {
      const std::unique_ptr<Engine> engine = create_engine();
      EXPECT_TRUE(engine->load(request_for(GetParam(), "cpu"), {}, {}));
      expected_ = engine->generate(turn(), {}, {}).value().ids;
    }
    return expected_;
  }
  void expect_answer(Engine& engine) {
    const Result<GenerateResult> result = engine.generate(turn(), {}, {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->ids, expected());
  }
  void expect_answer_of_the_processor(Engine& engine) {
    expect_answer(engine);
    EXPECT_EQ(engine.loaded()->device, "cpu");
    const DeviceLost* const note = note_of<DeviceLost>(engine);
    ASSERT_TRUE(note);
    EXPECT_EQ(note->lost, kCard);
    EXPECT_NE(text_of(*note).find(std::string(kCard) + " does not answer any more"), std::string::npos) << text_of(*note);
  }

 private:
  std::vector<int> expected_;
};

TEST_P(CudaCardsTest, LostInAnAnswerEndItAndTheNextOneIsTheProcessors) {
  for (const std::uint64_t n_kernels : {1, 20}) {
    const std::unique_ptr<Engine> engine = create_engine();
    const Result<void> status = engine->load(request_for(GetParam(), kCard), {}, {});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(engine->loaded()->device, kCard);
    const std::unique_ptr<Generation> generation = engine->begin(turn(), {}).value();
    while (std::ssize(generation->result().ids) < 3) ASSERT_TRUE(generation->advance());
    emulator()->lose_device_at(n_kernels);
    Result<std::vector<GenerationEvent>> events = std::vector<GenerationEvent>();
    while (events && !generation->is_finished()) events = generation->advance();
    ASSERT_FALSE(events) << n_kernels;
    EXPECT_EQ(events.error().code, ErrorCode::device_lost) << events.error().message;
    EXPECT_EQ(events.error().device, kCard);
    EXPECT_TRUE(generation->is_finished());
    const std::vector<int> kept = generation->result().ids;
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), expected().begin()));
    expect_answer_of_the_processor(*engine);
    // It is taken again where it is asked for again.
    emulator()->mend_device();
    ASSERT_TRUE(engine->load(request_for(GetParam(), kCard), {}, {}));
    EXPECT_EQ(engine->loaded()->device, kCard);
    EXPECT_FALSE(note_of<DeviceLost>(*engine));
    expect_answer(*engine);
  }
}

TEST_P(CudaCardsTest, LostInAPromptEndTheAnswer) {
  const std::unique_ptr<Engine> engine = create_engine();
  ASSERT_TRUE(engine->load(request_for(GetParam(), kCard), {}, {}));
  emulator()->lose_device_at(1);
  const Result<GenerateResult> result = engine->generate(turn(), {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::device_lost) << result.error().message;
  expect_answer_of_the_processor(*engine);
}

TEST_P(CudaCardsTest, GetLessOfAModelWhereTheyHaveNoMemoryForIt) {
  std::size_t most = 0;
  std::uint64_t weight_bytes = 0;
  const std::size_t before = emulator()->allocated_bytes();
  {
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->load(request_for(GetParam(), kCard), {}, {}));
    EXPECT_FALSE(note_of<LessOnCard>(*engine));
    expect_answer(*engine);
    most = emulator()->allocated_bytes() - before;
    weight_bytes = engine->loaded()->devices[0].weight_bytes;
  }
  EXPECT_EQ(emulator()->allocated_bytes(), before) << "a model that goes takes its memory with it";
  for (const double share : {0.6, 0.0}) {
    const std::unique_ptr<Engine> engine = create_engine();
    // What the card says it has is asked for when it is planned for, and is gone when it is loaded.
    LoadRequest request = request_for(GetParam(), kCard);
    request.vram_bytes = std::uint64_t{1} << 30;
    emulator()->set_memory(std::max<std::size_t>(before + static_cast<std::size_t>(share * static_cast<double>(most)), 1));
    const Result<void> status = engine->load(request, {}, {});
    ASSERT_TRUE(status) << share << ": " << status.error().message;
    const std::vector<DeviceStats>& devices = engine->loaded()->devices;
    const auto card = std::ranges::find(devices, kCard, &DeviceStats::name);
    EXPECT_LT(card == devices.end() ? 0 : card->weight_bytes, weight_bytes) << share;
    EXPECT_TRUE(note_of<LessOnCard>(*engine) || note_of<DeviceLost>(*engine) || card == devices.end()) << share;
    expect_answer(*engine);
    emulator()->set_memory(0);
  }
}

std::string name_of_model(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Models, CudaCardsTest, testing::Values("llama-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"), name_of_model);

}  // namespace
}  // namespace pio
