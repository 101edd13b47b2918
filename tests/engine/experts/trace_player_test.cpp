// A trace as what a model of another shape chooses.

#include "engine/experts/trace_player.h"

#include <gtest/gtest.h>

#include <vector>

namespace pio {
namespace {

using Ids = std::vector<std::int32_t>;

Ids ids_of(const TracePlayer& player, std::int64_t token, std::int64_t mixture) {
  const std::span<const std::int32_t> ids = player.ids(token, mixture);
  return {ids.begin(), ids.end()};
}

RoutingTrace trace() {
  RoutingTrace trace;
  trace.n_layers = 4;
  trace.n_experts = 16;
  const auto add = [&](std::int64_t turn, bool is_decode, std::int64_t step, std::int64_t layer, const Ids& ids) {
    trace.add({.turn = turn, .is_decode = is_decode, .step = step, .layer = layer}, ids, {});
  };
  // A prompt of two tokens, layer after layer, and an answer of one; then another turn. Layer 0 is no mixture.
  add(0, false, 0, 1, {3, 9});
  add(0, false, 1, 1, {4, 5});
  add(0, false, 0, 3, {15, 2});
  add(0, false, 1, 3, {1, 0});
  add(0, true, 2, 1, {7, 8});
  add(1, false, 0, 1, {6, 11});
  add(1, false, 0, 3, {10, 12});
  return trace;
}

TEST(TracePlayer, PlaysTokensInTheirOrderAndLayersInTheirs) {
  const TracePlayer player(trace(), 16, 2);
  ASSERT_EQ(player.n_tokens(), 4);
  EXPECT_FALSE(player.is_decode(0) || player.is_decode(1) || player.is_decode(3));
  EXPECT_TRUE(player.is_decode(2));
  EXPECT_EQ(ids_of(player, 0, 0), (Ids{3, 9}));
  EXPECT_EQ(ids_of(player, 0, 1), (Ids{15, 2}));
  EXPECT_EQ(ids_of(player, 1, 0), (Ids{4, 5}));
  EXPECT_EQ(ids_of(player, 1, 1), (Ids{1, 0}));
  EXPECT_EQ(ids_of(player, 2, 0), (Ids{7, 8}));
  EXPECT_EQ(ids_of(player, 2, 1), (Ids{1, 0})) << "of which the trace says nothing: as the token before";
  EXPECT_EQ(ids_of(player, 3, 0), (Ids{6, 11}));
  EXPECT_EQ(ids_of(player, 3, 3), (Ids{10, 12})) << "of four mixtures the third and fourth have the first and second again";
}

TEST(TracePlayer, RepeatsIdsWhereAModelChoosesMore) {
  EXPECT_EQ(ids_of(TracePlayer(trace(), 16, 5), 0, 0), (Ids{3, 9, 3, 9, 3}));
  EXPECT_EQ(ids_of(TracePlayer(trace(), 16, 1), 0, 0), (Ids{3}));
  EXPECT_EQ(ids_of(TracePlayer(trace(), 8, 2), 0, 1), (Ids{7, 2})) << "an expert beyond the model's wraps around";
  EXPECT_EQ(ids_of(TracePlayer(trace(), 1, 3), 3, 1), (Ids{0, 0, 0}));
}

}  // namespace
}  // namespace pio
