#include "engine/plan/machine_plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/plan/published_layout.h"

namespace pio {
namespace {

Machine machine_of(const std::string& json) {
  const Result<Machine> machine = parse_machine(json, "machine.json");
  EXPECT_TRUE(machine) << machine.error().message;
  return machine ? *machine : Machine{};
}

MachinePlan plan_of(const char* model, const Machine& machine, std::int64_t context = 4096, std::uint64_t vram = 0) {
  LoadRequest request;
  request.published = model;
  request.context_length = context;
  request.vram_bytes = vram;
  const Result<MachinePlan> plan = plan_on_machine(request, machine);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *plan : MachinePlan{};
}

std::string one_card(double card_gb, double card_rate, double ram_gb, double ram_rate, const std::string& more = "") {
  return R"({"ram_bytes": )" + std::to_string(ram_gb * 1e9) + R"(, "ram_bytes_per_second": )" + std::to_string(ram_rate * 1e9) +
         R"(, "devices": [{"name": "card", "kind": "vulkan", "total_bytes": )" + std::to_string(card_gb * 1e9) + R"(, "bytes_per_second": )" +
         std::to_string(card_rate * 1e9) + R"(, "link_bytes_per_second": 12e9}], "disk_bytes_per_second": 3e9)" + more + "}";
}

std::uint64_t needed(const MachinePlan::Row& row) { return row.weight_bytes + row.state_bytes + row.scratch_bytes; }

}  // namespace

// What people measured with llama.cpp (performance.md 2.3), by the data sheets of what they measured it on and one share for all cards and one for
// all memory. The memory beside the RTX 3060 is nobody's word: two channels of DDR5-5200 are assumed, and 62 to 134 GB/s would do. The
// 7950X's is AMD's figure for it, the RTX 2080's four channels of DDR4-3200 the source's.
TEST(MachinePlan, GivesPublishedRunsOfLlamaCpp) {
  struct Published {
    const char* model;
    double card_gb, card_rate, ram_rate;  // GB and GB/s
    int expert_layers_on_cpu;
    double tokens_per_second;
  };
  constexpr Published kRows[] = {
      {"Qwen3-Coder-30B-A3B-Instruct:Q4_K_M", 8.6, 448, 102.4, 36, 36.7},   // RTX 2080: AlexsJones/llmfit#755
      {"GLM-4.7-Flash:Q4_K_M", 12.9, 360, 83.2, 99, 32.1},                  // RTX 3060: thecodacus/llama.cpp#5
      {"Qwen3-Coder-30B-A3B-Instruct:Q4_K_M", 17.2, 716.8, 83.2, 14, 68.7}  // RTX 4080 with a 7950X: ik_llama.cpp, discussion 357
  };
  for (const Published& row : kRows) {
    const Machine machine =
        machine_of(one_card(row.card_gb, row.card_rate, 64, row.ram_rate, ", \"expert_layers_on_cpu\": " + std::to_string(row.expert_layers_on_cpu)));
    const MachinePlan plan = plan_of(row.model, machine);
    EXPECT_TRUE(plan.fits) << plan.why_not;
    EXPECT_NEAR(plan.decode_tokens_per_second, row.tokens_per_second, 0.25 * row.tokens_per_second) << row.model;
    std::printf("%s, %d layers' experts on the processor: predicted %.1f, published %.1f tok/s\n", row.model, row.expert_layers_on_cpu,
                plan.decode_tokens_per_second, row.tokens_per_second);
  }
}

// All of the model is somewhere, and nothing takes more than there is.
TEST(MachinePlan, PutsEveryByteSomewhereAndFits) {
  for (const char* model :
       {"GLM-4.7-Flash:Q4_K_M", "Qwen3-Coder-30B-A3B-Instruct:Q4_K_M", "Qwen3-VL-2B-Instruct:Q4_K_M", "Qwen3-4B-Instruct-2507:Q4_K_M"}) {
    for (const double gb : {4.0, 8.0, 12.0, 24.0}) {
      const MachinePlan plan = plan_of(model, machine_of(one_card(gb, 400, 32, 80)));
      EXPECT_TRUE(plan.fits) << model << ": " << plan.why_not;
      std::uint64_t weights = 0, state = 0;
      for (const MachinePlan::Row& row : plan.rows) {
        EXPECT_LE(needed(row), row.free_bytes) << model << ' ' << row.name;
        weights += row.weight_bytes;
        state += row.state_bytes;
      }
      EXPECT_NEAR(static_cast<double>(weights), static_cast<double>(plan.weight_bytes), 1e3) << model << ' ' << gb;
      EXPECT_EQ(state, plan.state_bytes);
      EXPECT_GT(plan.prefill_tokens_per_second, 0);
    }
  }
}

TEST(MachinePlan, IsFasterTheMoreOfTheCardItMayUse) {
  const Machine machine = machine_of(one_card(12, 360, 16, 51.2));
  double before = 0;
  for (const std::uint64_t gb : {3, 5, 7, 9, 11}) {
    const MachinePlan plan = plan_of("GLM-4.7-Flash:Q4_K_M", machine, 4096, gb * 1'000'000'000);
    EXPECT_LE(needed(plan.rows.front()), gb * 1'000'000'000);
    EXPECT_GE(plan.decode_tokens_per_second, before) << gb;
    before = plan.decode_tokens_per_second;
  }
}

// Slots on the card find the experts that are wanted most; llama.cpp's split finds those of its layers.
TEST(MachinePlan, CachesExpertsBetterThanItSplitsThem) {
  const MachinePlan ours = plan_of("Qwen3-Coder-30B-A3B-Instruct:Q4_K_M", machine_of(one_card(8, 272, 32, 80)));
  const MachinePlan split = plan_of("Qwen3-Coder-30B-A3B-Instruct:Q4_K_M", machine_of(one_card(8, 272, 32, 80, ", \"expert_layers_on_cpu\": 34")));
  EXPECT_TRUE(split.fits) << split.why_not;
  EXPECT_GT(ours.decode_tokens_per_second, 1.2 * split.decode_tokens_per_second);
  EXPECT_GT(ours.card_hit_rate, 0.7);
}

TEST(MachinePlan, ReadsFromTheDiskWhatNeitherHasRoomFor) {
  const MachinePlan plan = plan_of("GLM-4.7-Flash:Q4_K_M", machine_of(one_card(8, 272, 10, 80)));
  EXPECT_TRUE(plan.fits) << plan.why_not;
  EXPECT_GT(plan.disk_bytes_per_token, 0);
  EXPECT_LT(plan.hit_rate, 1);
  EXPECT_GT(plan.hit_rate, plan.card_hit_rate);
}

TEST(MachinePlan, SpreadsLayersOverCards) {
  const std::string two = R"({"ram_bytes": 32e9, "ram_bytes_per_second": 80e9, "devices": [
      {"name": "a", "kind": "vulkan", "total_bytes": 12e9, "bytes_per_second": 360e9},
      {"name": "b", "kind": "vulkan", "total_bytes": 12e9, "bytes_per_second": 360e9}]})";
  const MachinePlan plan = plan_of("Qwen3-Coder-30B-A3B-Instruct:Q4_K_M", machine_of(two));
  ASSERT_EQ(plan.rows.size(), 3u);
  EXPECT_TRUE(plan.fits) << plan.why_not;
  EXPECT_EQ(plan.rows[0].first_layer, 0);
  EXPECT_EQ(plan.rows[1].first_layer, plan.rows[0].last_layer + 1);
  EXPECT_EQ(plan.rows[1].last_layer, 47);
  EXPECT_EQ(plan.rows[2].first_layer, -1);
  EXPECT_EQ(plan.card_hit_rate, 1);
}

TEST(MachinePlan, SaysWhatDoesNotFit) {
  const MachinePlan plan = plan_of("Qwen3-Coder-30B-A3B-Instruct:Q4_K_M", machine_of(one_card(8, 272, 32, 80, ", \"expert_layers_on_cpu\": 0")));
  EXPECT_FALSE(plan.fits);
  EXPECT_TRUE(plan.why_not.starts_with("card: at most ")) << plan.why_not;
  const MachinePlan small = plan_of("Qwen3-4B-Instruct-2507:F16", machine_of(R"({"ram_bytes": 6e9, "ram_bytes_per_second": 30e9})"));
  EXPECT_FALSE(small.fits);
  const MachinePlan endless = plan_of("GLM-4.7-Flash:Q4_K_M", machine_of(one_card(8, 272, 32, 80)), std::numeric_limits<std::int64_t>::max());
  EXPECT_FALSE(endless.fits);
  EXPECT_TRUE(endless.why_not.starts_with("context of 9223372036854775807 tokens: expected at most ")) << endless.why_not;
}

TEST(Machine, IsReadWithItsDefaults) {
  const Machine machine = machine_of(R"({"ram_bytes": 16e9, "ram_bytes_per_second": 51.2e9, "devices":
      [{"kind": "vulkan", "total_bytes": 8e9, "bytes_per_second": 272e9, "colour": "red"}, {"kind": "cpu", "bandwidth_share": 0.7}]})");
  ASSERT_EQ(machine.cards.size(), 1u);
  EXPECT_EQ(machine.cards[0].device, "vulkan");
  EXPECT_EQ(machine.cards[0].name, "vulkan");
  EXPECT_EQ(machine.cards[0].free_bytes, 8'000'000'000u);
  EXPECT_EQ(machine.cards[0].bandwidth_share, kCardBandwidthShare);
  EXPECT_EQ(machine.ram_bandwidth_share, 0.7);
  EXPECT_FALSE(machine.expert_layers_on_cpu);
}

TEST(Machine, ThatIsNoneIsRefusedInWords) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "machine.json: "},
      {"[]", "machine: expected an object"},
      {R"({"ram_bytes_per_second": 1e9})", "machine.ram_bytes: expected a number above 0, found none"},
      {R"({"ram_bytes": -1, "ram_bytes_per_second": 1e9})", "machine.ram_bytes: expected a number from 0 to"},
      {R"({"ram_bytes": 1e99, "ram_bytes_per_second": 1e9})", "machine.ram_bytes"},
      {R"({"ram_bytes": 1e999, "ram_bytes_per_second": 1e9})", "machine.json: "},
      {R"({"ram_bytes": "8G", "ram_bytes_per_second": 1e9})", "machine.ram_bytes"},
      {R"({"ram_bytes": 8e9})", "machine.ram_bytes_per_second: expected a number above 0, found none"},
      {R"({"ram_bytes": 8e9, "ram_bytes_per_second": 1e9, "devices": {}})", "machine.devices: expected a list"},
      {R"({"ram_bytes": 8e9, "ram_bytes_per_second": 1e9, "devices": [{"kind": "abacus"}]})",
       "machine.devices[0].kind: expected cuda, vulkan or cpu"},
      {R"({"ram_bytes": 8e9, "ram_bytes_per_second": 1e9, "devices": [{"kind": "vulkan", "total_bytes": 1, "free_bytes": 2, "bytes_per_second": 1}]})",
       "machine.devices[0].free_bytes: expected at most total_bytes"},
      {R"({"ram_bytes": 8e9, "ram_bytes_per_second": 1e9, "expert_layers_on_cpu": 1.5})", "machine.expert_layers_on_cpu: expected a whole number"}};
  for (const auto& [json, words] : wrong) {
    const Result<Machine> machine = parse_machine(json, "machine.json");
    ASSERT_FALSE(machine) << json;
    EXPECT_EQ(machine.error().code, ErrorCode::bad_file);
    EXPECT_NE(machine.error().message.find(words), std::string::npos) << machine.error().message;
  }
}

}  // namespace pio
