// pio's commands, each as cli.md describes it.

#include "tests/cli/pio_fixture.h"
#include "tests/support/png_writer.h"

namespace pio {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

TEST_F(Pio, NamesTheDevicesAndThoseItCannotUse) {
  const json found = run_json({"devices"});
  ASSERT_FALSE(found["devices"].empty());
  EXPECT_EQ(found["devices"][0]["name"], "cpu");
  EXPECT_GT(found["devices"][0]["total_bytes"], 0);
  for (const json& rejected : found["rejected"]) EXPECT_NE(rejected["reason"], "");
}

TEST_F(Pio, InspectsAFolderWithoutLoadingIt) {
  const json found = run_json({"inspect", kModels + "/qwen3-tiny"});
  EXPECT_EQ(found["architecture"], "qwen3");
  EXPECT_EQ(found["layers"], 3);
  EXPECT_EQ(found["context_length"], 32768);
  EXPECT_EQ(found["chat_format"], "qwen3-4b-instruct-2507");
  EXPECT_EQ(found["tensors"].size(), 35u);  // embedding, final norm, and eleven in each of three layers
}

TEST_F(Pio, TokenizesAndSpellsBack) {
  const std::string model = kModels + "/qwen3-tiny/tokenizer.json";
  const std::string text = "Hello <|im_end|> 123 \xC3\xA9";
  const json none = run_json({"tokenize", model, "--text", text});
  const json all = run_json({"tokenize", model, "--text", text, "--special", "all"});
  EXPECT_LT(all["ids"].size(), none["ids"].size()) << "the control token is one id only when it counts as such";
  std::string ids;
  for (const json& id : none["ids"]) ids += (ids.empty() ? "" : ",") + id.dump();
  EXPECT_EQ(run_json({"detokenize", model, "--ids", ids})["text"], text);
  const json stream = run_json({"detokenize", model, "--ids", ids, "--stream"})["stream"];
  EXPECT_EQ(stream.size(), none["ids"].size() + 1);

  const std::string lines = write("texts", "{\"text\":\"a\"}\n{\"hex\":\"ff61\"}\n");
  const Ran ran = run({"tokenize", model, "--jsonl", lines, "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2);
}

TEST_F(Pio, RendersAndReportsWhatATemplateRefuses) {
  const std::string good = write("m.json", R"([{"role":"user","content":"Hi"}])");
  EXPECT_EQ(run({"render", "format:qwen3-4b-instruct-2507", "--messages", good}).out, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  const std::string bad = write("bad.json", R"([{"role":"user","content":[{"type":"text","text":"Hi"}]}])");
  EXPECT_TRUE(run_json({"render", "format:smollm2-instruct", "--messages", bad}).contains("error"));
  expect_complaint(run({"render", "format:smollm2-instruct", "--messages", bad}));
  expect_complaint(run({"render", "format:nonsense", "--messages", good}));
}

TEST_F(Pio, WritingFailsWithoutHarmToWhatWasThere) {
  const std::vector<std::string> logits = {"logits", kModels + "/llama-tiny", "--ids", "1,2", "--device", "reference", "--out"};
  const auto to = [&](const std::string& out) {
    std::vector<std::string> words = logits;
    words.push_back(out);
    return run(words);
  };
  fs::create_directory(folder_ / "empty");
  const Ran folder = to(path("empty"));
  expect_complaint(folder);
  EXPECT_NE(folder.err.find("found a folder"), std::string::npos) << folder.err;
  EXPECT_TRUE(fs::is_directory(folder_ / "empty"));
  const Ran full = to("/dev/full");
  expect_complaint(full);
  EXPECT_NE(full.err.find("No space left on device"), std::string::npos) << full.err;
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_EQ(to("/dev/null").status, 0);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));

  write("old.npy", "what was there");
  fs::create_symlink("old.npy", folder_ / "link.npy");
  fs::permissions(folder_ / "old.npy", fs::perms(0600));
  EXPECT_EQ(to(path("link.npy")).status, 0);
  EXPECT_TRUE(fs::is_symlink(folder_ / "link.npy"));
  EXPECT_EQ(fs::status(folder_ / "old.npy").permissions(), fs::perms(0600));
  EXPECT_EQ(contents(folder_ / "old.npy").substr(1, 5), "NUMPY");
}

TEST_F(Pio, WritesLogitsThatNumpyReads) {
  const std::string out = path("x.npy");
  const json done = run_json({"logits", kModels + "/llama-tiny", "--ids", "1,2,3", "--out", out, "--device", "reference"});
  EXPECT_EQ(done["n_tokens"], 3);
  EXPECT_EQ(done["vocab_size"], 391);
  const std::string file = contents(out);
  EXPECT_TRUE(file.starts_with(std::string("\x93NUMPY\x01\x00", 8)));
  EXPECT_NE(file.find("'shape': (3, 391)"), std::string::npos);
  EXPECT_EQ(file.size() % 64, (3 * 391 * 4) % 64u) << "the data begins at a multiple of 64";
}

TEST_F(Pio, CompletesTheSameIdsOnEveryRun) {
  const std::vector<std::string> words = {"complete", kModels + "/qwen2-tiny", "--ids", "1,2,3,4", "--greedy", "--ignore-eos", "--max-tokens", "8"};
  const json first = run_json(words);
  EXPECT_EQ(first["ids"].size(), 8u);
  EXPECT_EQ(first["finish_reason"], "length");
  EXPECT_EQ(first["stats"]["prompt_tokens"], 4);
  EXPECT_EQ(run_json(words)["ids"], first["ids"]);
  EXPECT_TRUE(run(words).out.ends_with("\n"));
}

TEST_F(Pio, DraftsTokensWhereTheTextRepeatsUnlessToldNotTo) {
  std::string ids = "5";
  for (int i = 1; i < 60; ++i) ids += ",5";
  std::vector<std::string> words = {"complete",     kModels + "/llama-tiny", "--ids", ids,     "--greedy",
                                    "--ignore-eos", "--max-tokens",          "80",    "--ctx", "256"};
  const json drafted = run_json(words);
  EXPECT_GT(drafted["stats"]["drafted_tokens"], 0);
  EXPECT_LE(drafted["stats"]["accepted_tokens"], drafted["stats"]["drafted_tokens"]);
  words.insert(words.end(), {"--draft", "off"});
  const json alone = run_json(words);
  EXPECT_EQ(alone["stats"]["drafted_tokens"], 0);
  EXPECT_EQ(alone["ids"], drafted["ids"]);
  words.insert(words.end() - 2, {"--draft-max", "3"});
  words.back() = "lookup";
  EXPECT_EQ(run_json(words)["ids"], drafted["ids"]);
  const json bench = run_json({"bench", kModels + "/llama-tiny", "-p", "0", "-n", "20", "-d", "60", "-r", "1"});
  EXPECT_EQ(bench["decode"]["drafted_tokens"], 0) << "only where it is named";
}

TEST_F(Pio, AnswersABatchInOrderAndGoesOnAfterABadPrompt) {
  const std::string prompts = write("p.jsonl", "{\"ids\":[1,2]}\n{\"ids\":[99999]}\n{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}\n");
  const Ran ran = run({"batch", kModels + "/llama-tiny", "--prompts", prompts, "--max-tokens", "3", "--greedy", "--ctx", "256"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  std::vector<json> lines;
  std::istringstream in(ran.out);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0].contains("ids"));
  EXPECT_TRUE(lines[1].contains("error"));
  EXPECT_TRUE(lines[2].contains("ids"));
}

TEST_F(Pio, ChatsWithOnePromptAndWithSeveralLines) {
  const json answer = run_json({"chat", kModels + "/llama-tiny", "--prompt", "Hi", "--max-tokens", "4", "--ctx", "256"});
  for (const char* key : {"text", "reasoning", "tool_calls", "finish_reason", "stats"}) EXPECT_TRUE(answer.contains(key)) << key;
  const Ran ran = run({"chat", kModels + "/llama-tiny", "--max-tokens", "4", "--ctx", "512"}, "Hi\nAgain\n");
  EXPECT_EQ(ran.status, 0) << ran.err;
}

TEST_F(Pio, FillsInTheMiddleAndPassesToolsOn) {
  const std::string prefix = write("prefix", "int f() {\n"), suffix = write("suffix", "\n}\n");
  for (const char* model : {"/qwen2-tiny", "/qwen3-moe-tiny"}) {
    const json filled = run_json({"fim", kModels + model, "--prefix-file", prefix, "--suffix-file", suffix, "--max-tokens", "4", "--ctx", "256"});
    for (const char* key : {"text", "ids", "finish_reason", "stats"}) EXPECT_TRUE(filled.contains(key)) << key;
    EXPECT_LE(filled["ids"].size(), 4u);
  }
  const Ran refused = run({"fim", kModels + "/llama-tiny", "--prefix-file", prefix, "--suffix-file", suffix});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.err.find("<|fim_prefix|>"), std::string::npos) << refused.err;

  const std::string tools = write("tools.json", R"([{"type": "function", "function": {"name": "f"}}])");
  const auto prompt_tokens = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"chat", kModels + "/qwen3-tiny", "--prompt", "Hi", "--max-tokens", "1", "--ctx", "2048"};
    words.insert(words.end(), more.begin(), more.end());
    return run_json(words)["stats"]["prompt_tokens"].get<int>();
  };
  EXPECT_GT(prompt_tokens({"--tools", tools}), prompt_tokens({}) + 50);
}

// No weight is read where its file is mapped: all lie in a copy, which is what the file holds, rounded up.
TEST_F(Pio, SaysWhereWeightsLieAndHowTheyCameThere) {
  const std::string model = kModels + "/qwen3-tiny";
  const json fast = run_json({"bench", model, "-p", "4", "-n", "2", "-r", "3", "--quant", "int8"});
  const json exact = run_json({"bench", model, "-p", "4", "-n", "2", "-r", "1", "--activations", "f32"});
  const json &copied = fast["layout"], &as_they_are = exact["layout"];
  EXPECT_EQ(as_they_are["form"], "placed");
  EXPECT_EQ(as_they_are["lanes"], 0);
  EXPECT_EQ(as_they_are["mapped_bytes"], 0);
  EXPECT_GE(as_they_are["resident_bytes"], as_they_are["file_bytes"]);
  EXPECT_EQ(exact["probe"].size(), 2u);
  EXPECT_EQ(copied["form"], "placed");
  EXPECT_GT(copied["file_bytes"], 0);
  EXPECT_LE(copied["padding_bytes"], copied["resident_bytes"]);
  EXPECT_LE(copied["huge_page_bytes"], copied["resident_bytes"]);
  if (copied["lanes"] == 0) GTEST_SKIP() << "this processor's kernels have no layout of their own";
  EXPECT_EQ(copied["mapped_bytes"], 0);
  EXPECT_EQ(copied["resident_bytes"].get<std::int64_t>() - copied["padding_bytes"].get<std::int64_t>(), copied["file_bytes"]);
  ASSERT_EQ(fast["probe"].size(), 6u);
  for (const json& probe : fast["probe"]) {
    EXPECT_GT(probe["read_bytes_per_second"], 0);
    EXPECT_GT(probe["read_bytes_per_second_after"], 0);
  }
  EXPECT_EQ(fast["probe"][0]["before"], "prefill");
  EXPECT_EQ(fast["probe"][5]["before"], "decode");
}

// Where memory has no room for all experts: the same answers by every way to read, and figures that agree with each other.
TEST_F(Pio, BringsExpertsFromTheDiskByEveryWay) {
  const std::string model = kModels + "/qwen3-moe-tiny";
  std::string ram;
  for (int kilobytes = 2000; kilobytes > 500 && ram.empty(); kilobytes -= 50) {
    const json plan = run_json({"plan", model, "--ctx", "64", "--ram", std::to_string(kilobytes) + "K"});
    if (plan["layout"]["form"] != "slots") continue;
    ram = std::to_string(kilobytes) + "K";
    EXPECT_GT(plan["slots"], 0);
    EXPECT_GT(plan["predicted"]["bytes_from_disk_per_token"], 0);
    EXPECT_LT(plan["predicted"]["hit_rate"], 1);
  }
  ASSERT_FALSE(ram.empty()) << "no budget brings experts into slots";
  std::string ids = "3";
  for (int id = 4; id < 40; ++id) ids += "," + std::to_string(id);
  const std::vector<std::string> complete = {"complete", model, "--ids", ids, "--greedy", "--ignore-eos", "--max-tokens", "8", "--ctx", "64"};
  const json whole = run_json(complete);
  const auto in_slots = [&](const std::string& io) {
    std::vector<std::string> words = complete;
    words.insert(words.end(), {"--ram", ram, "--io", io, "--json"});
    return run(words);
  };
  for (const std::string io : {"auto", "uring", "pread", "buffered"}) {
    fs::remove_all(path("cache"));
    const Ran ran = in_slots(io);
    if (io == "uring" && ran.status != 0) {  // a system may refuse it, by name
      EXPECT_NE(ran.err.find("uring"), std::string::npos) << ran.err;
      continue;
    }
    ASSERT_EQ(ran.status, 0) << io << ": " << ran.err;
    const json part = json::parse(ran.out);
    EXPECT_EQ(part["ids"], whole["ids"]) << io;
    EXPECT_GT(part["stats"]["bytes_per_tier"]["disk"], 0) << io;
    EXPECT_GT(part["stats"]["hit_rate"], 0) << io;
    EXPECT_LT(part["stats"]["hit_rate"], 1) << io;
  }
  expect_complaint(run({"complete", model, "--ids", "3", "--io", "mmap"}));

  const auto kept = [&] {  // what the run kept of its routing
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path("cache") + "/inference-pio/experts")) files.push_back(entry.path());
    return files;
  };
  ASSERT_EQ(kept().size(), 1u);
  const Ran warm = in_slots("auto");
  EXPECT_EQ(json::parse(warm.out)["ids"], whole["ids"]);
  EXPECT_EQ(warm.err.find("left unused"), std::string::npos) << warm.err;
  std::ofstream(kept().front(), std::ios::binary) << std::string(5000, 'x');
  const Ran damaged = in_slots("auto");
  EXPECT_EQ(damaged.status, 0) << damaged.err;
  EXPECT_EQ(json::parse(damaged.out)["ids"], whole["ids"]);
  EXPECT_EQ(kept().size(), 1u);
  const json stats = json::parse(damaged.out)["stats"];
  EXPECT_EQ(stats["hit_rate_per_layer"].size(), 3u);
  EXPECT_GT(stats["read_bytes_per_second"], 0);
  EXPECT_GE(stats["stall_seconds"], 0);

  const json bench = run_json({"bench", model, "-p", "16", "-n", "16", "-r", "2", "--ctx", "64", "--ram", ram});
  EXPECT_EQ(bench["layout"]["form"], "slots");
  const json& offload = bench["offload"];
  const double hits = offload["hits"], misses = offload["misses"], n_bytes = offload["bytes_read"];
  EXPECT_GT(misses, 0);
  EXPECT_NEAR(offload["hit_rate"].get<double>(), hits / (hits + misses), 1e-9);
  EXPECT_NEAR(misses * offload["slot_bytes"].get<double>(), n_bytes, 0.1 * n_bytes);
  EXPECT_LE(offload["wasted"], offload["read_ahead"]);
  EXPECT_LE(offload["read_ahead"], offload["misses"]);
  EXPECT_EQ(offload["hit_rate_per_layer"].size(), 3u);
  EXPECT_GT(offload["disk_bytes_per_second"], 0);
}

TEST_F(Pio, MeasuresSpeedAndPerplexity) {
  const json bench = run_json({"bench", kModels + "/llama-tiny", "-p", "16", "-n", "4", "-r", "2"});
  EXPECT_EQ(bench["prefill"]["tokens_per_second"].size(), 2u);
  EXPECT_EQ(bench["decode"]["tokens_per_second"].size(), 2u);
  // A tied model reads all its values for a token; keys and values in f16: 3 layers of 2 heads of 16, of 2 tokens before it on average.
  const double read = bench["decode"]["bytes_per_token"];
  const double all = static_cast<double>(fs::file_size(kModels + "/llama-tiny/model.safetensors"));
  EXPECT_NEAR(read, all + 2 * (3 * 2 * 2 * 16 * 2), 0.03 * all);  // less the file's header and the norms
  EXPECT_EQ(bench["decode"]["token_seconds"].size(), 8u);
  double decoding = 0;
  for (const json& seconds : bench["decode"]["token_seconds"]) decoding += seconds.get<double>();
  double by_rates = 0;
  for (const json& rate : bench["decode"]["tokens_per_second"]) by_rates += 4 / rate.get<double>();
  EXPECT_NEAR(decoding, by_rates, 0.01 * by_rates);
  EXPECT_GE(bench["memory"]["peak_bytes"], bench["memory"]["peak_anonymous_bytes"]);
  EXPECT_GE(bench["contention"]["run_queue_seconds"], 0);
  const json deeper = run_json({"bench", kModels + "/llama-tiny", "-p", "16", "-n", "4", "-d", "100", "-r", "1"});
  EXPECT_EQ(deeper["decode"]["bytes_per_token"].get<double>() - read, 100 * (3 * 2 * 2 * 16 * 2));
  const json several = run_json({"bench", kModels + "/llama-tiny", "-p", "16", "-n", "4", "-d", "40", "-r", "2", "-b", "3"});
  EXPECT_EQ(several["sequences"], 3);
  EXPECT_EQ(several["decode"]["token_seconds"].size(), 2u * 4 * 3);
  EXPECT_TRUE(several["decode"]["gigabytes_per_second"].is_null()) << "they share what a step reads";
  expect_complaint(run({"bench", kModels + "/llama-tiny", "-b", "2", "--draft", "lookup"}));
  std::string text;
  for (int i = 0; i < 100; ++i) text += "some words and more ";
  const json perplexity = run_json({"perplexity", kModels + "/llama-tiny", "--file", write("t.txt", text), "--ctx", "64", "--windows", "2"});
  EXPECT_EQ(perplexity["running"].size(), 2u);
  EXPECT_GT(perplexity["perplexity"], 1);

  const json divergence =
      run_json({"divergence", kModels + "/llama-tiny", "--file", write("t.txt", text), "--ctx", "64", "--windows", "2", "--attention", "window:8:2"});
  EXPECT_EQ(divergence["tokens"], 128);
  EXPECT_GT(divergence["kl_mean"], 0);
  EXPECT_GE(divergence["kl_p99"], divergence["kl_mean"]);
  EXPECT_EQ(divergence["n_tokens"], 128);
  EXPECT_EQ(divergence["mean_kl"], divergence["kl_mean"]);
  EXPECT_LT(divergence["same_top"], 1.001);
}

TEST_F(Pio, LooksAtPicturesAndFilms) {
  const char* shared = std::getenv("PIO_SHARED");
  const fs::path model = (shared ? fs::path(shared) : fs::path(PIO_SOURCE) / "../shared") / "fixtures/qwen3-vl-tiny";
  if (!fs::exists(model)) GTEST_SKIP() << "no fixture qwen3-vl-tiny: set PIO_SHARED to the folder that has fixtures/";
  const auto image = [&](const std::string& name) { return (model / "images" / name).string(); };
  const json seen = run_json({"preprocess", model, image("shapes_w500_h300.png"), "--out", path("p.npy")});
  EXPECT_EQ(seen, json::parse(R"({"grid":[1,18,32],"resized":[288,512]})"));
  EXPECT_EQ(contents(path("p.npy")).size(), 128 + 576 * 1536 * 4u);
  // What is larger than a detail allows is scaled down to it; the tokens are those that the plan told.
  const FileBytes large = PngWriter(1500, 1100, 8, 0).rows(std::vector<FileBytes>(1100, FileBytes(1500, std::byte{90}))).end();
  write("large.png", std::string(reinterpret_cast<const char*>(large.data()), large.size()));
  const json costs = run_json({"plan", model, "--image", path("large.png")})["pictures"][0];
  EXPECT_EQ(costs["width"], 1500);
  for (const auto& [detail, grid, tokens] : {std::tuple{"low", "[1,26,36]", 234}, {"normal", "[1,54,74]", 999}, {"full", "[1,68,94]", 1598}}) {
    SCOPED_TRACE(detail);
    const json scaled = run_json({"preprocess", model, path("large.png"), "--image-detail", detail, "--out", path("q.npy")});
    EXPECT_EQ(scaled["grid"], json::parse(grid));
    const std::size_t i = detail == std::string("low") ? 0 : detail == std::string("normal") ? 1 : 2;
    EXPECT_EQ(costs["details"][i]["detail"], detail);
    EXPECT_EQ(costs["details"][i]["tokens"], tokens);
    EXPECT_GT(costs["details"][i]["seconds"], 0);
  }
  EXPECT_LT(costs["details"][0]["seconds"], costs["details"][2]["seconds"]);
  const auto prompt_tokens = [&](const char* detail) {
    return run_json({"chat", model, "--prompt", "What?", "--image", path("large.png"), "--image-detail", detail, "--max-tokens",
                     "1"})["stats"]["prompt_tokens"]
        .get<int>();
  };
  EXPECT_EQ(prompt_tokens("normal") - prompt_tokens("low"), 999 - 234);
  EXPECT_NE(run({"chat", model, "--image-detail", "high"}).status, 0);
  const json answer = run_json(
      {"chat", model, "--prompt", "What?", "--image", image("shapes_w500_h300.png"), "--image", image("photo_w80_h80.png"), "--max-tokens", "3"});
  EXPECT_GT(answer["stats"]["prompt_tokens"], 144 + 64);
  const json film = run_json(
      {"logits", model, "--ids", "1,653,2", "--frames", image("clip_a_00.png") + "," + image("clip_a_01.png"), "--fps", "2", "--out", path("o.npy")});
  EXPECT_GT(film["n_tokens"], 10);

  // Standard error is a person's: the words about the template, the vision encoder or the picture, and nothing of the decoders.
  const Ran broken = run({"chat", model, "--prompt", "What?", "--image", write("x.png", contents(image("photo_w80_h80.png")).substr(0, 5000))});
  EXPECT_NE(broken.status, 0);
  EXPECT_NE(broken.err.find("pio: x.png: expected a whole PNG"), std::string::npos) << broken.err;
  EXPECT_EQ(broken.err.find("libpng"), std::string::npos) << broken.err;
  fs::copy(model / "model-q8_0.gguf", path("alone.gguf"));
  const Ran alone = run({"chat", path("alone.gguf"), "--prompt", "Hi", "--max-tokens", "2"});
  EXPECT_EQ(alone.status, 0);
  EXPECT_NE(alone.err.find("text only"), std::string::npos) << alone.err;
}

TEST_F(Pio, SaysSoWhereAModelCannotThink) {
  const auto words = [&](const std::string& model) {
    return run({"chat", kModels + "/" + model, "--prompt", "a", "--thinking", "on", "--max-tokens", "1", "--ctx", "256"}).err;
  };
  EXPECT_NE(words("qwen3-tiny").find("--thinking on changes nothing"), std::string::npos);
  EXPECT_EQ(words("glm4-moe-lite-mtp-tiny").find("--thinking on changes nothing"), std::string::npos);
}

TEST_F(Pio, SaysInOneLineWhatIsWrong) {
  const std::string model = kModels + "/llama-tiny";
  expect_complaint(run({"inspect", "/nowhere/x.gguf"}));
  expect_complaint(run({"inspect", write("empty.gguf", "")}));
  expect_complaint(run({"inspect", write("short.gguf", "GGUF\x03")}));
  expect_complaint(run({"logits", model, "--ids", "1,x", "--out", path("o.npy")}));
  expect_complaint(run({"logits", model, "--ids", "391", "--out", path("o.npy")}));
  expect_complaint(run({"logits", model, "--ids", "1", "--out", "/nowhere/o.npy"}));
  expect_complaint(run({"complete", model}));
  expect_complaint(run({"complete", model, "--ids", "1", "--device", "cuda"}));
  expect_complaint(run({"complete", model, "--ids", "1", "--kv", "q8_0"}));  // heads of 16 are no block of 32
  expect_complaint(run({"complete", model, "--ids", "1", "--ctx", "100000000"}));
  expect_complaint(run({"complete", model, "--ids", "1", "--ram", "12 bananas"}));
  expect_complaint(run({"nonsense"}));
  expect_complaint(run({}));
}

TEST_F(Pio, SwapsModelsInTurnAndPlansThem) {
  const std::string a = kModels + "/llama-tiny", b = kModels + "/qwen3-tiny";
  const json switches = run_json({"swap", a, b, "-r", "2", "--ctx", "128"})["switches"];
  ASSERT_EQ(switches.size(), 3u) << "a b a b";
  EXPECT_EQ(switches[0]["from"], a);
  EXPECT_EQ(switches[0]["to"], b);
  EXPECT_EQ(switches[1]["to"], a);
  EXPECT_GT(switches[2]["seconds_to_ready"], 0.0);
  EXPECT_GT(switches[2]["seconds_to_first_token"], switches[2]["seconds_to_ready"]);
  EXPECT_TRUE(switches[2]["reused_tokens"].is_number_integer());
  expect_complaint(run({"swap", a, "/nowhere.gguf"}));
  expect_complaint(run({"swap", a}));

  const json plan = run_json({"plan", a, "--ctx", "64"});
  EXPECT_EQ(plan["fits"], true);
  EXPECT_EQ(plan["per_device"].size(), 1u);
  EXPECT_GT(plan["weights_bytes"], 0);
  EXPECT_GT(plan["predicted"]["decode_tokens_per_second"], 0.0);
  const json refused = run_json({"plan", a, "--ctx", "64", "--ram", "100K"});
  EXPECT_EQ(refused["fits"], false);
  EXPECT_TRUE(refused["why_not"].is_string());
}

TEST_F(Pio, KeepsConversationsInAFolder) {
  const std::string a = kModels + "/llama-tiny", b = kModels + "/qwen3-tiny", folder = path("kept");
  std::string ids = "3";
  for (int id = 4; id < 204; ++id) ids += "," + std::to_string(id);
  const auto complete = [&] {
    return run_json({"complete", a, "--ids", ids, "--greedy", "--ignore-eos", "--max-tokens", "4", "--ctx", "512", "--snapshots", folder});
  };
  const json first = complete(), second = complete();
  EXPECT_EQ(first["stats"]["read_tokens"], 201);
  EXPECT_EQ(first["stats"]["restored_from"], "none");
  EXPECT_EQ(second["stats"]["read_tokens"], 1);
  EXPECT_EQ(second["stats"]["restored_from"], "disk");
  EXPECT_EQ(second["ids"], first["ids"]);

  json listed = run_json({"snapshots", folder})["snapshots"];
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0]["model"], "llama-tiny");
  EXPECT_EQ(listed[0]["kv"], "f16");
  EXPECT_GE(listed[0]["tokens"], 201);
  EXPECT_EQ(listed[0]["valid"], true);
  const std::string file = folder + "/" + listed[0]["file"].get<std::string>();
  EXPECT_EQ(listed[0]["bytes"], fs::file_size(file));
  fs::resize_file(file, fs::file_size(file) - 1);
  listed = run_json({"snapshots", folder})["snapshots"];
  EXPECT_EQ(listed[0]["valid"], false);
  EXPECT_FALSE(listed[0]["why_not"].get<std::string>().empty());
  EXPECT_EQ(complete()["stats"]["read_tokens"], 201) << "what is damaged is not believed";
  expect_complaint(run({"snapshots", path("nowhere")}));
  expect_complaint(run({"complete", a, "--ids", "1", "--snapshots", write("in the way", "")}));
  expect_complaint(run({"complete", a, "--ids", "1", "--snapshots", folder, "--snapshot-disk", "much"}));

  const json switches = run_json({"swap", a, b, "-r", "2", "--ctx", "512", "--ids-file", write("ids.json", "[" + ids + "]")})["switches"];
  ASSERT_EQ(switches.size(), 3u);
  EXPECT_EQ(switches[0]["restored_from"], "none");
  for (const int i : {1, 2}) {
    EXPECT_EQ(switches[i]["restored_from"], "ram");
    EXPECT_EQ(switches[i]["read_tokens"], 1);
    EXPECT_EQ(switches[i]["reused_tokens"], 200);
    EXPECT_GT(switches[i]["restored_bytes"], 0);
    EXPECT_GT(switches[i]["seconds_to_restore"], 0.0);
    EXPECT_EQ(switches[i]["kept_resident"], false) << "a swap measures what loading takes";
  }
}

TEST_F(Pio, WarnsOfKeysInFourBits) {
  const std::string b = kModels + "/qwen3-tiny";
  EXPECT_NE(run({"complete", b, "--ids", "1", "--max-tokens", "1", "--ctx", "64", "--kv", "q4_0"}).err.find("q4_0"), std::string::npos);
  EXPECT_NE(run({"plan", b, "--ctx", "64", "--kv", "q4_0"}).err.find("q4_0"), std::string::npos);
  EXPECT_EQ(run({"plan", b, "--ctx", "64", "--kv", "q8_0"}).err, "");
}

TEST_F(Pio, PlaysATraceOfExpertsThroughCaches) {
  // Two experts in turn, a third one now and then: which of three slots' worth a cache of two keeps is all there is to it.
  std::string text = "# route_trace v1\n# model=m n_layer=1 n_expert=4\nturn,phase,step,layer,slot,expert,weight,residency,expert_bytes\n";
  for (int step = 0; step < 40; ++step) {
    const int expert = step % 4 == 3 ? 2 : step % 2;
    text += "0," + std::to_string(step < 8 ? 0 : 1) + "," + std::to_string(step) + ",0,0," + std::to_string(expert) + ",1,0,1000\n";
  }
  const std::string trace = write("trace.csv", text);
  const json all = run_json({"experts", trace, "--cache", "50%"});
  EXPECT_EQ(all["accesses"], 32);
  EXPECT_EQ(all["slots"], 2);
  for (const char* name : {"ours", "lru", "layer_lru", "layer_lfu", "belady"}) {
    EXPECT_LE(all["policies"][name]["hit_rate"], all["policies"]["belady"]["hit_rate"]) << name;
    EXPECT_EQ(all["policies"][name]["per_layer"].size(), 1u) << name;
  }
  // 0 1 0 2 0 1 0 2 …: of LRU's two slots every 0 is a hit and nothing else.
  EXPECT_EQ(all["policies"]["lru"]["hit_rate"], 0.5);
  EXPECT_EQ(all["stack_distances"], json({0, 16, 16, 0}));
  EXPECT_EQ(all["first_uses"], 0);
  EXPECT_EQ(run_json({"experts", trace, "--cache", "75%", "--policy", "ours"})["policies"].size(), 1u);
  EXPECT_EQ(run_json({"experts", trace, "--cache", "75%", "--policy", "ours", "--warm", trace})["policies"]["ours"]["hit_rate"], 1.0);
  EXPECT_EQ(run({"experts", trace, "--cache", "100%"}).status, 0);

  for (const char* share : {"", "12", "0%", "-1%", "101%", "x%", "nan%", "%"})
    expect_complaint_about("--cache", run({"experts", trace, "--cache", share}));
  expect_complaint_about("--cache", run({"experts", trace, "--cache", "1%"}));
  expect_complaint_about("--policy", run({"experts", trace, "--cache", "50%", "--policy", "fifo"}));
  expect_complaint_about("experts", run({"experts", trace}));
  expect_complaint_about("/nowhere.csv", run({"experts", "/nowhere.csv", "--cache", "50%"}));
  expect_complaint_about(
      path("bad.csv") + ":4: expert",
      run({"experts", write("bad.csv", text.substr(0, text.find("0,0,0,0,0,")) + "0,1,0,0,0,99999999999,1,0,1\n"), "--cache", "50%"}));
  expect_complaint_about(path("cut.csv") + ":43: line", run({"experts", write("cut.csv", text.substr(0, text.size() - 9)), "--cache", "50%"}));
  expect_complaint_about(path("prompt.csv"), run({"experts", write("prompt.csv", text.substr(0, text.find("0,1,8,"))), "--cache", "50%"}));
  expect_complaint_about(path("other.csv"),
                         run({"experts", trace, "--cache", "50%", "--warm", write("other.csv", "turn,phase,step,layer,expert\n0,1,0,7,0\n")}));
}

TEST_F(Pio, RecordsWhichExpertsAModelChooses) {
  const std::string model = kModels + "/qwen3-moe-tiny", trace = path("trace.csv");
  const json done = run_json({"experts", model, "--record", trace, "--ids", "3,9,27,81", "--max-tokens", "5", "--ignore-eos", "--ctx", "64"});
  EXPECT_EQ(done["prompt_tokens"], 4);
  EXPECT_EQ(done["generated_tokens"], 5);
  EXPECT_EQ(done["layers"], 3);
  EXPECT_EQ(done["experts"], 16);
  const json replayed = run_json({"experts", trace, "--cache", "100%"});
  EXPECT_EQ(replayed["experts"], 3 * 16);
  const int n_used = replayed["accesses"].get<int>() / (5 * 2 + 4);
  EXPECT_EQ(done["chosen"], ((4 + 5) * 2 + 1 + 4) * n_used) << "in the last layer those alone whose logits were wanted";
  EXPECT_FALSE(replayed["policies"]["ours"].contains("next_gigabyte")) << "all are held";
  EXPECT_NE(contents(trace).find("# layer=0 expert_bytes="), std::string::npos);
  EXPECT_EQ(run({"experts", model, "--record", path("words.csv"), "--prompt", "Hi", "--max-tokens", "2", "--ctx", "64"}).status, 0);

  const std::string other = path("other.csv");
  run_json({"experts", kModels + "/glm4-moe-lite-mtp-tiny", "--record", other, "--ids", "3,9", "--max-tokens", "3", "--ignore-eos", "--ctx", "64"});
  const json per_layer = run_json({"experts", other, "--cache", "100%", "--policy", "ours"})["policies"]["ours"]["per_layer"];
  EXPECT_TRUE(per_layer[0].is_null()) << "it is dense";
  EXPECT_TRUE(per_layer[1].is_number());

  expect_complaint(run({"experts", kModels + "/qwen3-tiny", "--record", path("x.csv"), "--ids", "1"}));
  expect_complaint_about("experts --record", run({"experts", model, "--record", path("x.csv")}));
  expect_complaint(run({"experts", model, "--record", path("no/such/folder.csv"), "--ids", "1"}));
  expect_complaint(run({"experts", model, "--record", path("x.csv"), "--ids", "1", "--cache", "5%"}));
  EXPECT_FALSE(std::filesystem::exists(path("x.csv")));
}

TEST_F(Pio, SaysWhichOptionsAreNotBuiltYet) { EXPECT_EQ(run({"chat", "x", "--grammar", "y"}).err, "pio: --grammar: not available in this build\n"); }

}  // namespace
}  // namespace pio
