#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "models/expert_source.h"
#include "models/slice.h"
#include "models/weight_source.h"
#include "models/weight_stream.h"

// A model is mathematics over a Backend: weights bound once, then forward() as often as wanted. It knows no file, thread or device name.

namespace pio {

// What a layer must remember for each token.
struct KvLayout {
  std::int64_t n_kv_heads = 0;
  std::int64_t k_head_dim = 0;
  std::int64_t v_head_dim = 0;  // 0: the values are the beginning of the keys (MLA keeps one latent)
  std::int64_t v_in_k = 0;      // then: how many numbers of a key they are, which the cache's format must be able to end behind
};

struct ModelSpec {
  std::string architecture;  // "qwen3"
  std::string family;        // "qwen3_4b_instruct_2507": the folder under models/
  std::int64_t n_layers = 0;
  std::int64_t dim = 0;
  std::int64_t vocab_size = 0;       // rows of the output matrix: may exceed the tokenizer's ids
  std::int64_t context_length = 0;   // tokens the model was trained for
  std::int64_t n_parameters = 0;     // values in all bound tensors
  std::vector<KvLayout> kv_layers;   // [n_layers]; of a slice those of its heads
  std::int64_t n_position_axes = 1;  // 3: Step.positions has rows for time, row and column of a token (models.md 3.2.9)
  bool has_two_forms = false;        // of a prompt, chosen by step_needs; they differ in the last bits
};

// What a step must bring beside ids, positions, cells and lengths.
struct StepNeeds {
  bool ordered_cells = false;  // Step.kv_cells and ordered_blocks
  friend bool operator==(const StepNeeds&, const StepNeeds&) = default;
};

// Rows first … first + n - 1 of a step take rows from … of GivenEmbeddings.
struct RowRun {
  std::int64_t first = 0, from = 0, n = 0;
};

// Tokens of a step whose embeddings do not come from the table: an image's. The tensors are on the model's device.
struct GivenEmbeddings {
  std::vector<RowRun> runs;       // by rising `first`, apart
  Tensor values;                  // [n, dim] f32
  std::vector<Tensor> deepstack;  // each [n, dim] f32: number k is added to these rows behind layer k (Meng et al. 2024, arXiv:2406.04334)
};

// Where one forward pass computes: its temporaries, and who is told of what it does.
class ForwardContext : public Arena {
 public:
  using Arena::Arena;
  bool stop_requested() { return backend().stop_requested(); }

  // Where mixtures find their experts; null: they are the model's own, all resident.
  ExpertSource* experts = nullptr;
  // Computes the experts that lie on another device; null: there are none.
  ExpertsElsewhere* experts_elsewhere = nullptr;
  // The devices that have the other slices of every layer; null: the layers here are whole.
  OtherSlices* slices = nullptr;
  // Brings the weights that are not in memory; null: all are.
  WeightStream* weights = nullptr;
  // Told of each mixture's choice, layer after layer, if set: ids and weights [n_tokens, n_used]. For tests and traces.
  std::function<void(std::int64_t layer, Tensor ids, Tensor weights)> on_routing;
  // Told of the residual stream [n_tokens, dim] before each layer, if set. For training, and to find where a difference begins.
  std::function<void(std::int64_t layer, Tensor x)> on_layer_input;
};

// Keys and values of every layer, in pools of cells shared by all sequences. The engine owns the memory.
struct KvLayer {
  Tensor k;                          // [n_cells, n_kv_heads, k_head_dim]
  Tensor v;                          // [n_cells, n_kv_heads, v_head_dim]; empty where v_head_dim is 0
  Tensor page_bounds = {};           // of k, for store_kv and attention; empty where no selection by pages is wanted
  std::int64_t hadamard_length = 0;  // keys are kept as qk_norm_rope_store rotates them by this; where they are no values too
};
struct KvState {
  std::int64_t first_layer = 0;  // of the model
  std::vector<KvLayer> layers;   // from first_layer on
  const KvLayer& of(std::int64_t layer) const { return layers[layer - first_layer]; }
};

// Which layers; none named: all of them.
class LayerSet {
 public:
  LayerSet() = default;
  explicit LayerSet(std::vector<bool> has) : has_(std::move(has)) {}
  bool is_all() const { return has_.empty(); }
  bool has(std::int64_t layer) const { return has_.empty() || has_[static_cast<std::size_t>(layer)]; }

 private:
  std::vector<bool> has_;  // [n_layers], or empty
};

// The part of a model whose weights lie on one device: some layers, or a slice of each.
struct ModelPart {
  LayerSet layers;             // of these all but their experts,
  LayerSet experts;            // and of these mixtures the experts
  bool has_embeddings = true;  // what embed() reads
  bool has_head = true;        // what head() reads
  // Of every layer a slice alone; then `layers` and `experts` name all, and ForwardContext::slices brings the sums.
  std::optional<SliceShare> slice = {};
};

// A pass is embed, then layers, then head; each may run on a stage of its own. What they return are temporaries of `context`, valid until its
// mark is released. After a stop they are unfinished; the caller polls the token. Fails where weights that are not resident cannot be had.
class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelSpec& spec() const = 0;
  // What the steps of a prompt must bring that has n_tokens new tokens behind n_cached cached ones, however it is cut into steps. Pure.
  // Steps that decode bring nothing.
  virtual StepNeeds step_needs(std::int64_t n_tokens, std::int64_t n_cached) const = 0;
  // All experts of a layer as its source bound them; null where the layer is no mixture, or where they are not in the model's part.
  virtual const ExpertSet* experts(std::int64_t /*layer*/) const { return nullptr; }
  // How many a layer has, wherever they lie, and a token chooses; none where it is no mixture.
  struct MixtureShape {
    std::int64_t n_experts = 0, n_used = 0;
  };
  virtual MixtureShape mixture(std::int64_t /*layer*/) const { return {}; }
  // What the part has of each layer where it is a slice; else null.
  virtual const LayerSlice* slice() const { return nullptr; }

  // The residual stream before the first layer, [n_tokens, dim] f32. `given` is for models that see (spec().n_position_axes is 3); null:
  // every token is looked up.
  virtual Result<Tensor> embed(ForwardContext& context, const Step& step, const GivenEmbeddings* given = nullptr) const = 0;
  // Layers first … last - 1 of x [n_tokens, dim], in place; keys and values of the step's tokens go to `state`, which holds these layers.
  // Behind the model's last layer the rows of step.outputs alone are returned, [n_outputs, dim].
  virtual Result<Tensor> layers(ForwardContext& context, Tensor x, const Step& step, KvState& state, std::int64_t first, std::int64_t last,
                                const GivenEmbeddings* given = nullptr) const = 0;
  // Logits [n_outputs, vocab_size] f32 of what the last layer returned, x [n_outputs, dim].
  virtual Result<Tensor> head(ForwardContext& context, Tensor x, const Step& step) const = 0;
  // y = what the chosen experts of a layer make of x, as Backend::moe_experts: for a part that has these and perhaps not their layer. All tensors are
  // on this model's device. Fails as layers() does.
  virtual Result<void> run_experts(ForwardContext& context, std::int64_t layer, Tensor y, Tensor x, Tensor ids, Tensor weights) const;
  // All three.
  Result<Tensor> forward(ForwardContext& context, const Step& step, KvState& state, const GivenEmbeddings* given = nullptr) const;
};

// Builds the model that `source` holds: reads its hyper-parameters, binds every tensor. Fails with unsupported_model{architecture}, or
// with bad_file naming each tensor that is missing, misshapen or unused. `source` and `backend` must outlive the model. Of a part only its own
// tensors are loaded; all are checked. What it does not have must not be asked for.
Result<std::unique_ptr<Model>> create_model(WeightSource& source, Backend& backend, const ModelPart& part = {});

// The architectures that create_model takes.
const std::vector<std::string>& known_architectures();

}  // namespace pio
