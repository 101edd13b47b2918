#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "tests/kernels/cuda/broken_kernels.h"
#include "tests/support/cuda_on_cpu/faults.h"
#include "tests/support/random_tensor.h"

// The emulator by which CUDA kernels run on the processor: each kind of fault is reported, nothing else is, and what is queued runs late.

namespace pio::test {

void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.name; }

namespace {

using cuda_on_cpu::Fault;
using cuda_on_cpu::Report;

class OnCpu : public testing::Test {
 protected:
  OnCpu() {
    before_ = cuda_on_cpu::set_reporter([this](const Report& report) { reports_.push_back(report); });
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
  }
  ~OnCpu() override {
    cudaStreamDestroy(stream_);
    cuda_on_cpu::set_reporter(before_);
    cuda_on_cpu::set_order(0);
    cuda_on_cpu::set_architecture(86);
  }
  std::vector<std::string> words() const {
    std::vector<std::string> all;
    for (const Report& report : reports_) all.push_back(std::string(name_of(report.fault)) + ": " + report.text);
    return all;
  }
  template <class T>
  T* device(std::size_t n) {
    void* memory = nullptr;
    EXPECT_EQ(cudaMalloc(&memory, n * sizeof(T)), cudaSuccess);
    return static_cast<T*>(memory);
  }
  template <class T>
  T* pinned(std::size_t n) {
    void* memory = nullptr;
    EXPECT_EQ(cudaHostAlloc(&memory, n * sizeof(T), cudaHostAllocDefault), cudaSuccess);
    return static_cast<T*>(memory);
  }

  cudaStream_t stream_ = nullptr;
  std::vector<Report> reports_;

 private:
  cuda_on_cpu::Reporter before_;
};

class Broken : public OnCpu, public testing::WithParamInterface<Pair> {
 protected:
  void run(bool is_broken, unsigned order) {
    cuda_on_cpu::set_order(order);
    reports_.clear();
    std::vector<float> host(1024, 1.0f);
    auto* const memory = device<float>(1024);
    cudaMemsetAsync(memory, 0, 4096, stream_);
    GetParam().launch(is_broken, stream_, memory, host.data());
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    EXPECT_EQ(cudaFree(memory), cudaSuccess);
    cudaGetLastError();
  }
};

// Whatever the order of the threads: a race is one of every order.
TEST_P(Broken, IsReportedAndItsTwinIsNot) {
  for (const unsigned order : {0u, 1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(testing::Message() << "order " << order);
    run(false, order);
    EXPECT_EQ(words(), std::vector<std::string>{});
    run(true, order);
    EXPECT_TRUE(std::ranges::any_of(reports_, [](const Report& report) { return report.fault == GetParam().fault; }));
    for (const Report& report : reports_) {
      // a thread that comes too early finds nothing written
      const bool is_early = GetParam().fault == Fault::race && report.fault == Fault::unset;
      EXPECT_TRUE(report.fault == GetParam().fault || is_early) << name_of(report.fault) << ": " << report.text;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Kernels, Broken, testing::ValuesIn(broken_kernels()), [](const auto& info) { return std::string(info.param.name); });

TEST_F(OnCpu, KnowsMemoryThatWasFreed) {
  auto *const y = device<float>(64), *const x = device<float>(64);
  EXPECT_EQ(cudaFree(x), cudaSuccess);
  add(stream_, y, x, 64);
  cudaStreamSynchronize(stream_);
  ASSERT_FALSE(reports_.empty());
  EXPECT_EQ(reports_[0].fault, Fault::freed);
  EXPECT_NE(reports_[0].text.find("add_to, block 0, thread 0: reads 4 bytes at"), std::string::npos) << reports_[0].text;
  reports_.clear();
  EXPECT_NE(cudaFree(x), cudaSuccess);
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].fault, Fault::runtime);
  cudaGetLastError();
  cudaFree(y);
}

TEST_F(OnCpu, ReadsWhatIsCopiedWhenTheCopyRuns) {
  auto* const memory = device<float>(64);
  auto* const host = pinned<float>(64);
  std::fill_n(host, 64, 1.0f);
  cudaMemcpyAsync(memory, host, 256, cudaMemcpyHostToDevice, stream_);
  std::fill_n(host, 64, 2.0f);  // too early: a card may or may not have read it
  std::vector<float> back(64);
  cudaMemcpyAsync(back.data(), memory, 256, cudaMemcpyDeviceToHost, stream_);
  EXPECT_EQ(back[0], 0.0f) << "nothing has run yet";
  cudaStreamSynchronize(stream_);
  EXPECT_EQ(back[63], 2.0f);
  EXPECT_EQ(words(), std::vector<std::string>{});
  cudaFree(memory);
  cudaFreeHost(host);
}

// Two streams that do not wait for each other end in either order; with an event only in one.
TEST_F(OnCpu, RunsStreamsInAnyOrderThatEventsAllow) {
  cudaStream_t other = nullptr;
  cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  cudaEvent_t event = nullptr;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  auto *const y = device<float>(64), *const host = pinned<float>(64);
  std::set<float> seen, seen_with_event;
  for (const bool has_event : {false, true}) {
    for (int i = 0; i < 40; ++i) {
      cudaMemsetAsync(y, 0, 256, stream_);
      cudaStreamSynchronize(stream_);
      count(stream_, y, 64);
      cudaEventRecord(event, stream_);
      if (has_event) cudaStreamWaitEvent(other, event);
      cudaMemcpyAsync(host, y, 256, cudaMemcpyDeviceToHost, other);
      cudaStreamSynchronize(other);
      (has_event ? seen_with_event : seen).insert(host[63]);
      cudaStreamSynchronize(stream_);
    }
  }
  EXPECT_EQ(seen, (std::set<float>{0.0f, 63.0f}));
  EXPECT_EQ(seen_with_event, (std::set<float>{63.0f}));
  cudaStreamDestroy(other);
  cudaEventDestroy(event);
  cudaFree(y);
  cudaFreeHost(host);
}

TEST_F(OnCpu, ReplaysAGraphOnWhatMemoryHoldsThen) {
  auto *const y = device<float>(100), *const x = device<float>(100);
  count(stream_, x, 100);
  cudaMemsetAsync(y, 0, 400, stream_);
  EXPECT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), cudaSuccess);
  add(stream_, y, x, 100);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  cudaGraphExec_t exec = nullptr;
  EXPECT_EQ(cudaGraphInstantiate(&exec, graph), cudaSuccess);
  cudaGraphDestroy(graph);
  std::vector<float> found(100);
  for (int i = 0; i < 3; ++i) cudaGraphLaunch(exec, stream_);
  cudaMemcpyAsync(found.data(), y, 400, cudaMemcpyDeviceToHost, stream_);
  cudaStreamSynchronize(stream_);
  EXPECT_EQ(found[99], 3 * 99.0f) << "what was captured did not run by itself";
  EXPECT_EQ(words(), std::vector<std::string>{});
  cudaGraphExecDestroy(exec);
  cudaFree(y);
  cudaFree(x);
}

TEST_F(OnCpu, GivesTheSameSumsInEveryOrderOfThreads) {
  auto *const y = device<float>(5), *const x = device<float>(5 * 64);
  std::vector<float> values(5 * 64), expected(5), found(5);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7), expected[i / 64] += values[i];
  for (const unsigned order : {0u, 1u, 2u, 3u}) {
    cuda_on_cpu::set_order(order);
    cudaMemcpyAsync(x, values.data(), values.size() * 4, cudaMemcpyHostToDevice, stream_);
    sum_of_blocks(stream_, y, x, 5);
    cudaMemcpyAsync(found.data(), y, 20, cudaMemcpyDeviceToHost, stream_);
    cudaStreamSynchronize(stream_);
    EXPECT_EQ(found, expected) << order;
  }
  EXPECT_EQ(words(), std::vector<std::string>{});
  cudaFree(y);
  cudaFree(x);
}

TEST_F(OnCpu, HoldsEachArchitectureToItsSharedMemory) {
  const auto* const kernel = reinterpret_cast<const void*>(&count);  // any address will do
  for (const auto& [sm, kib] : {std::pair{75, 64}, {80, 163}, {86, 99}, {89, 99}, {90, 227}, {120, 99}}) {
    cuda_on_cpu::set_architecture(sm);
    EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kib << 10), cudaSuccess) << sm;
    EXPECT_EQ(words(), std::vector<std::string>{});
    EXPECT_NE(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (kib << 10) + 1), cudaSuccess) << sm;
    ASSERT_EQ(reports_.size(), 1u);
    EXPECT_EQ(reports_[0].fault, Fault::shared_limit);
    reports_.clear();
  }
  cudaGetLastError();
}

// Of the tensor cores' instructions against plain loops: whatever is wrong with a fragment gives other sums.
TEST_F(OnCpu, MultipliesFragmentsAsTheirTablesSay) {
  Random random(1);
  std::vector<std::int8_t> a(16 * 32), b(8 * 32);
  for (auto* const side : {&a, &b}) {
    for (std::int8_t& value : *side) value = static_cast<std::int8_t>(random.below(255) - 127);
  }
  auto *const a_bytes = device<signed char>(512), *const b_bytes = device<signed char>(256);
  auto* const c_numbers = device<int>(128);
  std::vector<int> c(128);
  cudaMemcpyAsync(a_bytes, a.data(), 512, cudaMemcpyHostToDevice, stream_);
  cudaMemcpyAsync(b_bytes, b.data(), 256, cudaMemcpyHostToDevice, stream_);
  for (const bool in_halves : {false, true}) {  // by m16n8k32, and twice by m16n8k16
    multiply_s8(stream_, c_numbers, a_bytes, b_bytes, in_halves);
    cudaMemcpyAsync(c.data(), c_numbers, 512, cudaMemcpyDeviceToHost, stream_);
    cudaStreamSynchronize(stream_);
    for (std::size_t row = 0; row < 16; ++row) {
      for (std::size_t column = 0; column < 8; ++column) {
        int sum = 0;
        for (std::size_t k = 0; k < 32; ++k) sum += a[row * 32 + k] * b[column * 32 + k];
        EXPECT_EQ(c[row * 8 + column], sum) << row << ", " << column;
      }
    }
  }
  for (const bool is_bfloat : {false, true}) {
    std::vector<float> a_values(16 * 16), b_values(8 * 16), found(128);
    std::vector<std::uint16_t> a_bits, b_bits;
    const auto round = [&](std::vector<float>& values, std::vector<std::uint16_t>& bits) {
      for (float& value : values) {
        bits.push_back(is_bfloat ? f32_to_bf16(random.normal()) : f32_to_f16(random.normal()));
        value = is_bfloat ? bf16_to_f32(bits.back()) : f16_to_f32(bits.back());
      }
    };
    round(a_values, a_bits);
    round(b_values, b_bits);
    cudaMemcpyAsync(a_bytes, a_bits.data(), 512, cudaMemcpyHostToDevice, stream_);
    cudaMemcpyAsync(b_bytes, b_bits.data(), 256, cudaMemcpyHostToDevice, stream_);
    auto* const c_floats = reinterpret_cast<float*>(c_numbers);
    multiply_half(stream_, c_floats, reinterpret_cast<unsigned short*>(a_bytes), reinterpret_cast<unsigned short*>(b_bytes), is_bfloat);
    cudaMemcpyAsync(found.data(), c_floats, 512, cudaMemcpyDeviceToHost, stream_);
    cudaStreamSynchronize(stream_);
    for (std::size_t row = 0; row < 16; ++row) {
      for (std::size_t column = 0; column < 8; ++column) {
        double sum = 0;
        for (std::size_t k = 0; k < 16; ++k) sum += static_cast<double>(a_values[row * 16 + k]) * static_cast<double>(b_values[column * 16 + k]);
        EXPECT_NEAR(found[row * 8 + column], sum, 1e-6 * 16) << row << ", " << column;  // float32 sums of 16 terms of about 1
      }
    }
  }
  EXPECT_EQ(words(), std::vector<std::string>{});
  cudaFree(a_bytes);
  cudaFree(b_bytes);
  cudaFree(c_numbers);
}

}  // namespace
}  // namespace pio::test
