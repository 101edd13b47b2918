#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/files/loaded_weights.h"
#include "kernels/reference/reference_backend.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"

namespace pio {
namespace {

Result<Tensor> load(LoadedWeights& weights, std::size_t index) {
  const WeightGroup group{{index, weights.tensors()[index].shape}};
  ASSIGN_OR_RETURN(const std::vector<Tensor> loaded, weights.load({&group, 1}));
  return loaded.front();
}

TEST(LoadedWeights, AreThoseOfTheFileAndStayWhenItBecomesShorter) {
  const TempFolder folder;
  GgufWriter writer("test");
  writer.key("test.n", std::int32_t{3}).tensor_f32("a", {2, 2}, {1, 2, 3, 4});
  const auto path = folder.write("a.gguf", writer.bytes());
  auto file = open_model_file(path);
  ASSERT_TRUE(file);
  const auto backend = create_reference_backend();
  LoadedWeights weights(std::move(*file), *backend);
  EXPECT_EQ(weights.label(), "a.gguf");
  EXPECT_EQ(weights.architecture(), "test");
  ASSERT_TRUE(weights.metadata("test.n"));
  EXPECT_EQ(std::get<std::int64_t>(*weights.metadata("test.n")), 3);
  EXPECT_FALSE(weights.metadata("test.m"));
  const auto tensor = load(weights, 0);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->shape, (Shape{2, 2}));
  std::filesystem::resize_file(path, 0);
  EXPECT_EQ(host_pointer<float>(*tensor)[3], 4);
  const auto again = load(weights, 0);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().path, path);
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
    const auto tensor = load(weights, 0);
    ASSERT_TRUE(tensor);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(host_pointer<float>(*tensor)) % 4, 0u);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(std::to_integer<int>(host_pointer<std::byte>(*tensor)[i]), i);
  }
}

TEST(LoadedWeights, LieInOneArenaOfTheSizeSaidBefore) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type": "test"})");
  std::string header = R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]},)"
                       R"("c":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]}})";
  header += std::string(10 - header.size() % 8, ' ');  // data at 2 more than a multiple of 8
  folder.write("model.safetensors", safetensors_file(header, 12));
  auto file = open_model_file(folder.path());
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = create_reference_backend();
  LoadedWeights weights(std::move(*file), *backend);
  const std::vector<WeightGroup> groups{{{0, {2}}}, {{1, {1, 1}}, {2, {1, 1}}}};
  const auto loaded = weights.load(groups);
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_EQ(loaded->size(), 3u);
  const Tensor &a = (*loaded)[0], &b = (*loaded)[1], &c = (*loaded)[2];
  EXPECT_EQ(weights.n_bytes(), 12u);
  EXPECT_EQ(a.buffer, b.buffer);
  EXPECT_EQ(b.buffer, c.buffer);
  EXPECT_EQ(b.buffer->n_bytes(), 192u);
  EXPECT_EQ(a.offset % 64 + b.offset % 64 + c.offset % 64, 0u);
  EXPECT_EQ(std::to_integer<int>(*host_pointer<std::byte>(a)), 0);
  EXPECT_EQ(std::to_integer<int>(*host_pointer<std::byte>(b)), 4);
  EXPECT_EQ(std::to_integer<int>(*host_pointer<std::byte>(c)), 8);
}

std::vector<WeightGroup> all_of(const LoadedWeights& weights) {
  std::vector<WeightGroup> groups;
  for (std::size_t i = 0; i < weights.tensors().size(); ++i) groups.push_back({{i, weights.tensors()[i].shape}});
  return groups;
}

// 64 MiB of holes, which cost the disk nothing.
std::filesystem::path large_file(const TempFolder& folder) {
  constexpr int kTensors = 32;  // of 2 MiB
  GgufWriter writer("test");
  for (int i = 0; i < kTensors; ++i) {
    writer.tensor({.name = "t" + std::to_string(i), .extents = {512 << 10}, .type = 0, .data = {}, .offset = {}, .n_dims = {}});
    writer.tensors.back().offset = static_cast<std::uint64_t>(i) << 21;
  }
  const auto path = folder.write("large.gguf", writer.bytes());
  std::filesystem::resize_file(path, writer.bytes().size() + (64 << 20));
  return path;
}

TEST(LoadedWeights, ReportRisingBytesUpToAllOfThem) {
  const TempFolder folder;
  auto file = open_model_file(large_file(folder));
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = create_reference_backend();
  std::vector<std::uint64_t> reports;
  LoadedWeights weights(std::move(*file), *backend, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, 64u << 20);
    reports.push_back(done);
  });
  ASSERT_TRUE(weights.load(all_of(weights)));
  ASSERT_GE(reports.size(), 16u);
  EXPECT_EQ(reports.back(), 64u << 20);
  EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
}

TEST(LoadedWeights, AStopEndsLoadingSoon) {
  const TempFolder folder;
  auto file = open_model_file(large_file(folder));
  ASSERT_TRUE(file);
  const auto backend = create_reference_backend();
  std::stop_source stop;
  std::uint64_t last = 0;
  std::chrono::steady_clock::time_point stopped_at;
  LoadedWeights weights(
      std::move(*file), *backend,
      [&](std::uint64_t done, std::uint64_t) {
        last = done;
        if (stop.request_stop()) stopped_at = std::chrono::steady_clock::now();
      },
      stop.get_token());
  const auto result = weights.load(all_of(weights));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
  EXPECT_LT(last, 16u << 20);
  EXPECT_LT(std::chrono::steady_clock::now() - stopped_at, std::chrono::milliseconds(200));  // what a person is promised
}

}  // namespace
}  // namespace pio
