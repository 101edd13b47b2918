#include <gtest/gtest.h>

#include "kernels/registry.h"
#include "tests/support/tiny_model.h"
#include "tests/support/under_vulkan_layer.h"

// How many commands a token costs on a graphics card: each takes microseconds of its own, which a small model has few of.

namespace pio::test {
namespace {

struct Case {
  const char* model;
  std::uint64_t most;  // commands a layer
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.model; }

class VulkanLaunchesTest : public testing::TestWithParam<Case> {};

// The cache is of several parts, so that attention has something to merge.
TEST_P(VulkanLaunchesTest, OfADecodeStepAreFewALayer) {
  VulkanLayer* const layer = under_vulkan_layer();
  if (!layer) GTEST_SKIP() << "no software renderer for Vulkan on this machine, or no module";
  for (const Activations activations : {Activations::f32, Activations::q8}) {
    auto opened = create_backend("vulkan", {.activations = activations, .isa = ""});
    ASSERT_TRUE(opened) << opened.error().message;
    Backend& backend = **opened;
    TestCheckpoint source(model_data(GetParam().model), backend);
    source.become_gguf();
    if (activations == Activations::q8) source.store_as(DType::q8_0);
    auto model = create_model(source, backend);
    ASSERT_TRUE(model) << model.error().message;
    ModelRunner runner(**model, backend, 1, 600);
    runner.run(read_ids(model_data(GetParam().model) / "cases/short.json"));
    for (int i = 0; i < 2; ++i) {  // the first step may put tables and temporaries in their places
      const Step& step = runner.make_step({{0, {7}}});
      ASSERT_TRUE(backend.sync());
      const std::uint64_t before = layer->n_dispatches + layer->n_copies, counted = backend.n_launches();
      const ForwardContext::Mark mark(runner.context());
      ASSERT_TRUE((*model)->forward(runner.context(), step, runner.state()));
      ASSERT_TRUE(backend.sync());
      const std::uint64_t n = layer->n_dispatches + layer->n_copies - before;
      EXPECT_EQ(n, backend.n_launches() - counted);
      if (i == 0) continue;
      // the embedding, the wanted rows, the output matrix
      EXPECT_LE(n, GetParam().most * static_cast<std::uint64_t>((*model)->spec().n_layers) + 3);
      RecordProperty(std::string("launches_") + (activations == Activations::q8 ? "q8" : "f32"), static_cast<int>(n));
    }
  }
}

// A step that is handed over again gives what it gave, of the tokens that are there now.
TEST_P(VulkanLaunchesTest, OfARecordedStepAreTheSameAndItsResultsToo) {
  VulkanLayer* const layer = under_vulkan_layer();
  if (!layer) GTEST_SKIP() << "no software renderer for Vulkan on this machine, or no module";
  auto opened = create_backend("vulkan", {.activations = Activations::f32, .isa = ""});
  ASSERT_TRUE(opened) << opened.error().message;
  Backend& backend = **opened;
  EXPECT_FALSE(backend.step_sizes().empty());
  TestCheckpoint source(model_data(GetParam().model), backend);
  source.become_gguf();
  auto model = create_model(source, backend);
  ASSERT_TRUE(model) << model.error().message;
  // Two caches of the same tokens, of which one steps by what was recorded: where its step's numbers lie must not move.
  ModelRunner plain(**model, backend, 1, 600), recorded(**model, backend, 1, 600);
  const std::vector<int> prompt = read_ids(model_data(GetParam().model) / "cases/short.json");
  EXPECT_EQ(plain.run(prompt), recorded.run(prompt));
  const auto run = [&](bool records) {
    const Step& step = recorded.make_step({{0, {7}}});
    EXPECT_TRUE(backend.sync());
    const RecordingKey key{recorded.context().generation(), 1, 1};
    const ForwardContext::Mark mark(recorded.context());
    if (records) backend.begin_recording(key);
    const Tensor logits = (*model)->forward(recorded.context(), step, recorded.state()).value();
    if (records) backend.end_recording(logits);
    return recorded.download(logits);
  };
  const std::vector<float> first = plain.run(std::vector<int>{7}), second = plain.run(std::vector<int>{7});
  EXPECT_EQ(run(false), first);
  const std::uint64_t before = backend.n_launches();
  const std::vector<float> once = run(true);
  EXPECT_EQ(once, second);
  const RecordingKey key{recorded.context().generation(), 1, 1};
  const std::uint64_t n_recorded = layer->n_recorded, launches = backend.n_launches() - before;
  const Tensor again = backend.replay(key);
  if (!again) GTEST_SKIP() << "the bundles took longer than they may on this machine";
  ASSERT_TRUE(backend.sync());
  EXPECT_EQ(layer->n_recorded, n_recorded) << "nothing was recorded anew";
  EXPECT_LE(backend.n_launches() - before, 2 * launches);
  EXPECT_EQ(recorded.download(again), second) << "the same step over the same cells";
  EXPECT_FALSE(backend.replay({key.generation, 1, 0}));
  EXPECT_FALSE(backend.replay({key.generation + 1, 1, 1}));
}

INSTANTIATE_TEST_SUITE_P(Models, VulkanLaunchesTest,
                         testing::Values(Case{"llama-tiny", 8}, Case{"qwen2-tiny", 8}, Case{"qwen3-tiny", 8}, Case{"qwen3-moe-tiny", 10},
                                         Case{"glm4-moe-lite-mtp-tiny", 12}),
                         [](const auto& info) {
                           std::string name = info.param.model;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace pio::test
