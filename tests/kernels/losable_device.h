#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "kernels/backend.h"

// What every backend of graphics cards makes of a device that is lost (losable_device.cpp). Whoever can lose one instantiates the suite for it.

namespace pio::test {

struct LosableDevice {
  std::string name;  // empty: there is none on this machine
  std::function<Result<std::unique_ptr<Backend>>()> open;
  std::function<void(std::uint64_t n)> lose_at;  // with the nth thing that it is given from now on, where a product is one
  std::function<void()> mend;
};

// The device is asked for when a test begins: some can only be opened once others have been looked for.
class LosableDeviceTest : public testing::TestWithParam<LosableDevice (*)()> {
 protected:
  void SetUp() override { device_ = GetParam()(); }
  void TearDown() override {
    if (device_.mend) device_.mend();
  }
  LosableDevice device_;
};

// Whether products come out right.
void expect_works(Backend& backend);

}  // namespace pio::test
