#include "engine/plan/published_layout.h"

#include <gtest/gtest.h>

#include "engine/catalogue/catalogue.h"
#include "engine/engine.h"

namespace pio {
namespace {

struct Row {
  const char* name;
  std::uint64_t bytes[9];
};

// models.md 8.4, of which the sums of three files are verified against published ones.
constexpr const char* kRecipes[9] = {"BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "IQ4_XS", "Q3_K_M", "Q2_K"};
constexpr Row kRows[] = {
    {"GLM-4.7-Flash",
     {59'899'361'792, 31'833'324'032, 24'605'310'464, 21'255'039'488, 18'123'246'080, 16'998'976'000, 16'023'812'608, 14'370'543'104,
      11'033'489'920}},
    {"Qwen3-Coder-30B-A3B-Instruct",
     {61'089'832'960, 32'477'962'240, 25'086'562'304, 21'719'611'392, 18'550'716'416, 17'374'017'536, 16'362'379'264, 14'705'876'992,
      11'252'639'744}},
    {"Qwen3-4B-Instruct-2507",
     {8'045'328'384, 4'274'448'384, 3'300'304'384, 2'883'556'864, 2'491'323'904, 2'369'816'064, 2'264'794'624, 2'069'661'184, 1'663'542'784}},
    {"Qwen3-VL-2B-Instruct",
     {3'441'397'760, 1'828'474'880, 1'411'803'136, 1'251'928'064, 1'101'457'408, 1'050'830'848, 1'004'431'360, 933'586'944, 771'844'096}},
    {"Qwen2.5-Coder-1.5B-Instruct",
     {3'087'718'400, 1'640'622'080, 1'266'788'864, 1'119'099'392, 980'097'536, 929'004'032, 896'231'936, 818'227'712, 670'353'920}},
    {"Qwen2.5-Coder-0.5B-Instruct",
     {988'208'640, 525'120'000, 499'788'288, 414'137'856, 391'859'712, 346'206'720, 345'497'088, 349'518'336, 332'659'200}},
    {"SmolLM2-135M-Instruct", {269'100'288, 143'025'408, 136'597'248, 110'317'824, 103'668'480, 89'941'248, 89'526'528, 91'724'544, 86'416'128}},
};

std::uint64_t sum_of(const ModelFile& file) {
  std::uint64_t bytes = 0;
  for (const TensorInfo& tensor : file.tensors()) bytes += tensor.n_bytes;
  return bytes;
}

}  // namespace

TEST(PublishedLayout, SumsAreThoseOfThePublishedRecipesToTheByte) {
  for (const Row& row : kRows) {
    for (std::size_t i = 0; i < std::size(kRecipes); ++i) {
      const auto file = published_layout(row.name, kRecipes[i]);
      ASSERT_TRUE(file) << file.error().message;
      EXPECT_EQ(sum_of(**file), row.bytes[i]) << row.name << ' ' << kRecipes[i];
    }
  }
}

TEST(PublishedLayout, HasAsManyTensorsAsTheFiles) {
  const std::pair<const char*, std::size_t> counts[] = {
      {"GLM-4.7-Flash", 844},         {"Qwen3-Coder-30B-A3B-Instruct", 579}, {"Qwen3-VL-2B-Instruct", 310},       {"Qwen3-4B-Instruct-2507", 398},
      {"SmolLM2-135M-Instruct", 272}, {"Qwen2.5-Coder-1.5B-Instruct", 338},  {"Qwen2.5-Coder-0.5B-Instruct", 290}};
  for (const auto& [name, count] : counts) {
    const auto file = published_layout(name, "q4_k_m");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ((*file)->tensors().size(), count) << name;
  }
}

// Every file of the catalogue is planned before it is fetched.
TEST(PublishedLayout, IsPlannedAsAFileIs) {
  const std::unique_ptr<Engine> engine = create_engine();
  for (const PublishedModel& model : built_in_catalogue()) {
    for (const PublishedFile& file : model.files) {
      LoadRequest request;
      request.published = model.name + ":" + file.quantization;
      request.context_length = 4096;
      const Result<LoadPlan> plan = engine->plan(request);
      ASSERT_TRUE(plan) << request.published << ": " << plan.error().message;
      EXPECT_GT(plan->needed_bytes, 50'000'000u);
      EXPECT_GT(plan->decode_tokens_per_second, 0) << request.published;
      if (file.bytes) {
        const auto layout = published_layout(model.name, file.quantization);
        ASSERT_TRUE(layout);
        // The publisher's own recipe and the vocabulary make the rest.
        EXPECT_NEAR(static_cast<double>(sum_of(**layout)), static_cast<double>(*file.bytes), 0.15 * static_cast<double>(*file.bytes))
            << request.published;
      }
    }
  }
}

TEST(PublishedLayout, IsNoFileToBeLoaded) {
  const std::unique_ptr<Engine> engine = create_engine();
  LoadRequest request;
  request.published = "GLM-4.7-Flash:Q4_K_M";
  EXPECT_FALSE(engine->load(request, {}, {}));
  request.published = "Nobody:Q4_K_M";
  EXPECT_EQ(engine->plan(request).error().code, ErrorCode::not_found);
  request.published = "GLM-4.7-Flash:Q9";
  EXPECT_EQ(engine->plan(request).error().code, ErrorCode::bad_argument);
}

}  // namespace pio
