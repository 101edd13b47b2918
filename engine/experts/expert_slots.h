#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/experts/expert_cache.h"
#include "engine/files/away_tensors.h"
#include "engine/files/read_queue.h"
#include "kernels/backend.h"
#include "models/expert_source.h"
#include "models/model.h"

// The experts of a model that memory does not hold all: some lie in slots as the device likes them best, the others are read when they are
// chosen.

namespace pio {

// Layers whose experts take the same memory, and so may share slots.
struct ExpertKind {
  std::vector<std::int64_t> layers;
  std::int64_t n_experts = 0;    // of a layer
  std::uint64_t slot_bytes = 0;  // of an expert as it is placed,
  std::uint64_t file_bytes = 0;  // in the file,
  std::uint64_t room_bytes = 0;  // and where it is read to
  std::int64_t n_slots = 0;

  std::int64_t n_in_all() const { return static_cast<std::int64_t>(layers.size()) * n_experts; }
};

// An expert's matrices in the file: what reads one input is a group of its own.
struct ExpertSources {
  std::array<MatrixSource, 2> input;  // gate, up
  std::array<MatrixSource, 1> hidden;
};
ExpertSources sources_of(const AwayTensors& away, const ExpertMlp& expert);

// Slots that a kind has at least where experts are read for a step: one is read while another is computed with.
inline constexpr std::int64_t kFewestSlots = 2;

// The kinds of a model whose experts are `away`, with as many slots as n_bytes hold: equal shares of their experts, but for the few that
// each has at least. Where n_bytes hold not even these, these.
std::vector<ExpertKind> expert_kinds(const Model& model, const AwayTensors& away, const Backend& backend, std::uint64_t n_bytes,
                                     std::int64_t n_fewest = kFewestSlots);
std::uint64_t slots_bytes(std::span<const ExpertKind> kinds);
// Bytes of memory that experts are read to, beside the slots.
std::uint64_t reading_bytes(std::span<const ExpertKind> kinds);

// What came of the choices of tokens since the counts began.
struct ExpertCounts {
  std::vector<ExpertCache::Counts> layers;  // of the mixtures, in their order
  std::int64_t hits = 0, misses = 0;
  std::int64_t hits_with_more = 0, misses_with_more = 0;  // ExpertSlots::count_with_more
  std::int64_t read_ahead = 0;                            // experts, of the misses; and of these, those that were not chosen
  std::int64_t wasted = 0;
  std::uint64_t bytes_read = 0;  // of the file
  double reading_seconds = 0;    // while reads were under way,
  double waiting_seconds = 0;    // and while nothing else was left to do
  double hit_rate() const { return hits + misses > 0 ? static_cast<double>(hits) / static_cast<double>(hits + misses) : 1; }
};

class ExpertSlots final : public ExpertSource {
 public:
  // `kinds` as expert_kinds gave them. Model, file and backend must outlive the slots. Fails with out_of_memory.
  static Result<std::unique_ptr<ExpertSlots>> create(const Model& model, const AwayTensors& away, Backend& backend, std::vector<ExpertKind> kinds,
                                                     std::unique_ptr<ReadQueue> queue);
  ~ExpertSlots() override;

  const ExpertSet* resident(std::int64_t) const override { return nullptr; }
  void saw(std::int64_t layer, std::span<const std::int32_t> ids, std::int64_t n_tokens) override;
  Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t> ids, const std::stop_token& stop) override;
  bool wants_hints() override;
  void hint(std::int64_t layer, std::span<const std::int32_t> ids) override;

  // What the routing so far was like, of each kind; and, before the first token, what it was like in an earlier run: the slots are filled
  // with the experts that are likeliest to be wanted, as long as nobody stops it and the disk gives them.
  std::vector<ExpertProfile> profiles() const;
  void warm(std::span<const ExpertProfile> profiles, const std::stop_token& stop);

  // Gives back memory of slots, at least so much where there are more than the fewest, least likely experts first; nothing while a layer's
  // experts are lent. Returns what went. And takes memory again for slots that were given back, at most so much.
  std::uint64_t give_back(std::uint64_t n_bytes);
  std::uint64_t receive(std::uint64_t n_bytes);
  // Whether guesses at what is chosen next are welcome: not where somebody else chooses.
  void set_hints(bool are_welcome) { takes_hints_ = are_welcome; }
  // Called before a layer's experts are lent, so that memory is looked after in long steps too. It may give back and receive.
  void set_look_after(std::function<void()> look) { look_after_ = std::move(look); }

  // From now on it is also counted what `n_bytes` of slots more would have held.
  void count_with_more(std::uint64_t n_bytes);
  // Reads some experts as acquire() would, into no slot: bytes a second. Nothing where experts are made, or reading fails.
  std::optional<double> measure_disk();

  std::span<const ExpertKind> kinds() const { return kinds_; }
  std::int64_t n_slots() const;
  std::uint64_t n_bytes() const;          // of all slots
  std::uint64_t huge_page_bytes() const;  // of these, in huge pages
  ExpertCounts counts() const;
  void reset_counts();
  // What was read for decoded tokens, in vain too, for each second in which anything was, since the beginning; 0: nothing was. Not for prompts, the first of which
  // touch the memory of the slots.
  double read_bytes_per_second() const;
  const char* io() const { return queue_->name(); }

 private:
  struct Group {  // of a kind
    ExpertCache cache;
    std::unique_ptr<Buffer> memory;
    std::vector<ExpertMlp> placed;  // [n_slots]
    std::optional<ExpertCache> larger{};
  };
  struct Layer {
    std::int64_t kind = -1;   // none: no mixture
    std::int64_t number = 0;  // in the kind's cache
    const ExpertSet* away = nullptr;
    ExpertSet here;  // those of a lease that have arrived
    bool is_lent = false;
    std::int64_t n_wasted = 0;  // read ahead, and not chosen
  };
  // Where an expert is read to, as its file holds it.
  struct Landing {
    std::byte* memory = nullptr;
    std::int64_t n_reads = 0;  // under way
    std::int64_t layer = -1;
    std::int32_t id = -1;
    Result<void> result;
    enum class State {
      free,
      wanted,   // by a lease
      ahead,    // of the choice
      dropped,  // free when its reads have ended
    };
    State state = State::free;
  };
  // How good guesses were of late, for steps of few tokens or of many.
  struct Guesses {
    double worth = 1;    // the share of what was read ahead that was chosen
    double missing = 1;  // the share of choices of a layer with an expert that was not there
    int n_refused = 0;
  };
  class Lease;

  ExpertSlots(const AwayTensors& away, Backend& backend, std::vector<ExpertKind> kinds, std::unique_ptr<ReadQueue> queue);
  ExpertCache& cache_of(const Layer& layer) { return groups_[layer.kind].cache; }
  // Begins to read an expert, unless there is no room for it now.
  bool begin(std::int64_t layer, std::int32_t id, Landing::State state);
  // The same for those that were hinted at, as long as there is room.
  void begin_ahead();
  // An expert that was read ahead, or is being read; null: it was not.
  Landing* ahead(std::int64_t layer, std::int32_t id);
  // A layer has chosen, and these are not in slots: what else was read ahead is let go.
  void end_guess(std::int64_t layer, std::span<const std::int32_t> missing);
  // Takes what the disk has brought, waiting so long for the first; the landing of an expert that is whole.
  std::optional<std::size_t> landed(std::chrono::milliseconds patience);
  void let_go(Landing& landing);
  // Nobody wants any more what is in this state.
  void let_go(Landing::State state);
  // Lays out an expert into its slot, from where it landed.
  Result<ExpertMlp> place(std::int64_t layer, std::int32_t id, std::int32_t slot, const Landing& from);

  const AwayTensors& away_;
  Backend& backend_;
  std::vector<ExpertKind> kinds_;
  std::vector<Group> groups_;
  std::vector<Layer> layers_;  // of the model
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> landing_memory_;
  std::vector<Landing> landings_;
  std::deque<ExpertCache::Expert> hinted_;  // of the model's layers; not yet begun
  std::array<Guesses, 2> guesses_;          // of few tokens, and of many
  std::int64_t n_read_ahead_ = 0;
  bool has_many_tokens_ = false;  // the step
  std::function<void()> look_after_;
  bool takes_hints_ = true;
  std::uint64_t bytes_read_ = 0;
  bool is_decoding_ = false;  // the step has few tokens
  std::uint64_t bytes_of_tokens_ = 0;
  std::chrono::steady_clock::duration reading_for_tokens_{};
  std::uint64_t n_measured_ = 0;  // experts, by measure_disk
  std::chrono::steady_clock::duration reading_{}, waiting_{};
  std::chrono::steady_clock::time_point reading_since_;
  std::unique_ptr<ReadQueue> queue_;  // last: reads write to what is above
};

}  // namespace pio
