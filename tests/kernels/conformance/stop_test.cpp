#include <time.h>

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <thread>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Stop);

using std::chrono::nanoseconds;

// Of all threads of this process. Unlike the clock on the wall it stands still while other programs have the processors.
nanoseconds processor_time() {
  timespec time{};
  EXPECT_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

// What each thread may still compute after a stop: backend.h's few milliseconds.
constexpr std::chrono::milliseconds kFew{8};

// Repeats `op` until a stop is requested from another thread; returns what was computed from there to the end.
nanoseconds time_to_end(Backend& backend, const std::function<void()>& op) {
  std::stop_source source;
  backend.set_stop(source.get_token());
  nanoseconds requested{};
  std::thread person([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    requested = processor_time();
    source.request_stop();
  });
  while (!backend.stop_requested()) op();
  EXPECT_TRUE(backend.sync());
  const nanoseconds ended = processor_time();
  person.join();
  return ended - requested;
}

void expect_prompt_end(Backend& backend, const std::function<void()>& op) {
  std::vector<nanoseconds> times;
  for (int i = 0; i < 5; ++i) times.push_back(time_to_end(backend, op));
  std::sort(times.begin(), times.end());
  EXPECT_LT(times[2], backend.n_threads() * kFew) << times[2].count() << " ns of processor time after the stop";

  const nanoseconds started = processor_time();  // now with the stop requested before
  op();
  EXPECT_TRUE(backend.sync());
  EXPECT_LT(processor_time() - started, kFew);
  backend.set_stop({});
}

// 34 billion products: at 100 billion a second, a third of a second.
TEST_P(Stop, EndsALongProductSoon) {
  for_each([](Backend& backend, Activations) {
    const std::int64_t n_tokens = 1024, n_in = 2048, n_out = 16384;
    GuardedTensor x(backend, {n_tokens, n_in}, std::vector<float>(static_cast<std::size_t>(n_tokens * n_in), 0.5f));
    GuardedTensor w(backend, DType::q4_0, {n_out, n_in}), y(backend, DType::f32, {n_tokens, n_out});
    expect_prompt_end(backend, [&] { backend.matmul(y, x, w); });
    EXPECT_TRUE(y.guards_are_intact());
  });
}

// 4 billion products and 34 million exponentials.
TEST_P(Stop, EndsALongAttentionSoon) {
  for_each([](Backend& backend, Activations) {
    const std::int32_t n_tokens = 512, n_heads = 16, head_dim = 64, n_blocks = 128;
    const std::int64_t n_cells = n_blocks * kKvBlockLength;
    GuardedTensor q(backend, {n_tokens, n_heads, head_dim}, std::vector<float>(static_cast<std::size_t>(n_tokens * n_heads * head_dim), 0.1f));
    GuardedTensor k(backend, DType::f16, {n_cells, 2, head_dim}), v(backend, DType::f16, {n_cells, 2, head_dim});
    GuardedTensor y(backend, DType::f32, {n_tokens, n_heads, head_dim});
    std::vector<std::int32_t> table(n_blocks);
    for (std::int32_t i = 0; i < n_blocks; ++i) table[static_cast<std::size_t>(i)] = i;
    GuardedTensor lengths(backend, {n_tokens}, std::vector<std::int32_t>(n_tokens, n_blocks * kKvBlockLength));
    GuardedTensor sequences(backend, {n_tokens}, std::vector<std::int32_t>(n_tokens, 0)), blocks(backend, {1, n_blocks}, table);
    Step step;
    step.kv_lengths = lengths;
    step.sequences = sequences;
    step.block_table = blocks;
    expect_prompt_end(backend, [&] { backend.attention(y, q, k.as(TensorLayout::keys), v.as(TensorLayout::values), step, {.scale = 0.125f}); });
    EXPECT_TRUE(y.guards_are_intact());
  });
}

// 34 billion products and a quarter of a billion exponentials: a picture's patches.
TEST_P(Stop, EndsALongSelfAttentionSoon) {
  for_each([](Backend& backend, Activations) {
    const std::int32_t n_tokens = 8192;
    const Shape shape{n_tokens, 4, 64};
    const std::vector<float> values(static_cast<std::size_t>(shape.n_values()), 0.1f);
    GuardedTensor q(backend, shape, values), k(backend, shape, values), v(backend, shape, values), y(backend, DType::f32, shape);
    GuardedTensor starts(backend, {2}, std::vector<std::int32_t>{0, n_tokens});
    expect_prompt_end(backend, [&] { backend.self_attention(y, q, k, v, starts, 0, 0.125f); });
    EXPECT_TRUE(y.guards_are_intact());
  });
}

// 19 billion products in 12 of 16 experts, and 13 billion in the matrices of 20 heads.
TEST_P(Stop, EndsALongMixtureAndLongHeadsSoon) {
  for_each([](Backend& backend, Activations) {
    const std::int64_t n_tokens = 1024, dim = 1024, hidden_dim = 512, n_experts = 16, n_used = 12;
    GuardedTensor x(backend, {n_tokens, dim}, std::vector<float>(static_cast<std::size_t>(n_tokens * dim), 0.5f)),
        y(backend, DType::f32, {n_tokens, dim});
    GuardedTensor in(backend, DType::q4_0, {n_experts * hidden_dim, dim}), out(backend, DType::q4_0, {n_experts * dim, hidden_dim});
    ExpertSet experts(0, n_experts);
    std::vector<std::int32_t> id_values;
    for (std::int64_t e = 0; e < n_experts; ++e) {
      const Tensor gate = in.tensor().rows(e * hidden_dim, hidden_dim);
      experts.put(e, {gate, gate, out.tensor().rows(e * dim, dim)});
    }
    for (std::int64_t i = 0; i < n_tokens * n_used; ++i) id_values.push_back(static_cast<std::int32_t>(i % n_used));
    GuardedTensor ids(backend, {n_tokens, n_used}, id_values), weights(backend, {n_tokens, n_used}, std::vector<float>(id_values.size(), 0.1f));
    expect_prompt_end(backend, [&] { backend.moe_experts(y, x, ids, weights, experts); });
    EXPECT_TRUE(y.guards_are_intact());

    const std::int64_t n_heads = 20, rows = 192, columns = 512;
    GuardedTensor w(backend, DType::q4_0, {n_heads, rows, columns});
    GuardedTensor narrow(backend, DType::f32, {6 * n_tokens, n_heads, rows}), wide(backend, DType::f32, {6 * n_tokens, n_heads, columns});
    expect_prompt_end(backend, [&] { backend.matmul_heads(wide, narrow, w, {.w_rows = rows, .transposed = true}); });
    expect_prompt_end(backend, [&] { backend.matmul_heads(narrow, wide, w, {.w_rows = rows}); });
    EXPECT_TRUE(wide.guards_are_intact());
  });
}

TEST_P(Stop, LeavesTheBackendFitForTheNextWork) {
  Random random(1);
  const std::vector<float> x = normal_values(random, 3 * 64), w = normal_values(random, 33 * 64);
  GuardedTensor rx(reference(), {3, 64}, x), rw(reference(), {33, 64}, w), ry(reference(), DType::f32, {3, 33});
  reference().matmul(ry, rx, rw);
  for_each([&](Backend& backend, Activations) {
    GuardedTensor x_tensor(backend, {3, 64}, x), w_tensor(backend, {33, 64}, w), y(backend, DType::f32, {3, 33});
    std::stop_source source;
    source.request_stop();
    backend.set_stop(source.get_token());
    backend.matmul(y, x_tensor, w_tensor);
    EXPECT_TRUE(backend.sync());
    backend.set_stop({});
    EXPECT_FALSE(backend.stop_requested());
    const std::vector<float> found = run_twice(backend, y, [&] { backend.matmul(y, x_tensor, w_tensor); });
    EXPECT_TRUE(nmse_below(1e-11, found, ry.floats()));  // float32 sums of 64 terms
  });
}

}  // namespace
}  // namespace pio
