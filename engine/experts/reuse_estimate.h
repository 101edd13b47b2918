#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// How likely the next token is to want an expert, from what the tokens before wanted. Pure, and the same for the same past.

namespace pio {

// How often the tokens of a run chose each expert, and how they were foretold best: what a later run may begin with.
struct ExpertProfile {
  static constexpr int kSpeeds = 4;  // of ReuseEstimate
  std::int64_t n_layers = 0, n_experts = 0;
  std::vector<float> shares;           // [n_layers, n_experts] of the layer's tokens
  std::vector<std::int64_t> n_tokens;  // [n_layers] that the shares were counted from
  std::array<double, kSpeeds> weights{};
  // The same of those that were decoded, and not read as a prompt: of every second stretch of 16, and of the others.
  static constexpr std::int64_t kHalves = 2;
  std::vector<float> decoded_shares;    // [kHalves, n_layers, n_experts]
  std::vector<std::int64_t> n_decoded;  // [kHalves, n_layers]
  // [n_experts] of the choices of decoded tokens, those whose expert was the likeliest of its layer before it was chosen, the next one, and so on.
  std::vector<double> n_at_rank;

  // Without the decoded tokens of one half; and these alone. Nothing but shares and n_tokens.
  ExpertProfile without_half(std::int64_t half) const;
  ExpertProfile half(std::int64_t half) const;
  // Of the choices of decoded tokens, those whose expert was among so large a share of its layer's, the likeliest first; nothing of a run without any.
  std::optional<double> hit_rate(double share) const;
};

// Of each expert it keeps the share of its layer's tokens that chose it, fading at four speeds: what was wanted a moment ago, in this sentence,
// this paragraph, this text. The chance is a weighted sum of the four. The weights are those that would have foretold the tokens so far best:
// least squares, renewed with every token, the same for all layers. So routing that follows the text is followed, and routing that does
// not (Zipf, uniform) is counted.
class ReuseEstimate {
 public:
  ReuseEstimate(std::int64_t n_layers, std::int64_t n_experts);

  // The layer's next tokens, in their order, chose these: ids [n_tokens, n_used], those below 0 none. `margin` is the chance at which a cache has had to choose of
  // late: around it the weights have to be right.
  void saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens, float margin);

  // [n_experts], behind the layer's last token.
  std::span<const float> chances(std::int64_t layer) const { return std::span(chances_).subspan(layer * n_experts_, n_experts_); }

  ExpertProfile profile() const;
  // As if the tokens so far had chosen so. Of a model of the same shape, before the first token.
  void begin_with(const ExpertProfile& profile);

 private:
  static constexpr int kSpeeds = ExpertProfile::kSpeeds;
  using Weights = std::array<double, kSpeeds>;

  float* fading(std::int64_t layer, int speed) { return &fading_[(layer * kSpeeds + speed) * n_experts_]; }
  void count(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens);
  void count_ranks(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens);
  void learn(std::int64_t layer, std::int64_t n_tokens, float margin);
  void renew_weights();
  void update_chances(std::int64_t layer);

  std::int64_t n_layers_, n_experts_;
  std::vector<float> fading_;   // [n_layers, kSpeeds, n_experts]
  std::vector<float> chances_;  // [n_layers, n_experts]
  std::vector<float> chosen_;   // [n_experts] how many of the tokens at hand chose it
  // The least squares' normal equations, fading: products of the four with each other, and with what came.
  std::array<std::array<double, kSpeeds>, kSpeeds> products_{};
  Weights came_{}, first_weights_, weights_;  // first: before anything was learned
  std::int64_t n_learned_ = 0;                // layers since the weights were renewed
  std::vector<float> counts_;                 // [n_layers, n_experts], for the profile
  std::vector<std::int64_t> n_tokens_;        // [n_layers] that were counted
  // Of the same what ExpertProfile has.
  std::vector<float> decoded_counts_;
  std::vector<std::int64_t> n_decoded_, n_seen_;  // seen: [n_layers] decoded since the beginning
  std::vector<double> n_at_rank_;
  double n_ranked_ = 0;
};

}  // namespace pio
