// Models whose weights memory does not hold at once: the same bytes of logits as from all of them, and what happens when a file fails.

#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "engine/loaded_model.h"
#include "engine/plan/load_plan.h"
#include "engine/plan/placement.h"
#include "engine/session.h"
#include "tests/engine/core/logits_of.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

using test::logits_of, test::planned;

constexpr std::int64_t kContext = 128;

LoadRequest request_for(const std::filesystem::path& path, Activations activations) {
  LoadRequest request;
  request.path = path.string();
  request.context_length = kContext;
  request.n_threads = 2;
  request.activations = activations;
  return request;
}

std::vector<std::filesystem::path> models() {
  std::vector<std::filesystem::path> paths;
  for (const char* name : {"llama-tiny", "qwen2-tiny", "qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"})
    paths.push_back(test::model_data(name));
  for (const char* name : {"qwen3-small", "qwen3-moe-small", "glm4-moe-lite-small"}) {
    const std::filesystem::path folder = test::shared_fixture(name);
    if (!folder.empty()) paths.push_back(folder / "model-q4_k_m.gguf");
  }
  return paths;
}

TEST(Streamed, GivesTheBytesOfAModelInMemory) {
  for (const std::filesystem::path& path : models()) {
    for (const Activations activations : {Activations::q8, Activations::f32}) {
      LoadRequest request = request_for(path, activations);
      const Result<std::unique_ptr<LoadedModel>> whole = LoadedModel::load(request, {}, {});
      ASSERT_TRUE(whole) << whole.error().message;
      const Result<std::vector<float>> expected = logits_of(**whole);
      ASSERT_TRUE(expected) << expected.error().message;

      request.ram_bytes = 1000;
      const LoadPlan least = planned(request).plan;
      ASSERT_FALSE(least.fits);
      request.ram_bytes = 1'000'000'000;
      const LoadPlan most = planned(request).plan;
      ASSERT_TRUE(most.fits) << most.why_not;
      ASSERT_LT(least.needed_bytes, most.needed_bytes);
      std::uint64_t last_streamed = UINT64_MAX;
      for (const double share : {0.0, 0.3, 0.7, 0.999}) {
        request.ram_bytes = least.needed_bytes + static_cast<std::uint64_t>(share * static_cast<double>(most.needed_bytes - least.needed_bytes));
        const PlannedLoad plan = planned(request);
        ASSERT_TRUE(plan.plan.fits) << path << ' ' << share << ' ' << plan.plan.why_not;
        EXPECT_LE(plan.plan.needed_bytes, request.ram_bytes);
        const Result<std::unique_ptr<LoadedModel>> part = LoadedModel::load(request, {}, {});
        ASSERT_TRUE(part) << part.error().message;
        const WeightLayout& layout = (*part)->info().layout;
        // of a mixture only experts are brought, once all else has room
        const bool may_have_slots = plan.plan.expert_bytes > 0 && layout.form == WeightLayout::Form::in_slots;
        EXPECT_TRUE(layout.form == WeightLayout::Form::streamed || may_have_slots) << path << ' ' << share;
        EXPECT_EQ(layout.streamed_bytes, plan.plan.layout.streamed_bytes);
        EXPECT_LE(layout.streamed_bytes, last_streamed);  // more memory, less to bring
        last_streamed = layout.streamed_bytes;
        for (int again = 0; again < 2; ++again) {
          const Result<std::vector<float>> found = logits_of(**part);
          ASSERT_TRUE(found) << found.error().message;
          EXPECT_EQ(*found, *expected) << path << ' ' << share;
        }
      }
    }
  }
}

// A file that becomes shorter while it is open: the step fails by name, and the model answers again when it is as it was.
TEST(Streamed, SaysWhichFileFailed) {
  const TempFolder folder;
  const std::filesystem::path copy = folder.path() / "model";
  std::filesystem::copy(test::model_data("qwen3-tiny"), copy, std::filesystem::copy_options::recursive);
  LoadRequest request = request_for(copy, Activations::q8);
  request.ram_bytes = 1000;
  request.ram_bytes = planned(request).plan.needed_bytes;
  const Result<std::unique_ptr<LoadedModel>> model = LoadedModel::load(request, {}, {});
  ASSERT_TRUE(model) << model.error().message;
  const Result<std::vector<float>> expected = logits_of(**model);
  ASSERT_TRUE(expected) << expected.error().message;

  const std::filesystem::path weights = copy / "model.safetensors", kept = folder.path() / "kept";
  std::filesystem::copy_file(weights, kept);
  const auto written = std::filesystem::last_write_time(weights);
  std::filesystem::resize_file(weights, std::filesystem::file_size(weights) / 4);
  const Result<std::vector<float>> failed = logits_of(**model);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::io) << failed.error().message;
  EXPECT_NE(failed.error().message.find("model.safetensors"), std::string::npos) << failed.error().message;

  std::filesystem::copy_file(kept, weights, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::last_write_time(weights, written);
  const Result<std::vector<float>> again = logits_of(**model);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *expected);
}

TEST(Streamed, KeepsWhatSavesMost) {
  const std::vector<std::uint64_t> layers{10, 10, 10, 10}, tied{30}, untied{20, 30};
  const auto choose = [&](std::span<const std::uint64_t> tables, std::uint64_t room) { return place_streamed(layers, tables, 5, room); };
  EXPECT_FALSE(choose(tied, 9));  // the slot of a layer
  const std::optional<StreamedPlacement> least = choose(tied, 10);
  ASSERT_TRUE(least);
  EXPECT_EQ(least->n_layers, 0);
  EXPECT_EQ(least->n_away_tables, 1);
  EXPECT_EQ(least->away_bytes, 70u);
  // 45: all layers and the slot of a table; or the table, a slot and no layer
  EXPECT_EQ(choose(tied, 45)->n_layers, 4);
  EXPECT_EQ(choose(tied, 45)->away_bytes, 30u);
  // 60: the table, a slot, two layers
  EXPECT_EQ(choose(tied, 60)->n_away_tables, 0);
  EXPECT_EQ(choose(tied, 60)->away_bytes, 20u);
  // of an embedding table only the rows of a step's tokens are read
  EXPECT_EQ(choose(untied, 75)->n_away_tables, 1);
  EXPECT_EQ(choose(untied, 75)->away_bytes, 0u);
}

}  // namespace
}  // namespace pio
