#include <cstdint>
#include <numeric>

#include "tests/kernels/conformance/conformance.h"

namespace pio {
namespace {

PIO_CONFORMANCE(Memory);

TEST_P(Memory, IsAlignedToSixtyFourBytesWhereTheHostSeesIt) {
  for_each([](Backend& backend, Activations) {
    for (const std::size_t n_bytes : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{65}, std::size_t{1} << 20}) {
      auto buffer = backend.allocate(n_bytes);
      ASSERT_TRUE(buffer) << n_bytes;
      EXPECT_EQ((*buffer)->n_bytes(), n_bytes);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*buffer)->host_data()) % 64, 0u);
    }
  });
}

TEST_P(Memory, ThatIsNotThereIsAnErrorWithItsNumbers) {
  for_each([](Backend& backend, Activations) {
    for (const std::size_t needed : {std::size_t{1} << 50, SIZE_MAX - 100, SIZE_MAX}) {
      auto buffer = backend.allocate(needed);
      ASSERT_FALSE(buffer) << needed;
      EXPECT_EQ(buffer.error().code, ErrorCode::out_of_memory);
      EXPECT_EQ(buffer.error().needed_bytes, needed);
      EXPECT_EQ(buffer.error().device, backend.device().name);
      EXPECT_GT(buffer.error().free_bytes, 0u);
      EXPECT_LT(buffer.error().free_bytes, needed);
    }
  });
}

TEST_P(Memory, UploadsAndDownloadsPartsOfATensor) {
  std::vector<float> values(40);
  std::iota(values.begin(), values.end(), 0.0f);
  for_each([&](Backend& backend, Activations) {
    GuardedTensor x(backend, {8, 5}, values);
    std::vector<float> rows(10);
    backend.download(rows.data(), x.tensor().rows(3, 2));
    EXPECT_EQ(rows, std::vector<float>(values.begin() + 15, values.begin() + 25));
    for (float& value : rows) value = -value;
    backend.upload(x.tensor().rows(6, 2), rows.data());
    std::vector<float> expected = values;
    std::copy(rows.begin(), rows.end(), expected.begin() + 30);
    EXPECT_EQ(x.floats(), expected);
    EXPECT_TRUE(x.guards_are_intact());
  });
}

TEST_P(Memory, WrapsBytesOfTheHostWithoutChangingThem) {
  alignas(64) float values[48];
  std::iota(std::begin(values), std::end(values), 1.0f);
  for_each([&](Backend& backend, Activations) {
    auto buffer = backend.wrap(values, sizeof values);
    ASSERT_TRUE(buffer);
    EXPECT_EQ((*buffer)->n_bytes(), sizeof values);
    Tensor t;
    t.shape = {48};
    t.buffer = buffer->get();
    std::vector<float> found(48);
    backend.download(found.data(), t);
    EXPECT_EQ(found, std::vector<float>(std::begin(values), std::end(values)));
  });
}

TEST_P(Memory, DescribesItsDevice) {
  for_each([](Backend& backend, Activations) {
    const DeviceInfo& device = backend.device();
    EXPECT_EQ(device.name, std::string(GetParam().text).substr(0, std::string(GetParam().text).find(':')));
    EXPECT_FALSE(device.detail.empty());
    EXPECT_GT(device.free_bytes, 0u);
    EXPECT_LE(device.free_bytes, device.total_bytes);
    EXPECT_GE(backend.n_threads(), 1);
  });
}

}  // namespace
}  // namespace pio
