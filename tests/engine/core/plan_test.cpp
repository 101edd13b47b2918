// Plans against what loading and running the same model really takes.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "engine/loaded_model.h"
#include "engine/plan/load_plan.h"
#include "engine/plan/placement.h"
#include "engine/plan/speed_estimate.h"
#include "engine/session.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

MemoryNeeds needs_of_four_gigabytes() {
  return {.weight_bytes = 4 * kGigabyte, .scratch_bytes = kGigabyte / 5, .state_bytes_per_token = 100'000, .trained_context_length = 262144};
}

LoadRequest request_for(const std::string& name, std::int64_t context_length) {
  LoadRequest request;
  request.path = test::model_data(name).string();
  request.context_length = context_length;
  return request;
}

// What is free has the cached pages in it.
TEST(Plan, DropsCachedPagesOnlyWhereTheyDoNotFitBesideTheModel) {
  EXPECT_FALSE(needs_room_of_cache(4 * kGigabyte, 3 * kGigabyte, 7 * kGigabyte));
  EXPECT_TRUE(needs_room_of_cache(4 * kGigabyte + 1, 3 * kGigabyte, 7 * kGigabyte));
  EXPECT_FALSE(needs_room_of_cache(4 * kGigabyte, 0, 3 * kGigabyte)) << "there are none";
  EXPECT_TRUE(needs_room_of_cache(1, 3 * kGigabyte, 2 * kGigabyte));
}

// A device that runs an op on values of one format not at all.
class PickyDevice final : public CountingBackend {
 public:
  PickyDevice(const Backend& device, Op op, DType dtype) : CountingBackend(device), op_(op), dtype_(dtype) {}
  Result<void> supports(Op op, DType dtype, const Shape& extents) const override {
    if (op != op_ || dtype != dtype_) return CountingBackend::supports(op, dtype, extents);
    return make_error(ErrorCode::not_available, "picky: expected less than " + extents.text() + " of " + info(dtype).name);
  }

 private:
  Op op_;
  DType dtype_;
};

// A device with its own layout, and so much free memory.
class SmallDevice final : public CountingBackend {
 public:
  SmallDevice(const Backend& device, std::uint64_t free_bytes) : CountingBackend(device), info_(device.device()) { info_.free_bytes = free_bytes; }
  const DeviceInfo& device() const override { return info_; }

 private:
  DeviceInfo info_;
};

// The plan for a PickyDevice of `op` and `dtype`.
LoadPlan plan_of_picky(const LoadRequest& request, Op op, DType dtype) {
  const Result<std::unique_ptr<ModelFile>> file = open_for_loading(request);
  EXPECT_TRUE(file) << file.error().message;
  const std::unique_ptr<Backend> cpu = create_backend("cpu", {.n_threads = 1, .isa = ""}).value();
  const PickyDevice device(*cpu, op, dtype);
  const Result<PlannedLoad> planned = plan_load(**file, request, device);
  EXPECT_TRUE(planned) << planned.error().message;
  const Result<void> loadable = require_fit(**file, planned->plan);
  EXPECT_EQ(planned->plan.fits, planned->plan.fallbacks.empty());
  EXPECT_EQ(loadable.has_value(), planned->plan.fits);
  if (!loadable) {
    EXPECT_EQ(loadable.error().code, ErrorCode::not_available);
    for (const LoadPlan::Fallback& fallback : planned->plan.fallbacks)
      EXPECT_NE(loadable.error().message.find(fallback.text()), std::string::npos) << loadable.error().message;
  }
  return planned->plan;
}

std::vector<std::string> texts_of(const LoadPlan& plan) {
  std::vector<std::string> texts;
  for (const LoadPlan::Fallback& fallback : plan.fallbacks) texts.push_back(fallback.text());
  return texts;
}

// A copy of qwen3-tiny with one matrix of layer 1 in F16 instead of BF16.
void write_with_one_half_matrix(const std::filesystem::path& folder) {
  std::filesystem::copy(test::model_data("qwen3-tiny"), folder, std::filesystem::copy_options::recursive);
  std::ifstream in(folder / "model.safetensors", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::size_t at = bytes.find(R"("BF16")", bytes.find("model.layers.1.mlp.down_proj.weight"));
  bytes.replace(at, 6, R"("F16" )");
  std::ofstream(folder / "model.safetensors", std::ios::binary) << bytes;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST(Plan, NamesTheLayerTheOpAndTheReasonWhereADeviceSaysNo) {
  const TempFolder folder;
  write_with_one_half_matrix(folder.path() / "model");
  LoadRequest request;
  request.path = (folder.path() / "model").string();
  request.context_length = 64;
  EXPECT_EQ(texts_of(plan_of_picky(request, Op::matmul, DType::f16)), Texts{"layer 1: matmul: picky: expected less than [64, 160] of F16"});
  EXPECT_EQ(texts_of(plan_of_picky(request, Op::matmul, DType::q4_0)), Texts{});
  EXPECT_EQ(texts_of(plan_of_picky(request, Op::embed, DType::bf16)), Texts{"embeddings: embed: picky: expected less than [416, 64] of BF16"});
  // of a prompt's step, the residual stream and the queries, and of a decoded token's
  EXPECT_EQ(texts_of(plan_of_picky(request, Op::gather_rows, DType::f32)), (Texts{"layer 2: gather_rows: picky: expected less than [64, 64] of F32",
                                                                                  "layer 2: gather_rows: picky: expected less than [64, 128] of F32",
                                                                                  "layer 2: gather_rows: picky: expected less than [1, 64] of F32"}));
  EXPECT_EQ(texts_of(plan_of_picky(request, Op::store_kv, DType::f16)), Texts{"layers 0 to 2: store_kv: picky: expected less than [2, 32] of F16"});
  EXPECT_EQ(texts_of(plan_of_picky(request_for("glm4-moe-lite-mtp-tiny", 64), Op::matmul_heads, DType::bf16)),
            Texts{"layers 0 to 1: matmul_heads: picky: expected less than [4, 56, 64] of BF16"});
}

TEST(Plan, NamesExpertsAndTheVisionHalfApart) {
  const LoadPlan mixture = plan_of_picky(request_for("qwen3-moe-tiny", 64), Op::moe_experts, DType::bf16);
  EXPECT_EQ(texts_of(mixture), (Texts{"experts of layers 0 to 2: moe_experts: picky: expected less than [16, 32, 64] of BF16",
                                      "experts of layers 0 to 2: moe_experts: picky: expected less than [16, 64, 32] of BF16"}));
  const std::filesystem::path fixture = test::shared_fixture("qwen3-vl-tiny");
  if (fixture.empty()) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  LoadRequest request;
  request.path = fixture.string();
  request.context_length = 64;
  const LoadPlan seeing = plan_of_picky(request, Op::self_attention, DType::f32);
  ASSERT_EQ(seeing.fallbacks.size(), 1u);
  EXPECT_EQ(seeing.fallbacks[0].part, "vision");
  EXPECT_EQ(seeing.fallbacks[0].op, "self_attention");
}

TEST(Placement, AnUnaskedContextTakesWhatTheWeightsLeave) {
  const Placement placement = place(needs_of_four_gigabytes(), 0, {.free_bytes = 8 * kGigabyte});
  EXPECT_TRUE(placement.fits);
  EXPECT_EQ(placement.context_length, 38000);  // (8 - 4 - 0.2) GB of 100,000 bytes each
}

TEST(Placement, AnUnaskedContextIsAtMostTheModels) {
  MemoryNeeds needs = needs_of_four_gigabytes();
  needs.trained_context_length = 2048;
  EXPECT_EQ(place(needs, 0, {.free_bytes = 8 * kGigabyte}).context_length, 2048);
}

// At least 512 tokens are tried, and the refusal says what they are short of.
TEST(Placement, AnUnaskedContextIsNeverTooShortToTalkIn) {
  const MemoryNeeds needs = needs_of_four_gigabytes();
  const Placement least = place(needs, 0, {.free_bytes = 4 * kGigabyte});
  EXPECT_EQ(least.context_length, 512);
  EXPECT_FALSE(least.fits);
  EXPECT_EQ(least.why_not, "memory: at most 4.0 GB free, found 4.3 GB needed (51 MB of it for a context of 512 tokens)");
  EXPECT_EQ(least.needed_bytes, 4'251'200'000u);
  EXPECT_TRUE(place(needs, 0, {.free_bytes = least.needed_bytes}).fits);
  EXPECT_FALSE(place(needs, 0, {.free_bytes = least.needed_bytes - 1}).fits);
}

TEST(Placement, AgainstABudgetEverythingCounts) {
  const MemoryNeeds needs = needs_of_four_gigabytes();
  const MemoryRoom budget{.free_bytes = 5 * kGigabyte, .is_budget = true};
  EXPECT_EQ(place(needs, 0, budget).context_length, 8000);
  EXPECT_EQ(place(needs, 8001, budget).why_not,
            "memory: at most 5.0000 GB as asked, found 5.0001 GB needed (0.8 GB of it for a context of 8001 tokens)");
  EXPECT_TRUE(place(needs, 8000, budget).fits);
}

TEST(Placement, SizesThatDifferAreSpelledSo) {
  EXPECT_EQ(gigabytes_apart(8'040'000'000, 8'010'000'000), std::pair(std::string("8.04 GB"), std::string("8.01 GB")));
  EXPECT_EQ(gigabytes_apart(8'000'000'001, 8'000'000'000), std::pair(std::string("8.000000001 GB"), std::string("8.000000000 GB")));
  EXPECT_EQ(gigabytes_apart(8'000'000'000, 8'000'000'000), std::pair(std::string("8.0 GB"), std::string("8.0 GB")));
  EXPECT_EQ(gigabytes_apart(12'400'000, 12'000'000), std::pair(std::string("12.4 MB"), std::string("12.0 MB")));
  EXPECT_EQ(gigabytes_apart(99'999'999, 100'000'000), std::pair(std::string("100 MB"), std::string("0.1 GB")));
}

TEST(Placement, NumbersWithoutSenseAreRefusedInWords) {
  const Placement longest = place(needs_of_four_gigabytes(), INT64_MAX, {.free_bytes = UINT64_MAX});
  EXPECT_FALSE(longest.fits);
  EXPECT_FALSE(longest.why_not.empty());
  EXPECT_FALSE(place({}, 0, {}).fits && place({}, 0, {}).context_length < 1);
}

TEST(Plan, IsWhatLoadingDoes) {
  const std::unique_ptr<Engine> engine = create_engine();
  for (const char* name : {"llama-tiny", "qwen2-tiny", "qwen3-tiny"}) {
    for (const DType kv : {DType::f16, DType::f32}) {
      for (const std::int64_t context_length : {0, 40}) {
        LoadRequest request = request_for(name, context_length);
        request.kv = kv;
        engine->unload();
        const Result<LoadPlan> plan = engine->plan(request);
        ASSERT_TRUE(plan) << plan.error().message;
        EXPECT_TRUE(plan->fits) << plan->why_not;
        EXPECT_EQ(engine->loaded(), nullptr);
        const Result<void> status = engine->load(request, {}, {});
        ASSERT_TRUE(status) << status.error().message;
        EXPECT_EQ(plan->context_length, engine->loaded()->context_length);
        EXPECT_EQ(plan->weight_bytes, engine->loaded()->weight_bytes);
        EXPECT_EQ(plan->state_bytes, engine->loaded()->state_bytes);
      }
    }
  }
}

// Of a machine that reads 1000 bytes and multiplies 500 pairs a second.
TEST(Plan, PredictsSpeedsFromWhatIsReadAndMultiplied) {
  const SpeedProbe probe{.bytes_per_second = 1000, .multiply_adds_per_second = 500};
  OpCounts prompt, decode;
  prompt.weight_bytes = 3000, prompt.state_bytes = 1000, prompt.multiply_adds = 5000;
  decode.weight_bytes = 3000, decode.state_bytes = 200, decode.multiply_adds = 9000;  // a token's do not count
  SpeedEstimate speed = estimate_speed(prompt, 20, decode, probe, {.copied = 4'000'000'000}, 1);
  EXPECT_DOUBLE_EQ(speed.prefill_tokens_per_second, 2);       // 20 tokens in the 10 s of its multiplications
  EXPECT_DOUBLE_EQ(speed.decode_tokens_per_second, 1 / 3.2);  // 3200 bytes
  EXPECT_DOUBLE_EQ(speed.load_seconds, 1 + 4);                // 4 GB that the system holds, laid out
  prompt.multiply_adds = 100;
  speed = estimate_speed(prompt, 20, decode, probe, {.copied = 4'000'000'000, .made = 200'000'000}, 0.5);
  EXPECT_DOUBLE_EQ(speed.prefill_tokens_per_second, 5);   // 20 tokens in the 4 s of its reading
  EXPECT_DOUBLE_EQ(speed.load_seconds, 0.5 + 2 + 4 + 2);  // half of it from a disk, and 0.2 GB made
}

// Of experts that a token misses more of the time is waited for than goes beside computing: against tokens a second as measured (Coder's shape, 12.8 in memory;
// bytes missed and the disk's rate of the same run, tests/bench/results/2026-11-30-xeon-2vcpu.md).
TEST(Plan, PredictsTokensThatMissExpertsAsTheyWereMeasured) {
  struct Measured {
    double missed_bytes, disk_bytes_per_second, tokens_per_second;
  };
  OpCounts prompt, decode;
  prompt.weight_bytes = decode.weight_bytes = 1'000'000'000;
  const SpeedProbe probe{.bytes_per_second = 12.8e9, .multiply_adds_per_second = 1e12};
  for (const Measured& run :
       {Measured{209e6, 1.30e9, 5.14}, {246e6, 1.36e9, 4.03}, {95e6, 1.16e9, 6.84}, {120e6, 1.37e9, 6.76}, {120e6, 1.31e9, 5.99}}) {
    const LoadedBytes loaded{.experts_of_token = run.missed_bytes, .read_per_second = run.disk_bytes_per_second};
    const double predicted = estimate_speed(prompt, 20, decode, probe, loaded, 1).decode_tokens_per_second;
    EXPECT_NEAR(predicted, run.tokens_per_second, 0.25 * run.tokens_per_second) << run.missed_bytes;
  }
  // As a disk of which nothing is known; past the system's memory, and through it where it holds the file.
  const LoadedBytes unknown{.experts_of_token = 100e6};
  EXPECT_DOUBLE_EQ(estimate_speed(prompt, 20, decode, probe, unknown, 1).decode_tokens_per_second, 1 / (0.1 + 0.75 / 12.8));
  const LoadedBytes cached{.experts_of_token = 100e6, .are_experts_cached = true};
  EXPECT_DOUBLE_EQ(estimate_speed(prompt, 20, decode, probe, cached, 1).decode_tokens_per_second, 1 / (1 / 12.8 + 0.75 * 0.025));
  EXPECT_DOUBLE_EQ(estimate_speed(prompt, 20, decode, probe, {}, 1).decode_tokens_per_second, 12.8);
}

// A copy of all weights in the device's own layout is made where there is memory for it; where not, some of them are brought for every pass.
TEST(Plan, LaysWeightsOutWhereMemoryAllows) {
  const std::filesystem::path path = test::shared_fixture("qwen3-small");
  if (path.empty()) GTEST_SKIP() << "no fixture qwen3-small: set PIO_SHARED to the folder that has fixtures/";
  LoadRequest request;
  request.path = (path / "model-q4_k_m.gguf").string();
  request.context_length = 256;
  const Result<std::unique_ptr<ModelFile>> file = open_for_loading(request);
  ASSERT_TRUE(file) << file.error().message;
  const std::unique_ptr<Backend> cpu = create_backend("cpu", {.n_threads = 1, .isa = ""}).value();
  const auto planned_with = [&](std::uint64_t free_bytes) { return plan_load(**file, request, SmallDevice(*cpu, free_bytes)).value(); };
  const PlannedLoad ample = planned_with(kGigabyte);
  if (cpu->own_layout().lanes == 0) GTEST_SKIP() << "this processor's kernels have no layout of their own";
  EXPECT_EQ(ample.plan.layout.form, WeightLayout::Form::placed);
  const PlannedLoad exact = planned_with(ample.plan.needed_bytes);
  EXPECT_TRUE(exact.plan.fits);
  EXPECT_EQ(exact.plan.layout.form, WeightLayout::Form::placed);
  const PlannedLoad tight = planned_with(ample.plan.needed_bytes - 1);
  EXPECT_TRUE(tight.plan.fits) << tight.plan.why_not;
  EXPECT_EQ(tight.plan.layout.form, WeightLayout::Form::streamed);
  EXPECT_LE(tight.plan.needed_bytes, ample.plan.needed_bytes - 1);
  EXPECT_GT(tight.plan.layout.streamed_bytes, 0u);
  ASSERT_EQ(tight.plan.notes.size(), 1u);
  EXPECT_NE(text_of(tight.plan.notes[0]).find("read again for every token"), std::string::npos) << text_of(tight.plan.notes[0]);
  EXPECT_FALSE(planned_with(1000).plan.fits);
}

TEST(Plan, WarnsOfKeysInFourBitsWhereTheyBreakAModel) {
  const auto notes = [](std::int64_t n_parameters, std::int64_t v_head_dim, DType kv) {
    ModelSpec spec;
    spec.n_parameters = n_parameters;
    spec.kv_layers = {{.n_kv_heads = 4, .k_head_dim = 128, .v_head_dim = v_head_dim}};
    return kv_notes(spec, kv).size();
  };
  EXPECT_EQ(notes(4'000'000'000, 128, DType::q4_0), 1u);
  EXPECT_EQ(notes(30'000'000'000, 128, DType::q4_0), 0u);
  EXPECT_EQ(notes(30'000'000'000, 0, DType::q4_0), 1u) << "latent keys";
  for (const DType kv : {DType::f32, DType::f16, DType::q8_0}) EXPECT_EQ(notes(135'000'000, 0, kv), 0u);
  LoadRequest request = request_for("qwen3-tiny", 64);
  request.kv = DType::q4_0;
  const Result<LoadPlan> plan = create_engine()->plan(request);
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->notes.size(), 1u);
  EXPECT_NE(text_of(plan->notes[0]).find("q8_0"), std::string::npos) << text_of(plan->notes[0]);
}

TEST(Plan, CountsTheVisionHalfOfAModelThatSees) {
  const std::filesystem::path folder = test::shared_fixture("qwen3-vl-tiny");
  if (folder.empty()) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  const std::unique_ptr<Engine> engine = create_engine();
  const auto planned = [&](const std::filesystem::path& path, const std::filesystem::path& mmproj) {
    LoadRequest request;
    request.path = path.string();
    request.mmproj = mmproj.string();
    request.context_length = 64;
    const Result<LoadPlan> plan = engine->plan(request);
    EXPECT_TRUE(plan && engine->load(request, {}, {})) << plan.error().message;
    EXPECT_TRUE(engine->loaded()->can_see);
    EXPECT_EQ(plan->weight_bytes, engine->loaded()->weight_bytes);
    return plan->weight_bytes;
  };
  // All numbers of the two files; some small tensors are held a second time, in float32 or joined: a tenth at most.
  const std::uint64_t whole = std::filesystem::file_size(folder / "model.safetensors");
  EXPECT_NEAR(static_cast<double>(planned(folder, "")), static_cast<double>(whole), 0.1 * static_cast<double>(whole));
  const std::uint64_t half = planned(folder / "model-f32.gguf", folder / "mmproj-f16.gguf"),
                      full = planned(folder / "model-f32.gguf", folder / "mmproj-f32.gguf");
  const std::uint64_t difference = std::filesystem::file_size(folder / "mmproj-f32.gguf") - std::filesystem::file_size(folder / "mmproj-f16.gguf");
  EXPECT_NEAR(static_cast<double>(full - half), static_cast<double>(difference), 1000);  // of names and padding
}

TEST(Plan, FindsTheTemporariesThatThePassReallyKeeps) {
  for (const char* name : {"llama-tiny", "qwen3-tiny", "qwen3-moe-tiny", "glm4-moe-lite-mtp-tiny"}) {
    const LoadRequest request = request_for(name, 600);
    Result<std::unique_ptr<LoadedModel>> model = LoadedModel::load(request, {}, {});
    ASSERT_TRUE(model) << model.error().message;
    Session session(**model);
    std::vector<float> logits;
    const std::uint64_t generation = (*model)->stages().front().context->generation();
    const TokenIds ids = (*model)->vocabulary().check(std::vector<int>(512, 7), "ids").value();
    session.begin_prompt(512);
    ASSERT_TRUE(session.process(ids, Session::Outputs::last, logits, {}));
    session.begin_decoding();
    ASSERT_TRUE(session.process(ids.span().subspan(0, 1), Session::Outputs::last, logits, {}));

    EXPECT_EQ((*model)->stages().front().context->generation(), generation) << name << ": the block was reserved too small";

    const Result<std::unique_ptr<ModelFile>> file = open_for_loading(request);
    const Result<std::unique_ptr<ModelEstimate>> estimate = ModelEstimate::create(**file, *(*model)->stages().front().backend);
    ASSERT_TRUE(estimate) << estimate.error().message;
    const ModelEstimate::Step step = (*estimate)->run(512, 512, request.kv);
    const Stage& stage = (*model)->stages().front();
    EXPECT_EQ(step.temporary_bytes, stage.context->high_water_bytes()) << name;
    EXPECT_EQ(step.counts.workspace_bytes, stage.backend->workspace().high_water_bytes()) << name;
    EXPECT_LE(stage.backend->workspace().high_water_bytes(), stage.backend->workspace().n_bytes()) << name << ": reserved while loading";
  }
}

// As it is, with all layers' matrices made while loading, and from a folder whose tensors lie at odd places.
TEST(Plan, CountsTheWeightsWhereLoadingPlacesThem) {
  for (const char* name : {"qwen3-tiny", "qwen3-moe-tiny"}) {
    for (const LoadQuantization quantization : {LoadQuantization::keep, LoadQuantization::int8}) {
      LoadRequest request = request_for(name, 64);
      request.quantization = quantization;
      Result<std::unique_ptr<ModelFile>> file = open_for_loading(request), same = open_for_loading(request);
      ASSERT_TRUE(file && same) << name;
      const auto backend = create_backend("cpu", {.n_threads = 2, .activations = request.activations, .isa = ""});
      ASSERT_TRUE(backend);
      const Result<std::unique_ptr<ModelEstimate>> estimate = ModelEstimate::create(**file, **backend);
      ASSERT_TRUE(estimate) << estimate.error().message;
      LoadedWeights weights(std::move(*same), **backend);
      ASSERT_TRUE(create_model(weights, **backend));
      std::uint64_t arena_bytes = 0;
      for (const Buffer* arena : weights.arenas()) arena_bytes += arena->n_bytes();
      EXPECT_EQ((*estimate)->layout().resident_bytes, arena_bytes) << name;
      EXPECT_GE((*estimate)->weight_bytes(), arena_bytes) << name;
      EXPECT_GE(arena_bytes, weights.n_bytes()) << name;
    }
  }
}

TEST(Plan, CountsWhatATokenReads) {
  const LoadRequest request = request_for("qwen3-tiny", 64);
  Result<std::unique_ptr<LoadedModel>> model = LoadedModel::load(request, {}, {});
  ASSERT_TRUE(model) << model.error().message;
  const Result<std::unique_ptr<ModelFile>> file = open_for_loading(request);
  const Result<std::unique_ptr<ModelEstimate>> estimate = ModelEstimate::create(**file, *(*model)->stages().front().backend);
  const OpCounts counts = (*estimate)->run(1, 32, request.kv).counts;
  EXPECT_EQ(counts.state_bytes, 32 * (*model)->state_bytes_per_token());
}

// By the file's own tensors: of experts the share that is chosen, of an untied table one row.
TEST(Plan, BytesOfATokenAreThoseOfTheChosenExperts) {
  struct Case {
    const char* name;
    double chosen;  // of a layer's experts
  };
  for (const Case& c : {Case{"qwen3-tiny", 1}, Case{"llama-tiny", 1}, Case{"qwen3-moe-tiny", 4.0 / 16}, Case{"glm4-moe-lite-mtp-tiny", 4.0 / 8}}) {
    const LoadRequest request = request_for(c.name, 64);
    const Result<std::unique_ptr<LoadedModel>> model = LoadedModel::load(request, {}, {});
    ASSERT_TRUE(model) << model.error().message;
    const Result<std::unique_ptr<ModelFile>> file = open_for_loading(request);
    bool is_tied = true;
    for (const TensorInfo& tensor : (*file)->tensors()) is_tied = is_tied && tensor.name != "lm_head.weight";
    double expected = 0;
    for (const TensorInfo& tensor : (*file)->tensors()) {
      const std::int64_t unused_layer = (*model)->model().spec().n_layers;
      if (tensor.shape.rank() < 2 || tensor.name.starts_with("model.layers." + std::to_string(unused_layer) + ".")) continue;
      const double n_bytes = static_cast<double>(tensor.n_bytes);
      if (tensor.name == "model.embed_tokens.weight" && !is_tied) expected += n_bytes / static_cast<double>(tensor.shape[0]);
      else expected += tensor.name.find(".mlp.experts.") != std::string::npos ? n_bytes * c.chosen : n_bytes;
    }
    EXPECT_NEAR(static_cast<double>((*model)->weight_bytes_per_token()), expected, 0.03 * expected) << c.name;  // routers and norms are f32
  }
}

// A picture is encoded once; decoding reads none of model.visual.* or of an mmproj.
TEST(Plan, BytesOfATokenHoldNothingOfTheVisionHalf) {
  const std::filesystem::path folder = test::shared_fixture("qwen3-vl-tiny");
  if (folder.empty()) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  struct Case {
    std::filesystem::path model, mmproj;
  };
  for (const Case& c : {Case{folder, {}}, Case{folder / "model-f32.gguf", folder / "mmproj-f32.gguf"}}) {
    LoadRequest request;
    request.path = c.model.string();
    request.mmproj = c.mmproj.string();
    request.context_length = 64;
    const Result<std::unique_ptr<LoadedModel>> model = LoadedModel::load(request, {}, {});
    ASSERT_TRUE(model) << model.error().message;
    ASSERT_TRUE((*model)->info().can_see);
    const Result<std::unique_ptr<ModelFile>> file = open_for_loading(request);
    double language = 0, vision = 0;
    for (const TensorInfo& tensor : (*file)->tensors()) {
      if (tensor.shape.rank() < 2) continue;
      (tensor.name.starts_with("model.visual.") ? vision : language) += static_cast<double>(tensor.n_bytes);
    }
    if (!c.mmproj.empty()) vision = static_cast<double>(std::filesystem::file_size(c.mmproj));
    EXPECT_GT(vision, 0.1 * language) << "else this shows nothing";
    EXPECT_NEAR(static_cast<double>((*model)->weight_bytes_per_token()), language, 0.03 * language);  // a tied table; norms
  }
}

// From the bytes of a token and the multiplications of a prompt, on a machine whose speeds are given.
TEST(Plan, PredictsTheSpeedsOfAModelFromItsShapes) {
  const LoadRequest request = request_for("qwen3-tiny", 600);
  const Result<std::unique_ptr<ModelFile>> file = open_for_loading(request);
  const std::unique_ptr<Backend> cpu = create_backend("cpu", {.n_threads = 1, .isa = ""}).value();
  Result<PlannedLoad> planned = plan_load(**file, request, *cpu);
  ASSERT_TRUE(planned) << planned.error().message;
  predict_speed(*planned, **file, request, {.bytes_per_second = 1e6, .multiply_adds_per_second = 1e6});
  // behind 511 others
  const double read = static_cast<double>(planned->weight_bytes_per_token) + 512.0 * static_cast<double>(planned->state_bytes_per_token);
  EXPECT_NEAR(planned->plan.decode_tokens_per_second, 1e6 / read, 1e-6);
  // A token of a layer: q 128 * 64, k and v 64 * 64; 4 heads times 512 cached times (32 + 32), output 128 * 64, three of 160 * 64. The last
  // layer has the latter of the one row whose logits are wanted.
  const double stored = 128.0 * 64 + 2 * 64 * 64, attended = 4.0 * 512 * 64 + 128 * 64 + 3 * 160 * 64;
  EXPECT_NEAR(planned->plan.prefill_tokens_per_second, 512 * 1e6 / (512 * (3 * stored + 2 * attended) + attended + 416 * 64), 1e-6);
}

TEST(Plan, SaysWhatDoesNotFitAndLoadingRefusesTheSame) {
  LoadRequest request = request_for("qwen3-tiny", 4096);
  request.ram_bytes = 1'000'000;
  const std::unique_ptr<Engine> engine = create_engine();
  const Result<LoadPlan> plan = engine->plan(request);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_FALSE(plan->fits);
  const Result<void> status = engine->load(request, {}, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::out_of_memory);
  EXPECT_NE(status.error().message.find(plan->why_not), std::string::npos);
  EXPECT_EQ(status.error().needed_bytes, plan->needed_bytes);
  EXPECT_EQ(status.error().free_bytes, request.ram_bytes);
}

}  // namespace pio
