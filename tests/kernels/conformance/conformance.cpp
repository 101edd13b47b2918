#include "tests/kernels/conformance/conformance.h"

#include <cmath>
#include <cstring>
#include <string_view>

#include "tests/kernels/conformance/kept_reference.h"

namespace pio {

std::string test_name(const testing::TestParamInfo<BackendName>& param) {
  std::string name = param.param.text;
  for (char& c : name) c = c == ':' ? '_' : c;
  return name;
}

namespace {

Result<std::unique_ptr<Backend>> open(BackendName backend, BackendOptions options) {
  const std::string_view name = backend.text;
  if (name == "primitives") return std::unique_ptr<Backend>(std::make_unique<PrimitivesBackend>(create_reference_backend(), "primitives"));
  const std::size_t colon = name.find(':');
  if (colon != std::string_view::npos) options.isa = name.substr(colon + 1);
  return create_backend(name.substr(0, colon), options);
}

}  // namespace

std::vector<BackendName> backends_here() {
  static const std::vector<BackendName> here = [] {  // every suite asks
    std::vector<BackendName> found;
    for (const BackendName& name : kBackendNames) {
      const auto backend = open(name, {.n_threads = 1, .isa = ""});
      // one that fails in another way than by not being here stays, and its tests fail
      if (backend || backend.error().code != ErrorCode::not_available) found.push_back(name);
    }
    return found;
  }();
  return here;
}

void Conformance::SetUp() {
  reference_ = std::make_unique<KeptReference>();
  const std::string_view name = GetParam().text;
  const bool is_of_card = name.starts_with("vulkan") || name.starts_with("cuda");
  // A card's shaders are compiled for each: weights of every format are multiplied with unrounded activations where products are by themselves, and by
  // the form of the backend that has the most to offer.
  const std::string suite = testing::UnitTest::GetInstance()->current_test_info()->test_suite_name();
  const bool rounds_only = is_of_card && (name.ends_with("integers") || (suite != "All/Matmul" && suite != "All/SameBits"));
  for (const Activations activations : {Activations::f32, Activations::q8}) {
    for (const int n_threads : {1, 3}) {
      if ((is_of_card && n_threads > 1) || (rounds_only && activations == Activations::f32)) continue;
      auto backend = open(GetParam(), {.n_threads = n_threads, .activations = activations, .isa = ""});
      ASSERT_TRUE(backend) << backend.error().message;
      const bool has_options = is_of_card || (*backend)->device().kind == DeviceKind::cpu;
      opened_.push_back({std::move(*backend), activations,
                         std::to_string(n_threads) + " threads, " + (activations == Activations::q8 ? "q8" : "f32") + " activations"});
      if (!has_options) return;
    }
  }
}

void Conformance::for_each(const std::function<void(Backend&, Activations)>& body) {
  for (Opened& opened : opened_) {
    SCOPED_TRACE(opened.text);
    body(*opened.backend, opened.activations);
    if (HasFatalFailure()) return;
  }
}

std::vector<float> run_twice(Backend& backend, GuardedTensor& output, const std::function<void()>& op) {
  op();
  EXPECT_TRUE(backend.sync());
  EXPECT_TRUE(output.guards_are_intact());
  const std::vector<std::byte> first = output.bytes();
  std::vector<float> values(first.size() / sizeof(float));
  std::memcpy(values.data(), first.data(), values.size() * sizeof(float));
  output.fill_with_pattern();
  op();
  EXPECT_TRUE(backend.sync());
  EXPECT_EQ(first, output.bytes()) << "the second run gives other bits";
  return values;
}

testing::AssertionResult nmse_below(double tolerance, const std::vector<float>& found, const std::vector<float>& expected) {
  double error = 0, power = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double e = expected[i], f = found[i];
    error += (f - e) * (f - e);
    power += e * e;
  }
  if (found.size() == expected.size() && error <= tolerance * power) return testing::AssertionSuccess();  // a NaN is not below
  return testing::AssertionFailure() << "NMSE " << error / power << ", expected at most " << tolerance;
}

testing::AssertionResult max_error_below(double tolerance, const std::vector<float>& found, const std::vector<float>& expected) {
  double largest = 0;
  for (const float e : expected) largest = std::fmax(largest, std::fabs(e));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    if (!(error <= tolerance * largest)) {
      return testing::AssertionFailure() << "value " << i << " is " << found[i] << ", expected " << expected[i] << " within " << tolerance * largest;
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult each_error_below(double tolerance, const std::vector<float>& found, const std::vector<float>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double e = expected[i], error = std::fabs(static_cast<double>(found[i]) - e);
    if (!(error <= tolerance * std::fabs(e)) && found[i] != expected[i]) {
      return testing::AssertionFailure() << "value " << i << " is " << found[i] << ", expected " << e << ", off by " << error / std::fabs(e)
                                         << " of it";
    }
  }
  return testing::AssertionSuccess();
}

class Backends : public testing::TestWithParam<BackendName> {};
INSTANTIATE_TEST_SUITE_P(All, Backends, testing::ValuesIn(kBackendNames), test_name);

// What the suite runs with. The processor's own kernels and the reference are always among them.
TEST_P(Backends, IsHere) {
  const auto backend = open(GetParam(), {.n_threads = 1, .isa = ""});
  if (backend) return;
  const std::string_view name = GetParam().text;
  ASSERT_TRUE(name != "reference" && name != "cpu:scalar" && backend.error().code == ErrorCode::not_available) << backend.error().message;
  GTEST_SKIP() << "backend " << name << ": " << backend.error().message;
}

}  // namespace pio
