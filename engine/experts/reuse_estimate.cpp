#include "engine/experts/reuse_estimate.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/check.h"

namespace pio {
namespace {

// Tokens after which a choice counts half. Any four that are a few times apart do: with 1, 6, 36 and 216 the hit rates of the traces change
// by a third of a point at most.
constexpr std::array<double, ExpertProfile::kSpeeds> kHalfLives = {1, 4, 16, 64};
// What the weights are before anything was learned, and as many observations of weight one that they count for.
constexpr double kFirstWeight = 0.25, kTrust = 20;
constexpr double kFade = 0.98;         // of what was learned, a token
constexpr float kLeastChance = 1e-3F;  // an expert of a hundred that is hardly ever wanted
// Steps of more tokens are chunks of a prompt: they tell what is popular, not how soon it comes again.
constexpr std::int64_t kMostLearned = 16;
// The profile counts half as much of what is older than this.
constexpr std::int64_t kProfileTokens = 4096;
// Decoded tokens that follow each other choose alike, so that the halves of a profile are of stretches.
constexpr std::int64_t kStretch = 16;
// Tokens after which most of what is chosen was chosen before: before them ranks say how little is known, which a later run does not begin with.
constexpr std::int64_t kFewestKnown = 32;

std::array<double, ExpertProfile::kSpeeds> fade_of_a_token() {
  std::array<double, ExpertProfile::kSpeeds> fade;
  std::transform(kHalfLives.begin(), kHalfLives.end(), fade.begin(), [](double half_life) { return std::exp2(-1 / half_life); });
  return fade;
}
const std::array<double, ExpertProfile::kSpeeds> kFades = fade_of_a_token();

}  // namespace

ReuseEstimate::ReuseEstimate(std::int64_t n_layers, std::int64_t n_experts)
    : n_layers_(n_layers),
      n_experts_(n_experts),
      fading_(n_layers * kSpeeds * n_experts),
      chances_(n_layers * n_experts),
      chosen_(n_experts),
      counts_(n_layers * n_experts),
      n_tokens_(n_layers),
      decoded_counts_(ExpertProfile::kHalves * n_layers * n_experts),
      n_decoded_(ExpertProfile::kHalves * n_layers),
      n_seen_(n_layers),
      n_at_rank_(n_experts) {
  first_weights_.fill(kFirstWeight);
  weights_ = first_weights_;
}

void ReuseEstimate::saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens, float margin) {
  if (n_tokens == 0) return;
  const std::int64_t n_used = std::ssize(ids) / n_tokens;
  std::fill(chosen_.begin(), chosen_.end(), 0.0F);
  for (const std::int32_t id : ids)
    if (id >= 0) chosen_[id] += 1;
  if (n_tokens <= kMostLearned) {
    count_ranks(layer, ids, n_tokens);
    learn(layer, n_tokens, margin);
  }

  for (int s = 0; s < kSpeeds; ++s) {
    float* shares = fading(layer, s);
    const auto kept = static_cast<float>(std::pow(kFades[s], static_cast<double>(n_tokens)));
    for (std::int64_t e = 0; e < n_experts_; ++e) shares[e] *= kept;
    double one = 1 - kFades[s];
    for (std::int64_t t = n_tokens - 1; t >= 0; --t, one *= kFades[s]) {
      for (const std::int32_t id : ids.subspan(t * n_used, n_used))
        if (id >= 0) shares[id] += static_cast<float>(one);
    }
  }
  update_chances(layer);

  count(layer, ids, n_tokens);
}

void ReuseEstimate::count(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens) {
  const std::int64_t n_used = std::ssize(ids) / n_tokens;
  float* const counts = &counts_[layer * n_experts_];
  for (std::int64_t e = 0; e < n_experts_; ++e) counts[e] += chosen_[e];
  n_tokens_[layer] += n_tokens;
  for (std::int64_t t = 0; n_tokens <= kMostLearned && t < n_tokens; ++t) {
    const std::int64_t at = n_seen_[layer]++ / kStretch % ExpertProfile::kHalves * n_layers_ + layer;
    ++n_decoded_[at];
    for (const std::int32_t id : ids.subspan(t * n_used, n_used))
      if (id >= 0) decoded_counts_[at * n_experts_ + id] += 1;
  }
  if (n_tokens_[layer] <= kProfileTokens) return;
  const auto halve = [&](float* of_layer) {
    for (std::int64_t e = 0; e < n_experts_; ++e) of_layer[e] /= 2;
  };
  halve(counts);
  n_tokens_[layer] /= 2;
  for (std::int64_t at = layer; at < std::ssize(n_decoded_); at += n_layers_) {
    halve(&decoded_counts_[at * n_experts_]);
    n_decoded_[at] /= 2;
  }
}

// How many of the layer's experts were likelier than one that is chosen now. Those that are as likely share their ranks.
void ReuseEstimate::count_ranks(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens) {
  if (n_tokens_[layer] < kFewestKnown) return;
  const std::span<const float> chances = this->chances(layer);
  for (const std::int32_t id : ids) {
    if (id < 0) continue;
    std::int64_t n_likelier = 0, n_alike = 0;
    for (const float chance : chances) n_likelier += chance > chances[id], n_alike += chance == chances[id];
    for (std::int64_t rank = n_likelier; rank < n_likelier + n_alike; ++rank) n_at_rank_[rank] += 1 / static_cast<double>(n_alike);
    ++n_ranked_;
  }
  const auto most = static_cast<double>(kProfileTokens * n_layers_ * std::ssize(ids) / n_tokens);
  if (n_ranked_ <= most) return;
  for (double& n : n_at_rank_) n /= 2;
  n_ranked_ /= 2;
}

// One observation an expert. An error counts the more the rarer the expert, as its chance varies the less, down to the margin: those below
// it are not kept anyway.
void ReuseEstimate::learn(std::int64_t layer, std::int64_t n_tokens, float margin) {
  const float* shares = fading(layer, 0);
  const auto share = [&](int s, std::int64_t e) { return static_cast<double>(shares[s * n_experts_ + e]); };
  const double least = std::max(margin, kLeastChance);
  for (std::int64_t e = 0; e < n_experts_; ++e) {
    double chance = 0;
    for (int s = 0; s < kSpeeds; ++s) chance += weights_[s] * share(s, e);
    const double counts_for = 1 / std::max(least, chance), came = static_cast<double>(chosen_[e]) / static_cast<double>(n_tokens);
    for (int s = 0; s < kSpeeds; ++s) {
      const double weighted = counts_for * share(s, e);
      came_[s] += weighted * came;
      for (int other = 0; other <= s; ++other) products_[s][other] += weighted * share(other, e);
    }
  }
  if (++n_learned_ >= n_layers_) renew_weights();
}

void ReuseEstimate::renew_weights() {
  n_learned_ = 0;
  // Cholesky: the matrix is symmetric, and kTrust on its diagonal makes it positive.
  auto l = products_;
  Weights x = came_;
  for (int i = 0; i < kSpeeds; ++i) {
    l[i][i] += kTrust;
    x[i] += kTrust * first_weights_[i];
    for (int j = 0; j <= i; ++j) {
      for (int k = 0; k < j; ++k) l[i][j] -= l[i][k] * l[j][k];
      l[i][j] = i == j ? std::sqrt(l[i][i]) : l[i][j] / l[j][j];
    }
  }
  for (int i = 0; i < kSpeeds; ++i) {
    for (int k = 0; k < i; ++k) x[i] -= l[i][k] * x[k];
    x[i] /= l[i][i];
  }
  for (int i = kSpeeds - 1; i >= 0; --i) {
    for (int k = i + 1; k < kSpeeds; ++k) x[i] -= l[k][i] * x[k];
    x[i] /= l[i][i];
  }
  weights_ = x;
  for (int s = 0; s < kSpeeds; ++s) {
    came_[s] *= kFade;
    for (double& product : products_[s]) product *= kFade;
  }
}

void ReuseEstimate::update_chances(std::int64_t layer) {
  const float* shares = fading(layer, 0);
  float* chances = &chances_[layer * n_experts_];
  for (std::int64_t e = 0; e < n_experts_; ++e) {
    double chance = 0;
    for (int s = 0; s < kSpeeds; ++s) chance += weights_[s] * static_cast<double>(shares[s * n_experts_ + e]);
    chances[e] = static_cast<float>(chance);
  }
}

ExpertProfile ReuseEstimate::profile() const {
  ExpertProfile profile{.n_layers = n_layers_,
                        .n_experts = n_experts_,
                        .shares = counts_,
                        .n_tokens = n_tokens_,
                        .weights = weights_,
                        .decoded_shares = decoded_counts_,
                        .n_decoded = n_decoded_,
                        .n_at_rank = n_at_rank_};
  const auto divide = [&](std::vector<float>& shares, std::span<const std::int64_t> n_tokens) {
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const auto n = static_cast<float>(std::max<std::int64_t>(1, n_tokens[i / static_cast<std::size_t>(n_experts_)]));
      shares[i] = std::min(1.0F, shares[i] / n);  // halving an odd number of tokens leaves less than a half
    }
  };
  divide(profile.shares, n_tokens_);
  divide(profile.decoded_shares, n_decoded_);
  return profile;
}

void ReuseEstimate::begin_with(const ExpertProfile& profile) {
  CHECK(profile.n_layers == n_layers_ && profile.n_experts == n_experts_, "a profile of another model");
  first_weights_ = weights_ = profile.weights;
  // half of what a profile holds at most, so that what comes now counts as much
  constexpr std::int64_t kMost = kProfileTokens / 2;
  double kept_share = 1;
  for (std::int64_t layer = 0; layer < n_layers_; ++layer) {
    const std::int64_t n = profile.n_tokens[layer];
    n_tokens_[layer] = std::min(n, kMost);
    if (n > 0) kept_share = std::min(kept_share, static_cast<double>(n_tokens_[layer]) / static_cast<double>(n));
    for (std::int64_t e = 0; e < n_experts_; ++e) {
      const float share = profile.shares[layer * n_experts_ + e];
      for (int s = 0; s < kSpeeds; ++s) fading(layer, s)[e] = share;
      counts_[layer * n_experts_ + e] = share * static_cast<float>(n_tokens_[layer]);
    }
    for (std::int64_t at = layer; at < std::ssize(n_decoded_); at += n_layers_) {
      n_decoded_[at] = n > kMost ? profile.n_decoded[at] * kMost / n : profile.n_decoded[at];
      for (std::int64_t i = at * n_experts_; i < (at + 1) * n_experts_; ++i)
        decoded_counts_[i] = profile.decoded_shares[i] * static_cast<float>(n_decoded_[at]);
    }
    update_chances(layer);
  }
  n_ranked_ = 0;
  for (std::int64_t rank = 0; rank < n_experts_; ++rank) {
    n_at_rank_[rank] = kept_share * profile.n_at_rank[rank];
    n_ranked_ += n_at_rank_[rank];
  }
}

ExpertProfile ExpertProfile::half(std::int64_t half) const {
  const auto shares_of = decoded_shares.begin() + half * n_layers * n_experts;
  const auto tokens_of = n_decoded.begin() + half * n_layers;
  ExpertProfile alone;
  alone.n_layers = n_layers;
  alone.n_experts = n_experts;
  alone.shares.assign(shares_of, shares_of + n_layers * n_experts);
  alone.n_tokens.assign(tokens_of, tokens_of + n_layers);
  return alone;
}

ExpertProfile ExpertProfile::without_half(std::int64_t half) const {
  const ExpertProfile less = this->half(half);
  ExpertProfile left = less;
  for (std::int64_t layer = 0; layer < n_layers; ++layer) {
    const std::int64_t n = std::max<std::int64_t>(n_tokens[layer] - less.n_tokens[layer], 0);
    left.n_tokens[layer] = n;
    for (std::int64_t i = layer * n_experts; i < (layer + 1) * n_experts; ++i) {
      const double count = shares[i] * static_cast<double>(n_tokens[layer]) - less.shares[i] * static_cast<double>(less.n_tokens[layer]);
      left.shares[i] = n > 0 ? static_cast<float>(std::clamp(count / static_cast<double>(n), 0.0, 1.0)) : 0;
    }
  }
  return left;
}

std::optional<double> ExpertProfile::hit_rate(double share) const {
  double n = 0, n_hits = 0;
  for (std::size_t rank = 0; rank < n_at_rank.size(); ++rank) {
    n += n_at_rank[rank];
    n_hits += n_at_rank[rank] * std::clamp(share * static_cast<double>(n_experts) - static_cast<double>(rank), 0.0, 1.0);
  }
  if (n == 0) return {};
  return n_hits / n;
}

}  // namespace pio
