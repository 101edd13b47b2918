#include "engine/model_note.h"

#include "engine/files/model_file.h"
#include "engine/plan/placement.h"
#include "kernels/base/number_text.h"

namespace pio {

namespace {

const char* name_of(LoadQuantization quantization) {
  switch (quantization) {
    case LoadQuantization::keep: break;
    case LoadQuantization::int4: return "INT4";
    case LoadQuantization::int8: return "INT8";
    case LoadQuantization::fp16: return "FP16";
    case LoadQuantization::nf4: return "NF4";
  }
  return "";
}

std::string text(const ExpertsOnDisk& note) {
  return "memory: " + std::to_string(note.n_slots) + " of " + std::to_string(note.n_experts) +
         " experts have room, the others are read when they are chosen";
}

std::string text(const WeightsOnDisk& note) {
  return "memory: " + gigabytes(note.n_bytes) + " of the weights do not fit and are read again for every token: slow";
}

std::string text(const AboveTrainedContext& note) {
  return "a context of " + std::to_string(note.context_length) + " tokens, trained for " + std::to_string(note.trained_context_length) +
         ": what comes after those may make no sense";
}

std::string text(const KeysInFourBits& note) {
  return note.are_latents
             ? "keys and values in q4_0: this model's are compressed already, and nobody has measured what is lost; q8_0 is nearly exact"
             : "keys and values in q4_0: the answers of a model this small get worse, up to nonsense in long conversations; q8_0 is nearly exact";
}

std::string text(const PartOnCards& note) {
  std::string text = "the rest lies on the processor:";
  bool is_first = true;
  for (const PartOnCards::Card& card : note.cards) {
    text += std::string(is_first ? " " : ", ") + card.device + " has " + std::to_string(card.n_layers) + " of " + std::to_string(note.n_layers) +
            " layers";
    if (card.n_layers > 0 && note.expert_bytes > 0)
      text += " and " + gigabytes(card.expert_bytes) + " of " + gigabytes(note.expert_bytes) + " of experts";
    is_first = false;
  }
  return text;
}

std::string text(const NothingOnCard& note) {
  return "all of the model lies on the processor: " + note.device + " has no room for a layer, or runs none";
}

std::string text(const LessOnCard& note) {
  return note.device + ": no memory for " + gigabytes(note.n_bytes) + " of the model, which has less of it there";
}

std::string text(const DeviceLost& note) { return note.lost + " does not answer any more: the model lies on " + note.device + " now"; }

std::string text(const VisionDoesNotFit& note) { return "the vision tower beside it does not fit: " + note.why; }

std::string text(const NoVision&) { return "no vision tower (mmproj*.gguf) beside it: text only"; }

std::string text(const RoundedWeights& note) {
  return std::string("weights made ") + name_of(note.quantization) + " while loading: relative error " + fixed_text(note.relative_error, 5) +
         " (root mean square)";
}

std::string text(const TokensWithoutRow& note) {
  return std::to_string(note.n_tokens) + " added tokens of the tokenizer have no row in the model's table of " + std::to_string(note.vocab_size) +
         ": they are read as text";
}

}  // namespace

std::string text_of(const ModelNote& note) {
  return std::visit([](const auto& one) { return text(one); }, note);
}

}  // namespace pio
