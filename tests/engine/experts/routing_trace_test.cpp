#include "engine/experts/routing_trace.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "engine/files/replace_file.h"
#include "tests/engine/experts/made_up_trace.h"

namespace pio {
namespace {

const std::string kHead =
    "# route_trace v1\n# model=m.gguf arch=qwen3moe n_layer=2 n_expert=8 n_expert_used=2\n# layer=1 expert_bytes=300 dense_bytes=5\n";
const std::string kNames = "turn,phase,step,layer,slot,expert,weight,residency,expert_bytes\n";

Result<RoutingTrace> read(const std::string& text) {
  RoutingTraceReader reader;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (const Result<void> status = reader.add(line); !status) return status.error();
  }
  return reader.finish();
}

TEST(RoutingTrace, IsReadAsTokensAndLayers) {
  const RoutingTrace trace = read(kHead + kNames + "0,0,0,0,0,3,0.5,0,200\n0,0,0,0,1,7,0.25,0,200\n0,1,1,1,0,2,1e-3,1,300\n").value();
  EXPECT_EQ(trace.model, "m.gguf");
  EXPECT_EQ(trace.architecture, "qwen3moe");
  EXPECT_EQ(trace.n_layers, 2);
  EXPECT_EQ(trace.n_experts, 8);
  EXPECT_EQ(trace.expert_bytes, (std::vector<std::uint64_t>{200, 300}));
  ASSERT_EQ(trace.choices.size(), 2u);
  EXPECT_EQ(trace.choices[0].n, 2);
  EXPECT_EQ(trace.experts_of(trace.choices[0])[1], 7);
  EXPECT_FALSE(trace.choices[0].is_decode);
  EXPECT_TRUE(trace.choices[1].is_decode);
  EXPECT_FLOAT_EQ(trace.weights[2], 1e-3F);
  EXPECT_EQ(trace.n_decoded(), 1);
  EXPECT_EQ(trace.most_chosen(), 2);
}

TEST(RoutingTrace, ColumnsMayStandElsewhereOrNotAtAll) {
  const RoutingTrace trace = read("expert,layer,step,phase,turn\n5,3,0,1,0\n").value();
  EXPECT_EQ(trace.n_layers, 4);
  EXPECT_EQ(trace.n_experts, 6);
  EXPECT_EQ(trace.n_mixtures(), 1);
  EXPECT_EQ(trace.experts, std::vector<std::int32_t>{5});
}

TEST(RoutingTrace, IsReadBackAsItWasWritten) {
  const RoutingTrace trace = test::made_up_trace({.n_layers = 3, .n_experts = 16, .n_used = 4, .n_decode = 20});
  const std::filesystem::path path = std::filesystem::temp_directory_path() / ("pio-trace-" + std::to_string(getpid()) + ".csv");
  ReplaceFile file = ReplaceFile::open(path).value();
  ASSERT_TRUE(write_routing_trace(trace, file));
  std::ifstream in(path);
  const RoutingTrace back = read({std::istreambuf_iterator<char>(in), {}}).value();
  std::filesystem::remove(path);
  EXPECT_EQ(back.n_layers, trace.n_layers);
  EXPECT_EQ(back.n_experts, trace.n_experts);
  EXPECT_EQ(back.experts, trace.experts);
  EXPECT_EQ(back.weights, trace.weights);
  EXPECT_EQ(back.expert_bytes, trace.expert_bytes);
  ASSERT_EQ(back.choices.size(), trace.choices.size());
  for (std::size_t i = 0; i < back.choices.size(); ++i) {
    EXPECT_EQ(back.choices[i].step, trace.choices[i].step);
    EXPECT_EQ(back.choices[i].layer, trace.choices[i].layer);
    EXPECT_EQ(back.choices[i].is_decode, trace.choices[i].is_decode);
  }
}

struct Hostile {
  std::string text, words;
};

TEST(RoutingTrace, EveryDamageIsAnError) {
  for (const auto& [text, words] : std::vector<Hostile>{
           {"", "found none"},
           {kHead, "found none"},
           {kHead + kNames, "found none"},
           {"a,b,c\n0,0,0\n", "columns"},
           {"turn,phase,step,layer\n0,1,0,0\n", "columns"},
           {std::string("\0\1\2\377", 4) + "\n", "columns"},
           {kHead + kNames + "0,1,0,0,0,3,0.5,0\n", "9 columns"},
           {kHead + kNames + "0,1,0,0,0,3,0.5,0,1,2\n", "9 columns"},
           {kHead + kNames + "0,1,0,0,0,3\n", "9 columns"},  // cut off
           {kHead + kNames + "0,1,0,0,0,8,0.5,0,1\n", "expert: expected a whole number, 0 to 7"},
           {kHead + kNames + "0,1,0,2,0,0,0.5,0,1\n", "layer: expected a whole number, 0 to 1"},
           {kHead + kNames + "0,2,0,0,0,0,0.5,0,1\n", "phase"},
           {kHead + kNames + "-1,1,0,0,0,0,0.5,0,1\n", "turn"},
           {kHead + kNames + "0,1,99999999999999999999999,0,0,0,0.5,0,1\n", "step"},
           {kHead + kNames + "0,1,0,0,0,-3,0.5,0,1\n", "expert"},
           {kHead + kNames + "0,1,0,0,0,1.5,0.5,0,1\n", "expert"},
           {kHead + kNames + "0,1,0,0,0,,0.5,0,1\n", "found nothing"},
           {kHead + kNames + "0,1,0,0,0,1,nan,0,1\n", "weight"},
           {kHead + kNames + "0,1,0,0,0,1,x,0,1\n", "weight"},
           {kHead + kNames + "0,1,0,0,0,1,0.5,0,99999999999999999\n", "expert_bytes"},
           {kHead + kNames + "0,1,0,0,0,1,0.5,0,1\n0,1,0,0,1,1,0.5,0,1\n", "did not choose before"},
           {"# n_layer=99999999999\n", "n_layer"},
           {"# n_layer=0\n", "n_layer"},
           {"# n_layer=1 n_expert=100000\n", "n_expert"},
           {"# layer=5000 expert_bytes=1\n", "layer"},
           {"layer,expert,turn,phase,step\n1023,1023,0,1,0\n1024,0,0,1,0\n", "layer"},
           {kNames + std::string(200000, ',') + "\n", "columns"},
           {std::string(200000, ',') + "\n", "columns"},
       }) {
    const Result<RoutingTrace> refused = read(text);
    ASSERT_FALSE(refused) << text.substr(0, 300);
    EXPECT_EQ(refused.error().code, ErrorCode::bad_file);
    EXPECT_NE(refused.error().message.find(words), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("expected"), std::string::npos) << refused.error().message;
    EXPECT_LT(refused.error().message.size(), 300u);
  }
}

}  // namespace
}  // namespace pio
