#include <algorithm>

#include "tests/cli/pio_fixture.h"

// What `pio devices` says of graphics cards that are not there, and what asking for one costs.

namespace pio {
namespace {

class Devices : public Pio {
 protected:
  void SetUp() override {
    Pio::SetUp();
    for (const char* name : kNames) unsetenv(name);
  }
  void TearDown() override {
    for (const char* name : kNames) unsetenv(name);
    Pio::TearDown();
  }

  static json rejected(const json& list, const std::string& name) {
    for (const json& device : list["rejected"])
      if (device["name"] == name) return device;
    return {};
  }
  long least_page_faults() {
    long least = run({"devices", "--json"}).page_faults;
    for (int i = 0; i < 4; ++i) least = std::min(least, run({"devices", "--json"}).page_faults);
    return least;
  }

 private:
  static constexpr const char* kNames[] = {"PIO_BACKENDS", "PIO_VULKAN_SOFTWARE", "VK_ICD_FILENAMES", "VK_DRIVER_FILES"};
};

TEST_F(Devices, WithoutModulesAreRejectedByTheirKind) {
  setenv("PIO_BACKENDS", path("").c_str(), 1);
  const json list = run_json({"devices"});
  for (const char* kind : {"cuda", "vulkan"}) {
    const json device = rejected(list, kind);
    EXPECT_EQ(device.value("code", ""), "no_module") << list;
    EXPECT_FALSE(device.value("reason", "").empty());
  }
}

TEST_F(Devices, WithoutADriverSaySoAndCostNothing) {
  if (!PIO_HAS_VULKAN) GTEST_SKIP() << "built without Vulkan";
  setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
  setenv("VK_DRIVER_FILES", "/nonexistent", 1);
  const json device = rejected(run_json({"devices"}), "vulkan");
  const std::string code = device.value("code", "");
  EXPECT_TRUE(code == "no_driver" || code == "no_loader") << device;
  // What a look at the module costs is the pages that it touches, some hundred for code and relocations: seconds would count what other programs do.
  // A page takes below 10 us even where the host of a guest has to find it, so that 20 ms are 2,000 of them.
  const long with_module = least_page_faults();
  setenv("PIO_BACKENDS", path("").c_str(), 1);
  EXPECT_LT(with_module - least_page_faults(), 500);
}

TEST_F(Devices, OfSoftwareAreThereOnlyWhereTheyAreAskedFor) {
  if (!PIO_HAS_VULKAN) GTEST_SKIP() << "built without Vulkan";
  setenv("PIO_VULKAN_SOFTWARE", "1", 1);
  const json with = run_json({"devices"});
  const auto device = std::ranges::find_if(with["devices"], [](const json& d) { return d.value("software", false); });
  if (device == with["devices"].end()) GTEST_SKIP() << "no software renderer for Vulkan on this machine";
  EXPECT_EQ((*device)["kind"], "vulkan");
  EXPECT_EQ((*device)["uuid"].get<std::string>().size(), 32u);
  EXPECT_TRUE((*device)["api"].get<std::string>().starts_with("Vulkan 1."));
  EXPECT_FALSE((*device)["driver"].get<std::string>().empty());
  EXPECT_EQ((*device)["integrated"], false);
  EXPECT_EQ((*device)["features"]["subgroup"].size(), 2u);
  const std::string name = (*device)["name"];

  unsetenv("PIO_VULKAN_SOFTWARE");
  const json without = run_json({"devices"});
  EXPECT_TRUE(std::ranges::none_of(without["devices"], [](const json& d) { return d.value("software", false); }));
  EXPECT_EQ(rejected(without, name).value("code", ""), "software") << without;
}

// A computer that nobody has here, and a model that is not here either.
TEST_F(Devices, AreDescribedForAPlan) {
  const std::string machine = write("machine.json", R"({"ram_bytes": 32e9, "ram_bytes_per_second": 83.2e9, "devices": [
      {"name": "RTX 3060", "kind": "vulkan", "total_bytes": 12e9, "bytes_per_second": 360e9}], "disk_bytes_per_second": 3e9})");
  const json plan = run_json({"plan", "GLM-4.7-Flash:Q4_K_M", "--machine", machine, "--ctx", "8192"});
  EXPECT_EQ(plan["fits"], true) << plan;
  EXPECT_EQ(plan["context_length"], 8192);
  ASSERT_EQ(plan["per_device"].size(), 2u);
  const json& card = plan["per_device"][0];
  EXPECT_EQ(card["device"], "vulkan");
  EXPECT_EQ(card["name"], "RTX 3060");
  EXPECT_EQ(card["layers"], json::array({0, 46}));
  EXPECT_GT(card["experts"].get<int>(), 0);
  EXPECT_GT(card["weights_bytes"].get<double>(), card["expert_bytes"].get<double>());
  EXPECT_LE(card["weights_bytes"].get<double>() + card["state_bytes"].get<double>() + card["scratch_bytes"].get<double>(), 11.4e9);
  for (const char* key : {"bytes_per_token", "launches_per_token"}) EXPECT_GT(card[key].get<double>(), 0) << key;
  EXPECT_EQ(plan["per_device"][1]["device"], "cpu");
  EXPECT_GT(plan["predicted"]["decode_tokens_per_second"].get<double>(), 30);
  EXPECT_EQ(plan["bandwidth_shares"]["vulkan"], 0.6);

  const json less = run_json({"plan", "GLM-4.7-Flash", "--machine", machine, "--ctx", "8192", "--vram", "4G"});
  EXPECT_LT(less["predicted"]["decode_tokens_per_second"], plan["predicted"]["decode_tokens_per_second"]);
  const json file = run_json({"plan", kModels + "/qwen3-moe-tiny", "--machine", machine});
  EXPECT_EQ(file["fits"], true) << file;
  EXPECT_NE(run({"plan", "GLM-4.7-Flash:Q4_K_M", "--machine", machine}).out.find("RTX 3060"), std::string::npos);

  expect_complaint_about(path("none.json"), run({"plan", "GLM-4.7-Flash", "--machine", path("none.json")}));
  const std::string list = write("list.json", "[]");
  expect_complaint_about(list, run({"plan", "GLM-4.7-Flash", "--machine", list}));
  expect_complaint(run({"plan", "GLM-4.7-Flash:Q9", "--machine", machine}));
  expect_complaint(run({"plan", "nobody.gguf", "--machine", machine}));
}

// --split-mode rows: the plan says what each has, the answer is that of one device, and what does not go together is told.
TEST_F(Devices, HaveSlicesOfEveryLayer) {
  const std::string model = kModels + "/qwen3-moe-tiny";
  const std::vector<std::string> exact = {"--activations", "f32", "--kv", "f32", "--ctx", "256", "--threads", "1"};
  const auto with = [&](std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), exact.begin(), exact.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  const std::vector<std::string> rows = {"--device", "cpu,cpu", "--split-mode", "rows", "--split", "3,1"};
  const json plan = run_json(with({"plan", model}, rows));
  EXPECT_EQ(plan["fits"], true) << plan;
  ASSERT_EQ(plan["per_device"].size(), 2u);
  EXPECT_EQ(plan["per_device"][0]["slice"]["experts"], json::array({0, 12}));
  EXPECT_EQ(plan["per_device"][1]["slice"]["experts"], json::array({12, 16}));
  EXPECT_EQ(plan["per_device"][1]["layers"], json::array({0, 2}));
  ASSERT_EQ(plan["fallbacks"].size(), 1u) << plan;
  EXPECT_EQ(plan["fallbacks"][0]["part"], "attention");
  EXPECT_EQ(plan["fallbacks"][0]["op"], "split");
  const std::string words = run(with({"plan", model}, rows)).out;
  EXPECT_NE(words.find("experts 12 to 15"), std::string::npos) << words;
  EXPECT_NE(words.find("attention: expected several heads, found 1"), std::string::npos) << words;

  const std::vector<std::string> asked = {"complete", model,      "--ids",        "3,14,15,92,65,35", "--max-tokens",
                                          "8",        "--greedy", "--ignore-eos", "--draft",          "off"};
  const json answer = run_json(with(asked, rows)), whole = run_json(with(asked, {"--device", "cpu"}));
  EXPECT_EQ(answer["ids"], whole["ids"]);
  ASSERT_EQ(answer["stats"]["devices"].size(), 2u) << answer;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(answer["stats"]["devices"][i]["weight_bytes"], plan["per_device"][i]["weights_bytes"]);

  expect_complaint_about("--split-mode rows", run(with({"plan", model}, {"--device", "cpu", "--split-mode", "rows"})));
  expect_complaint_about("--split", run(with({"plan", model}, {"--device", "cpu,cpu", "--split-mode", "rows", "--split", "1,-1"})));
  const std::string machine = write("machine.json", R"({"ram_bytes": 32e9, "ram_bytes_per_second": 83.2e9, "devices": []})");
  expect_complaint_about("--split-mode rows", run(with({"plan", model, "--machine", machine}, rows)));
}

}  // namespace
}  // namespace pio
