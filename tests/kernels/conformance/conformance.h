#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/registry.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/random_tensor.h"

// One suite for every backend: each op gives what the reference backend gives, within a tolerance that says why, writes nothing but its
// output, and gives the same bits when it runs again.
//
// "primitives" is the reference's primitives under the default compositions: what a backend has on its first day.
// The list of backends is fixed here; one that this machine or build lacks is one visible skip with its reason (Backends.IsHere).

namespace pio {

struct BackendName {
  const char* text;  // "cpu:avx2": a device, and for the CPU the instruction set
};
inline void PrintTo(const BackendName& name, std::ostream* out) { *out << name.text; }

inline constexpr BackendName kBackendNames[] = {{"reference"},
                                                {"primitives"},
                                                {"cpu:scalar"},
                                                {"cpu:avx2"},
                                                {"cpu:avx512"},
                                                {"cpu:avx512_bf16"},
                                                {"cpu:neon"},
                                                {"cuda"},
                                                {"cuda_on_cpu"},
                                                {"vulkan"},
                                                {"vulkan:shared_integers"}};

// Those of the list that open on this machine in this build.
std::vector<BackendName> backends_here();

// "cpu_avx2": names of tests have letters and digits only.
std::string test_name(const testing::TestParamInfo<BackendName>& param);

class Conformance : public testing::TestWithParam<BackendName> {
 protected:
  // Opens the backend with one and with three threads (three: does not divide the usual sizes), in both readings of activations; only the
  // processor's knows them.
  void SetUp() override;

  // Runs `body` with every opened backend.
  void for_each(const std::function<void(Backend&, Activations)>& body);

  Backend& reference() { return *reference_; }

 private:
  struct Opened {
    std::unique_ptr<Backend> backend;
    Activations activations;
    std::string text;  // "3 threads, q8"
  };
  std::vector<Opened> opened_;
  std::unique_ptr<Backend> reference_;
};

#define PIO_CONFORMANCE(suite)         \
  class suite : public Conformance {}; \
  INSTANTIATE_TEST_SUITE_P(All, suite, testing::ValuesIn(backends_here()), test_name)

// Runs `op` on `backend` with `output` and checks guards and the second run; returns the values of the first.
std::vector<float> run_twice(Backend& backend, GuardedTensor& output, const std::function<void()>& op);

// Sum of squared differences over sum of squared expected values.
testing::AssertionResult nmse_below(double tolerance, const std::vector<float>& found, const std::vector<float>& expected);

// Largest difference over largest magnitude of the expected values.
testing::AssertionResult max_error_below(double tolerance, const std::vector<float>& found, const std::vector<float>& expected);

// Every difference within `tolerance` of its own expected value.
testing::AssertionResult each_error_below(double tolerance, const std::vector<float>& found, const std::vector<float>& expected);

}  // namespace pio
