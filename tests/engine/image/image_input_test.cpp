// Sizes, scaling and patches against transformers' processor: no difference is allowed (tests/data/vision).

#include "models/qwen3_vl_2b/image_input.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/image/decode.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

const fs::path kData = PIO_TEST_DATA "/vision";

nlohmann::json read_json(const fs::path& path) { return nlohmann::json::parse(std::ifstream(path)); }

PixelLimits limits_of(const nlohmann::json& json) { return {json.at("shortest_edge"), json.at("longest_edge")}; }

// Null, and a note, in a build without a decoder.
std::optional<Pixels> picture(const fs::path& path) {
  const Result<PictureFile> file = open_picture({.path = path.string(), .bytes = nullptr});
  EXPECT_TRUE(file) << file.error().message;
  if (!file) return std::nullopt;
  Result<Pixels> pixels = decode_picture(file->bytes, file->label);
  EXPECT_TRUE(pixels || pixels.error().code == ErrorCode::not_available) << pixels.error().message;
  return pixels ? std::optional(std::move(*pixels)) : std::nullopt;
}

void expect_size(const Result<ImageSize>& size, const nlohmann::json& row) {
  const auto n = row.size();
  ASSERT_EQ(!size, row[n - 2].is_null()) << row;
  const bool is_right = !size || (size->height == row[n - 2] && size->width == row[n - 1]);
  EXPECT_TRUE(is_right) << row;
}

std::vector<float> all_patches(const ImageInputConfig& config, const PreparedPicture& prepared) {
  std::vector<float> values(prepared.grid[0] * prepared.grid[1] * prepared.grid[2] * config.patch_dim());
  write_patches(config, prepared, 0, prepared.grid[0] * prepared.grid[1] * prepared.grid[2], values.data());
  return values;
}

struct Small {
  const char* name;
  std::int64_t most;  // pixels
};
constexpr Small kSmall[] = {{"few_tokens_w96_h32", 4096}, {"shrunk_w500_h300", 16384}};

}  // namespace

TEST(ImageInput, SizesOfPicturesAndFilmsAreTheReferences) {
  const nlohmann::json gold = read_json(kData / "smart_resize.json");
  for (const nlohmann::json& row : gold["images"]) expect_size(smart_resize({row[0], row[1]}, 32, limits_of(gold["image_limits"])), row);
  for (const nlohmann::json& row : gold["videos"])
    expect_size(smart_resize_film(row[0], {row[1], row[2]}, 2, 32, limits_of(gold["video_limits"])), row);
}

TEST(ImageInput, PixelsAreTheReferencesByteForByte) {
  for (const Small& small : kSmall) {
    const std::optional<Pixels> pixels = picture(kData / (std::string(small.name) + ".png"));
    if (!pixels) GTEST_SKIP() << "OpenCV (libopencv-imgcodecs-dev) was not there to build with";
    const test::NpyBytes gold = test::read_npy_bytes(kData / (std::string(small.name) + ".resized.npy"));
    EXPECT_EQ(resize_bicubic(*pixels, {gold.shape[0], gold.shape[1]}, {}).rgb, gold.values) << small.name;
    ImageInputConfig config;
    config.picture = {1024, small.most};
    const Result<PreparedPicture> prepared = prepare_picture(config, *pixels, INT64_MAX, {});
    ASSERT_TRUE(prepared) << prepared.error().message;
    EXPECT_EQ(prepared->frames[0], gold.values) << small.name;
  }
}

TEST(ImageInput, PatchesAreTheReferencesBitForBit) {
  const test::NpyBytes resized = test::read_npy_bytes(kData / "few_tokens_w96_h32.resized.npy");
  const PreparedPicture prepared{.grid = {1, 2, 6}, .height = 32, .width = 96, .frames = {resized.values}, .seconds = {}};
  const std::vector<float> values = all_patches({}, prepared);
  EXPECT_EQ(values, test::read_npy(kData / "few_tokens_w96_h32.pixel_values.npy").values);
  std::vector<float> part(5 * 1536);  // any stretch alone
  write_patches({}, prepared, 4, 5, part.data());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), values.begin() + 4 * 1536));
}

TEST(ImageInput, EveryPictureOfTheFixturesIsResizedByteForByte) {
  for (const char* folder : {"qwen3-vl-tiny", "qwen3-vl-tiny-hd32"}) {
    const fs::path root = test::shared_fixture(folder);
    if (root.empty()) GTEST_SKIP() << "no fixture " << folder << ": set PIO_SHARED to the folder that has fixtures/";
    const nlohmann::json images = read_json(root / "images/images.json")["images"];
    for (const auto& [name, image] : images.items()) {
      const std::string file = image.contains("rgb") ? image["rgb"] : image["file"];
      const std::optional<Pixels> pixels = picture(root / "images" / file);
      if (!pixels) GTEST_SKIP() << "OpenCV (libopencv-imgcodecs-dev) was not there to build with";
      ImageInputConfig config;
      if (image.contains("size")) config.picture = limits_of(image["size"]);
      const Result<PreparedPicture> prepared = prepare_picture(config, *pixels, INT64_MAX, {});
      ASSERT_TRUE(prepared) << prepared.error().message;
      EXPECT_EQ(prepared->grid, (image["grid_thw"].get<std::array<std::int64_t, 3>>())) << name;
      EXPECT_EQ(prepared->frames[0], test::read_npy_bytes(root / "images" / image["resized"].get<std::string>()).values) << name;
      if (!image.contains("pixel_values")) continue;
      EXPECT_EQ(all_patches(config, *prepared), test::read_npy(root / "images" / image["pixel_values"].get<std::string>()).values) << name;
    }
  }
}

TEST(ImageInput, FramesAreSampledAsTheReferenceDoes) {
  const ImageInputConfig config;
  EXPECT_EQ(sampled_frames(config, 10, 4), (std::vector<std::int64_t>{0, 2, 4, 7, 9}));  // README-vision.md, video_10_frames
  EXPECT_EQ(sampled_frames(config, 4, 2), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(sampled_frames(config, 2, 24), (std::vector<std::int64_t>{0, 1}));  // fewer than the least there are
  EXPECT_EQ(sampled_frames(config, 1, 24), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(sampled_frames(config, 1'000'000, 30).size(), 768u);
  EXPECT_EQ(sampled_frames(config, 1'000'000, 30).back(), 999'999);
}

TEST(ImageInput, FilmsThatCannotBeAreRefusedInWords) {
  const auto frame = [](std::int64_t index) -> Result<Pixels> {
    const std::int64_t side = index == 0 ? 64 : 32;
    return Pixels{side, side, std::vector<std::uint8_t>(side * side * 3)};
  };
  const auto refused = [](const FrameSource& film) { return prepare_film({}, film, {}).error().message; };
  EXPECT_NE(refused({.n_frames = 0, .frames_per_second = 2, .frame = frame}).find("at least one frame"), std::string::npos);
  EXPECT_NE(refused({.n_frames = 4, .frames_per_second = 0, .frame = frame}).find("more than 0 frames a second"), std::string::npos);
  EXPECT_NE(refused({.n_frames = 4, .frames_per_second = NAN, .frame = frame}).find("frames a second"), std::string::npos);
  EXPECT_NE(refused({.n_frames = 4, .frames_per_second = 2, .frame = frame}).find("frames of one size"), std::string::npos);
}

TEST(ImageInput, TokensOfAPictureStandByRowAndColumnAndTheNextBehindItsLongerSide) {  // models.md 3.2.9, the example
  const TokenPlaces places({{.first = 3, .height = 2, .width = 3}});
  const std::vector<std::array<std::int32_t, 3>> expected = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {3, 3, 4}, {3, 3, 5},
                                                             {3, 4, 3}, {3, 4, 4}, {3, 4, 5}, {6, 6, 6}, {7, 7, 7}};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(places.place(static_cast<std::int64_t>(i)), expected[i]) << i;
  EXPECT_EQ(TokenPlaces().place(5), (std::array<std::int32_t, 3>{5, 5, 5}));
}

}  // namespace pio
