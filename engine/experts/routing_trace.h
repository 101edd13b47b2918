#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/result.h"

// Which experts a model chose, token by token and layer by layer: what caches of experts are judged by. The files are those of the project
// BigMoeOnEdge, "route_trace v1": lines of `#` with key=value, then CSV.

namespace pio {

class ModelFile;
class ReplaceFile;

struct RoutingTrace {
  static constexpr std::int64_t kMostLayers = 1024, kMostExperts = 1024;

  // What one token chose in one layer: n of `experts` and `weights`, from `first` on.
  struct Choice {
    std::int64_t turn = 0;
    bool is_decode = false;  // of a generated token; else of the prompt
    std::int64_t step = 0;   // the token's place in the turn
    std::int64_t layer = 0;
    std::int64_t first = 0, n = 0;
  };
  std::string model, architecture;  // "" where a file does not say
  std::int64_t n_layers = 0, n_experts = 0;
  std::vector<Choice> choices;  // in the order in which a model makes them
  std::vector<std::int32_t> experts;
  std::vector<float> weights;
  std::vector<std::uint64_t> expert_bytes;  // [n_layers] of one expert; 0 where nothing says it

  std::span<const std::int32_t> experts_of(const Choice& choice) const { return std::span(experts).subspan(choice.first, choice.n); }
  void add(const Choice& where, std::span<const std::int32_t> chosen, std::span<const float> their_weights);
  // Layers that have experts: those in which something was chosen.
  std::int64_t n_mixtures() const;
  // The most that one token chose in one layer.
  std::int64_t most_chosen() const;
  std::int64_t n_decoded() const;  // experts chosen by generated tokens
};

// Takes a file's lines one after the other. The columns may stand in any order: turn, phase (0 prompt, 1 decode), step, layer, expert, and
// if they are there weight and expert_bytes; others are not looked at.
class RoutingTraceReader {
 public:
  // Fails with bad_file; what it says is for a line whose file and number the caller names.
  Result<void> add(std::string_view line);
  // Fails with bad_file where no token chose anything.
  Result<RoutingTrace> finish();

 private:
  enum Column { turn, phase, step, layer, expert, weight, expert_bytes, kColumns };
  Result<void> add_fact(std::string_view line);
  Result<void> add_names(std::string_view line);
  Result<std::int64_t> whole(const char* what, std::string_view text, std::int64_t most) const;

  RoutingTrace trace_;
  std::map<std::int64_t, std::uint64_t> bytes_;  // by layer
  std::int64_t n_layers_ = 0, n_experts_ = 0;    // as the head says; 0: it does not
  int column_at_[kColumns] = {};                 // -1: not there
  int n_columns_ = 0;                            // 0: the names have not come yet
};

// In the form that the reader takes. Writes all of `file` and commits it.
Result<void> write_routing_trace(const RoutingTrace& trace, ReplaceFile& file);

// What a model file says of its experts.
struct ExpertFacts {
  std::int64_t n_experts = 0;        // of a layer; 0: the model is no mixture
  std::vector<std::uint64_t> bytes;  // [n_layers] of one expert, the mean; 0 where a layer has none
};
ExpertFacts expert_facts(const ModelFile& file, std::int64_t n_layers);

}  // namespace pio
