// A mixture whose experts memory does not hold all, as a person meets it: while memory gets short, while its file fails, and what the system
// counts of its reading.

#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/cli/mixture_file.h"
#include "tests/cli/pio_fixture.h"
#include "tests/support/control_group.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;

class Memory : public Pio {
 protected:
  void SetUp() override {
    Pio::SetUp();
    model_ = path("mixture.gguf");
    test::write_mixture(model_, shape_);
    all_experts_ = shape_.layers * shape_.experts * shape_.expert_bytes();
  }
  // A budget for all but the experts, and this share of them.
  std::string ram(double share) {
    const std::uint64_t ram = 36'000'000 + static_cast<std::uint64_t>(share * static_cast<double>(all_experts_));
    const json plan = run_json({"plan", model_, "--ctx", "256", "--ram", std::to_string(ram / 1024) + "K"});
    EXPECT_NEAR(static_cast<double>(plan["slots"]), share * static_cast<double>(shape_.layers * shape_.experts), 20);
    return std::to_string(ram / 1024) + "K";
  }

  std::string model_;
  const test::MixtureShape shape_;
  std::uint64_t all_experts_ = 0;
};

// The note that speeds are those of small pages.
class HugePages : public Pio {
 protected:
  // What standard error says of a mixture of more weights than small pages are meant for; `layout`: what the result says.
  std::string said(json& layout) {
    const std::string model = path("mixture.gguf");
    test::write_mixture(model, {.layers = 1, .experts = 96});
    const Ran ran = run({"bench", model, "-p", "2", "-n", "1", "-r", "1", "--json"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    layout = json::parse(ran.out, nullptr, false)["layout"];
    return ran.err;
  }
  static constexpr const char* kNote = "huge pages: expected 90 % of ";
};

TEST_F(HugePages, WhatHoldsFewerThanNineTenthsIsSaid) {
  json layout;
  const std::string note = said(layout);
  ASSERT_GT(layout["resident_bytes"], 64 * kMiB);
  const bool are_few = layout["huge_page_bytes"].get<double>() < 0.9 * layout["resident_bytes"].get<double>();
  EXPECT_EQ(note.find(kNote) != std::string::npos, are_few) << note << layout;
}

TEST_F(HugePages, ThatTheyAreRefusedIsSaid) {
  ASSERT_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);  // of this process and those that it starts
  json layout;
  const std::string note = said(layout);
  ASSERT_EQ(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
  EXPECT_EQ(layout["huge_page_bytes"], 0);
  EXPECT_NE(note.find(kNote), std::string::npos) << note;
  EXPECT_NE(note.find(", found 0.0 MB: "), std::string::npos) << note;
}

// `pio batch` that is given its lines one after the other.
class Talk {
 public:
  using json = nlohmann::json;
  // `start` starts it with the three files.
  template <class Start>
  explicit Talk(const Start& start, const std::string& err) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) std::abort();
    const int said = open(err.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    child_ = start(in[0], out[1], said);
    for (const int file : {in[0], out[1], said}) close(file);
    in_ = in[1];
    out_ = fdopen(out[0], "r");
  }
  ~Talk() {
    if (child_ > 0) end();
    std::fclose(out_);
  }
  pid_t process() const { return child_; }
  json ask(const json& line) {
    const std::string words = line.dump() + "\n";
    if (::write(in_, words.data(), words.size()) != static_cast<ssize_t>(words.size())) return {};
    std::string answer;
    for (int c = 0; (c = std::fgetc(out_)) != EOF && c != '\n';) answer += static_cast<char>(c);
    return json::parse(answer, nullptr, false);
  }
  // Its status as waitpid tells it.
  int end() {
    close(in_);
    int status = 0;
    waitpid(std::exchange(child_, 0), &status, 0);
    return status;
  }

 private:
  pid_t child_ = 0;
  int in_ = -1;
  FILE* out_ = nullptr;
};

// Of different numbers the prompts have little in common, so that other experts are chosen.
nlohmann::json question(int number = 0) {
  nlohmann::json line = {{"ids", nlohmann::json::array()}, {"max_tokens", 24}, {"temperature", 0}, {"ignore_eos", true}};
  for (int i = 0; i < 48; ++i) line["ids"].push_back((i * (37 + 6 * number) + 11 * number) % 251);
  return line;
}

// A program in the same group that takes memory as it is told to, and dies where there is none.
class Hog {
 public:
  explicit Hog(const ControlGroup& group) {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) std::abort();
    child_ = fork();
    if (child_ == 0) {
      if (!group.enter()) _exit(3);
      close(to[1]);
      char byte = 0;
      while (::read(to[0], &byte, 1) == 1) {
        char* const taken = static_cast<char*>(std::malloc(kStep));
        for (std::size_t i = 0; i < kStep; i += 4096) taken[i] = 1;
        if (::write(from[1], &byte, 1) != 1) break;
      }
      _exit(0);
    }
    close(to[0]), close(from[1]);
    to_ = to[1], from_ = from[0];
  }
  ~Hog() {
    close(to_), close(from_);
    int status = 0;
    waitpid(child_, &status, 0);
  }
  static constexpr std::size_t kStep = 2 << 20;
  // False where it could not.
  bool take() {
    char byte = 1;
    return ::write(to_, &byte, 1) == 1 && ::read(from_, &byte, 1) == 1;
  }

 private:
  pid_t child_ = 0;
  int to_ = -1, from_ = -1;
};

TEST_F(Memory, ExpertsGoBeforeAGroupHasNoMemoryLeft) {
  constexpr std::uint64_t kLimit = 320 * kMiB;
  const ControlGroup group("memory");
  if (!group.made() || !group.set("memory.limit_in_bytes", std::to_string(kLimit))) {
    GTEST_SKIP() << "this machine lets no control group be made (/sys/fs/cgroup/memory)";
  }
  Hog hog(group);  // first: it would keep the other one's pipes open
  const std::vector<std::string> words = {"batch", model_, "--prompts", "-", "--ctx", "256", "--ram", ram(0.7), "--threads", "2", "--json"};
  Talk talk(
      [&](int in, int out, int err) {
        const pid_t child = fork();
        if (child != 0) return child;
        if (!group.enter()) _exit(3);
        _exit(execute(words, in, out, err));
      },
      path("err"));
  const json first = talk.ask(question());
  ASSERT_TRUE(first.contains("ids")) << first << contents(path("err"));
  const json full = talk.ask(question());
  ASSERT_EQ(full["ids"], first["ids"]);
  EXPECT_EQ(full["stats"]["given_back"]["slots"], 0);
  const auto resident = [&] {
    std::ifstream statm("/proc/" + std::to_string(talk.process()) + "/statm");
    std::uint64_t pages = 0;
    statm >> pages >> pages;
    return pages * 4096;
  };
  const std::uint64_t resident_before = resident(), used_before = group.number("memory.usage_in_bytes");

  std::uint64_t taken = 0, slot_bytes = 0;
  const std::uint64_t wanted = kLimit - used_before + 80 * kMiB;  // more than is there
  for (; taken < wanted; taken += Hog::kStep) {
    ASSERT_TRUE(hog.take()) << "it was ended with " << taken << " bytes, when " << slot_bytes << " were given back";
    const json answer = talk.ask(question());
    ASSERT_TRUE(answer.contains("ids")) << answer << contents(path("err"));
    ASSERT_EQ(answer["ids"], first["ids"]);
    slot_bytes += answer["stats"]["given_back"]["slot_bytes"].get<std::uint64_t>();
  }
  EXPECT_GT(slot_bytes, 60 * kMiB);
  EXPECT_LT(resident(), resident_before - 60 * kMiB) << "and their memory has gone";
  EXPECT_EQ(talk.end(), 0);
  EXPECT_NE(contents(path("err")).find("memory got short"), std::string::npos) << contents(path("err"));
}

TEST_F(Memory, AFileThatFailsEndsTheAnswerAndNotTheModel) {
  for (const std::string io : {"uring", "pread", "buffered"}) {
    Talk talk(
        [&](int in, int out, int err) {
          return start({"batch", model_, "--prompts", "-", "--ctx", "256", "--ram", ram(0.3), "--io", io, "--json"}, in, out, err);
        },
        path("err"));
    const json first = talk.ask(question());
    if (io == "uring" && first.is_discarded()) continue;  // a system may refuse it
    ASSERT_TRUE(first.contains("ids")) << io << first << contents(path("err"));
    const auto written = fs::last_write_time(model_);
    const std::uintmax_t n_bytes = fs::file_size(model_);
    fs::copy_file(model_, path("kept"), fs::copy_options::overwrite_existing);
    fs::resize_file(model_, n_bytes / 3);
    const json failed = talk.ask(question(1));
    ASSERT_TRUE(failed.contains("error")) << io << failed;
    const std::string words = failed["error"];
    EXPECT_NE(words.find("expert "), std::string::npos) << words;
    EXPECT_NE(words.find("mixture.gguf"), std::string::npos) << words;
    fs::copy_file(path("kept"), model_, fs::copy_options::overwrite_existing);
    fs::last_write_time(model_, written);
    const json again = talk.ask(question());
    EXPECT_EQ(again["ids"], first["ids"]) << io << again;
    EXPECT_EQ(talk.end(), 0);
  }
}

// Ended at any moment of switches and of the snapshots between them: whole files are left, and both models go on as if nothing had been.
// PIO_KILLS=200 for the full run.
TEST_F(Pio, AKillDuringASwitchOrASnapshotLeavesWhatWasBefore) {
  const char* const said = std::getenv("PIO_KILLS");
  const int n_kills = said ? std::atoi(said) : 12;
  const std::string first = kModels + "/llama-tiny", second = kModels + "/qwen3-tiny", kept = path("kept");
  const auto ids = [](int n, int seed) {
    std::string text = std::to_string(3 + seed);
    for (int i = 1; i < n; ++i) text += "," + std::to_string(3 + (i * 7 + seed * i % 13) % 240);
    return text;
  };
  const std::string prompt = ids(700, 1), file = write("ids.json", "[" + ids(600, 2) + "]");
  const auto answer = [&](const std::string& model, bool with_snapshots) {
    std::vector<std::string> words{"complete", model, "--ids", prompt, "--greedy", "--ignore-eos", "--max-tokens", "6", "--ctx", "1024"};
    if (with_snapshots) words.insert(words.end(), {"--snapshots", kept});
    return run_json(words);
  };
  const json of_first = answer(first, false), of_second = answer(second, false);
  unsigned state = 5;
  int n_under_way = 0;
  for (int i = 0; i < n_kills; ++i) {
    const int out = opened("out", O_CREAT | O_TRUNC | O_WRONLY), err = opened("err", O_CREAT | O_TRUNC | O_WRONLY),
              in = opened("in", O_CREAT | O_RDWR);
    const pid_t child = start({"swap", first, second, "-r", "1000", "--ids-file", file, "--ctx", "1024", "--snapshots", kept}, in, out, err);
    for (const int one : {in, out, err}) close(one);
    state = state * 1664525 + 1013904223;
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + (state >> 8) % 500));
    kill(child, SIGKILL);
    n_under_way += wait_for(child).status == -1;
    const Ran listed = run({"snapshots", kept, "--json"});
    if (listed.status == 0) {
      for (const json& snapshot : json::parse(listed.out)["snapshots"]) EXPECT_EQ(snapshot["valid"], true) << snapshot;
    }
    const bool is_first = i % 2 == 0;
    const json after = answer(is_first ? first : second, true);
    EXPECT_EQ(after["ids"], (is_first ? of_first : of_second)["ids"]);
  }
  EXPECT_EQ(n_under_way, n_kills);
  const json again = answer(first, true);
  EXPECT_EQ(again["ids"], of_first["ids"]);
  EXPECT_EQ(again["stats"]["restored_from"], "disk");
}

// A trace in the place of the router: its hits are those of its law, from empty slots, once.
TEST_F(Memory, PlaysATrace) {
  const auto trace = [&](const std::function<int(int token, int layer, int i)>& id) {
    std::string text = "# route_trace v1\n# n_layer=4 n_expert=64\nturn,phase,step,layer,expert\n";
    for (int token = 0; token < 60; ++token)
      for (int layer = 0; layer < 4; ++layer)
        for (int i = 0; i < 3; ++i) {
          text += "0," + std::to_string(token < 10 ? 0 : 1) + "," + std::to_string(token) + "," + std::to_string(layer) + "," +
                  std::to_string(id(token, layer, i) % 64) + "\n";
        }
    return write("trace.csv", text);
  };
  const std::string budget = ram(0.25);
  const auto played = [&](const std::string& file) { return run_json({"bench", model_, "--routing", file, "--ram", budget}); };
  const json same = played(trace([](int, int layer, int i) { return 5 * i + layer; }));
  EXPECT_EQ(same["prefill"]["tokens"], 10);
  EXPECT_EQ(same["decode"]["tokens"], 50);
  EXPECT_EQ(same["decode"]["token_seconds"].size(), 50u);
  EXPECT_EQ(same["offload"]["misses"], 12) << "each once, by the prompt, and nothing is guessed";
  EXPECT_EQ(same["offload"]["decode_hit_rate"], 1.0);
  EXPECT_EQ(same["offload"]["hits"], 50 * 4 * 3);
  // each expert comes again when all others have been there
  const json around = played(trace([](int token, int, int i) { return 3 * token + i; }));
  EXPECT_LT(around["offload"]["decode_hit_rate"], 0.5);
  EXPECT_EQ(around["offload"]["read_ahead"], 0);
  EXPECT_EQ(around["offload"]["hits"].get<int>() + around["offload"]["misses"].get<int>(), 30 * 3 + 3 + 50 * 3 * 4)
      << "of a prompt's last layer the last token alone";
  // twice the same
  EXPECT_EQ(played(trace([](int token, int, int i) { return 3 * token + i; }))["offload"]["hits"], around["offload"]["hits"]);

  expect_complaint(run({"bench", model_, "--routing", trace([](int, int, int i) { return i; }), "-p", "4"}));
  expect_complaint(run({"bench", kModels + "/llama-tiny", "--routing", path("trace.csv")}));
  expect_complaint(run({"bench", model_, "--routing", write("bad.csv", "turn,phase\n1\n")}));
  EXPECT_NE(run({"bench", "--help"}).out.find("--routing"), std::string::npos);
}

// What it says that it read from the disk is what the system counts for the process.
TEST_F(Memory, SaysAsManyBytesFromTheDiskAsTheSystemCounts) {
  const auto drop = [&] {
    const int fd = open(model_.c_str(), O_RDONLY | O_CLOEXEC);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  };
  for (const std::string io : {"uring", "pread", "buffered"}) {
    drop();
    Talk talk(
        [&](int in, int out, int err) {
          return start({"batch", model_, "--prompts", "-", "--ctx", "256", "--ram", ram(0.2), "--io", io, "--json"}, in, out, err);
        },
        path("err"));
    const auto read_bytes = [&]() -> std::uint64_t {
      std::ifstream counts("/proc/" + std::to_string(talk.process()) + "/io");
      for (std::string key; counts >> key;) {
        std::uint64_t value = 0;
        counts >> value;
        if (key == "read_bytes:") return value;
      }
      return 0;
    };
    const json first = talk.ask(question());
    if (io == "uring" && first.is_discarded()) continue;  // a system may refuse it
    ASSERT_TRUE(first.contains("ids")) << io << first << contents(path("err"));
    if (io == "buffered") drop();
    const std::uint64_t before = read_bytes();
    if (before == 0) GTEST_SKIP() << "this system does not count what a process reads from the disk (/proc/PID/io), or keeps the file in memory";
    std::uint64_t said = 0;
    for (int i = 0; i < 3; ++i) {
      const json answer = talk.ask(question(i + 1));
      said += answer["stats"]["bytes_per_tier"]["disk"].get<std::uint64_t>();
    }
    const std::uint64_t counted = read_bytes() - before;
    ASSERT_GT(said, 10 * kMiB);
    // Direct reads are of whole blocks, three an expert; buffered ones bring what the system reads ahead.
    EXPECT_NEAR(static_cast<double>(counted), static_cast<double>(said), (io == "buffered" ? 0.5 : 0.05) * static_cast<double>(said)) << io;
    EXPECT_EQ(talk.end(), 0);
  }
}

}  // namespace
}  // namespace pio
