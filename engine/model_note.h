#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace pio {

enum class LoadQuantization;

// What a person should know of a model that was planned or loaded: values, which text_of makes English of for pio, and app/error_text the window's
// words.

struct ExpertsOnDisk {                      // some of a mixture's have no room in memory
  std::int64_t n_slots = 0, n_experts = 0;  // of all layers: those that have room, and all
  friend bool operator==(const ExpertsOnDisk&, const ExpertsOnDisk&) = default;
};

struct WeightsOnDisk {  // that are read again for every token
  std::uint64_t n_bytes = 0;
  friend bool operator==(const WeightsOnDisk&, const WeightsOnDisk&) = default;
};

struct AboveTrainedContext {
  std::int64_t context_length = 0, trained_context_length = 0;  // tokens
  friend bool operator==(const AboveTrainedContext&, const AboveTrainedContext&) = default;
};

struct KeysInFourBits {  // where that harms, or nobody knows
  bool are_latents = false;
  friend bool operator==(const KeysInFourBits&, const KeysInFourBits&) = default;
};

struct PartOnCards {  // a card that was asked for alone does not have all of the model
  struct Card {
    std::string device;
    std::int64_t n_layers = 0;
    std::uint64_t expert_bytes = 0;
    friend bool operator==(const Card&, const Card&) = default;
  };
  std::vector<Card> cards;
  std::int64_t n_layers = 0;       // of the model
  std::uint64_t expert_bytes = 0;  // of the model; 0: it is no mixture
  friend bool operator==(const PartOnCards&, const PartOnCards&) = default;
};

struct NothingOnCard {
  std::string device;  // the one that was asked for
  friend bool operator==(const NothingOnCard&, const NothingOnCard&) = default;
};

struct LessOnCard {  // than planned: the card had no memory for it
  std::string device;
  std::uint64_t n_bytes = 0;  // planned
  friend bool operator==(const LessOnCard&, const LessOnCard&) = default;
};

struct DeviceLost {          // and the model loaded again
  std::string lost, device;  // device names, comma-separated: which do not answer, and where the model lies now
  friend bool operator==(const DeviceLost&, const DeviceLost&) = default;
};

struct VisionDoesNotFit {  // the mmproj file beside the model
  std::string why;         // the engine's own message
  friend bool operator==(const VisionDoesNotFit&, const VisionDoesNotFit&) = default;
};

struct NoVision {  // beside a model that could see
  friend bool operator==(const NoVision&, const NoVision&) = default;
};

struct RoundedWeights {  // made smaller while loading
  LoadQuantization quantization{};
  double relative_error = 0;  // root mean square
  friend bool operator==(const RoundedWeights&, const RoundedWeights&) = default;
};

struct TokensWithoutRow {  // of the tokenizer's added ones
  std::int64_t n_tokens = 0, vocab_size = 0;
  friend bool operator==(const TokensWithoutRow&, const TokensWithoutRow&) = default;
};

using ModelNote = std::variant<ExpertsOnDisk, WeightsOnDisk, AboveTrainedContext, KeysInFourBits, PartOnCards, NothingOnCard, LessOnCard, DeviceLost,
                               VisionDoesNotFit, NoVision, RoundedWeights, TokensWithoutRow>;

std::string text_of(const ModelNote& note);

}  // namespace pio
