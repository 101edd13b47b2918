#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernels/backend.h"
#include "kernels/buffer_set.h"
#include "models/blocks/linear.h"
#include "models/slice.h"
#include "models/weight_source.h"

// Brings the weights of a file to the places of a model that want them, and says at once everything that doesn't fit.

namespace pio {

// What bound weights need to live besides their source: memory of the small tensors that were decoded.
struct BoundWeights {
  BufferSet decoded;
  std::vector<std::unique_ptr<Buffer>> adapters;  // of matrices that are here in part, cut as these
  std::int64_t n_parameters = 0;                  // values in all bound tensors, each counted once
};

// What is here of a tensor: a range of the first extent of its shape in use (rows, heads, experts) or of its last one (columns). The rest is elsewhere.
struct Cut {
  enum class Of { nothing, first, last } of = Of::nothing;
  Range range = {};
  static Cut rows(Range range, std::int64_t times = 1) { return {Of::first, {range.begin * times, range.end * times}}; }
  static Cut columns(Range range, std::int64_t times = 1) { return {Of::last, {range.begin * times, range.end * times}}; }
};

class Binder {
 public:
  // `linear`: what ops do with the matrices of linear layers.
  Binder(WeightSource& source, Backend& backend, MatrixUse linear = MatrixUse::products);

  // Asks for the tensor of this canonical name ("blk.3.attn_q.weight") and shape. `slot` must stay where it is: finish() fills it.
  // Matrices keep their format; vectors (norms, biases) become f32, which is what the ops read.
  void bind(Tensor& slot, std::string name, Shape shape, MatrixUse use = MatrixUse::rows, Cut cut = {});
  // The same for a matrix that ops read under another shape: one of experts or heads is [n, n_out, n_in].
  void bind_as(Tensor& slot, std::string name, Shape shape, Shape as, MatrixUse use = MatrixUse::rows, Cut cut = {}) {
    want(slot, std::move(name), shape, as, use, false, cut);
  }
  // The same where a file may do without; returns whether it is there.
  bool bind_if_present(Tensor& slot, std::string name, Shape shape);
  // A linear layer with its adapters: `stem` + ".weight", and ".bias" where it has one. `layer` must stay where it is.
  void bind(Linear& layer, const std::string& stem, Shape shape, bool has_bias = false, Cut cut = {});
  // The same with its matrix decoded to f32, so that products with it read their input as it is, whatever Activations say.
  void bind_decoded(Linear& layer, const std::string& stem, Shape shape);
  // While one lives, the matrices that are bound read one input, and a device may lay them together.
  class OneInput {
   public:
    explicit OneInput(Binder& binder) : binder_(binder) { binder.shared_group_ = binder.n_groups_++; }
    ~OneInput() { binder_.shared_group_.reset(); }
    OneInput(const OneInput&) = delete;
    OneInput& operator=(const OneInput&) = delete;

   private:
    Binder& binder_;
  };
  // While one lives, the matrices that are bound are experts: where they are away ExpertSource brings them.
  class OfExperts {
   public:
    explicit OfExperts(Binder& binder) : binder_(binder) { binder.are_experts_ = true; }
    ~OfExperts() { binder_.are_experts_ = false; }
    OfExperts(const OfExperts&) = delete;
    OfExperts& operator=(const OfExperts&) = delete;

   private:
    Binder& binder_;
  };
  // While one lives that says so, what is bound lies on another device: it is checked like the rest, and not loaded.
  class Elsewhere {
   public:
    Elsewhere(Binder& binder, bool is_elsewhere) : binder_(binder), was_(binder.is_elsewhere_) { binder.is_elsewhere_ |= is_elsewhere; }
    ~Elsewhere() { binder_.is_elsewhere_ = was_; }
    Elsewhere(const Elsewhere&) = delete;
    Elsewhere& operator=(const Elsewhere&) = delete;

   private:
    Binder& binder_;
    const bool was_;
  };
  // The table or output matrix that was bound to this slot is read through WeightStream::bring_rows and gather_rows where it is away.
  void let_away(const Tensor& slot);
  bool has(const std::string& canonical_name) const { return index_of_.contains(canonical_name); }
  // So many values of a row of this tensor lie together: it is cut between them. 1 where it is not there, which finish() tells.
  std::int64_t block_length(const std::string& canonical_name) const;
  WeightSource::Naming naming() const { return source_.naming(); }
  // Tensors whose canonical name begins so belong to the file, but not to this model (the vision half, a layer for multi-token prediction):
  // they are neither loaded nor reported.
  void leave(std::string_view prefix);

  // Whether so much is wrong already that no more would be told: a config may ask for a million tensors that its file hasn't.
  bool is_hopeless() const;

  // Checks every name and shape, then loads. Loads nothing unless all is right: otherwise bad_file with each tensor that is missing,
  // misshapen, or not used. What the ops support is not asked here: a plan is made by running the model (engine/plan/memory_estimate.h).
  Result<BoundWeights> finish();

 private:
  struct Wish {
    Tensor* slot;
    std::string name;
    Shape shape;  // in the file
    Shape as;     // where it is used
    MatrixUse use;
    bool as_f32;
    Cut cut;
    Shape here;         // `as`, or what is left of it
    std::size_t group;  // of WeightSource::load
    bool in_rows = false;
    bool is_experts = false;
    bool is_elsewhere = false;
  };
  struct BoundLinear {
    Linear* layer;
    std::string matrix;  // its canonical name
    bool is_elsewhere;
    Cut cut;
  };
  std::string spelled(const std::string& name) const;
  void want(Tensor& slot, std::string name, Shape shape, Shape as, MatrixUse use, bool as_f32, Cut cut);
  void check(const Wish& wish);
  Result<void> cut_adapters(std::vector<LowRank>& adapters, const Cut& cut, BoundWeights& bound);
  Result<BoundWeights> load();

  WeightSource& source_;
  Backend& backend_;
  const MatrixUse linear_;
  std::unordered_map<std::string, std::size_t> index_of_;  // canonical name → tensors()
  std::vector<bool> is_used_;
  std::vector<Wish> wishes_;
  std::size_t n_groups_ = 0;
  std::optional<std::size_t> shared_group_;
  bool are_experts_ = false;
  bool is_elsewhere_ = false;
  std::vector<BoundLinear> linears_;
  std::vector<std::string> problems_;
};

}  // namespace pio
