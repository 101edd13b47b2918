#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/attention_choice.h"
#include "engine/image/pictures.h"
#include "engine/kv/sequence.h"
#include "engine/loaded_model.h"

// One conversation's tokens and what the model remembers of them.

namespace pio {

// Tokens fed to the model at a time: enough for the weights to be read once for many tokens, few enough to show progress and stop.
inline constexpr std::int64_t kPrefillTokens = 512;

class Session {
 public:
  explicit Session(LoadedModel& model) : model_(model), sequence_(model.pool()), selection_(model.selection()) {}

  // Called when the pool has no block left; frees some and says true, or false when nothing can be freed.
  void set_make_room(std::function<bool()> make_room) { make_room_ = std::move(make_room); }

  // Keeps the tokens that `ids` begins with as well, drops the others, and says how many stayed; at least the last of `ids` is left to
  // be processed, since its logits are wanted.
  std::int64_t keep_prefix(std::span<const int> ids);
  // How many tokens keep_prefix would keep.
  std::int64_t common_prefix(std::span<const int> ids) const;
  std::int64_t n_tokens() const { return sequence_.n_tokens(); }
  void clear() { sequence_.truncate(0); }

  // The pictures of the whole prompt that is kept and processed next; its ids stand for them below zero. `features` is asked for each as its
  // tokens are reached, so that the tower does not run for what the cache holds.
  using FeaturesOf = std::function<Result<std::shared_ptr<const VisionFeatures>>(const PlacedPicture& picture)>;
  void show(std::vector<PlacedPicture> pictures, FeaturesOf features);
  // What tokens attend to from now on, instead of what the model was loaded with.
  void set_selection(KvSelection selection) { selection_ = selection; }
  // Tokens whose blocks every selection keeps, instead of those named before.
  void protect(std::vector<TokenRange> tokens) { protected_ = std::move(tokens); }

  enum class Outputs { none, last, all };
  // Processes `ids` after the tokens there are, in one step. Logits [n_outputs, vocab_size] of the wanted ones go to `logits`.
  // Fails with context_full, with the device's error, or with cancelled; then none of `ids` were added.
  Result<void> process(std::span<const int> ids, Outputs outputs, std::vector<float>& logits, std::stop_token stop);
  // The same with the wanted rows given by their places in `ids`.
  Result<void> process(std::span<const int> ids, std::span<const int> output_rows, std::vector<float>& logits, std::stop_token stop);

 private:
  // What a step takes from pictures instead of the embedding table. `held` keeps its tensors.
  struct Seen {
    GivenEmbeddings given;
    std::vector<std::shared_ptr<const VisionFeatures>> held;
  };
  Result<Seen> see(ForwardContext& context, std::int64_t first, std::int64_t n);

  LoadedModel& model_;
  Sequence sequence_;
  std::function<bool()> make_room_;
  std::vector<PlacedPicture> pictures_;
  TokenPlaces places_;
  FeaturesOf features_of_;
  KvSelection selection_;
  std::vector<TokenRange> protected_;
};

}  // namespace pio
