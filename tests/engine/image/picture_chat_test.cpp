// Conversations about pictures and films, through the engine: exact, cheap on the second turn, and refused in words where they cannot be.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "tests/support/png_writer.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

nlohmann::json read_json(const fs::path& path) { return nlohmann::json::parse(std::ifstream(path)); }

ImageInput file(const fs::path& path) { return {.path = path.string(), .bytes = nullptr}; }

// README-vision.md: another order of sums, rope angles, prefill in parts; the nearest wrong implementation is 2.5e-3 away.
constexpr double kTolerance = 3e-4;

class PictureChat : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = test::shared_fixture(GetParam());
    if (folder_.empty()) GTEST_SKIP() << "no fixture " << GetParam() << ": set PIO_SHARED to the folder that has fixtures/";
    const Result<void> status = load(folder_, "");
    ASSERT_TRUE(status) << status.error().message;
    const Result<PreprocessResult> any = engine_->preprocess(file(PIO_TEST_DATA "/vision/few_tokens_w96_h32.png"), {});
    if (!any && any.error().code == ErrorCode::not_available) GTEST_SKIP() << any.error().message;
  }
  Result<void> load(const fs::path& path, const fs::path& mmproj, const KvSelection& attention = {}) {
    LoadRequest request;
    request.attention = attention;
    request.path = path.string();
    request.mmproj = mmproj.string();
    request.device = "cpu";
    request.kv = DType::f32;
    request.activations = Activations::f32;
    request.context_length = 2048;
    request.n_threads = 2;
    return engine_->load(request, {}, {});
  }
  Result<void> load_split(std::int64_t n_first) {
    LoadRequest request;
    request.path = folder_.string();
    request.device = "cpu,cpu";
    request.split = {n_first, inspect(request.path).value().n_layers - n_first};
    request.kv = DType::f32;
    request.activations = Activations::f32;
    request.context_length = 2048;
    request.n_threads = 2;
    return engine_->load(request, {}, {});
  }
  Result<void> load_rows(std::vector<std::int64_t> split) {
    LoadRequest request;
    request.path = folder_.string();
    request.device = "cpu,cpu";
    request.split = std::move(split);
    request.split_mode = SplitMode::rows;
    request.kv = DType::f32;
    request.activations = Activations::f32;
    request.context_length = 2048;
    request.n_threads = 2;
    return engine_->load(request, {}, {});
  }
  ImageInput image(const std::string& name) const { return file(folder_ / "images" / name); }
  nlohmann::json conversation(const std::string& name) const { return read_json(folder_ / "cases" / (name + ".json")); }
  std::vector<std::string> conversations() const { return read_json(folder_ / "cases" / "cases.json"); }
  LogitsRequest request_of(const nlohmann::json& one, std::int64_t n_chunk) const {
    LogitsRequest request{.ids = one["ids_unexpanded"], .images = {}, .videos = {}, .n_chunk = n_chunk};
    for (const std::string name : one["images"]) request.images.push_back(image(name));
    if (one.contains("frames")) {
      VideoInput film{.frames = {}, .frames_per_second = one["fps"]};
      for (const std::string name : one["frames"]) film.frames.push_back(image(name));
      request.videos.push_back(film);
    }
    return request;
  }
  void expect_logits(const std::string& name, std::int64_t n_chunk) {
    const nlohmann::json one = conversation(name);
    const Result<LogitsResult> have = engine_->logits(request_of(one, n_chunk), {});
    ASSERT_TRUE(have) << have.error().message;
    const test::Npy gold = test::read_npy(folder_ / "cases" / name / "logits.npy");
    ASSERT_EQ(have->n_tokens, gold.shape[0]) << name;
    ASSERT_EQ(have->values.size(), gold.values.size()) << name;
    double worst = 0;
    for (std::size_t i = 0; i < gold.values.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(have->values[i]) - gold.values[i]));
    EXPECT_LE(worst, kTolerance) << name << " in steps of " << n_chunk;
  }

  static GenerateRequest greedy(std::vector<ChatMessage> messages, const std::string& conversation = "one", std::int64_t max_tokens = 12) {
    GenerateRequest request;
    request.conversation = conversation;
    request.messages = std::move(messages);
    request.sampling.temperature = 0;
    request.max_tokens = max_tokens;
    request.ignore_eos = true;
    return request;
  }
  // `n_encoded_` counts the pictures that were encoded.
  GenerateResult run(const GenerateRequest& request, std::stop_token stop = {}) {
    n_encoded_ = 0;
    GenerateSink sink;
    sink.image = [this](std::int64_t done, std::int64_t total) {
      EXPECT_LE(done, total);
      n_encoded_ = done;
    };
    Result<GenerateResult> result = engine_->generate(request, sink, stop);
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : GenerateResult{};
  }
  // The same conversation from an empty cache writes the same.
  void expect_as_fresh(const GenerateRequest& request, const GenerateResult& have) {
    GenerateRequest fresh = request;
    fresh.conversation = "fresh";
    engine_->logits({.ids = {1}, .images = {}, .videos = {}, .n_chunk = 0}, {}).value();  // forgets every conversation
    const GenerateResult gold = run(fresh);
    EXPECT_EQ(gold.stats.reused_tokens, 0);
    EXPECT_EQ(have.ids, gold.ids);
  }

  fs::path folder_;
  std::int64_t n_encoded_ = 0;
  std::unique_ptr<Engine> engine_ = create_engine();
};

}  // namespace

TEST_P(PictureChat, LogitsAreTheReferencesInOneGoAndWithStepsThatEndInsideAPicture) {
  for (const std::string& name : conversations()) {
    if (name.ends_with("_replaced")) continue;  // expanded as transformers 4.57 did
    for (const std::int64_t n_chunk : {0, 50, 7}) expect_logits(name, n_chunk);
  }
}

// The features that are added behind the first layers meet those of the second device too.
TEST_P(PictureChat, LayersOnTwoDevicesSayTheSame) {
  for (const std::int64_t n_first : {1, 2}) {
    const Result<void> status = load_split(n_first);
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(engine_->loaded()->devices.size(), 2u);
    for (const std::string& name : conversations())
      if (!name.ends_with("_replaced")) expect_logits(name, 0);
  }
}

TEST_P(PictureChat, SlicesOnTwoDevicesSayTheSame) {
  for (const std::vector<std::int64_t>& split : {std::vector<std::int64_t>{1, 1}, {3, 1}}) {
    const Result<void> status = load_rows(split);
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(engine_->loaded()->devices.size(), 2u);
    for (const std::string& name : conversations())
      if (!name.ends_with("_replaced")) expect_logits(name, 0);
  }
}

TEST_P(PictureChat, AFolderAndItsGgufFilesSayTheSame) {
  for (const char* mmproj : {"", "mmproj-f32.gguf", "mmproj-f16.gguf"}) {  // "": found beside the model
    const Result<void> status = load(folder_ / "model-f32.gguf", *mmproj ? folder_ / mmproj : fs::path());
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_TRUE(engine_->loaded()->can_see);
    for (const std::string& name : conversations())
      if (!name.ends_with("_replaced")) expect_logits(name, 0);
  }
}

TEST_P(PictureChat, FilesThatBecomeShorterLeaveTheLoadedModelAsItWas) {
  const TempFolder folder;
  for (const char* name : {"model-f32.gguf", "mmproj-f32.gguf"}) fs::copy(folder_ / name, folder.path() / name);
  const Result<void> status = load(folder.path() / "model-f32.gguf", folder.path() / "mmproj-f32.gguf");
  ASSERT_TRUE(status) << status.error().message;
  for (const char* name : {"model-f32.gguf", "mmproj-f32.gguf"}) fs::resize_file(folder.path() / name, 1000);
  expect_logits("one_image", 0);
}

TEST_P(PictureChat, GreedyWordsAfterAPictureAreTheReferences) {
  const nlohmann::json one = conversation("one_image"), gold = read_json(folder_ / "cases/one_image.greedy.json");
  const std::string text = one["text"];  // "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>WORDS<|im_end|>\n…"
  const std::string before = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>";
  ASSERT_TRUE(text.starts_with(before));
  std::vector<ImageInput> pictures;
  for (const std::string name : one["images"]) pictures.push_back(image(name));
  const ChatMessage message{"user", pictures_then_text(pictures, text.substr(before.size(), text.find("<|im_end|>") - before.size()))};
  const std::vector<int> ids = gold["ids"];
  const GenerateResult result = run(greedy({message}, "one", static_cast<std::int64_t>(ids.size())));
  EXPECT_EQ(result.ids, ids);  // smallest margin 0.18, 0.13
  EXPECT_EQ(result.stats.prompt_tokens, one["n_tokens"].get<std::int64_t>());
  EXPECT_EQ(n_encoded_, 1);
}

INSTANTIATE_TEST_SUITE_P(Models, PictureChat, testing::Values("qwen3-vl-tiny", "qwen3-vl-tiny-hd32"), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

using Conversation = PictureChat;

TEST_P(Conversation, ASecondTurnAboutAPictureReadsOnlyItsOwnWords) {
  std::vector<ChatMessage> messages = {{"user", pictures_then_text({image("shapes_w500_h300.png")}, "What is here?")}};
  const GenerateResult first = run(greedy(messages));
  EXPECT_EQ(first.stats.reused_tokens, 0);
  EXPECT_EQ(n_encoded_, 1);
  messages.push_back({"assistant", "A thing."});
  messages.push_back({"user", "And how many?"});
  const GenerateRequest request = greedy(messages);
  const GenerateResult second = run(request);
  EXPECT_GE(second.stats.reused_tokens, first.stats.prompt_tokens);
  EXPECT_EQ(n_encoded_, 0);
  expect_as_fresh(request, second);
  EXPECT_EQ(n_encoded_, 1);  // asked for again, though its features are still there
}

TEST_P(Conversation, AnotherPictureOfTheSameSizeIsNotTakenForTheFirst) {
  const std::vector<ChatMessage> with_one = {{"user", pictures_then_text({image("photo_w256_h256.png")}, "What is here?")}};
  const std::vector<ChatMessage> with_other = {{"user", pictures_then_text({image("noise_w64_h64.png")}, "What is here?")}};  // 64 tokens too
  const GenerateResult first = run(greedy(with_one));
  const GenerateResult other = run(greedy(with_other));
  EXPECT_EQ(other.stats.prompt_tokens, first.stats.prompt_tokens);
  EXPECT_LT(other.stats.reused_tokens, 10);  // the words before it
  EXPECT_EQ(n_encoded_, 1);
  EXPECT_NE(other.ids, first.ids);
  expect_as_fresh(greedy(with_other), other);
}

TEST_P(Conversation, APictureComesBackWithItsModelAndAnotherOneIsNotTakenForIt) {
  const TempFolder kept;
  std::vector<std::vector<float>> rows;
  const auto answer = [&](const char* picture) {
    const GenerateRequest request = greedy({{"user", pictures_then_text({image(picture)}, "What is here?")}});
    rows.emplace_back();
    n_encoded_ = 0;
    GenerateSink sink;
    sink.image = [this](std::int64_t done, std::int64_t) { n_encoded_ = done; };
    sink.logits = [&](std::span<const float> row) { rows.back().insert(rows.back().end(), row.begin(), row.end()); };
    return engine_->generate(request, sink, {}).value().stats;
  };
  const auto begin = [&] {
    engine_ = create_engine();
    ASSERT_TRUE(engine_->keep_conversations({.folder = kept.path()}));
    ASSERT_TRUE(load(folder_, ""));
  };
  begin();
  const GenerationStats first = answer("photo_w256_h256.png");
  EXPECT_EQ(first.read_tokens, first.prompt_tokens);
  engine_->unload();
  ASSERT_TRUE(load(folder_, ""));
  const GenerationStats from_memory = answer("photo_w256_h256.png");
  EXPECT_EQ(from_memory.restored_from, SnapshotTier::ram);
  EXPECT_EQ(from_memory.read_tokens, 1);
  begin();
  const GenerationStats from_disk = answer("photo_w256_h256.png");
  EXPECT_EQ(from_disk.restored_from, SnapshotTier::disk);
  EXPECT_EQ(from_disk.read_tokens, 1);
  EXPECT_EQ(n_encoded_, 0);
  EXPECT_TRUE(rows[1] == rows[0] && rows[2] == rows[0]) << "the bytes differ";
  begin();
  const GenerationStats other = answer("noise_w64_h64.png");  // 64 tokens too
  EXPECT_EQ(other.prompt_tokens, first.prompt_tokens);
  EXPECT_LT(other.reused_tokens, 10) << "the words before it";
  EXPECT_EQ(n_encoded_, 1);
}

TEST_P(Conversation, APictureCopiedToAnotherFileOrHeldInMemoryIsTheSame) {
  const TempFolder folder;
  fs::copy(folder_ / "images/photo_w256_h256.png", folder.path() / "copy.jpg");
  const GenerateResult first = run(greedy({{"user", pictures_then_text({image("photo_w256_h256.png")}, "What?")}}));
  const GenerateResult copied = run(greedy({{"user", pictures_then_text({file(folder.path() / "copy.jpg")}, "What?")}}));
  EXPECT_EQ(copied.stats.reused_tokens, first.stats.prompt_tokens - 1);
  std::ifstream in(folder_ / "images/photo_w256_h256.png", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const ImageInput held{.path = {}, .bytes = std::make_shared<const std::vector<std::byte>>(text_bytes(bytes))};
  EXPECT_EQ(run(greedy({{"user", pictures_then_text({held}, "What?")}})).stats.reused_tokens, first.stats.prompt_tokens - 1);
  EXPECT_EQ(copied.ids, first.ids);
}

// The key of its content holds the detail, and each is what the published processor gives for its pixels.
TEST_P(Conversation, APictureLookedAtLessCloselyIsAnother) {
  const TempFolder folder;
  const ImageInput full = file(folder.write("large.png", PngWriter(1500, 1100, 8, 0).rows(std::vector<FileBytes>(1100, FileBytes(1500))).end()));
  std::vector<std::int64_t> n_tokens;
  for (const ImageDetail detail : {ImageDetail::full, ImageDetail::normal, ImageDetail::low, ImageDetail::full}) {
    ImageInput input = full;
    input.detail = detail;
    const Result<std::int64_t> counted = engine_->count_tokens({{"user", pictures_then_text({input}, "What?")}});
    ASSERT_TRUE(counted) << counted.error().message;
    n_tokens.push_back(*counted);
  }
  EXPECT_EQ(n_tokens[0] - n_tokens[1], 1598 - 999);
  EXPECT_EQ(n_tokens[1] - n_tokens[2], 999 - 234);
  EXPECT_EQ(n_tokens[3], n_tokens[0]);
  const Result<PictureCosts> costs = engine_->picture_costs();
  ASSERT_TRUE(costs) << costs.error().message;
  double before = 0;
  for (const auto& [detail, tokens] : {std::pair{ImageDetail::low, 234}, {ImageDetail::normal, 999}, {ImageDetail::full, 1598}}) {
    const Result<PictureCost> cost = costs->of(1500, 1100, detail);
    ASSERT_TRUE(cost) << cost.error().message;
    EXPECT_EQ(cost->n_tokens, tokens) << name_of(detail);
    EXPECT_GT(cost->seconds, before);
    before = cost->seconds;
  }
  EXPECT_FALSE(costs->of(10000, 20, ImageDetail::low)) << "one that the model refuses";
}

TEST_P(Conversation, APictureChangedInItsFileIsReadAnew) {
  const TempFolder folder;
  const fs::path path = folder.path() / "picture.png";
  fs::copy(folder_ / "images/photo_w256_h256.png", path);
  const GenerateRequest request = greedy({{"user", pictures_then_text({file(path)}, "What?")}});
  run(request);
  fs::copy(folder_ / "images/noise_w64_h64.png", path, fs::copy_options::overwrite_existing);
  const GenerateResult changed = run(request);
  EXPECT_EQ(n_encoded_, 1);
  expect_as_fresh(request, changed);
}

TEST_P(Conversation, ASecondPictureLeavesTheFirstInTheCache) {
  std::vector<ChatMessage> messages = {{"user", pictures_then_text({image("shapes_w500_h300.png")}, "One.")}};
  const GenerateResult first = run(greedy(messages));
  messages.push_back({"assistant", "Yes."});
  messages.push_back({"user", pictures_then_text({image("photo_w80_h80.png"), image("tall_w64_h1200.png")}, "And these?")});
  const GenerateRequest request = greedy(messages);
  const GenerateResult second = run(request);
  EXPECT_GE(second.stats.reused_tokens, first.stats.prompt_tokens);
  EXPECT_EQ(n_encoded_, 2);
  expect_as_fresh(request, second);
}

TEST_P(Conversation, APictureBetweenTextsIsReadInItsPlace) {
  const ImageInput one = image("photo_w80_h80.png"), other = image("noise_w64_h64.png");
  const auto asking = [](std::initializer_list<ContentPart> parts) {
    MessageContent content;
    for (const ContentPart& part : parts) std::visit([&](const auto& of) { content.add(of); }, part);
    return greedy({{"user", content}});
  };
  const std::string first = "First: ", second = " Second: ";
  const GenerateResult between = run(asking({first, one, second, other}));
  EXPECT_EQ(run(asking({first, one, second, other})).stats.reused_tokens, between.stats.prompt_tokens - 1);
  // What follows the first picture is the only thing that these do not share.
  EXPECT_GT(run(asking({first, one, std::string("?")})).stats.reused_tokens, 64);
  EXPECT_LT(run(asking({one, other, first + second})).stats.reused_tokens, 10) << "pictures first is another prompt";
  const GenerateRequest swapped = asking({first, other, second, one});
  expect_as_fresh(swapped, run(swapped));
}

TEST_P(Conversation, TheSamePictureTwiceIsLookedAtOnce) {
  const ImageInput one = image("photo_w80_h80.png");
  const GenerateRequest request = greedy({{"user", pictures_then_text({one, one}, "Compare.")}});
  const GenerateResult result = run(request);
  EXPECT_EQ(n_encoded_, 1);
  EXPECT_GT(result.stats.prompt_tokens, 2 * 64);
}

TEST_P(Conversation, AStopInsideAPictureLosesNothing) {
  // The prompt's first step of 512 tokens ends inside the picture of 310.
  std::string words;
  for (int i = 0; i < 300; ++i) words += "a ";
  const std::vector<ChatMessage> messages = {
      {"user", words}, {"assistant", "Yes."}, {"user", pictures_then_text({image("text_w1000_h333.png")}, "What is written?")}};
  const GenerateRequest request = greedy(messages);
  std::stop_source stop;
  GenerateSink sink;
  sink.prefill = [&](std::int64_t done, std::int64_t total) {
    EXPECT_GT(total, 512 + 60);
    if (done == 512) stop.request_stop();
  };
  const Result<GenerateResult> stopped = engine_->generate(request, sink, stop.get_token());
  ASSERT_TRUE(stopped) << stopped.error().message;
  EXPECT_EQ(stopped->finish_reason, FinishReason::cancelled);
  const GenerateResult resumed = run(request);
  EXPECT_EQ(resumed.stats.reused_tokens, 512);
  expect_as_fresh(request, resumed);
}

TEST_P(Conversation, AStopWhileThePictureIsLookedAtEndsTheTurn) {
  std::stop_source stop;
  GenerateSink sink;
  sink.image = [&](std::int64_t, std::int64_t) { stop.request_stop(); };
  const GenerateRequest request = greedy({{"user", pictures_then_text({image("text_w1000_h333.png")}, "What?")}});
  const Result<GenerateResult> stopped = engine_->generate(request, sink, stop.get_token());
  ASSERT_TRUE(stopped) << stopped.error().message;
  EXPECT_EQ(stopped->finish_reason, FinishReason::cancelled);
  EXPECT_TRUE(stopped->ids.empty());
  const GenerateResult again = run(request);
  EXPECT_EQ(n_encoded_, 1);
  EXPECT_EQ(again.ids.size(), 12u);
}

TEST_P(Conversation, NoAttentionKindDropsTheLastPicture) {
  // All before the last picture are first tokens that the window keeps, all behind it fit into the window: what is missing is the picture,
  // unless it is protected.
  const std::vector<ChatMessage> messages = {{"user", pictures_then_text({image("photo_w80_h80.png")}, "Look.")},
                                             {"assistant", "Yes."},
                                             {"user", pictures_then_text({image("shapes_w500_h300.png")}, "Why?")}};
  const GenerateRequest request = greedy(messages, "one", 16);
  const GenerateResult full = run(request);
  const std::int64_t n_before = *engine_->count_tokens({messages[0], messages[1], {"user", ""}}) - 10;  // up to the user's turn, roughly
  KvSelection window{.kind = KvSelection::Kind::window, .n_sinks = n_before, .window = 64};
  ASSERT_TRUE(load(folder_, "", window));
  EXPECT_EQ(run(request).ids, full.ids);

  // The same with a picture behind it, which is then the last: the words depend on what was dropped.
  std::vector<ChatMessage> longer = messages;
  longer.push_back({"assistant", "So."});
  longer.push_back({"user", pictures_then_text({image("noise_w64_h64.png")}, "And?")});
  const std::vector<int> dropped = run(greedy(longer, "one", 16)).ids;
  ASSERT_TRUE(load(folder_, ""));
  EXPECT_NE(run(greedy(longer, "one", 16)).ids, dropped);
}

TEST_P(Conversation, WhatAPictureCountsIsCountedBeforeItIsSent) {
  const std::vector<ChatMessage> messages = {{"user", pictures_then_text({image("shapes_w500_h300.png")}, "What?")}};
  const Result<std::int64_t> n = engine_->count_tokens(messages);
  ASSERT_TRUE(n) << n.error().message;
  EXPECT_EQ(*n, run(greedy(messages)).stats.prompt_tokens);
}

TEST_P(Conversation, ABadPictureIsAnErrorAndTheNextTurnWorks) {
  const TempFolder folder;
  const std::vector<ChatMessage> good = {{"user", pictures_then_text({image("photo_w80_h80.png")}, "What?")}};
  const GenerateResult before = run(greedy(good));
  const auto refused = [&](const ImageInput& input) {
    const Result<GenerateResult> result = engine_->generate(greedy({{"user", pictures_then_text({input}, "What?")}}), {}, {});
    return result ? std::string("taken") : result.error().message;
  };
  EXPECT_NE(refused(file(folder.write("notes.png", "no picture at all"))).find("expected a picture"), std::string::npos);
  EXPECT_NE(refused(file(folder.path() / "missing.png")).find("missing.png"), std::string::npos);
  EXPECT_NE(refused(file(folder.write("huge.png", PngWriter(65000, 65000, 8, 2).end()))).find("100000000 pixels"), std::string::npos);
  EXPECT_NE(refused(file(folder.write("thin.png", PngWriter(1, 300, 8, 0).rows(std::vector<FileBytes>(300, FileBytes(1))).end()))).find("200 times"),
            std::string::npos);
  EXPECT_EQ(run(greedy(good)).ids, before.ids);
}

TEST_P(Conversation, PlaceholdersAndPicturesMustBeAsMany) {
  const std::vector<int> ids = conversation("one_image")["ids_unexpanded"];
  const auto refused = [&](LogitsRequest request) {
    const Result<LogitsResult> result = engine_->logits(request, {});
    return result ? std::string("taken") : result.error().message;
  };
  EXPECT_NE(
      refused({.ids = ids, .images = {image("photo_w80_h80.png"), image("photo_w80_h80.png")}, .videos = {}}).find("one placeholder for each of 2"),
      std::string::npos);
  EXPECT_NE(refused({.ids = {1, 2}, .images = {image("photo_w80_h80.png")}, .videos = {}}).find("found 0"), std::string::npos);
  const VideoInput film{.frames = {image("photo_w80_h80.png"), image("photo_w80_h80.png")}, .frames_per_second = 2};
  EXPECT_NE(refused({.ids = ids, .images = {}, .videos = {film}}).find("placeholder"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, Conversation, testing::Values("qwen3-vl-tiny"), [](const auto&) { return "qwen3_vl_tiny"; });

using TextOnly = PictureChat;

TEST_P(TextOnly, AGgufWithoutItsVisionIsForTextAndSaysSo) {
  const TempFolder folder;
  fs::copy(folder_ / "model-f32.gguf", folder.path() / "model.gguf");
  ASSERT_TRUE(load(folder.path() / "model.gguf", ""));
  EXPECT_FALSE(engine_->loaded()->can_see);
  ASSERT_EQ(engine_->loaded()->notes.size(), 1u);
  EXPECT_NE(text_of(engine_->loaded()->notes[0]).find("text only"), std::string::npos);
  expect_logits("text_only", 0);
  const Result<GenerateResult> asked = engine_->generate(greedy({{"user", pictures_then_text({image("photo_w80_h80.png")}, "What?")}}), {}, {});
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, ErrorCode::not_available);
  EXPECT_NE(asked.error().message.find("a model that sees"), std::string::npos);
  EXPECT_FALSE(engine_->preprocess(image("photo_w80_h80.png"), {}));

  // A vision encoder of another model beside it: text only, and both are told; named, it is an error.
  const fs::path other = test::shared_fixture("qwen3-vl-tiny-hd32") / "mmproj-f32.gguf";
  fs::copy(other, folder.path() / "mmproj-model-f32.gguf");
  ASSERT_TRUE(load(folder.path() / "model.gguf", ""));
  EXPECT_FALSE(engine_->loaded()->can_see);
  EXPECT_EQ(engine_->loaded()->notes.size(), 2u);
  const Result<void> named = load(folder.path() / "model.gguf", other);
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().message.find("embeddings of 64 values"), std::string::npos) << named.error().message;

  // Of several the one that fits is taken.
  fs::copy(folder_ / "mmproj-f16.gguf", folder.path() / "mmproj-zz.gguf");
  ASSERT_TRUE(load(folder.path() / "model.gguf", ""));
  EXPECT_TRUE(engine_->loaded()->can_see);
}

// As a model in a folder that nothing may be written to has it.
TEST_P(TextOnly, AVisionHalfElsewhereIsTakenWhereNoneBesideTheModelFits) {
  const TempFolder folder, elsewhere;
  const std::string model = (folder.path() / "model.gguf").string(), half = (elsewhere.path() / "mmproj-model.gguf").string();
  const std::string wrong = (elsewhere.path() / "mmproj-wrong.gguf").string();
  fs::copy(folder_ / "model-f32.gguf", model);
  LoadRequest request;
  request.path = model;
  request.spare_mmprojs = {(elsewhere.path() / "nothing.gguf").string(), elsewhere.path().string(), wrong, half};
  request.device = "cpu";
  request.context_length = 256;
  request.n_threads = 1;
  request.may_wait = true;
  const auto half_of = [](const std::string& path, const std::vector<std::string>& spares) {
    const Result<std::string> found = find_vision_half(path, spares);
    return found ? *found : "error: " + found.error().message;
  };
  const auto found = [&] { return half_of(model, request.spare_mmprojs); };
  ASSERT_TRUE(engine_->load(request, {}, {}));
  EXPECT_FALSE(engine_->loaded()->can_see);
  EXPECT_EQ(engine_->loaded()->notes.size(), 1u) << "of files that are not there nothing is said";
  EXPECT_EQ(found(), "");
  const std::uint64_t blind_bytes = engine_->plan(request).value().weight_bytes;

  // It comes while the model waits in memory: the model sees when its turn comes again.
  LoadRequest other = request;
  other.path = test::model_data("qwen3-tiny").string();
  other.spare_mmprojs.clear();
  ASSERT_TRUE(engine_->switch_to(other, {}, {}));
  fs::copy(test::shared_fixture("qwen3-vl-tiny-hd32") / "mmproj-f32.gguf", wrong);
  fs::copy(folder_ / "mmproj-f16.gguf", half);
  ASSERT_TRUE(engine_->switch_to(request, {}, {}));
  EXPECT_TRUE(engine_->loaded()->can_see);
  EXPECT_EQ(found(), half);
  EXPECT_GT(engine_->plan(request).value().weight_bytes, blind_bytes);

  fs::copy(folder_ / "mmproj-f32.gguf", folder.path() / "mmproj-any.gguf");
  EXPECT_EQ(found(), (folder.path() / "mmproj-any.gguf").string()) << "what lies beside it comes first";
  EXPECT_EQ(half_of(other.path, {half}), "") << "a model for text";
  EXPECT_EQ(half_of(folder_.string(), {half}), folder_.string()) << "a folder has its own";
  EXPECT_FALSE(find_vision_half((folder.path() / "none.gguf").string(), {half}));
}

TEST_P(TextOnly, AModelForTextRefusesPicturesAndVision) {
  const fs::path text_model = test::model_data("qwen3-tiny");
  ASSERT_TRUE(load(text_model, ""));
  EXPECT_TRUE(engine_->loaded()->notes.empty());
  EXPECT_FALSE(engine_->generate(greedy({{"user", pictures_then_text({image("photo_w80_h80.png")}, "What?")}}), {}, {}));
  const Result<void> named = load(text_model, folder_ / "mmproj-f32.gguf");
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().message.find("a model that sees"), std::string::npos);
  EXPECT_FALSE(load(folder_ / "model-f32.gguf", folder_ / "model-f32.gguf")) << "a language model is no vision encoder";
}

INSTANTIATE_TEST_SUITE_P(Models, TextOnly, testing::Values("qwen3-vl-tiny"), [](const auto&) { return "qwen3_vl_tiny"; });

}  // namespace pio
