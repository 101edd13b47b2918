#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/reference/reference_backend.h"
#include "kernels/registry.h"
#include "tests/support/forwarding_backend.h"
#include "tests/support/tiny_model.h"

// How many ops a layer asks a backend for, and what it takes of them.

namespace pio::test {
namespace {

struct Family {
  const char* model;
  int most_calls;  // of a layer
};
void PrintTo(const Family& family, std::ostream* out) { *out << family.model; }

class CallsTest : public testing::TestWithParam<Family> {
 protected:
  std::vector<int> ids() const { return read_ids(model_data(GetParam().model) / "cases/short.json"); }
};

std::unique_ptr<Backend> cpu() {
  auto backend = create_backend("cpu", {.n_threads = 2, .activations = Activations::f32, .isa = ""});
  EXPECT_TRUE(backend);
  return std::move(*backend);
}

TEST_P(CallsTest, ALayerIsAFewOps) {
  ForwardingBackend backend(cpu(), "spy");
  TestCheckpoint source(model_data(GetParam().model), backend);
  const auto model = create_model(source, backend).value();
  ModelRunner runner(*model, backend, 1, 64);
  for (const std::vector<int>& step_ids : {ids(), std::vector<int>{7}}) {  // a prompt, and a token behind it
    const Step& step = runner.make_step({{0, step_ids}});
    const Tensor x = model->embed(runner.context(), step).value();
    for (std::int64_t l = 0; l < model->spec().n_layers; ++l) {
      const int before = backend.n_calls();
      ASSERT_TRUE(model->layers(runner.context(), x, step, runner.state(), l, l + 1));
      EXPECT_LE(backend.n_calls() - before, GetParam().most_calls) << "layer " << l << ", " << step_ids.size() << " tokens";
      EXPECT_GE(backend.n_calls() - before, 5) << "they do not pass the spy";
    }
  }
}

TEST_P(CallsTest, WhoeverIsToldOfTheChoiceOfExpertsDoesNotChangeTheBytes) {
  const std::unique_ptr<Backend> backend = cpu();
  TestCheckpoint source(model_data(GetParam().model), *backend);
  const auto model = create_model(source, *backend).value();
  std::vector<std::vector<float>> both;
  for (const bool is_told : {false, true}) {
    ModelRunner runner(*model, *backend, 1, 64);
    if (is_told) runner.context().on_routing = [](std::int64_t, Tensor, Tensor) {};
    both.push_back(runner.run(ids()));
  }
  EXPECT_EQ(both[0], both[1]);
}

TEST_P(CallsTest, AModelRunsWhereThereIsNothingButThePrimitives) {
  const auto logits = [&](Backend& backend) {
    TestCheckpoint source(model_data(GetParam().model), backend);
    const auto model = create_model(source, backend).value();
    return ModelRunner(*model, backend, 1, 64).run(ids());
  };
  PrimitivesBackend primitives(create_reference_backend(), "primitives");
  const std::vector<float> found = logits(primitives), expected = logits(*create_reference_backend());
  ASSERT_EQ(found.size(), expected.size());
  // The reference rounds silu(gate) * up once and sums experts in double: some 1e-7 of values of the order of 10, through few layers.
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 5e-5) << i;
}

INSTANTIATE_TEST_SUITE_P(Families, CallsTest,
                         testing::Values(Family{"llama-tiny", 8}, Family{"qwen2-tiny", 8}, Family{"qwen3-tiny", 8}, Family{"qwen3-moe-tiny", 10},
                                         Family{"glm4-moe-lite-mtp-tiny", 12}),
                         [](const auto& info) {
                           std::string name = info.param.model;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace pio::test
