#include "kernels/host_buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

#include "kernels/host.h"

namespace pio {
namespace {

constexpr std::size_t kLarge = 96 << 20;

bool system_has_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  std::getline(file, modes);
  return !modes.empty() && modes.find("[never]") == std::string::npos;
}

TEST(HostBuffer, LiesInHugePagesUnlessThatIsRefused) {
  for (const bool huge_pages : {true, false}) {
    const auto buffer = allocate_host_buffer(kLarge, "cpu", 0, huge_pages).value();
    std::memset(buffer->host_data(), 1, buffer->n_bytes());
    const std::uint64_t found = huge_page_bytes(buffer->host_data(), buffer->n_bytes());
    if (!huge_pages) EXPECT_EQ(found, 0u);
    else if (!system_has_huge_pages()) EXPECT_EQ(found, 0u);
    else EXPECT_LE(found, kLarge);
    if (huge_pages && system_has_huge_pages() && found == 0) GTEST_SKIP() << "the system has no huge page free";
  }
}

TEST(HostBuffer, CountsHugePagesOfItsOwnOnly) {
  const auto one = allocate_host_buffer(kLarge, "cpu", 0).value();
  const auto other = allocate_host_buffer(kLarge, "cpu", 0, false).value();
  std::memset(one->host_data(), 1, kLarge);
  std::memset(other->host_data(), 1, kLarge);
  EXPECT_EQ(huge_page_bytes(other->host_data(), kLarge), 0u);
  const char on_the_stack = 0;
  EXPECT_EQ(huge_page_bytes(&on_the_stack, 1), 0u);
}

TEST(HostBuffer, RefusesMoreThanThereIs) {
  const Result<std::unique_ptr<Buffer>> refused = allocate_host_buffer(kLarge, "cpu", kLarge - 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::out_of_memory);
  EXPECT_EQ(refused.error().needed_bytes, kLarge);
}

}  // namespace
}  // namespace pio
