#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "kernels/backend_module.h"
#include "kernels/preferred_device.h"
#include "tests/support/temp_folder.h"

// Backend modules as the registry finds them: none, broken ones, those of another build, and two that drive the same card.

namespace pio {
namespace {

namespace fs = std::filesystem;

class Modules : public testing::Test {
 protected:
  void TearDown() override { unsetenv("PIO_BACKENDS"); }

  // What is listed with modules from this folder alone.
  static DeviceList listed(const fs::path& folder) {
    setenv("PIO_BACKENDS", folder.c_str(), 1);
    return list_devices();
  }
  static const RejectedDevice* rejected(const DeviceList& list, const std::string& name) {
    const auto found = std::ranges::find(list.rejected, name, &RejectedDevice::name);
    return found == list.rejected.end() ? nullptr : &*found;
  }
};

TEST_F(Modules, ThatAreNotThereAreRejectedByTheirKind) {
  const TempFolder empty;
  const DeviceList list = listed(empty.path());
  ASSERT_EQ(list.devices.size(), 2u) << "the processor and the reference";
  for (const char* kind : {"cuda", "vulkan"}) {
    const RejectedDevice* const found = rejected(list, kind);
    ASSERT_TRUE(found) << kind;
    EXPECT_EQ(found->code, Rejection::no_module);
    EXPECT_NE(found->reason.find(empty.path().string()), std::string::npos) << found->reason;
    const auto backend = create_backend(kind, {});
    ASSERT_FALSE(backend);
    EXPECT_EQ(backend.error().code, ErrorCode::not_available);
    EXPECT_EQ(backend.error().device, kind);
    EXPECT_NE(backend.error().message.find(found->reason), std::string::npos) << backend.error().message;
  }
}

TEST_F(Modules, OfAnotherBuildAreRejectedWithBothBuilds) {
  const DeviceList list = listed(PIO_FAKE_MODULES "/other_build");
  const RejectedDevice* const found = rejected(list, "vulkan");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, Rejection::other_build);
  EXPECT_NE(found->reason.find(build_id()), std::string::npos) << found->reason;
  EXPECT_NE(found->reason.find("of-another-day"), std::string::npos) << found->reason;
  EXPECT_FALSE(create_backend("vulkan", {}));
}

TEST_F(Modules, ThatCannotBeLoadedFailWithTheReason) {
  const TempFolder folder;
  std::ofstream(folder.path() / "libpio_vulkan.so") << "no library";
  const DeviceList list = listed(folder.path());
  const RejectedDevice* const found = rejected(list, "vulkan");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, Rejection::failed);
  EXPECT_FALSE(found->reason.empty());
}

TEST_F(Modules, ListTheirDevicesBetweenTheProcessorAndTheReferenceAndACardOnce) {
  const DeviceList list = listed(PIO_FAKE_MODULES "/cards");
  ASSERT_EQ(list.devices.size(), 3u);
  EXPECT_EQ(list.devices[0].name, "cpu");
  EXPECT_EQ(list.devices[1].name, "cuda");
  EXPECT_EQ(list.devices[2].name, "reference");
  const RejectedDevice *const same = rejected(list, "vulkan"), *const old = rejected(list, "vulkan:1");
  ASSERT_TRUE(same && old);
  EXPECT_EQ(same->code, Rejection::same_card);
  EXPECT_EQ(same->reason, "the same card as cuda");
  EXPECT_EQ(old->code, Rejection::driver_too_old);
}

TEST_F(Modules, OfAKindThatNobodyKnowsAreFoundWhereTheirFolderIsNamed) {
  const DeviceList list = listed(PIO_FAKE_MODULES "/other_kind");
  ASSERT_EQ(list.devices.size(), 3u);
  EXPECT_EQ(list.devices[1].name, "of_the_tests");
  EXPECT_TRUE(rejected(list, "of_the_tests:1"));
  EXPECT_EQ(rejected(list, "cuda")->code, Rejection::no_module);
  const auto backend = create_backend("of_the_tests", {});
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().message, "a card of the tests") << "the module itself was asked";
  unsetenv("PIO_BACKENDS");
  EXPECT_NE(create_backend("of_the_tests", {}).error().message, "a card of the tests");
}

TEST(Rejections, HaveTheNamesThatScriptsKnow) {
  EXPECT_STREQ(name_of(Rejection::no_module), "no_module");
  EXPECT_STREQ(name_of(Rejection::same_card), "same_card");
  EXPECT_STREQ(name_of(Rejection::failed), "failed");
}

TEST(PreferredDevice, IsCudaThenACardOfVulkanThenTheProcessor) {
  const auto device = [](const char* name, DeviceKind kind) {
    DeviceInfo info;
    info.name = name;
    info.kind = kind;
    return info;
  };
  DeviceList list;
  EXPECT_EQ(preferred_device(list), "cpu");
  list.devices = {device("cpu", DeviceKind::cpu), device("vulkan", DeviceKind::vulkan), device("vulkan:1", DeviceKind::vulkan),
                  device("vulkan:2", DeviceKind::vulkan), device("reference", DeviceKind::reference)};
  list.devices[1].is_integrated = true;
  list.devices[2].is_software = true;
  EXPECT_EQ(preferred_device(list), "vulkan:2");
  list.devices[3].is_integrated = true;
  EXPECT_EQ(preferred_device(list), "cpu");
  list.devices.push_back(device("cuda", DeviceKind::cuda));
  EXPECT_EQ(preferred_device(list), "cuda");
}

}  // namespace
}  // namespace pio
