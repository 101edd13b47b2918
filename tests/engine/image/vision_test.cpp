// The vision encoder's embeddings and the places of tokens against transformers in float32, from every file form, on the reference device and on
// every instruction set.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/image/pictures.h"
#include "engine/loaded_model.h"
#include "tests/support/devices_here.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

struct Form {
  const char* folder;
  const char* mmproj;  // "" for the safetensors of the folder
  std::string device;
};
void PrintTo(const Form& form, std::ostream* out) {
  *out << form.folder << " " << (*form.mmproj ? form.mmproj : "safetensors") << " on " << form.device;
}

nlohmann::json read_json(const fs::path& path) { return nlohmann::json::parse(std::ifstream(path)); }

// README-vision.md: float32 is up to 2.8e-6 from float64; rounding the weights to f16 moves 37 of them by at most 3e-8.
constexpr double kTolerance = 2e-5;

class VisionTest : public testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    const Form& form = GetParam();
    folder_ = test::shared_fixture(form.folder);
    if (folder_.empty()) GTEST_SKIP() << "no fixture " << form.folder << ": set PIO_SHARED to the folder that has fixtures/";
    LoadRequest request;
    request.path = *form.mmproj ? (folder_ / "model-f32.gguf").string() : folder_.string();
    if (*form.mmproj) request.mmproj = (folder_ / form.mmproj).string();
    request.kv = DType::f32;
    request.activations = Activations::f32;
    request.context_length = 64;
    request.n_threads = 2;
    const bool is_reference = form.device == "reference";
    request.device = is_reference ? "reference" : "cpu";
    if (!is_reference) setenv("PIO_FORCE_ISA", form.device.c_str(), 1);
    Result<std::unique_ptr<LoadedModel>> loaded = LoadedModel::load(request, {}, {});
    ASSERT_TRUE(loaded) << loaded.error().message;
    model_ = std::move(*loaded);
    ASSERT_TRUE(model_->info().can_see);
  }
  void TearDown() override { unsetenv("PIO_FORCE_ISA"); }

  void expect_close(Tensor have, const fs::path& gold_file) const {
    const test::Npy gold = test::read_npy(gold_file);
    ASSERT_EQ(have.shape, (Shape{gold.shape[0], gold.shape[1]})) << gold_file;
    std::vector<float> values(gold.values.size());
    model_->stages().front().backend->download(values.data(), have);
    double worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(values[i]) - gold.values[i]));
    EXPECT_LE(worst, kTolerance) << gold_file;
  }
  void expect_features(const PreparedPicture& picture, const fs::path& values, const std::vector<std::string>& deepstack) const {
    const Result<VisionFeatures> features = model_->vision()->encode(picture);
    ASSERT_TRUE(features) << features.error().message;
    expect_close(features->values, values);
    ASSERT_EQ(features->deepstack.size(), deepstack.size());
    for (std::size_t k = 0; k < deepstack.size(); ++k) expect_close(features->deepstack[k], values.parent_path() / deepstack[k]);
  }

  fs::path folder_;
  std::unique_ptr<LoadedModel> model_;
};

std::vector<Form> forms() {
  std::vector<Form> all;
  for (const char* folder : {"qwen3-vl-tiny", "qwen3-vl-tiny-hd32"}) {
    for (const char* mmproj : {"", "mmproj-f32.gguf", "mmproj-f16.gguf"})
      for (const std::string& device : test::devices_here()) all.push_back({folder, mmproj, device});
  }
  return all;
}

}  // namespace

TEST_P(VisionTest, EmbeddingsOfEveryPictureAreTheReferences) {
  const fs::path images = folder_ / "images";
  const nlohmann::json all = read_json(images / "images.json")["images"];
  for (const auto& [name, image] : all.items()) {
    const test::NpyBytes resized = test::read_npy_bytes(images / image["resized"].get<std::string>());
    const PreparedPicture picture{
        .grid = image["grid_thw"], .height = resized.shape[0], .width = resized.shape[1], .frames = {resized.values}, .seconds = {}};
    expect_features(picture, images / image["image_embeds"].get<std::string>(), image["deepstack"]);
  }
}

TEST_P(VisionTest, EmbeddingsOfFilmsAreTheReferencesAndNoFrameSeesAnother) {
  for (const std::string name : {"video_4_frames", "video_10_frames"}) {
    if (!fs::exists(folder_ / "cases" / (name + ".json"))) GTEST_SKIP() << GetParam().folder << " has no films";
    const nlohmann::json one = read_json(folder_ / "cases" / (name + ".json"));
    VideoInput film{.frames = {}, .frames_per_second = one["fps"]};
    for (const std::string frame : one["frames"]) film.frames.push_back({.path = (folder_ / "images" / frame).string(), .bytes = nullptr});
    const Result<PreparedPicture> picture = model_->pictures()->prepare(film, {});
    if (!picture && picture.error().code == ErrorCode::not_available) GTEST_SKIP() << picture.error().message;
    ASSERT_TRUE(picture) << picture.error().message;
    EXPECT_EQ(picture->grid, (one["video_grid_thw"][0].get<std::array<std::int64_t, 3>>()));
    const test::Npy gold = test::read_npy(folder_ / "cases" / name / one["pixel_values_videos"].get<std::string>());
    std::vector<float> patches(gold.values.size());
    ASSERT_EQ(gold.shape[0], picture->grid[0] * picture->grid[1] * picture->grid[2]);
    model_->vision()->patches(*picture, 0, gold.shape[0], patches.data());
    EXPECT_EQ(patches, gold.values) << name;
    expect_features(*picture, folder_ / "cases" / name / one["video_embeds"].get<std::string>(), one["deepstack"]);
  }
}

TEST_P(VisionTest, IdsAndPlacesOfEveryConversationAreTheReferences) {
  const int picture_id = *model_->tokenizer()->added_token("<|image_pad|>"), film_id = *model_->tokenizer()->added_token("<|video_pad|>");
  for (const std::string name : read_json(folder_ / "cases" / "cases.json")) {
    if (name.ends_with("_replaced")) continue;  // expanded as transformers 4.57 did
    const nlohmann::json one = read_json(folder_ / "cases" / (name + ".json"));
    std::vector<std::shared_ptr<const Picture>> pictures;
    std::vector<PictureSource> sources;
    for (const std::string file : one["images"]) sources.push_back(ImageInput{.path = (folder_ / "images" / file).string(), .bytes = nullptr});
    if (one.contains("frames")) {
      VideoInput film{.frames = {}, .frames_per_second = one["fps"]};
      for (const std::string frame : one["frames"]) film.frames.push_back({.path = (folder_ / "images" / frame).string(), .bytes = nullptr});
      sources.push_back(film);
    }
    for (const PictureSource& source : sources) {
      Result<std::shared_ptr<const Picture>> picture = model_->pictures()->find(source, {});
      if (!picture && picture.error().code == ErrorCode::not_available) GTEST_SKIP() << picture.error().message;
      ASSERT_TRUE(picture) << picture.error().message;
      pictures.push_back(std::move(*picture));
    }
    const std::vector<int> unexpanded = one["ids_unexpanded"], expanded = one["ids"];
    const Result<PicturedIds> placed = place_pictures(unexpanded, pictures, *model_->vision(), *model_->tokenizer());
    ASSERT_TRUE(placed) << placed.error().message;
    const std::vector<std::int64_t> gold = test::read_npy_longs(folder_ / "cases" / name / "position_ids.npy");
    ASSERT_EQ(placed->ids.size(), expanded.size()) << name;
    std::vector<TokenPlaces::Picture> shapes;
    for (const PlacedPicture& p : placed->pictures) shapes.push_back({p.first, p.height, p.width});
    const TokenPlaces places(shapes);
    const std::size_t n = expanded.size();
    for (std::size_t i = 0; i < n; ++i) {
      const bool is_seen = expanded[i] == picture_id || expanded[i] == film_id;
      EXPECT_TRUE(is_seen ? placed->ids[i] < 0 : placed->ids[i] == expanded[i]) << name << " token " << i;
      for (int axis = 0; axis < 3; ++axis) EXPECT_EQ(places.place(static_cast<std::int64_t>(i))[axis], gold[axis * n + i]) << name << " token " << i;
    }
    EXPECT_EQ(places.place(static_cast<std::int64_t>(n))[0], static_cast<std::int64_t>(n) + one["rope_delta"].get<std::int64_t>()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, VisionTest, testing::ValuesIn(forms()), [](const auto& info) {
  std::string name = std::string(info.param.folder) + "_" + (*info.param.mmproj ? info.param.mmproj : "safetensors") + "_" + info.param.device;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

}  // namespace pio
