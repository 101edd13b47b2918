#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/experts/expert_places.h"
#include "engine/experts/expert_slots.h"
#include "engine/experts/reuse_estimate.h"
#include "models/model.h"

namespace pio {

// Whether a prompt's step brings the experts that are in no slot to the card, instead of having the processor compute them.
enum class Staging {
  where_it_pays,  // by bytes, and by what was measured: how fast experts come to the card, how long the processor takes for a choice
  always,         // of any step of more than one token
  never,
};
// Of all tokens of a step, below which nothing is brought where it is to pay.
inline constexpr std::int64_t kFewestStagedTokens = 32;

// As expert_kinds, of slots that are filled from the file and not read into for a step: as many as n_bytes hold, perhaps none.
std::vector<ExpertKind> card_kinds(const Model& model, const AwayTensors& away, const Backend& card, std::uint64_t n_bytes);

// Experts of mixtures of which a card has some in slots, and the processor all. The card that runs a layer computes the chosen experts that it has, the
// processor at the same time the others, and what they give is added: the card's sum, then the processor's. None is fetched for a step; what lies on the
// card changes only where somebody asks for it, between steps. A layer whose experts all lie there is the card's alone, and nothing of it is read back.
class CardExperts final : public ExpertSource, public ExpertsElsewhere {
 public:
  // `model` is the card's part, whose experts are `away`; `kinds` as expert_kinds gave them; `context` has the temporaries of the layers. All must outlive
  // it. `staging_bytes`: memory for experts that prompts bring; 0: none. Fails with out_of_memory.
  static Result<std::unique_ptr<CardExperts>> create(const Model& model, const AwayTensors& away, ForwardContext& context,
                                                     std::vector<ExpertKind> kinds, std::uint64_t staging_bytes = 0);
  void set_staging(Staging staging) { staging_ = staging; }
  // Who computes the missing experts: `model` is the processor's part, `context` its temporaries. `layers` are all whose experts it has. Before the first pass.
  void set_host(const Model& model, ForwardContext& context, LayerSet layers);

  // Fills the slots: by what the routing was like in an earlier run, of each kind, or evenly. `progress` is told of the file's bytes. Fails with the error of
  // reading an expert, which it names, or with cancelled.
  Result<void> fill(std::optional<std::span<const ExpertProfile>> profiles, const std::function<void(std::uint64_t n_bytes)>& progress,
                    const std::stop_token& stop);
  // Brings experts that are chosen more than those whose slots they get, of at most so many bytes in the file and in about so many seconds. Returns how many
  // came. One that cannot be read leaves its slot empty.
  std::int64_t promote(std::uint64_t most_bytes, double most_seconds, const std::stop_token& stop);
  std::vector<ExpertProfile> profiles() const;
  // Of profiles of all routing what is left for the processor: shares of experts that lie here are 0. In the form of these kinds.
  std::vector<ExpertProfile> without_those_here(std::vector<ExpertProfile> profiles) const;

  const ExpertSet* resident(std::int64_t layer) const override;
  Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t> ids, const std::stop_token& stop) override;
  bool has(std::int64_t layer) const override { return layers_[static_cast<std::size_t>(layer)].is_shared(); }
  Result<void> run(std::int64_t layer, Tensor y, Tensor x, Tensor ids, Tensor weights, const std::function<void()>& meanwhile) override;

  std::span<const ExpertKind> kinds() const { return kinds_; }
  std::int64_t n_slots() const;
  std::int64_t n_held() const;
  std::uint64_t n_bytes() const { return slots_bytes(kinds_) + staging_bytes_; }
  // Experts that steps read, a layer's each once a step: on the card, and by the processor. Choices of tokens that lay on the card, and all.
  struct Counts {
    std::uint64_t card_bytes = 0, host_bytes = 0;  // in the file
    std::int64_t hits = 0, choices = 0;
    std::int64_t n_promoted = 0;
    // Brought for prompts, for one step each; and of the choices those that were computed so.
    std::int64_t n_staged = 0, staged_choices = 0;
    std::uint64_t staged_bytes = 0;  // in the file
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Layer {
    std::int64_t kind = -1;   // none: no slots
    std::int64_t number = 0;  // in the kind's
    std::int64_t n_experts = 0, n_here = 0;
    bool is_hosted = false;  // the processor has its experts
    const ExpertSet* away = nullptr;
    ExpertSet here;
    bool is_shared() const { return is_hosted && n_here < n_experts; }
  };
  struct Group {  // of a kind
    ExpertPlaces places;
    ReuseEstimate routing;
    std::vector<std::unique_ptr<Buffer>> memory;
    std::int64_t slots_in_buffer = 1;
  };

  CardExperts(const AwayTensors& away, ForwardContext& context, std::vector<ExpertKind> kinds)
      : away_(away), context_(context), card_(context.backend()), kinds_(std::move(kinds)) {}
  Result<void> bring(std::size_t kind, const ExpertPlaces::Change& change);
  // Lays an expert of a layer into memory of the card; `sources` are kept until its sync().
  Result<ExpertMlp> place(const Layer& layer, std::int64_t id, const ExpertSources& sources, Buffer* memory, std::size_t offset);
  void count(const Layer& layer, std::span<const std::int32_t> chosen, bool is_staged);
  // Those of the chosen that are not on the card, each once.
  std::vector<std::int32_t> missing(const Layer& layer) const;
  bool stages(const Layer& layer, std::int64_t n_tokens, std::int64_t n_missing, std::int64_t n_choices) const;
  // y, or where it `adds` y += what the missing experts make of x, brought as many at a time as the staging memory holds.
  Result<void> run_staged(const Layer& layer, std::span<const std::int32_t> missing, Tensor y, Tensor x, Tensor ids, Tensor weights, bool adds);
  // Brings what a step reads of a layer to the host: chosen_, weights_ and x_.
  void download(Tensor x, Tensor ids, Tensor weights);

  const AwayTensors& away_;
  ForwardContext& context_;
  Backend& card_;
  const Model* host_model_ = nullptr;
  ForwardContext* host_context_ = nullptr;
  std::vector<ExpertKind> kinds_;
  std::vector<Group> groups_;
  std::vector<Layer> layers_;  // of the model
  Counts counts_;
  Staging staging_ = Staging::where_it_pays;
  std::uint64_t staging_bytes_ = 0;
  std::unique_ptr<Buffer> staged_;  // null: nothing is brought
  // As measured; 0: not yet.
  double seconds_of_byte_ = 0;    // to bring an expert's bytes of the file, and in a prompt to compute with it
  double seconds_of_choice_ = 0;  // of the processor, in steps of kFewestStagedTokens tokens and more
  // Of a step: what the tokens chose, which of it each computes, and what goes over the host.
  std::vector<std::int32_t> chosen_, of_card_, of_host_, distinct_;
  std::vector<float> weights_;
  std::vector<std::byte> x_, y_, together_;
};

}  // namespace pio
