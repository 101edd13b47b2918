#include "engine/experts/profile_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "engine/experts/expert_cache.h"

namespace pio {
namespace {

const std::string kModel(64, 'a');

// Of an estimate that has seen some tokens.
ExpertProfile learned(std::int64_t n_layers, std::int64_t n_experts) {
  ReuseEstimate estimate(n_layers, n_experts);
  std::mt19937 random(7);
  for (int step = 0; step < 50; ++step) {
    for (std::int64_t layer = 0; layer < n_layers; ++layer) {
      const auto first = static_cast<std::int32_t>(random() % static_cast<unsigned>(n_experts - 1));
      const std::int32_t ids[] = {first, first + 1};
      estimate.saw(layer, ids, 1, 0);
    }
  }
  return estimate.profile();
}

std::vector<ExpertProfile> shapes_of(const std::vector<ExpertProfile>& profiles) {
  std::vector<ExpertProfile> shapes;
  for (const ExpertProfile& profile : profiles) shapes.push_back(ReuseEstimate(profile.n_layers, profile.n_experts).profile());
  return shapes;
}

// The sum over what stands before it, as the writer makes it: by writing nothing else but these bytes.
std::string with_right_sum(std::string bytes) {
  bytes.resize(bytes.size() - 8);
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  bytes.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
  return bytes;
}

TEST(ProfileFile, IsReadAsItWasWritten) {
  const std::vector<ExpertProfile> profiles{learned(3, 16), learned(2, 9)};
  const auto read = parse_profiles(write_profiles(kModel, {profiles, 1.5e9}), kModel, shapes_of(profiles));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->read_bytes_per_second, 1.5e9);
  ASSERT_EQ(read->profiles.size(), profiles.size());
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    EXPECT_EQ(read->profiles[i].shares, profiles[i].shares);
    EXPECT_EQ(read->profiles[i].n_tokens, profiles[i].n_tokens);
    EXPECT_EQ(read->profiles[i].weights, profiles[i].weights);
    EXPECT_EQ(read->profiles[i].decoded_shares, profiles[i].decoded_shares);
    EXPECT_EQ(read->profiles[i].n_decoded, profiles[i].n_decoded);
    EXPECT_EQ(read->profiles[i].n_at_rank, profiles[i].n_at_rank);
  }
}

TEST(ProfileFile, OfAnotherModelOrShapeIsNone) {
  const std::vector<ExpertProfile> profiles{learned(3, 16)};
  const std::string bytes = write_profiles(kModel, {profiles});
  EXPECT_FALSE(parse_profiles(bytes, std::string(64, 'b'), shapes_of(profiles)));
  for (const auto& [n_layers, n_experts] : {std::pair{2, 16}, {3, 15}, {16, 3}, {6, 8}})
    EXPECT_FALSE(parse_profiles(bytes, kModel, shapes_of({learned(n_layers, n_experts)})));
  EXPECT_FALSE(parse_profiles(bytes, kModel, shapes_of({learned(3, 16), learned(3, 16)})));
  EXPECT_FALSE(parse_profiles(bytes, kModel, {}));
}

// Damaged by chance, or forged with a right sum: nothing, or values that a cache can begin with.
TEST(ProfileFile, OfAnyBytesDoesNoHarm) {
  const std::vector<ExpertProfile> profiles{learned(3, 16)}, shapes = shapes_of(profiles);
  const std::string whole = write_profiles(kModel, {profiles});
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_profiles(whole.substr(0, n), kModel, shapes)) << n;
  EXPECT_FALSE(parse_profiles(whole + 'x', kModel, shapes));
  std::mt19937 random(1);
  int n_taken = 0;
  for (int turn = 0; turn < 20000; ++turn) {
    std::string bytes = whole;
    for (unsigned i = 0; i <= random() % 4; ++i) {
      const std::size_t at = random() % (bytes.size() - 8);
      if (random() % 2) {
        bytes[at] = static_cast<char>(random());
      } else {  // numbers that sums do not bear
        const float values[] = {NAN, INFINITY, -INFINITY, -1, 1e30F, std::numeric_limits<float>::denorm_min(), 2};
        std::memcpy(&bytes[std::min(at, bytes.size() - 12)], &values[random() % std::size(values)], sizeof(float));
      }
    }
    EXPECT_EQ(parse_profiles(bytes, kModel, shapes).has_value(), bytes == whole);
    if (random() % 8 == 0) bytes.resize(8 + random() % (bytes.size() - 8));
    const auto read = parse_profiles(with_right_sum(bytes), kModel, shapes);
    if (!read) continue;
    ++n_taken;
    ExpertCache cache(3, 16, 12);
    const std::vector<ExpertCache::Place> places = cache.warm(read->profiles.front());
    EXPECT_LE(std::ssize(places), 12);
    for (int step = 0; step < 20; ++step) {
      for (std::int64_t layer = 0; layer < 3; ++layer) {
        const std::int32_t ids[] = {static_cast<std::int32_t>(random() % 8), static_cast<std::int32_t>(8 + random() % 8)};
        cache.saw(layer, ids, 1);
        for (const ExpertCache::Place& place : cache.take(layer, ids)) ASSERT_TRUE(place.slot >= 0 && place.slot < 12);
        cache.release(layer, ids);
      }
    }
    const ExpertProfile after = cache.profile();
    for (const float share : after.shares) ASSERT_TRUE(share >= 0 && share <= 1) << share;
    for (const double weight : after.weights) ASSERT_TRUE(std::isfinite(weight));
  }
  EXPECT_GT(n_taken, 100);
}

}  // namespace
}  // namespace pio
