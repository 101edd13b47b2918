#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "kernels/cpu/cpu_backend.h"
#include "tests/support/tiny_model.h"

// What a decoded token costs beside its products: each loop that threads share waits for the last of them, and threads without a loop rest.

namespace pio::test {
namespace {

struct Case {
  const char* model;
  std::uint64_t n_dense, n_mixtures;       // layers
  std::uint64_t most_dense, most_mixture;  // loops that threads share, a layer
  bool one_key_head = false;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.model; }

class CpuRegions : public testing::TestWithParam<Case> {};

// The fixtures are some 32 to 64 times narrower than the models they stand for, so loops are shared from as many times fewer bytes on: products are,
// norms, ropes and the cells of one token are not. The cache is short: where threads share the cells of long ones, merging their parts is one loop more.
TEST_P(CpuRegions, OfADecodeStepAreFewALayer) {
  const Case& c = GetParam();
  auto opened = create_cpu_backend({.n_threads = 2, .activations = Activations::q8, .isa = ""});
  ASSERT_TRUE(opened);
  const std::unique_ptr<Backend>& backend = *opened;
  share_loops_from(*backend, 1000);
  TestCheckpoint source(model_data(c.model), *backend);
  source.become_gguf();
  source.store_as(DType::q8_0);
  auto model = create_model(source, *backend);
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ((*model)->spec().n_layers, static_cast<std::int64_t>(c.n_dense + c.n_mixtures));
  ModelRunner runner(**model, *backend, 1, 256);
  runner.run(read_ids(model_data(c.model) / "cases/short.json"));
  const std::uint64_t before = n_parallel_regions(*backend);
  runner.run(std::vector<int>{7});
  std::uint64_t n = n_parallel_regions(*backend) - before;
  if (c.one_key_head)
    n += c.n_dense + c.n_mixtures;  // attention, which is one thread's here, and is shared where there are several or the cache is long
  RecordProperty("regions", static_cast<int>(n));
  EXPECT_LE(n, c.n_dense * c.most_dense + c.n_mixtures * c.most_mixture + 1) << "and the output matrix";
  EXPECT_GE(n, c.n_dense * 5 + c.n_mixtures * 6) << "one thread computes what many should";
}

// A mixture of GLM has nine: its queries come by two products, one behind the other, and go through a matrix a head before attention and behind it,
// where others have none. Each of them needs all that the one before gives, for every head reads the whole of the queries' latent, and the output
// matrix the values of all heads.
INSTANTIATE_TEST_SUITE_P(Models, CpuRegions,
                         testing::Values(Case{"llama-tiny", 3, 0, 5, 0}, Case{"qwen2-tiny", 3, 0, 5, 0}, Case{"qwen3-tiny", 3, 0, 5, 0},
                                         Case{"qwen3-moe-tiny", 0, 3, 0, 6, true}, Case{"glm4-moe-lite-mtp-tiny", 1, 1, 8, 9, true}),
                         [](const auto& info) {
                           std::string name = info.param.model;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

// Processor time of the whole process, in seconds.
double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(CpuIdle, ThreadsRestWhenNothingIsComputed) {
  auto opened = create_cpu_backend({.n_threads = 4, .activations = Activations::q8, .isa = ""});
  ASSERT_TRUE(opened);
  Backend& backend = **opened;
  constexpr std::int64_t kDim = 512;
  const std::vector<float> ones(kDim * kDim, 1.0f);
  std::vector<std::unique_ptr<Buffer>> buffers;
  const Tensor w = backend.allocate_tensor(DType::f32, {kDim, kDim}, buffers, ones.data()).value();
  const Tensor x = backend.allocate_tensor(DType::f32, {1, kDim}, buffers, ones.data()).value();
  const Tensor y = backend.allocate_tensor(DType::f32, {1, kDim}, buffers).value();
  const std::uint64_t before = n_parallel_regions(backend);
  for (int i = 0; i < 10; ++i) backend.matmul(y, x, w);
  ASSERT_EQ(n_parallel_regions(backend) - before, 10u);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // threads look out for the next loop for half a millisecond of their own
  const double awake = processor_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(processor_seconds() - awake, 0.005);
}

}  // namespace
}  // namespace pio::test
