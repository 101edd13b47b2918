#pragma once

#include <cstdint>
#include <vector>

#include "kernels/tensor.h"

namespace pio {

// One expert's feed-forward block, any weight format; views of stacked tensors or tensors of their own.
struct ExpertMlp {
  Tensor gate;  // [hidden_dim, dim]
  Tensor up;    // [hidden_dim, dim]
  Tensor down;  // [dim, hidden_dim]
};

// The experts of one layer that an op can multiply by, found by their id: all of them, or those that lie in slots. The memory belongs to
// whoever fills the set. One thread.
class ExpertSet {
 public:
  ExpertSet() = default;
  // Of `layer`, whose ids are 0 … n_experts - 1; none is there yet.
  ExpertSet(std::int64_t layer, std::int64_t n_experts) : layer_(layer), experts_(n_experts) {}

  std::int64_t layer() const { return layer_; }
  std::int64_t n_experts() const { return static_cast<std::int64_t>(experts_.size()); }
  // The first that came, whose shapes all others have; without tensors until then. Where it lay may be another's place by now.
  const ExpertMlp& pattern() const { return pattern_; }

  bool has(std::int64_t id) const { return id >= 0 && id < n_experts() && experts_[id].gate; }
  const ExpertMlp& operator[](std::int64_t id) const {
    DCHECK(has(id), "an expert that is not there");
    return experts_[id];
  }
  // Puts an expert in place; its shapes are those of the others, its formats may differ from theirs.
  void put(std::int64_t id, const ExpertMlp& expert);
  void remove(std::int64_t id);

 private:
  std::int64_t layer_ = 0;
  ExpertMlp pattern_;
  std::vector<ExpertMlp> experts_;  // by id; without tensors where none is there
};

}  // namespace pio
