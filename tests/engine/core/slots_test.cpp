// Mixtures whose experts memory does not hold all: the same bytes of logits as from all of them, by every way to read and with any number of
// slots; and what happens when reading fails, or takes its time.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <filesystem>
#include <numeric>
#include <thread>

#include "engine/experts/expert_slots.h"
#include "engine/loaded_model.h"
#include "engine/plan/load_plan.h"
#include "engine/session.h"
#include "tests/engine/core/logits_of.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tiny_model.h"

namespace pio {
namespace {

using test::logits_of, test::planned;

using std::chrono::milliseconds;

// Reads at once what is asked for and brings it in an order of its own, with the faults that are asked for.
class BentQueue final : public ReadQueue {
 public:
  struct Faults {
    bool is_backwards = false;
    bool is_short = false;    // a part of what was asked for, in whole blocks
    int fails_after = -1;     // reads; then an error
    milliseconds delay{0};    // of each
    bool is_stalled = false;  // nothing ever comes
  };
  explicit BentQueue(Faults& faults) : ReadQueue("bent"), faults_(faults) {}

 private:
  std::size_t most_reads() const override { return 1000; }
  void submit(const Read& read) override {
    const std::size_t n = faults_.is_short && read.n > 2 * kDirectBlock ? read.n / 2 / kDirectBlock * kDirectBlock : read.n;
    const bool fails = faults_.fails_after >= 0 && n_reads_++ >= faults_.fails_after;
    const ssize_t got = pread(read.fd, read.out, n, static_cast<off_t>(read.offset));
    came_.push_back({read.index, fails ? -EIO : got});
  }
  std::optional<Came> wait(milliseconds patience) override {
    if (faults_.is_stalled || came_.empty()) {
      std::this_thread::sleep_for(patience);
      return {};
    }
    std::this_thread::sleep_for(faults_.delay);
    const Came came = faults_.is_backwards ? came_.back() : came_.front();
    if (faults_.is_backwards) came_.pop_back();
    else came_.pop_front();
    return came;
  }

  Faults& faults_;
  int n_reads_ = 0;
  std::deque<Came> came_;
};

// A model on the processor, its experts in slots.
class Slotted {
 public:
  Slotted(const std::filesystem::path& path, Activations activations, std::uint64_t slots_bytes, std::unique_ptr<ReadQueue> queue)
      : backend_(create_backend("cpu", {.n_threads = 2, .activations = activations, .huge_pages = true, .isa = {}}).value()),
        weights_(open_model_file(path).value(), *backend_, {}, {}, {.lays_out = true, .has_slots = true, .slots_bytes = slots_bytes}),
        model_(create_model(weights_, *backend_).value()),
        slots_(ExpertSlots::create(*model_, *weights_.away_experts(), *backend_,
                                   expert_kinds(*model_, *weights_.away_experts(), *backend_, slots_bytes), std::move(queue))
                   .value()),
        runner_(*model_, *backend_, 2, 128) {
    runner_.context().experts = slots_.get();
  }
  test::ModelRunner& runner() { return runner_; }
  ExpertSlots& slots() { return *slots_; }
  Backend& backend() { return *backend_; }
  const Model& model() const { return *model_; }

 private:
  std::unique_ptr<Backend> backend_;
  LoadedWeights weights_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<ExpertSlots> slots_;
  test::ModelRunner runner_;
};

std::unique_ptr<ReadQueue> threads() { return ReadQueue::create(IoMode::pread).value(); }

std::vector<std::filesystem::path> mixtures() {
  std::vector<std::filesystem::path> paths{test::model_data("qwen3-moe-tiny"), test::model_data("glm4-moe-lite-mtp-tiny")};
  for (const char* name : {"qwen3-moe-small", "glm4-moe-lite-small"}) {
    const std::filesystem::path folder = test::shared_fixture(name);
    if (!folder.empty()) paths.push_back(folder / "model-q4_k_m.gguf");
  }
  return paths;
}

// Logits of a prompt of two conversations, of some tokens after it, together and alone, and of another prompt.
std::vector<float> answers(test::ModelRunner& runner) {
  std::vector<int> prompt(40), other(9);
  std::iota(prompt.begin(), prompt.end(), 3);
  std::iota(other.begin(), other.end(), 60);
  const auto run = [&](const std::vector<test::ModelRunner::Piece>& pieces) { return runner.run(pieces); };
  std::vector<float> all = run({{0, prompt}, {1, other}});
  const auto add = [&](const std::vector<float>& more) { all.insert(all.end(), more.begin(), more.end()); };
  for (int id = 5; id < 11; ++id) add(run({{0, {id}}}));
  add(run({{0, {7}}, {1, {9}}}));
  add(run({{1, prompt}}));
  return all;
}

std::vector<float> answers_in_memory(const std::filesystem::path& path, Activations activations) {
  const std::unique_ptr<Backend> backend = create_backend("cpu", {.n_threads = 2, .activations = activations, .huge_pages = true, .isa = {}}).value();
  LoadedWeights weights(open_model_file(path).value(), *backend, {}, {}, {.lays_out = true});
  const std::unique_ptr<Model> model = create_model(weights, *backend).value();
  test::ModelRunner runner(*model, *backend, 2, 128);
  return answers(runner);
}

TEST(Slots, GiveTheBytesOfAModelInMemory) {
  for (const std::filesystem::path& path : mixtures()) {
    for (const Activations activations : {Activations::q8, Activations::f32}) {
      const std::vector<float> expected = answers_in_memory(path, activations);
      std::uint64_t all_bytes = 0;
      {
        Slotted most(path, activations, std::uint64_t{1} << 40, threads());
        all_bytes = most.slots().n_bytes();
        EXPECT_EQ(answers(most.runner()), expected) << path;
        const ExpertCounts counts = most.slots().counts();
        for (const ExpertCache::Counts& layer : counts.layers) EXPECT_EQ(layer.evictions, 0);
        EXPECT_GT(counts.hits, counts.misses);
      }
      for (const double share : {0.0, 0.3, 0.6, 0.99}) {
        Slotted some(path, activations, static_cast<std::uint64_t>(share * static_cast<double>(all_bytes)), threads());
        if (share > 0.5) {
          EXPECT_LE(some.slots().n_bytes(), all_bytes * share);
        }
        EXPECT_EQ(answers(some.runner()), expected) << path << ' ' << share << ' ' << some.slots().n_slots();
        const ExpertCounts counts = some.slots().counts();
        EXPECT_GT(counts.misses, 0);
        std::uint64_t expert_bytes = 0;
        for (const ExpertKind& kind : some.slots().kinds()) expert_bytes = std::max(expert_bytes, kind.file_bytes);
        EXPECT_LE(counts.bytes_read, static_cast<std::uint64_t>(counts.misses) * expert_bytes);
        EXPECT_GE(counts.bytes_read, static_cast<std::uint64_t>(counts.misses) * expert_bytes / 2);
        EXPECT_LE(counts.waiting_seconds, 60);
        if (counts.layers.size() > 1 && share < 0.5) {
          EXPECT_GT(counts.read_ahead, 0);
        }
        EXPECT_GE(counts.read_ahead, counts.wasted);
      }
    }
  }
}

TEST(Slots, GiveTheSameBytesByEveryWayToRead) {
  for (const std::filesystem::path& path : mixtures()) {
    const std::vector<float> expected = answers_in_memory(path, Activations::q8);
    for (const IoMode mode : {IoMode::automatic, IoMode::uring, IoMode::pread, IoMode::buffered}) {
      Result<std::unique_ptr<ReadQueue>> queue = ReadQueue::create(mode);
      if (!queue) {
        EXPECT_EQ(queue.error().code, ErrorCode::not_available);
        continue;
      }
      Slotted model(path, Activations::q8, 0, std::move(*queue));
      EXPECT_EQ(answers(model.runner()), expected) << path << ' ' << name_of(mode);
    }
  }
}

TEST(Slots, GiveTheSameBytesInWhateverOrderAndPiecesTheyCome) {
  for (const std::filesystem::path& path : mixtures()) {
    const std::vector<float> expected = answers_in_memory(path, Activations::q8);
    for (BentQueue::Faults faults :
         {BentQueue::Faults{.is_backwards = true}, {.is_short = true}, {.is_backwards = true, .is_short = true}, {.delay = milliseconds(1)}}) {
      Slotted model(path, Activations::q8, 0, std::make_unique<BentQueue>(faults));
      EXPECT_EQ(answers(model.runner()), expected) << path;
    }
  }
}

TEST(Slots, NameAnExpertThatCannotBeReadAndServeTheNextStep) {
  for (const std::filesystem::path& path : mixtures()) {
    const std::vector<float> expected = answers_in_memory(path, Activations::q8);
    for (const int fails_after : {0, 2, 5}) {
      BentQueue::Faults faults{.fails_after = fails_after};
      Slotted model(path, Activations::q8, 0, std::make_unique<BentQueue>(faults));
      std::vector<int> prompt(40);
      std::iota(prompt.begin(), prompt.end(), 3);
      const Step& step = model.runner().make_step({{0, prompt}});
      {
        const ForwardContext::Mark mark(model.runner().context());
        const Result<Tensor> failed = model.model().forward(model.runner().context(), step, model.runner().state());
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().code, ErrorCode::io);
        EXPECT_EQ(failed.error().message.find("expert "), 0u) << failed.error().message;
        EXPECT_NE(failed.error().message.find(" of layer "), std::string::npos) << failed.error().message;
        EXPECT_FALSE(failed.error().path.empty());
      }
      faults = {};
      test::ModelRunner fresh(model.model(), model.backend(), 2, 128);
      fresh.context().experts = &model.slots();
      EXPECT_EQ(answers(fresh), expected) << path << ' ' << fails_after;
    }
  }
}

TEST(Slots, EndTheirWaitingWithin200MillisecondsOfAStop) {
  BentQueue::Faults faults{.is_stalled = true};
  Slotted model(test::model_data("qwen3-moe-tiny"), Activations::q8, 0, std::make_unique<BentQueue>(faults));
  const Step& step = model.runner().make_step({{0, {5, 9, 2}}});
  std::stop_source stop;
  model.backend().set_stop(stop.get_token());
  std::chrono::steady_clock::time_point stopped_at;
  std::jthread person([&] {
    std::this_thread::sleep_for(milliseconds(50));
    stopped_at = std::chrono::steady_clock::now();
    stop.request_stop();
  });
  {
    const ForwardContext::Mark mark(model.runner().context());
    const Result<Tensor> stopped = model.model().forward(model.runner().context(), step, model.runner().state());
    const auto ended_at = std::chrono::steady_clock::now();
    person.join();
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
    EXPECT_LT(ended_at - stopped_at, milliseconds(200));
  }
  model.backend().set_stop({});
  faults = {};
  // what was under way when the step ended comes meanwhile, and is nobody's
  test::ModelRunner fresh(model.model(), model.backend(), 2, 128);
  fresh.context().experts = &model.slots();
  EXPECT_EQ(answers(fresh), answers_in_memory(test::model_data("qwen3-moe-tiny"), Activations::q8));
}

LoadRequest request_for(const std::filesystem::path& path) {
  LoadRequest request;
  request.path = path.string();
  request.context_length = 44;  // what a step's experts give is small beside their weights then
  request.n_threads = 2;
  return request;
}

TEST(Slots, TakeTheMemoryThatIsLeftOfABudget) {
  int n_with_slots = 0;
  for (const std::filesystem::path& path : mixtures()) {
    LoadRequest request = request_for(path);
    const Result<std::unique_ptr<LoadedModel>> whole = LoadedModel::load(request, {}, {});
    ASSERT_TRUE(whole) << whole.error().message;
    const Result<std::vector<float>> expected = logits_of(**whole);
    ASSERT_TRUE(expected);
    EXPECT_EQ((*whole)->expert_slots(), nullptr);
    request.ram_bytes = 1'000'000'000;
    const LoadPlan most = planned(request).plan;
    EXPECT_EQ(most.n_slots, 0);
    std::int64_t last_slots = 1'000'000;
    for (double share = 0.95; share > 0; share -= 0.05) {
      request.ram_bytes = most.needed_bytes - static_cast<std::uint64_t>((1 - share) * static_cast<double>(most.expert_bytes));
      const PlannedLoad plan = planned(request);
      // of tiny models what experts are read to is larger than they are
      if (!plan.plan.fits || plan.plan.layout.form != WeightLayout::Form::in_slots) continue;
      EXPECT_LE(plan.plan.needed_bytes, request.ram_bytes);
      EXPECT_LE(plan.plan.n_slots, last_slots);
      last_slots = plan.plan.n_slots;
      EXPECT_GT(plan.plan.hit_rate, 0);
      EXPECT_LT(plan.plan.hit_rate, 1);
      EXPECT_GT(plan.plan.disk_bytes_per_token, 0);
      const Result<std::unique_ptr<LoadedModel>> part = LoadedModel::load(request, {}, {});
      ASSERT_TRUE(part) << part.error().message;
      ASSERT_TRUE((*part)->expert_slots());
      EXPECT_EQ((*part)->expert_slots()->n_slots(), plan.plan.n_slots);
      EXPECT_EQ((*part)->info().layout.form, WeightLayout::Form::in_slots);
      EXPECT_EQ((*part)->info().layout.resident_bytes, plan.plan.layout.resident_bytes);
      for (int again = 0; again < 2; ++again) {
        const Result<std::vector<float>> found = logits_of(**part);
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_EQ(*found, *expected) << path << ' ' << share;
      }
    }
    n_with_slots += last_slots < 1'000'000;
  }
  EXPECT_GE(n_with_slots, 2);
}

// Wherever weights lie the bytes are the same: what was read with all experts in memory goes on with some of them there, and back.
TEST(Slots, GoOnWithConversationsOfTheWholeModel) {
  int n_with_slots = 0;
  for (const std::filesystem::path& path : mixtures()) {
    if (path.string().find("qwen3") == std::string::npos) continue;  // of MLA the form of a prompt changes the last bits
    const TempFolder folder;
    const std::unique_ptr<Engine> engine = create_engine();
    ASSERT_TRUE(engine->keep_conversations({.folder = folder.path(), .ram_bytes = 0}));
    std::vector<float> logits;
    const auto answer = [&] {
      GenerateRequest turn;
      turn.ids.resize(36);
      std::iota(turn.ids.begin(), turn.ids.end(), 3);
      turn.sampling.temperature = 0;
      turn.max_tokens = 4;
      turn.ignore_eos = true;
      GenerateSink sink;
      sink.logits = [&](std::span<const float> row) { logits.insert(logits.end(), row.begin(), row.end()); };
      logits.clear();
      return engine->generate(turn, sink, {}).value().stats;
    };
    const LoadRequest whole = request_for(path);
    LoadRequest part = whole;
    ASSERT_TRUE(engine->load(whole, {}, {}));
    EXPECT_EQ(answer().read_tokens, 36);
    const std::vector<float> expected = logits;
    part.ram_bytes = 1'000'000'000;
    const LoadPlan most = planned(part).plan;
    for (double share = 0.95; share > 0; share -= 0.05) {
      part.ram_bytes = most.needed_bytes - static_cast<std::uint64_t>((1 - share) * static_cast<double>(most.expert_bytes));
      const LoadPlan plan = planned(part).plan;
      if (!plan.fits || plan.layout.form != WeightLayout::Form::in_slots) continue;
      ++n_with_slots;
      for (const LoadRequest& request : {part, whole}) {
        ASSERT_TRUE(engine->switch_to(request, {}, {}));
        EXPECT_EQ(engine->loaded()->layout.form, request == part ? WeightLayout::Form::in_slots : WeightLayout::Form::placed);
        const GenerationStats stats = answer();
        EXPECT_NE(stats.restored_from, SnapshotTier::none);
        EXPECT_EQ(stats.read_tokens, 1);
        EXPECT_EQ(logits, expected);
      }
      break;
    }
  }
  EXPECT_GE(n_with_slots, 1);
}

// A file that becomes shorter while it is open: the step fails by name, and the model answers again when it is as it was.
TEST(Slots, SayWhichFileBecameShorter) {
  const TempFolder folder;
  const std::filesystem::path copy = folder.path() / "model", weights = copy / "model.safetensors", kept = folder.path() / "kept";
  std::filesystem::copy(test::model_data("qwen3-moe-tiny"), copy, std::filesystem::copy_options::recursive);
  const std::vector<float> expected = answers_in_memory(copy, Activations::q8);
  for (const IoMode mode : {IoMode::uring, IoMode::pread, IoMode::buffered}) {
    Result<std::unique_ptr<ReadQueue>> queue = ReadQueue::create(mode);
    if (!queue) continue;
    Slotted model(copy, Activations::q8, 0, std::move(*queue));
    std::filesystem::copy_file(weights, kept, std::filesystem::copy_options::overwrite_existing);
    const auto written = std::filesystem::last_write_time(weights);
    std::filesystem::resize_file(weights, std::filesystem::file_size(weights) / 4);
    const Step& step = model.runner().make_step({{0, {5, 9, 2, 70, 33}}});
    {
      const ForwardContext::Mark mark(model.runner().context());
      const Result<Tensor> failed = model.model().forward(model.runner().context(), step, model.runner().state());
      ASSERT_FALSE(failed);
      EXPECT_EQ(failed.error().code, ErrorCode::io) << failed.error().message;
      EXPECT_NE(failed.error().message.find("model.safetensors"), std::string::npos) << failed.error().message;
      EXPECT_NE(failed.error().message.find("expert "), std::string::npos) << failed.error().message;
    }
    std::filesystem::copy_file(kept, weights, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::last_write_time(weights, written);
    test::ModelRunner fresh(model.model(), model.backend(), 2, 128);
    fresh.context().experts = &model.slots();
    EXPECT_EQ(answers(fresh), expected) << name_of(mode);
  }
}

// Slots that go while the model stays, a few or nearly all, and come back: the bytes are the same, and so are those of experts that moved.
TEST(Slots, GiveMemoryBackAndTakeItAgain) {
  for (const std::filesystem::path& path : mixtures()) {
    const std::vector<float> expected = answers_in_memory(path, Activations::q8);
    Slotted model(path, Activations::q8, std::uint64_t{1} << 40, threads());
    const std::int64_t n_all = model.slots().n_slots();
    const std::uint64_t all_bytes = model.slots().n_bytes();
    const auto answers_now = [&] {
      test::ModelRunner fresh(model.model(), model.backend(), 2, 128);
      fresh.context().experts = &model.slots();
      return answers(fresh);
    };
    EXPECT_EQ(answers_now(), expected);
    for (const std::uint64_t part : {20, 5, 3, 1}) {
      const std::uint64_t before = model.slots().n_bytes();
      const std::uint64_t given = model.slots().give_back(all_bytes / part);
      EXPECT_EQ(before - model.slots().n_bytes(), given);
      EXPECT_TRUE(given >= all_bytes / part || model.slots().n_slots() == 2 * std::ssize(model.slots().kinds())) << given << " of " << before;
      model.slots().reset_counts();
      EXPECT_EQ(answers_now(), expected) << path << " without a part of " << part;
    }
    EXPECT_LE(model.slots().n_slots(), 2 * std::ssize(model.slots().kinds()));
    EXPECT_EQ(model.slots().give_back(1), 0u) << "a few always stay";
    EXPECT_LE(model.slots().receive(all_bytes / 3), all_bytes / 3);
    EXPECT_GT(model.slots().receive(all_bytes), 0u);
    EXPECT_EQ(model.slots().receive(all_bytes), 0u);
    EXPECT_EQ(model.slots().n_slots(), n_all);
    EXPECT_EQ(answers_now(), expected) << path;
    model.slots().reset_counts();
    EXPECT_EQ(answers_now(), expected) << path;
    for (const ExpertCache::Counts& layer : model.slots().counts().layers) EXPECT_EQ(layer.evictions, 0);
    // in the middle of a step, between the layers of it
    int n_looks = 0;
    model.slots().set_look_after([&] {
      if (++n_looks % 2 == 0) model.slots().give_back(all_bytes / 7);
      else model.slots().receive(all_bytes / 9);
    });
    EXPECT_EQ(answers_now(), expected) << path;
    EXPECT_GT(n_looks, 4);
  }
}

// With the routing of an earlier run the slots are full before the first token; or not, where loading is stopped. The bytes are the same.
TEST(Slots, BeginWithWhatAnEarlierRunWanted) {
  for (const std::filesystem::path& path : mixtures()) {
    const std::vector<float> expected = answers_in_memory(path, Activations::q8);
    std::uint64_t n_bytes = 0;
    {
      Slotted all(path, Activations::q8, std::uint64_t{1} << 40, threads());
      n_bytes = all.slots().n_bytes() / 2;
    }
    Slotted first(path, Activations::q8, n_bytes, threads());
    EXPECT_EQ(answers(first.runner()), expected) << path;
    const std::vector<ExpertProfile> profiles = first.slots().profiles();

    Slotted warm(path, Activations::q8, n_bytes, threads());
    warm.slots().warm(profiles, {});
    EXPECT_EQ(warm.slots().counts().misses, 0);
    EXPECT_EQ(warm.slots().counts().bytes_read, 0U);
    const std::vector<test::ModelRunner::Piece> one{{0, {7}}};
    const auto answers_with = [](Slotted& model) {  // with empty caches of keys and values
      test::ModelRunner fresh(model.model(), model.backend(), 2, 128);
      fresh.context().experts = &model.slots();
      return answers(fresh);
    };
    warm.runner().run(one);
    EXPECT_GT(warm.slots().counts().hits, 0);
    EXPECT_EQ(answers_with(warm), expected) << path;

    std::stop_source stop;
    stop.request_stop();
    Slotted stopped(path, Activations::q8, n_bytes, threads());
    stopped.slots().warm(profiles, stop.get_token());
    stopped.runner().run(one);
    EXPECT_EQ(stopped.slots().counts().hits, 0);
    EXPECT_EQ(answers_with(stopped), expected) << path;

    BentQueue::Faults faults{.fails_after = 7};
    Slotted failing(path, Activations::q8, n_bytes, std::make_unique<BentQueue>(faults));
    failing.slots().warm(profiles, {});
    faults.fails_after = -1;
    EXPECT_EQ(answers_with(failing), expected) << path;
  }
}

}  // namespace
}  // namespace pio
