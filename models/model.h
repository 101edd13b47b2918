#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "models/weight_source.h"

// A model is mathematics over a Backend: weights bound once, then forward() as often as wanted. It knows no file, thread or device name.

namespace pio {

// What a layer must remember for each token.
struct KvLayout {
  std::int64_t n_kv_heads = 0;
  std::int64_t k_head_dim = 0;
  std::int64_t v_head_dim = 0;     // 0: the values are the beginning of the keys (MLA keeps one latent)
  std::int64_t v_in_k = 0;         // then: how many numbers of a key they are, which the cache's format must be able to end behind
};

struct ModelSpec {
  std::string architecture;        // "qwen3"
  std::string family;              // "qwen3_4b_instruct_2507": the folder under models/
  std::int64_t n_layers = 0;
  std::int64_t dim = 0;
  std::int64_t vocab_size = 0;     // rows of the output matrix: may exceed the tokenizer's ids
  std::int64_t context_length = 0; // tokens the model was trained for
  std::int64_t n_parameters = 0;   // values in all bound tensors
  std::vector<KvLayout> kv_layers; // [n_layers]
  std::int64_t n_position_axes = 1;  // 3: Step.positions has rows for time, row and column of a token (models.md 3.2.9)
};

// Tokens of a step whose embeddings do not come from the table: an image's. All on the model's device.
struct GivenEmbeddings {
  Tensor rows;                    // [n] i32: which rows of the step, rising
  Tensor values;                  // [n, dim] f32
  std::vector<Tensor> deepstack;  // each [n, dim] f32: number k is added to these rows behind layer k (Meng et al. 2024, arXiv:2406.04334)
};

// Temporary tensors of one forward pass. Memory is kept and reused; a device that has none left throws std::bad_alloc, as `new` does.
class ForwardContext {
 public:
  explicit ForwardContext(Backend& backend) : backend_(backend) {}
  Backend& backend() { return backend_; }
  bool stop_requested() const { return backend_.stop_requested(); }
  Tensor temp(DType dtype, Shape shape);
  // Frees every temporary made after the mark.
  std::size_t mark() const { return used_; }
  void release(std::size_t mark) { used_ = mark; }
  std::size_t n_bytes() const;   // held in all

  // Told of each mixture's choice, layer after layer, if set: ids and weights [n_tokens, n_used]. For tests and traces.
  std::function<void(Tensor ids, Tensor weights)> on_routing;

 private:
  Backend& backend_;
  struct Slab { std::unique_ptr<Buffer> buffer; std::size_t start = 0; };
  std::vector<Slab> slabs_;
  std::size_t used_ = 0;         // position in the slabs laid end to end
};

// Keys and values of every layer, in pools of cells shared by all sequences. The engine owns the memory.
struct KvLayer {
  Tensor k;  // [n_cells, n_kv_heads, k_head_dim]
  Tensor v;  // [n_cells, n_kv_heads, v_head_dim]; empty where v_head_dim is 0
  Tensor page_bounds = {};  // of k, for store_kv and attention; empty where no selection by pages is wanted
};
struct KvState {
  std::vector<KvLayer> layers;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelSpec& spec() const = 0;
  // Processes the tokens of `step`, stores their keys and values, and returns the logits [n_outputs, vocab_size] f32 of the wanted rows
  // (a temporary of `context`, valid until it is released). After a stop the result is unfinished; the caller looks at the token.
  // `given` is for models that see (spec().n_position_axes is 3); null: every token is looked up.
  virtual Tensor forward(ForwardContext& context, const Step& step, KvState& state, const GivenEmbeddings* given = nullptr) const = 0;
};

// Builds the model that `source` holds: reads its hyper-parameters, binds every tensor. Fails with unsupported_model{architecture}, or
// with bad_file naming each tensor that is missing, misshapen or unused. `source` and `backend` must outlive the model.
Result<std::unique_ptr<Model>> create_model(WeightSource& source, Backend& backend);

// The architectures that create_model takes.
const std::vector<std::string>& known_architectures();

}  // namespace pio
