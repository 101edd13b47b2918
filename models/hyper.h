#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "models/weight_source.h"

// Hyper-parameters of a file, by name, each checked against the range that a model of ours can have.

namespace pio {

// The two spellings of one hyper-parameter. GGUF's is without its "<architecture>." prefix; empty where a naming has no such key.
struct HyperKey {
  std::string_view gguf;
  std::string_view hugging_face;
};

struct IntegerRange {
  std::int64_t least = 1;
  std::int64_t most = 1;
};

struct RealRange {
  double least = 0;
  double most = 0;
};

// Reads value after value; the first thing wrong is kept and told by status(), so that a config reads without an `if` a line. After an
// error every getter returns the least value of its range: nothing computed from them may be used before status() was checked.
class Hyper {
 public:
  // `section`: where a Hugging Face config nests the keys of this half of the model ("text_config."); what it lacks is looked for outside.
  explicit Hyper(const WeightSource& source, std::string_view section = {}) : source_(source), section_(section) {}

  std::int64_t integer(HyperKey key, IntegerRange range);
  std::int64_t integer_or(HyperKey key, std::int64_t fallback, IntegerRange range);
  double real(HyperKey key, RealRange range);
  double real_or(HyperKey key, double fallback, RealRange range);
  bool flag_or(HyperKey key, bool fallback);
  std::string text_or(HyperKey key, std::string_view fallback);
  // The key as the file spells it: "qwen3.block_count".
  std::string spelled(HyperKey key) const;
  // The value as the file holds it, for lists; null when it is absent.
  const MetaValue* find(HyperKey key) const;
  bool has(HyperKey key) const { return find(key) != nullptr; }
  bool is_gguf() const { return source_.naming() == WeightSource::Naming::gguf; }

  // Contradictions between values: bad_file. What a sound file asks for and we don't compute: unsupported_model.
  void require(bool condition, std::string_view message);
  void refuse_if(bool condition, std::string_view message);
  Result<void> status() const;

 private:
  void fail(ErrorCode code, std::string_view message);

  const WeightSource& source_;
  std::string section_;
  std::optional<Error> error_;
};

// Limits of every family here. Their products stay far below 2^63, so sizes computed from them can't overflow.
inline constexpr IntegerRange kLayerRange{1, 1024};
inline constexpr IntegerRange kDimRange{1, 1 << 17};
inline constexpr IntegerRange kHiddenDimRange{1, 1 << 20};
inline constexpr IntegerRange kHeadRange{1, 1024};
inline constexpr IntegerRange kHeadDimRange{2, 1024};
inline constexpr IntegerRange kVocabRange{1, 1 << 22};
inline constexpr IntegerRange kContextRange{1, 1 << 30};
inline constexpr RealRange kEpsRange{1e-12, 0.1};
inline constexpr RealRange kRopeThetaRange{1, 1e12};

// Hyper-parameters that every decoder of the llama kind has.
struct DenseHyper {
  std::int64_t n_layers = 0;
  std::int64_t dim = 0;             // width of the residual stream
  std::int64_t hidden_dim = 0;      // width inside a dense feed-forward block
  std::int64_t vocab_size = 0;      // rows of the embedding
  std::int64_t context_length = 0;  // tokens it was trained for
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t rope_dims = 0;  // of a head, that turn
  double rope_theta = 0;
  float norm_eps = 0;
  bool is_tied = false;  // the output matrix may be the embedding
};

// Refuses in words, by its key, what would change the mathematics of any decoder here: scaled rope, a sliding window shorter than the
// context, biases that the architecture has not, activations other than silu, factors and limits on logits.
void refuse_other_mathematics(Hyper& hyper, std::int64_t context_length);

// Reads all but the heads and rope_dims, and refuses other mathematics.
DenseHyper read_decoder_hyper(Hyper& hyper, const WeightSource& source);
// n_heads, n_kv_heads, head_dim and rope_dims of grouped-query attention. `default_head_dim` is the head size of a file that names none;
// 0: dim / n_heads.
void read_heads(Hyper& hyper, DenseHyper& h, std::int64_t default_head_dim = 0);
// Both, of a family without experts: they are refused in words.
DenseHyper read_dense_hyper(Hyper& hyper, const WeightSource& source, std::int64_t default_head_dim = 0);

}  // namespace pio
