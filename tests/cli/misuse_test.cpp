// Clumsy use: nothing is lost, nothing that was asked for is passed over in silence, and words name what was typed.

#include <poll.h>
#include <pty.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "tests/cli/pio_fixture.h"

namespace pio {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

class Misuse : public Pio {
 protected:
  // `complete` with llama-tiny, these options among its own.
  Ran complete(std::vector<std::string> more) {
    std::vector<std::string> words = {"complete", kModels + "/llama-tiny", "--prompt", "x", "--max-tokens", "1", "--ctx", "64"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  std::vector<json> batch(const std::string& lines, std::vector<std::string> more = {}, const std::string& model = "llama-tiny") {
    std::vector<std::string> words = {"batch", kModels + "/" + model, "--prompts", write("lines", lines), "--ctx", "256", "--max-tokens", "4"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return json_lines(ran.out);
  }
};

TEST_F(Misuse, SaysItsVersionAndNamesACommandThatItDoesNotKnow) {
  const Ran version = run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(std::regex_match(version.out, std::regex("pio \\d+\\.\\d+\\.\\d+\n"))) << version.out;
  const Ran unknown = run({"wat", "--prompt", "x"});
  expect_complaint(unknown);
  EXPECT_EQ(unknown.status, 2);
  EXPECT_NE(unknown.err.find("\"wat\""), std::string::npos) << unknown.err;
  EXPECT_NE(unknown.err.find("complete"), std::string::npos) << "the ones it knows";
}

TEST_F(Misuse, RefusesEveryNumberThatIsNoneOfItsOptions) {
  const std::vector<std::string> never = {"", " 5", "5x", "0x10", "nan", "inf", "1e999"};
  const auto refused = [&](const std::string& option, std::vector<std::string> values) {
    values.insert(values.end(), never.begin(), never.end());
    for (const std::string& value : values) {
      SCOPED_TRACE(option + " " + value);
      expect_complaint_about(option, run({"complete", "no-model", option, value}));  // before anything is looked for
    }
  };
  refused("--temp", {"-1", "-0.001"});
  refused("--top-p", {"0", "-0.5", "1.0001"});
  refused("--min-p", {"-0.1", "1.5"});
  refused("--repeat-penalty", {"0", "-1"});
  refused("--presence-penalty", {"-1"});
  refused("--frequency-penalty", {"-1"});
  refused("--top-k", {"-1", "1.5", "2147483648"});
  refused("--seed", {"-1", "18446744073709551616", "1.5"});
  refused("--max-tokens", {"-1", "9223372036854775808", "2.5"});
  refused("--ctx", {"-1", "1.5"});
  refused("--draft", {"on", "3"});
  refused("--draft-max", {"0", "-1", "65", "1.5"});
  refused("--threads", {"-1", "1025"});
  refused("--ram", {"0", "-1G", "0.5", "8Q", "8 G", "99999999999T"});
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"bench", "x", "-p", "-1"},
                                                                                     {"bench", "x", "-n", "1e3"},
                                                                                     {"bench", "x", "-d", "nan"},
                                                                                     {"bench", "x", "-r", "0"},
                                                                                     {"bench", "x", "-b", "0"},
                                                                                     {"bench", "x", "--draft", "yes"},
                                                                                     {"perplexity", "x", "--file", "y", "--windows", "-1"},
                                                                                     {"divergence", "x", "--file", "y", "--windows", "two"},
                                                                                     {"swap", "x", "y", "-r", "0"}}) {
    const std::string& option = words[words.size() - 2];
    SCOPED_TRACE(words[0] + " " + option);
    expect_complaint_about(option, run(words));
  }
  expect_complaint_about("--fps", run({"logits", "x", "--ids", "1", "--out", "y", "--fps", "0"}));
  EXPECT_EQ(complete({"--seed", "18446744073709551615", "--temp", "0.5", "--top-p", "1", "--min-p", "0", "--top-k", "0"}).status, 0);
}

TEST_F(Misuse, NamesOptionsThatWereGivenAnEmptyText) {
  for (const std::string option : {"--stop", "--mmproj", "--lora", "--logits-out", "--ids"}) {
    SCOPED_TRACE(option);
    expect_complaint_about(option, run({"complete", "x", option, ""}));
  }
  expect_complaint_about("--prompt", complete({}).status == 0 ? run({"complete", kModels + "/qwen3-tiny", "--prompt", ""}) : Ran());
  expect_complaint_about("--ids", run({"complete", kModels + "/llama-tiny", "--ids", "1,,2"}));
}

TEST_F(Misuse, TakesAnEmptyTextForOne) {
  int open_end[2];
  ASSERT_EQ(pipe2(open_end, O_CLOEXEC), 0);  // nobody closes its other end: who reads it waits for ever
  const int out = opened("out", O_CREAT | O_TRUNC | O_WRONLY), err = opened("err", O_CREAT | O_TRUNC | O_WRONLY);
  const pid_t child = start({"tokenize", kModels + "/llama-tiny", "--text", "", "--json"}, open_end[0], out, err);
  for (int i = 0; i < 100 && waitpid(child, nullptr, WNOHANG) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  kill(child, SIGKILL);
  EXPECT_EQ(contents(path("out")), "{\"ids\":[]}\n");
  for (const int file : {open_end[0], open_end[1], out, err}) close(file);
  // A system message of no words is another one than the template's own.
  const auto prompt_tokens = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"chat", kModels + "/llama-tiny", "--prompt", "Hi", "--max-tokens", "1", "--ctx", "256"};
    words.insert(words.end(), more.begin(), more.end());
    return run_json(words)["stats"]["prompt_tokens"].get<int>();
  };
  EXPECT_LT(prompt_tokens({"--system", ""}), prompt_tokens({}));
}

TEST_F(Misuse, AppliesAPenaltyBesideGreedy) {
  const std::vector<std::string> words = {"complete",     kModels + "/llama-tiny", "--ids", "1,2,1,2,1,2,1,2", "--greedy",
                                          "--ignore-eos", "--max-tokens",          "24",    "--ctx",           "64"};
  std::vector<std::string> penalized = words;
  penalized.insert(penalized.end(), {"--repeat-penalty", "3"});
  EXPECT_NE(run_json(words)["ids"], run_json(penalized)["ids"]);
  EXPECT_NE(complete({"--greedy", "--temp", "0.7"}).err.find("--temp"), std::string::npos);
}

TEST_F(Misuse, NamesTheTrainedLengthOfAContextAboveIt) {
  const Ran above = complete({"--ctx", "8200"});
  EXPECT_EQ(above.status, 1) << "--ctx twice";
  const Ran ran = run({"complete", kModels + "/llama-tiny", "--ids", "1", "--max-tokens", "1", "--ctx", "8200"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  EXPECT_NE(ran.err.find("8192"), std::string::npos) << ran.err;
  EXPECT_EQ(run({"complete", kModels + "/llama-tiny", "--ids", "1", "--max-tokens", "1", "--ctx", "8192"}).err, "");
}

TEST_F(Misuse, NamesTheTrainedLengthOfAContextAboveItWhereModelsAreSwitched) {
  const Ran ran = run({"swap", kModels + "/llama-tiny", kModels + "/qwen3-tiny", "--ctx", "9000"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.err.find("8192"), std::string::npos) << ran.err;
}

TEST_F(Misuse, NamesTheTrainedLengthOfAContextAboveItBeforeLoadingToo) {
  const Ran plan = run({"plan", kModels + "/llama-tiny", "--ctx", "8200"});
  EXPECT_EQ(plan.status, 0) << plan.err;
  EXPECT_NE(plan.err.find("8192"), std::string::npos) << plan.err;
  EXPECT_EQ(run({"plan", kModels + "/llama-tiny", "--ctx", "8192"}).err, "");
  std::string text;
  for (int i = 0; i < 9000; ++i) text += "a " + std::to_string(i) + '\n';
  const Ran measured = run({"divergence", kModels + "/llama-tiny", "--file", write("long.txt", text), "--ctx", "8200", "--windows", "1"});
  EXPECT_EQ(measured.status, 0) << measured.err;
  EXPECT_NE(measured.err.find("8192"), std::string::npos) << measured.err;
}

TEST_F(Misuse, AnswersABatchLineForLine) {
  const std::vector<std::string> bad = {"{",
                                        "5",
                                        "[]",
                                        "null",
                                        "\"x\"",
                                        "{}",
                                        R"({"prompt":5})",
                                        R"({"prompt":["a"]})",
                                        R"({"prompt":""})",
                                        R"({"ids":[]})",
                                        R"({"ids":"1,2"})",
                                        R"({"ids":[1.5]})",
                                        R"({"ids":[-1]})",
                                        R"({"ids":[99999]})",
                                        R"({"ids":[4294967297]})",
                                        R"({"messages":5})",
                                        R"({"messages":[]})",
                                        R"({"messages":[{"content":"x"}]})",
                                        R"({"prompt":"a","ids":[1]})",
                                        R"({"prompt":"a","max_tokens":"2"})",
                                        R"({"prompt":"a","max_tokens":-2})",
                                        R"({"prompt":"a","max_tokens":2.5})",
                                        R"({"prompt":"a","max_tokens":true})",
                                        R"({"prompt":"a","temperature":"hot"})",
                                        R"({"prompt":"a","temperature":-1})",
                                        R"({"prompt":"a","temperature":1e999})",
                                        R"({"prompt":"a","top_p":0})",
                                        R"({"prompt":"a","min_p":2})",
                                        R"({"prompt":"a","top_k":1.5})",
                                        R"({"prompt":"a","seed":-1})",
                                        R"({"prompt":"a","seed":18446744073709551616})",
                                        R"({"prompt":"a","repeat_penalty":0})",
                                        R"({"prompt":"a","stop":5})",
                                        R"({"prompt":"a","stop":[5]})",
                                        R"({"prompt":"a","stop":""})",
                                        R"({"prompt":"a","tools":{}})",
                                        R"({"prompt":"a","tools":[]})",
                                        R"({"prompt":"a","thinking":true})",
                                        R"({"messages":[{"role":"user","content":"x"}],"thinking":3})",
                                        R"({"prompt":"a","temprature":1})",
                                        R"({"prompt":"a","logits_out":5})",
                                        R"({"prompt":"a","logits_out":"/nowhere/x.npy"})",
                                        R"({"prompt":"a","logits_out":"/tmp"})",
                                        "\xff\xfe",
                                        "   "};
  std::string lines;
  for (const std::string& line : bad)
    lines += R"({"ids":[1,2]})"
             "\n" +
             line + "\n";
  const std::vector<json> out = batch(lines + R"({"ids":[1,2]})"
                                              "\n\n\n");  // blank lines at the end are none
  ASSERT_EQ(out.size(), 2 * bad.size() + 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    SCOPED_TRACE(i % 2 ? bad[i / 2] : "a good line");
    EXPECT_EQ(out[i].contains("error"), i % 2 == 1);
    EXPECT_EQ(out[i].contains("ids"), i % 2 == 0);
    EXPECT_EQ(out[i].value("dropped_messages", -1), i % 2 ? -1 : 0);
  }
  EXPECT_NE(out[2 * (bad.size() - 6) + 1]["error"].get<std::string>().find("temprature"), std::string::npos) << "the member is named";
}

TEST_F(Misuse, HonoursTheOptionsOfABatchLine) {
  const auto ids = [](const json& line) { return line["ids"].get<std::vector<int>>(); };
  const std::vector<json> out = batch(R"({"ids":[1,2,3],"temperature":0,"ignore_eos":true}
{"ids":[1,2,3],"temperature":5,"seed":1,"max_tokens":8,"ignore_eos":true,"top_k":0,"top_p":1,"min_p":0}
{"ids":[1,2,3],"temperature":5,"seed":1,"max_tokens":8,"ignore_eos":true,"top_k":0,"top_p":1,"min_p":0}
{"ids":[1,2,3],"temperature":5,"seed":2,"max_tokens":8,"ignore_eos":true,"top_k":0,"top_p":1,"min_p":0}
{"ids":[1,2,3],"temperature":5,"seed":7,"top_k":1,"ignore_eos":true}
{"ids":[1,2,3],"temperature":0,"max_tokens":24,"ignore_eos":true}
{"ids":[1,2,3],"temperature":0,"max_tokens":24,"ignore_eos":true,"repeat_penalty":3}
{"ids":[1,2,3],"max_tokens":0}
{"ids":[1,2,3],"stop":null,"temperature":null,"tools":null}
)",
                                      {"--temp", "9"});
  ASSERT_EQ(out.size(), 9u);
  const json greedy =
      run_json({"complete", kModels + "/llama-tiny", "--ids", "1,2,3", "--greedy", "--ignore-eos", "--max-tokens", "4", "--ctx", "256"});
  EXPECT_EQ(ids(out[0]), ids(greedy));
  EXPECT_EQ(ids(out[1]).size(), 8u);
  EXPECT_EQ(ids(out[1]), ids(out[2]));
  EXPECT_NE(ids(out[1]), ids(out[3]));
  EXPECT_EQ(ids(out[4]), ids(greedy));
  EXPECT_NE(ids(out[5]), ids(out[6]));
  EXPECT_EQ(ids(out[7]).size(), 0u);
  // Stops before the first character of what came without one.
  const std::string text = out[5]["text"];
  const std::string letter = json(text.substr(text.find_first_of("abcdefghijklmnopqrstuvwxyz"), 1)).dump();
  for (const std::string& stop : {letter, "[\"zq\"," + letter + "]"}) {
    const std::vector<json> stopped = batch(R"({"ids":[1,2,3],"temperature":0,"max_tokens":24,"ignore_eos":true,"stop":)" + stop + "}\n");
    ASSERT_EQ(stopped.size(), 1u);
    EXPECT_EQ(stopped[0]["text"], text.substr(0, text.find_first_of("abcdefghijklmnopqrstuvwxyz")));
    EXPECT_EQ(stopped[0]["finish_reason"], "stop");
  }
}

TEST_F(Misuse, TakesOneWordForEachOptionThatRepeats) {
  const std::string model = kModels + "/llama-tiny";
  const std::vector<std::string> rest = {"--ids", "1,2,3", "--greedy", "--ignore-eos", "--max-tokens", "24", "--ctx", "64"};
  const auto complete = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "complete");
    words.insert(words.end(), rest.begin(), rest.end());
    return run_json(words);
  };
  const std::string text = complete({model})["text"];
  const std::string letter = text.substr(text.find_first_of("abcdefghijklmnopqrstuvwxyz"), 1);
  EXPECT_EQ(complete({model, "--stop", "[" + letter + ",zq]"})["text"], text) << "brackets are characters, no list";
  EXPECT_EQ(complete({"--stop", "zq", model})["text"], text) << "what follows is no second stop string";
  EXPECT_EQ(complete({model, "--stop", "zq", "--stop", letter})["finish_reason"], "stop");
}

TEST_F(Misuse, SaysHowManyMessagesWereLeftOut) {
  json messages = json::array();
  for (int i = 0; i < 21; ++i)
    messages.push_back({{"role", i % 2 ? "assistant" : "user"}, {"content", "one two three four five six seven eight " + std::to_string(i)}});
  const std::vector<json> out = batch(json{{"messages", messages}}.dump() + "\n" + json{{"messages", {messages[20]}}}.dump() + "\n");
  ASSERT_EQ(out.size(), 2u);
  EXPECT_GT(out[0]["dropped_messages"], 0);
  EXPECT_EQ(out[1]["dropped_messages"], 0);
  EXPECT_EQ(run_json({"chat", kModels + "/llama-tiny", "--prompt", "Hi", "--max-tokens", "1", "--ctx", "256"})["dropped_messages"], 0);
}

TEST_F(Misuse, ConversesInJsonALineForALine) {
  std::string input;
  for (int i = 0; i < 12; ++i) input += "say some of the usual words " + std::to_string(i) + "\n";
  input += std::string(4000, 'x') + "\nand once more\n \n";
  const Ran ran = run({"chat", kModels + "/llama-tiny", "--json", "--max-tokens", "4", "--ctx", "256"}, input);
  EXPECT_EQ(ran.status, 0) << ran.err;
  const std::vector<json> out = json_lines(ran.out);
  ASSERT_EQ(out.size(), 15u);
  for (int i = 0; i < 14; ++i) {
    if (i == 12) continue;
    for (const char* key : {"text", "reasoning", "tool_calls", "finish_reason", "dropped_messages", "stats"})
      EXPECT_TRUE(out[i].contains(key)) << i << key;
  }
  EXPECT_EQ(out[0]["dropped_messages"], 0);
  EXPECT_GT(out[11]["dropped_messages"], 0);
  EXPECT_TRUE(out[12].contains("error")) << "4,000 letters do not fit into 256 tokens";
  EXPECT_TRUE(out[14].contains("error")) << "a line of spaces";

  const Ran words = run({"chat", kModels + "/llama-tiny", "--max-tokens", "4", "--ctx", "256"}, input);
  EXPECT_EQ(words.status, 0);
  EXPECT_NE(words.err.find("taken back"), std::string::npos) << words.err;
}

TEST_F(Misuse, AnswersTheLinesOfABatchInParallelAsOneAfterTheOther) {
  const std::string lines = R"({"ids":[1,2,3],"temperature":0,"ignore_eos":true,"max_tokens":30}
{"ids":[7],"temperature":1,"seed":5,"ignore_eos":true,"max_tokens":12}
{"ids":[1,2,3],"temprature":0}
{"prompt":"one two three","temperature":0,"ignore_eos":true,"max_tokens":3}
{"ids":[9,8,7,6,5,4,3,2,1],"temperature":1,"seed":6,"ignore_eos":true,"max_tokens":20}
{"ids":[4,4,4],"max_tokens":0}
{"ids":[1,2,3],"temperature":0,"ignore_eos":true,"max_tokens":9}
)";
  const std::vector<json> alone = batch(lines);
  ASSERT_EQ(alone.size(), 7u);
  for (const char* n : {"2", "3", "8"}) {
    const std::vector<json> together = batch(lines, {"--parallel", n});
    ASSERT_EQ(together.size(), alone.size()) << n;
    for (std::size_t i = 0; i < alone.size(); ++i) {
      SCOPED_TRACE(std::string("line ") + std::to_string(i) + " of " + n + " at once");
      for (const char* member : {"ids", "text", "finish_reason"})
        EXPECT_EQ(together[i].value(member, json()), alone[i].value(member, json())) << member;
      EXPECT_EQ(together[i].contains("error"), i == 2);
    }
  }
}

TEST_F(Misuse, LinesJoinAndEndAtTheStepsThatTheyName) {
  const std::string line = R"({"ids":[1,2,3],"temperature":0,"ignore_eos":true,"max_tokens":30)";
  const std::vector<json> out = batch(line + "}\n" + line + R"(,"at":5})" + "\n" + line + R"(,"stop_at":10})" + "\n", {"--parallel", "3"});
  ASSERT_EQ(out.size(), 3u);
  const auto all = out[0]["ids"].get<std::vector<int>>(), cut = out[2]["ids"].get<std::vector<int>>();
  EXPECT_EQ(all.size(), 30u);
  EXPECT_EQ(out[1]["ids"], out[0]["ids"]);
  ASSERT_LT(cut.size(), 11u);
  ASSERT_GT(cut.size(), 0u);
  EXPECT_TRUE(std::equal(cut.begin(), cut.end(), all.begin())) << "what was generated until then";
  for (const char* n : {"0", "65", "x", "-1"}) {
    const Ran ran = run({"batch", kModels + "/llama-tiny", "--prompts", write("lines", line + "}\n"), "--parallel", n});
    expect_complaint(ran);
    EXPECT_EQ(ran.status, 1) << n;
  }
}

// A batch that would take minutes.
std::string long_batch() {
  std::string lines;
  for (int i = 0; i < 2000; ++i)
    lines += R"({"ids":[1,2,3],"max_tokens":200,"ignore_eos":true})"
             "\n";
  return lines;
}

TEST_F(Misuse, EndsABatchWith130AtCtrlC) {
  for (const char* n_parallel : {"1", "3"}) {
    write("in", "");
    const int in = opened("in", O_RDONLY), out = opened("out", O_CREAT | O_TRUNC | O_WRONLY), err = opened("err", O_CREAT | O_TRUNC | O_WRONLY);
    const pid_t child =
        start({"batch", kModels + "/llama-tiny", "--prompts", write("lines", long_batch()), "--ctx", "256", "--parallel", n_parallel}, in, out, err);
    for (int i = 0; i < 300 && contents(path("out")).empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(child, SIGINT);
    const Ran ran = wait_for(child);
    for (const int file : {in, out, err}) close(file);
    EXPECT_EQ(ran.status, 130) << n_parallel;
    ASSERT_FALSE(ran.out.empty()) << n_parallel;
    EXPECT_TRUE(ran.out.ends_with('\n'));
    for (const json& line : json_lines(ran.out)) EXPECT_EQ(line["ids"].size(), 200u) << "no half answers, and none that was not made";
  }
}

TEST_F(Misuse, EndsAtOnceWhereNobodyReadsWhatItWrites) {
  const std::string lines = write("lines", long_batch());
  const std::vector<std::string> words = {"batch", kModels + "/llama-tiny", "--prompts", lines, "--ctx", "256"};
  write("in", "");
  Clock::time_point began = Clock::now();
  const Ran full = run_with(words, opened("in", O_RDONLY), open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(full.status, 1);
  EXPECT_TRUE(std::regex_match(full.err, std::regex("pio: standard output: [^\n]*\n"))) << full.err;

  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  const Ran gone = run_with(words, opened("in", O_RDONLY), ends[1]);
  EXPECT_EQ(gone.status, 1) << "-1: SIGPIPE ended it without a word";
  EXPECT_TRUE(std::regex_match(gone.err, std::regex("pio: standard output: [^\n]*\n"))) << gone.err;
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(30));

  // Text that comes piece by piece.
  const Ran streamed = run_with({"complete", kModels + "/llama-tiny", "--ids", "1,2", "--ignore-eos", "--max-tokens", "2000", "--ctx", "4096"},
                                opened("in", O_RDONLY), open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(streamed.status, 1);
  EXPECT_TRUE(streamed.err.starts_with("pio: standard output: ")) << streamed.err;
  EXPECT_EQ(run_with({"--help"}, opened("in", O_RDONLY), open("/dev/full", O_WRONLY | O_CLOEXEC)).status, 1);
}

// A person at a terminal: the words appear as they would there.
class Terminal : public Misuse {
 protected:
  void SetUp() override {
    Misuse::SetUp();
    child_ = forkpty(&screen_, nullptr, nullptr, nullptr);
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      const std::string model = kModels + "/llama-tiny";
      execl(PIO_BINARY, PIO_BINARY, "chat", model.c_str(), "--ctx", "4096", "--max-tokens", "3500", "--ignore-eos", static_cast<char*>(nullptr));
      _exit(127);
    }
  }
  void TearDown() override {
    if (child_ > 0) kill(child_, SIGKILL);
    close(screen_);
    Misuse::TearDown();
  }
  // Reads until the words stand on the screen after what was read before.
  bool sees(const std::string& words) {
    const Clock::time_point end = Clock::now() + std::chrono::seconds(60);
    while (screen_text_.find(words, seen_) == std::string::npos) {
      pollfd file{screen_, POLLIN, 0};
      char piece[4096];
      if (poll(&file, 1, 500) > 0) {
        const ssize_t n = read(screen_, piece, sizeof piece);
        if (n <= 0) return false;
        screen_text_.append(piece, static_cast<std::size_t>(n));
      }
      if (Clock::now() > end) return false;
    }
    seen_ = screen_text_.find(words, seen_) + words.size();
    return true;
  }
  void type(const std::string& keys) { ASSERT_EQ(::write(screen_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size())); }
  int status() {
    int status = 0;
    while (waitpid(child_, &status, WNOHANG) == 0) {
      pollfd file{screen_, POLLIN, 0};
      char piece[4096];
      if (poll(&file, 1, 50) > 0 && read(screen_, piece, sizeof piece) <= 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  pid_t child_ = -1;
  int screen_ = -1;
  std::string screen_text_;
  std::size_t seen_ = 0;
};

TEST_F(Terminal, SaysAtThePromptHowToLeaveAndLeaves) {
  ASSERT_TRUE(sees("> ")) << screen_text_;
  type("\x03");
  ASSERT_TRUE(sees("Ctrl+D")) << screen_text_;
  ASSERT_TRUE(sees("> ")) << "the conversation goes on: " << screen_text_;
  type("\x04");
  EXPECT_EQ(status(), 0);
}

TEST_F(Terminal, LeavesAtTheSecondCtrlCInARow) {
  ASSERT_TRUE(sees("> "));
  type("\x03");
  ASSERT_TRUE(sees("> ")) << screen_text_;
  type("\x03");
  EXPECT_EQ(status(), 130);
}

TEST_F(Terminal, TakesBackALineThatTheTerminalCut) {
  ASSERT_TRUE(sees("> "));
  type(std::string(5000, 'x') + "\n");
  ASSERT_TRUE(sees("taken back")) << screen_text_.substr(std::min<std::size_t>(screen_text_.size(), 5000));
  ASSERT_TRUE(sees("> "));
  type("\x04");
  EXPECT_EQ(status(), 0);
}

TEST_F(Terminal, StopsAnAnswerAndGoesOn) {
  ASSERT_TRUE(sees("> "));
  type("tell me a very long story\n");
  ASSERT_TRUE(sees("story\r\n"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  type("\x03");
  ASSERT_TRUE(sees("\n> ")) << screen_text_;
  type("\x04");
  EXPECT_EQ(status(), 0);
}

TEST_F(Misuse, AnswersTheLinesOfAPipeAsTheyCome) {
  int in[2], out[2];
  ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  const int err = opened("err", O_CREAT | O_TRUNC | O_WRONLY);
  const pid_t child = start({"batch", kModels + "/llama-tiny", "--prompts", "-", "--ctx", "256", "--max-tokens", "2"}, in[0], out[1], err);
  for (const int file : {in[0], out[1], err}) close(file);
  const std::string line = "{\"ids\":[1,2]}\n";
  for (int i = 0; i < 2; ++i) {
    ASSERT_GT(::write(in[1], line.data(), line.size()), 0);
    pollfd file{out[0], POLLIN, 0};
    ASSERT_EQ(poll(&file, 1, 60'000), 1) << "the first line is to be answered before the next is written";
    char answer[4096];
    ASSERT_GT(read(out[0], answer, sizeof answer), 0);
  }
  close(in[1]);
  EXPECT_EQ(wait_for(child).status, 0);
  close(out[0]);
}

TEST_F(Misuse, WritesTheRowsOfSampledSteps) {
  const std::string model = kModels + "/llama-tiny", rows = path("rows.npy"), all = path("all.npy");
  const json answer =
      run_json({"complete", model, "--ids", "1,2,3", "--greedy", "--ignore-eos", "--max-tokens", "5", "--ctx", "64", "--logits-out", rows});
  const std::vector<int> ids = answer["ids"];
  const auto values = [](const std::string& file) {
    const std::string bytes = contents(file);
    const std::size_t data = 10 + static_cast<unsigned char>(bytes[8]) + 256 * static_cast<unsigned char>(bytes[9]);
    std::vector<float> values((bytes.size() - data) / sizeof(float));
    std::memcpy(values.data(), bytes.data() + data, values.size() * sizeof(float));
    return values;
  };
  EXPECT_NE(contents(rows).find("'shape': (5, 391)"), std::string::npos);
  const std::vector<float> have = values(rows);
  ASSERT_EQ(have.size(), 5u * 391);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto row = have.begin() + static_cast<std::ptrdiff_t>(i) * 391;
    EXPECT_EQ(std::max_element(row, row + 391) - row, ids[i]);
  }
  std::string text = "1,2,3";
  for (int i = 0; i < 4; ++i) text += "," + std::to_string(ids[i]);
  run_json({"logits", model, "--ids", text, "--out", all});
  const std::vector<float> pass = values(all);
  ASSERT_EQ(pass.size(), 7u * 391);
  for (std::size_t i = 0; i < have.size(); ++i) ASSERT_NEAR(have[i], pass[2 * 391 + i], 1e-3) << i;  // the same tokens in steps of other widths

  batch(R"({"ids":[1,2,3],"temperature":0,"ignore_eos":true,"max_tokens":5,"logits_out":")" + path("line.npy") + "\"}\n");
  EXPECT_EQ(values(path("line.npy")), have);
  expect_complaint(run({"complete", model, "--ids", "1", "--logits-out", "/nowhere/x.npy"}));
  expect_complaint(run({"complete", model, "--ids", "1", "--logits-out", folder_.string()}));
}

TEST_F(Misuse, WritesLogitsRowsAsTheyCome) {
  const auto peak = [&](int n) {
    std::string ids = "1";
    for (int i = 1; i < n; ++i) ids += "," + std::to_string(1 + i * 37 % 300);
    const Ran ran = run({"logits", kModels + "/llama-tiny", "--ids", ids, "--out", path("x.npy"), "--ctx", "8192", "--threads", "1"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_GT(fs::file_size(path("x.npy")), static_cast<std::uintmax_t>(n) * 391 * 4);
    return ran.peak_kilobytes;
  };
  // 7,168 rows more are 11.2 MB; keys and values of as many tokens are 2.6 MB (3 layers of 2 heads of 16, twice, in f16).
  EXPECT_LT(peak(8000) - peak(832), 8000);
}

TEST_F(Misuse, NamesTheFileOfATextThatIsTooShort) {
  const std::string file = write("short.txt", "a b c");
  expect_complaint_about(file, run({"perplexity", kModels + "/llama-tiny", "--file", file, "--ctx", "64"}));
  expect_complaint_about(file, run({"divergence", kModels + "/llama-tiny", "--file", file, "--ctx", "64"}));
  expect_complaint_about("--ctx", run({"perplexity", kModels + "/llama-tiny", "--file", file, "--ctx", "2"}));
}

TEST_F(Misuse, SaysInOneLineWhyNothingIsQuantized) {
  expect_complaint(run({"quantize", kModels + "/llama-tiny", path("q.gguf"), "Q99"}));
  expect_complaint(run({"quantize", kModels + "/nothing", path("q.gguf"), "Q8_0"}));
}

TEST_F(Misuse, GoesOnAfterABadLineOfJsonl) {
  const std::string lines = write("lines", "{\"text\":\"a\"}\nnonsense\n{\"hex\":\"6\"}\n{\"text\":\"b\"}\n");
  const Ran ran = run({"tokenize", kModels + "/llama-tiny", "--jsonl", lines, "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const std::vector<json> out = json_lines(ran.out);
  ASSERT_EQ(out.size(), 4u);
  EXPECT_TRUE(out[0].contains("ids") && out[1].contains("error") && out[2].contains("error") && out[3].contains("ids"));
}

// A limit of the system on the size of files, for what is started while this exists.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t n_bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = n_bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(Misuse, SaysThatAFileMayNotGrow) {
  const std::vector<std::string> many = {"--max-tokens", "60", "--ignore-eos", "--ctx", "128"};
  const std::vector<std::string> rows = {"complete", kModels + "/llama-tiny", "--ids", "1", "--logits-out", path("x.npy")};
  const std::vector<std::string> text = {"batch", kModels + "/llama-tiny", "--prompts",
                                         write("lines", R"({"ids":[1]})"
                                                        "\n")};
  for (std::vector<std::string> words : {rows, text}) {
    words.insert(words.end(), many.begin(), many.end());
    const FileSizeLimit limit(500);
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 1) << words[0];
    EXPECT_TRUE(std::regex_match(ran.err, std::regex("pio: [^\n]*\n"))) << ran.err;
    EXPECT_FALSE(fs::exists(path("x.npy")));
  }
}

TEST_F(Misuse, DecodesFileAddresses) {
  fs::create_directory(folder_ / "a b");
  for (const char* file : {"config.json", "model.safetensors", "tokenizer.json"})
    fs::copy(fs::path(kModels) / "llama-tiny" / file, folder_ / "a b" / file);
  EXPECT_EQ(run_json({"inspect", "file://" + folder_.string() + "/a%20b"})["architecture"], "llama");
  EXPECT_EQ(
      run_json({"complete", "file:" + folder_.string() + "/a%20b", "--ids", "1", "--max-tokens", "2", "--ctx", "64", "--ignore-eos"})["ids"].size(),
      2u);
  expect_complaint(run({"inspect", "file://elsewhere/a"}));

  // Of files that are read and of those that are written, not of models alone.
  const std::string address = "file://" + folder_.string() + "/a%20b/", model = kModels + "/llama-tiny";
  std::ofstream(folder_ / "a b/text") << "x";
  std::ofstream(folder_ / "a b/lines") << json{{"ids", {1}}, {"max_tokens", 1}, {"logits_out", address + "line.npy"}} << "\n";
  EXPECT_EQ(run_json({"tokenize", model, "--file", address + "text"}), run_json({"tokenize", model, "--text", "x"}));
  EXPECT_EQ(run_json({"batch", model, "--prompts", address + "lines", "--ctx", "64"})["ids"].size(), 1u);
  EXPECT_TRUE(fs::exists(folder_ / "a b/line.npy"));
  run_json({"logits", model, "--ids", "1", "--ctx", "64", "--out", address + "x.npy"});
  EXPECT_TRUE(fs::exists(folder_ / "a b/x.npy"));
  expect_complaint(run({"tokenize", model, "--file", "file:///a%2"}));
}

TEST_F(Misuse, TakesANameOfTheCatalogueForAModel) {
  const fs::path models = folder_ / "inference-pio/models";
  fs::create_directories(models / "Tiny-Chat-1M");
  for (const char* file : {"config.json", "model.safetensors", "tokenizer.json"})
    fs::copy(fs::path(kModels) / "llama-tiny" / file, models / "Tiny-Chat-1M" / file);
  const std::string catalogue = write("catalogue.json", R"({"version":1,"models":[
    {"name":"Tiny-Chat-1M","files":[{"quantization":"F32","repository":"a/b","path":"tiny.gguf"}]},
    {"name":"Absent-Model","files":[{"quantization":"Q4_K_M","repository":"a/b","path":"absent.gguf"}]}]})");
  setenv("XDG_DATA_HOME", folder_.c_str(), 1);
  EXPECT_EQ(run_json({"inspect", "tiny-chat-1m", "--catalogue", catalogue})["architecture"], "llama");
  const Ran absent = run({"chat", "Absent-Model", "--catalogue", catalogue, "--prompt", "x"});
  expect_complaint_about("Absent-Model", absent);
  EXPECT_NE(absent.err.find("known, not downloaded"), std::string::npos) << absent.err;
  const Ran own = run({"plan", "GLM-4.7-Flash"});
  expect_complaint_about("GLM-4.7-Flash", own);
  EXPECT_NE(own.err.find("known, not downloaded"), std::string::npos) << own.err;
  expect_complaint(run({"inspect", "Nobody-Knows-It"}));
  const std::string bad = write("bad.json", "{}");
  expect_complaint_about(bad, run({"inspect", "x", "--catalogue", bad}));
  unsetenv("XDG_DATA_HOME");
}

TEST_F(Misuse, LooksForANameInTheFoldersThatTheWindowWasTold) {
  const fs::path data = folder_ / "inference-pio", fetched = folder_ / "fetched", others = folder_ / "others/deep";
  for (const fs::path& folder : {data, fetched / "Tiny-Chat-1M", others / "Tiny-Code-1M"}) fs::create_directories(folder);
  for (const char* file : {"config.json", "model.safetensors", "tokenizer.json"}) {
    fs::copy(fs::path(kModels) / "llama-tiny" / file, fetched / "Tiny-Chat-1M" / file);
    fs::copy(fs::path(kModels) / "qwen3-tiny" / file, others / "Tiny-Code-1M" / file);
  }
  const std::string catalogue = write("catalogue.json", R"({"version":1,"models":[
    {"name":"Tiny-Chat-1M","files":[{"quantization":"F32","repository":"a/b","path":"tiny.gguf"}]},
    {"name":"Tiny-Code-1M","files":[{"quantization":"F32","repository":"a/b","path":"code.gguf"}]}]})");
  setenv("XDG_DATA_HOME", folder_.c_str(), 1);
  const auto settings = [&](const std::string& text) { write("inference-pio/settings.json", text); };
  const auto architecture = [&](const std::string& name) { return run_json({"inspect", name, "--catalogue", catalogue})["architecture"]; };
  settings(R"({"models_folder":")" + fetched.string() + R"(","model_folders":[")" + (folder_ / "others").string() + R"("]})");
  EXPECT_EQ(architecture("Tiny-Chat-1M"), "llama");
  EXPECT_EQ(architecture("tiny-code-1m"), "qwen3");
  for (const char* damaged : {"{", "[]", R"({"models_folder":7,"model_folders":["relative",null]})", R"({"model_folders":"x"})"}) {
    settings(damaged);
    const Ran absent = run({"inspect", "Tiny-Chat-1M", "--catalogue", catalogue});
    expect_complaint_about("Tiny-Chat-1M", absent);
    EXPECT_NE(absent.err.find("known, not downloaded"), std::string::npos) << absent.err;
  }
  unsetenv("XDG_DATA_HOME");
}

}  // namespace
}  // namespace pio
