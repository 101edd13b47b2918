#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "engine/files/loaded_weights.h"
#include "kernels/reference/reference_backend.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"

namespace pio {
namespace {

TEST(LoadedWeights, GgufTensorsAreUsedInPlace) {
  const TempFolder folder;
  GgufWriter writer("test");
  writer.key("test.n", std::int32_t{3}).tensor_f32("a", {2, 2}, {1, 2, 3, 4});
  auto file = open_model_file(folder.write("a.gguf", writer.bytes()));
  ASSERT_TRUE(file);
  const std::byte* in_file = (*file)->data(0).data();
  const auto backend = create_reference_backend();
  LoadedWeights weights(std::move(*file), *backend);
  EXPECT_EQ(weights.label(), "a.gguf");
  EXPECT_EQ(weights.architecture(), "test");
  ASSERT_TRUE(weights.metadata("test.n"));
  EXPECT_EQ(std::get<std::int64_t>(*weights.metadata("test.n")), 3);
  EXPECT_FALSE(weights.metadata("test.m"));
  const auto tensor = weights.load(0);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(host_pointer<float>(*tensor)), in_file);
  EXPECT_EQ(tensor->shape, (Shape{2, 2}));
  EXPECT_EQ(host_pointer<float>(*tensor)[3], 4);
  EXPECT_EQ(weights.load(0)->buffer, tensor->buffer);
}

TEST(LoadedWeights, UnalignedSafetensorsAreCopiedToAlignedMemory) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type": "test"})");
  for (int n_spaces = 0; n_spaces < 4; ++n_spaces) {  // each a header of another length
    folder.write("model.safetensors", safetensors_file(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})" + std::string(n_spaces, ' '), 8));
    auto file = open_model_file(folder.path());
    ASSERT_TRUE(file) << file.error().message;
    const auto backend = create_reference_backend();
    LoadedWeights weights(std::move(*file), *backend);
    const auto tensor = weights.load(0);
    ASSERT_TRUE(tensor);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(host_pointer<float>(*tensor)) % 4, 0u);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(std::to_integer<int>(host_pointer<std::byte>(*tensor)[i]), i);
  }
}

// 64 MiB of holes, which cost the disk nothing.
std::filesystem::path large_file(const TempFolder& folder) {
  GgufWriter writer("test");
  for (const char* name : {"a", "b"}) writer.tensor({.name = name, .extents = {8 << 20}, .type = 0, .data = {}, .offset = {}, .n_dims = {}});
  writer.tensors[1].offset = 32 << 20;
  const auto path = folder.write("large.gguf", writer.bytes());
  std::filesystem::resize_file(path, writer.bytes().size() + (64 << 20));
  return path;
}

TEST(LoadedWeights, PrefaultReportsRisingBytesUpToAllOfThem) {
  const TempFolder folder;
  auto file = open_model_file(large_file(folder));
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = create_reference_backend();
  LoadedWeights weights(std::move(*file), *backend);
  for (std::size_t i = 0; i < weights.tensors().size(); ++i) ASSERT_TRUE(weights.load(i));
  std::vector<std::uint64_t> reports;
  ASSERT_TRUE(weights.prefault(
      [&](std::uint64_t done, std::uint64_t total) {
        EXPECT_EQ(total, 64u << 20);
        reports.push_back(done);
      },
      {}));
  ASSERT_GE(reports.size(), 16u);
  EXPECT_EQ(reports.front(), 0u);
  EXPECT_EQ(reports.back(), 64u << 20);
  EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
  EXPECT_TRUE(weights.prefault({}, {}));  // nobody has to watch
}

TEST(LoadedWeights, AStopEndsPrefaultSoon) {
  const TempFolder folder;
  auto file = open_model_file(large_file(folder));
  ASSERT_TRUE(file);
  const auto backend = create_reference_backend();
  LoadedWeights weights(std::move(*file), *backend);
  for (std::size_t i = 0; i < weights.tensors().size(); ++i) ASSERT_TRUE(weights.load(i));
  std::stop_source stop;
  std::uint64_t last = 0;
  std::chrono::steady_clock::time_point stopped_at;
  const auto result = weights.prefault(
      [&](std::uint64_t done, std::uint64_t) {
        last = done;
        if (done > 0 && stop.request_stop()) stopped_at = std::chrono::steady_clock::now();
      },
      stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
  EXPECT_LT(last, 16u << 20);
  EXPECT_LT(std::chrono::steady_clock::now() - stopped_at, std::chrono::milliseconds(200));  // what a person is promised
}

}  // namespace
}  // namespace pio
