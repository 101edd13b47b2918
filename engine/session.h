#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/kv_selection.h"
#include "engine/image/pictures.h"
#include "engine/kv/prefix_cache.h"
#include "engine/kv/sequence.h"
#include "engine/loaded_model.h"
#include "engine/token_ids.h"

// One conversation's tokens and what the model remembers of them.

namespace pio {

class Session {
 public:
  explicit Session(LoadedModel& model) : model_(model), sequence_(model.pool()), selection_(model.selection()) {}

  // Called when the pool has no block left; frees some and says true, or false when nothing can be freed.
  void set_make_room(std::function<bool()> make_room) { make_room_ = std::move(make_room); }

  // Keeps the tokens that `ids` begins with as well, drops the others, and says how many stayed; at least the last of `ids` is left to
  // be processed, since its logits are wanted.
  std::int64_t keep_prefix(TokenSpan ids);
  // Begins with what is cached of `ids`, all but the last at most. Returns how many of these tokens are another conversation's too.
  std::int64_t adopt_prefix(PrefixCache& cache, TokenSpan ids, std::uint64_t conversation);
  const Sequence& sequence() const { return sequence_; }
  // The next tokens with their keys and values, block after block as download_block gave them. There are whole blocks before. Fails with
  // context_full; then nothing was added.
  Result<void> restore(TokenSpan ids, std::span<const std::byte> blocks);
  std::int64_t n_tokens() const { return sequence_.n_tokens(); }
  // Takes back all but the first n tokens, of those that the last call of process added.
  void take_back_to(std::int64_t n);
  // Gives back the room of all but the first n tokens, whole blocks, whoever shares them.
  void give_up(std::int64_t n) { sequence_.truncate(n); }
  // How many tokens fit without taking room from other conversations.
  std::int64_t n_spare_cells() const { return sequence_.n_spare_cells(); }
  void clear();

  // The pictures of the whole prompt that is kept and processed next; its ids stand for them below zero. `features` is asked for each as its
  // tokens are reached, so that what the cache holds is not encoded again.
  using FeaturesOf = std::function<Result<std::shared_ptr<const VisionFeatures>>(const PlacedPicture& picture)>;
  void show(std::vector<PlacedPicture> pictures, FeaturesOf features);
  // The places of the pictures stay; `features` is not asked any more.
  void end_prompt() { features_of_ = {}; }
  // What tokens attend to from now on, instead of what the model was loaded with.
  void set_selection(KvSelection selection) { selection_ = selection; }
  // Tokens whose blocks every selection keeps, instead of those named before.
  void protect(std::vector<TokenRange> tokens) { protected_ = std::move(tokens); }

  // The next n_tokens tokens are a prompt's, in however many calls of process they come. The model's form for them is chosen here, once.
  void begin_prompt(std::int64_t n_tokens);
  // What follows is decoded token by token.
  void begin_decoding() { needs_ = {}; }

  enum class Outputs { none, last, all };
  // Processes `ids` after the tokens there are, in steps of at most step_tokens(). Logits [n_outputs, vocab_size] of the wanted ones go to
  // `logits`. Fails with context_full, with the device's error, or with cancelled; then none of `ids` were added.
  Result<void> process(TokenSpan ids, Outputs outputs, std::vector<float>& logits, const std::stop_token& stop);
  // The same with the wanted rows given by their places in `ids`, rising.
  Result<void> process(TokenSpan ids, std::span<const int> output_rows, std::vector<float>& logits, const std::stop_token& stop);
  // What a step takes of one conversation: the tokens that come next in it, and the wanted rows by their places in `ids`, rising.
  struct Part {
    Session* session = nullptr;
    TokenSpan ids;
    std::span<const int> output_rows;
  };
  // One step of at most step_tokens() tokens of different conversations of a model, as many as it was loaded for. Several only where each
  // shares_steps with its part; they attend as the first one does. The logits of the wanted rows go behind those that `logits` holds, part after
  // part. Fails as process; then none of the parts were added.
  static Result<void> process_together(std::span<const Part> parts, std::vector<float>& logits, const std::stop_token& stop);
  // Whether the next n_tokens tokens can be in a step with other conversations': no picture is among them, and the model's form for them needs no
  // ordered cells.
  bool shares_steps(std::int64_t n_tokens) const;
  // Takes room for the next n_tokens tokens, so that no other conversation gets it before they are processed. Fails with context_full{limit,
  // asked}; then nothing was taken. What is not used goes with take_back_to or a step that fails.
  Result<void> reserve(std::int64_t n_tokens);

 private:
  // What a step takes from pictures instead of the embedding table. `held` keeps its tensors.
  struct Seen {
    GivenEmbeddings given;
    std::vector<std::shared_ptr<const VisionFeatures>> held;
  };
  // [n_position_axes, n] of the tokens from `first` on.
  std::vector<std::int32_t> positions(std::int64_t first, std::int64_t n) const;
  // [blocks of the sequence]; empty where all are attended to.
  std::vector<std::int32_t> protected_blocks() const;
  Result<Seen> see(ForwardContext& context, std::int64_t first, std::int64_t n);

  LoadedModel& model_;
  Sequence sequence_;
  std::function<bool()> make_room_;
  std::vector<PlacedPicture> pictures_;
  TokenPlaces places_;
  FeaturesOf features_of_;
  KvSelection selection_;
  StepNeeds needs_;
  std::vector<TokenRange> protected_;
};

}  // namespace pio
