#include "engine/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/temp_folder.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

std::vector<PublishedModel> two_models() {
  return parse_catalogue(R"({"version": 1, "later": true, "models": [
      {"name": "Some-Model-2B", "family": "f", "role": "chat", "licence": {"name": "MIT", "url": "u"}, "files": [
        {"quantization": "Q4_K_M", "repository": "o/n", "path": "sub/some-2b-q4.gguf", "bytes": 2497280736},
        {"quantization": "Q8_0", "repository": "o/n", "revision": "abc", "path": "some-2b-q8.gguf",
         "sha256": "2fde00ce69dd4899c70d020845e2638353015bba0fdf161b3eb965f2bca4464e", "mmproj": {"path": "p.gguf"}}]},
      {"name": "Other", "files": []}]})",
                         "test")
      .value();
}

TEST(Catalogue, ReadsWhatIsKnownAndLeavesTheRestAbsent) {
  const std::vector<PublishedModel> models = two_models();
  ASSERT_EQ(models.size(), 2u);
  ASSERT_EQ(models[0].files.size(), 2u);
  const PublishedFile &first = models[0].files[0], &second = models[0].files[1];
  EXPECT_EQ(first.bytes, 2497280736u);
  EXPECT_EQ(first.revision, "main");
  EXPECT_EQ(first.sha256, "");
  EXPECT_FALSE(first.mmproj);
  EXPECT_FALSE(second.bytes);
  ASSERT_TRUE(second.mmproj);
  EXPECT_EQ(second.mmproj->repository, "o/n") << "the model's where it names none";
  EXPECT_EQ(second.mmproj->revision, "abc");
  EXPECT_EQ(models[0].licence_name, "MIT");
}

TEST(Catalogue, SaysWhereAFileOfAnotherFormIsWrong) {
  const auto words = [](const std::string& json) {
    const Result<std::vector<PublishedModel>> read = parse_catalogue(json, "c.json");
    return read ? std::string("read") : read.error().message;
  };
  EXPECT_EQ(words("{").substr(0, 8), "c.json: ");
  for (const auto& [json, place] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "catalogue"},
           {R"({"models":[]})", "version"},
           {R"({"version":2,"models":[]})", "version"},
           {R"({"version":1})", "models"},
           {R"({"version":1,"models":[5]})", "models[0]"},
           {R"({"version":1,"models":[{"files":[]}]})", "models[0].name"},
           {R"({"version":1,"models":[{"name":"a"}]})", "models[0].files"},
           {R"({"version":1,"models":[{"name":"a","files":[{}]}]})", "files[0].quantization"},
           {R"({"version":1,"models":[{"name":"a","files":[{"quantization":"q","repository":"r","path":"p","bytes":-1}]}]})", "files[0].bytes"},
           {R"({"version":1,"models":[{"name":"a","files":[{"quantization":"q","repository":"r","path":"p","sha256":"AB"}]}]})", "files[0].sha256"},
           {R"({"version":1,"models":[{"name":"a","files":[{"quantization":"q","repository":"r","path":"p","mmproj":{}}]}]})",
            "files[0].mmproj.path"}}) {
    EXPECT_NE(words(json).find(place), std::string::npos) << json << ": " << words(json);
  }
}

TEST(Catalogue, OfTheProgramHasTheFourAndNothingInvented) {
  const std::vector<PublishedModel>& models = built_in_catalogue();
  for (const char* family : {"glm_4_7_flash", "qwen3_coder_30b", "qwen3_vl_2b", "qwen3_4b_instruct_2507"}) {
    const auto found = std::find_if(models.begin(), models.end(), [&](const PublishedModel& m) { return m.family == family; });
    ASSERT_NE(found, models.end()) << family;
    ASSERT_FALSE(found->files.empty());
    EXPECT_EQ(found->files[0].quantization, "Q4_K_M");
    EXPECT_TRUE(found->files[0].bytes);
    EXPECT_NE(found->licence_name, "");
    EXPECT_EQ(found->files[0].mmproj.has_value(), found->family == "qwen3_vl_2b");
    if (found->family == "qwen3_coder_30b") {
      for (const PublishedFile& file : found->files) EXPECT_EQ(file.sha256, "") << "none is known";
    }
  }
}

TEST(FindModel, TakesWhatExistsAsItWasTypedBeforeAnyName) {
  const TempFolder folder;
  const std::vector<PublishedModel> models = two_models();
  const std::vector<fs::path> places = {folder.path() / "models"};
  fs::create_directories(places[0] / "below");
  const auto found = [&](const std::string& typed) {
    const Result<std::string> path = find_model(typed, models, places);
    return path ? *path : "error: " + path.error().message;
  };
  EXPECT_TRUE(found("Some-Model-2B").starts_with("error: Some-Model-2B: known, not downloaded: expected some-2b-q4.gguf in "))
      << found("Some-Model-2B");
  EXPECT_EQ(find_model("Other", models, places).error().code, ErrorCode::not_found);
  EXPECT_EQ(found("Never-Heard-Of"), "Never-Heard-Of");
  EXPECT_EQ(found("/no/such.gguf"), "/no/such.gguf");

  folder.write("models/below/some-2b-q8.gguf", "");
  EXPECT_EQ(found("Some-Model-2B"), (places[0] / "below/some-2b-q8.gguf").string()) << "the one there is";
  folder.write("models/some-2b-q4.gguf", "");
  EXPECT_EQ(found("some-model-2b"), (places[0] / "some-2b-q4.gguf").string()) << "the usual one, in any case of letters";
  EXPECT_EQ(found("Some-Model-2B:q8_0"), (places[0] / "below/some-2b-q8.gguf").string());
  EXPECT_TRUE(found("Some-Model-2B:F16").starts_with("error: ")) << found("Some-Model-2B:F16");
  folder.write("models/Somebodys-Some_Model-2B.F16.gguf", "");
  EXPECT_EQ(found("Some-Model-2B:F16"), (places[0] / "Somebodys-Some_Model-2B.F16.gguf").string()) << "somebody else's file of it";
  folder.write("models/mmproj-Other-F16.gguf", "");
  EXPECT_TRUE(found("Other").starts_with("error: ")) << "a vision model's file is no model";

  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  folder.write("Some-Model-2B", "");
  folder.write("Some-Model-2B:Q8_0", "");
  EXPECT_EQ(found("Some-Model-2B"), "Some-Model-2B");
  EXPECT_EQ(found("Some-Model-2B:Q8_0"), "Some-Model-2B:Q8_0");
  fs::current_path(before);
}

TEST(HalvesElsewhere, AreThoseOfThePublishedFileAlone) {
  const Result<std::vector<PublishedModel>> models = parse_catalogue(R"({"version":1,"models":[{"name":"Sees","files":[
    {"quantization":"Q4","repository":"a/b","path":"deep/sees-q4.gguf","mmproj":{"repository":"c/d","path":"deeper/mmproj-sees.gguf"}},
    {"quantization":"Q8","repository":"a/b","path":"blind-q8.gguf"}]}]})",
                                                                     "test");
  ASSERT_TRUE(models) << models.error().message;
  const std::vector<fs::path> folders = {"/own", "/others"};
  EXPECT_EQ(halves_elsewhere("/drive/sees-q4.gguf", *models, folders),
            (std::vector<std::string>{"/own/mmproj-sees.gguf", "/others/mmproj-sees.gguf"}));
  EXPECT_TRUE(halves_elsewhere("/drive/blind-q8.gguf", *models, folders).empty());
  EXPECT_TRUE(halves_elsewhere("/drive/sees-q6.gguf", *models, folders).empty()) << "a file that nobody published";
}

TEST(FindModel, LooksWhereTheStarterModelLies) {
  setenv("XDG_DATA_HOME", "/data", 1);
  setenv("PIO_STARTER_MODEL", "/starter/x.gguf", 1);
  EXPECT_EQ(model_folders(), (std::vector<fs::path>{"/data/inference-pio/models", "/starter"}));
  unsetenv("XDG_DATA_HOME");
  unsetenv("PIO_STARTER_MODEL");
  setenv("HOME", "/home/a", 1);
  EXPECT_EQ(model_folders(), (std::vector<fs::path>{"/home/a/.local/share/inference-pio/models"}));
}

}  // namespace
}  // namespace pio
