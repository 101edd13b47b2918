#include "models/hyper.h"

#include "kernels/base/number_text.h"

namespace pio {
namespace {

const char* kind_of(const MetaValue& value) {
  static constexpr const char* kNames[] = {"a truth value", "a whole number", "a number", "a text", "a list", "a list", "a list", "a list"};
  return kNames[value.index()];
}

}  // namespace

std::string Hyper::spelled(HyperKey key) const {
  return is_gguf() ? source_.architecture() + "." + std::string(key.gguf) : section_ + std::string(key.hugging_face);
}

const MetaValue* Hyper::find(HyperKey key) const {
  const std::string_view name = is_gguf() ? key.gguf : key.hugging_face;
  if (name.empty()) return nullptr;
  const MetaValue* value = source_.metadata(spelled(key));
  return value || is_gguf() || section_.empty() ? value : source_.metadata(key.hugging_face);
}

void Hyper::fail(ErrorCode code, std::string_view message) {
  if (error_) return;
  error_ = make_error(code, source_.label() + ": " + std::string(message));
}

void Hyper::require(bool condition, std::string_view message) {
  if (!condition) fail(ErrorCode::bad_file, message);
}

void Hyper::refuse_if(bool condition, std::string_view message) {
  if (condition) fail(ErrorCode::unsupported_model, message);
}

Result<void> Hyper::status() const {
  if (error_) return *error_;
  return {};
}

std::int64_t Hyper::integer(HyperKey key, IntegerRange range) {
  if (!has(key)) {
    fail(ErrorCode::bad_file, spelled(key) + " is missing");
    return range.least;
  }
  return integer_or(key, range.least, range);
}

std::int64_t Hyper::integer_or(HyperKey key, std::int64_t fallback, IntegerRange range) {
  const MetaValue* value = find(key);
  if (value == nullptr) return fallback;
  const std::int64_t* number = std::get_if<std::int64_t>(value);
  if (number == nullptr) {
    fail(ErrorCode::bad_file, spelled(key) + ": expected a whole number, found " + kind_of(*value));
    return range.least;
  }
  if (*number < range.least || *number > range.most) {
    fail(ErrorCode::bad_file,
         spelled(key) + ": expected " + std::to_string(range.least) + " to " + std::to_string(range.most) + ", found " + std::to_string(*number));
    return range.least;
  }
  return *number;
}

double Hyper::real(HyperKey key, RealRange range) {
  if (!has(key)) {
    fail(ErrorCode::bad_file, spelled(key) + " is missing");
    return range.least;
  }
  return real_or(key, range.least, range);
}

double Hyper::real_or(HyperKey key, double fallback, RealRange range) {
  const MetaValue* value = find(key);
  if (value == nullptr) return fallback;
  double number = 0;
  if (const double* real = std::get_if<double>(value)) {
    number = *real;
  } else if (const std::int64_t* whole = std::get_if<std::int64_t>(value)) {
    number = static_cast<double>(*whole);  // JSON writes rope_theta as 100000
  } else {
    fail(ErrorCode::bad_file, spelled(key) + ": expected a number, found " + kind_of(*value));
    return range.least;
  }
  if (!(number >= range.least && number <= range.most)) {  // so NaN fails too
    fail(ErrorCode::bad_file,
         spelled(key) + ": expected " + short_text(range.least) + " to " + short_text(range.most) + ", found " + short_text(number));
    return range.least;
  }
  return number;
}

bool Hyper::flag_or(HyperKey key, bool fallback) {
  const MetaValue* value = find(key);
  if (value == nullptr) return fallback;
  if (const bool* flag = std::get_if<bool>(value)) return *flag;
  fail(ErrorCode::bad_file, spelled(key) + ": expected true or false, found " + kind_of(*value));
  return fallback;
}

std::string Hyper::text_or(HyperKey key, std::string_view fallback) {
  const MetaValue* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (const std::string* text = std::get_if<std::string>(value)) return *text;
  fail(ErrorCode::bad_file, spelled(key) + ": expected a text, found " + kind_of(*value));
  return std::string(fallback);
}

namespace {

// Rows of the embedding. Many GGUF files have no vocab_size key, so there the tensor says it; a missing tensor is the binder's to report.
std::int64_t read_vocab_size(Hyper& hyper, const WeightSource& source) {
  if (!hyper.is_gguf()) return hyper.integer({"", "vocab_size"}, kVocabRange);
  for (const TensorInfo& tensor : source.tensors()) {
    if (tensor.name != "token_embd.weight" || tensor.shape.rank() != 2) continue;
    const std::int64_t n_rows = tensor.shape[0];
    hyper.require(n_rows >= kVocabRange.least && n_rows <= kVocabRange.most,
                  "token_embd.weight: expected 1 to " + std::to_string(kVocabRange.most) + " rows, found " + std::to_string(n_rows));
    return n_rows;
  }
  return 1;
}

// transformers 5 keeps theta in rope_parameters. 10000 is the default of both formats: files before code-llama don't name it.
double read_rope_theta(Hyper& hyper) {
  const double flat = hyper.real_or({"rope.freq_base", "rope_theta"}, 10000, kRopeThetaRange);
  const double scaled = hyper.real_or({"", "rope_scaling.rope_theta"}, flat, kRopeThetaRange);  // the object's older name
  return hyper.real_or({"", "rope_parameters.rope_theta"}, scaled, kRopeThetaRange);
}

}  // namespace

DenseHyper read_decoder_hyper(Hyper& hyper, const WeightSource& source) {
  DenseHyper h;
  h.n_layers = hyper.integer({"block_count", "num_hidden_layers"}, kLayerRange);
  h.dim = hyper.integer({"embedding_length", "hidden_size"}, kDimRange);
  h.hidden_dim = hyper.integer({"feed_forward_length", "intermediate_size"}, kHiddenDimRange);
  h.context_length = hyper.integer({"context_length", "max_position_embeddings"}, kContextRange);
  h.vocab_size = read_vocab_size(hyper, source);
  h.norm_eps = static_cast<float>(hyper.real({"attention.layer_norm_rms_epsilon", "rms_norm_eps"}, kEpsRange));
  h.rope_theta = read_rope_theta(hyper);
  // GGUF says "tied" by leaving output.weight out; transformers' default for these architectures is untied.
  h.is_tied = hyper.is_gguf() || hyper.flag_or({"", "tie_word_embeddings"}, false);

  refuse_other_mathematics(hyper, h.context_length);
  return h;
}

void read_heads(Hyper& hyper, DenseHyper& h, std::int64_t default_head_dim) {
  const HyperKey heads{"attention.head_count", "num_attention_heads"};
  const HyperKey kv_heads{"attention.head_count_kv", "num_key_value_heads"};
  const HyperKey head_dim{"attention.key_length", "head_dim"};
  h.n_heads = hyper.integer(heads, kHeadRange);
  h.n_kv_heads = hyper.integer_or(kv_heads, h.n_heads, kHeadRange);
  hyper.require(h.n_heads % h.n_kv_heads == 0, hyper.spelled(kv_heads) + ": expected a divisor of the " + std::to_string(h.n_heads) +
                                                   " heads, found " + std::to_string(h.n_kv_heads));
  // Not dim / n_heads where the file says otherwise: 32 heads of 128 on a dim of 2560 in Qwen3-4B (models.md 0.2, trap 5).
  if (default_head_dim == 0) {
    hyper.require(hyper.has(head_dim) || h.dim % h.n_heads == 0,
                  hyper.spelled(heads) + ": expected a divisor of dim " + std::to_string(h.dim) + ", found " + std::to_string(h.n_heads));
    default_head_dim = h.dim / h.n_heads;
  }
  h.head_dim = hyper.integer_or(head_dim, default_head_dim, kHeadDimRange);
  hyper.require(h.head_dim >= kHeadDimRange.least && h.head_dim <= kHeadDimRange.most && h.head_dim % 2 == 0,
                hyper.spelled(head_dim) + ": expected an even number from 2 to 1024, found " + std::to_string(h.head_dim));
  const std::int64_t v_head_dim = hyper.integer_or({"attention.value_length", ""}, h.head_dim, kHeadDimRange);
  hyper.refuse_if(v_head_dim != h.head_dim, hyper.spelled({"attention.value_length", ""}) + ": expected the keys' " + std::to_string(h.head_dim) +
                                                ", found " + std::to_string(v_head_dim));

  const HyperKey rope_dims{"rope.dimension_count", ""};
  h.rope_dims = hyper.integer_or(rope_dims, h.head_dim, kHeadDimRange);
  hyper.require(h.rope_dims % 2 == 0 && h.rope_dims <= h.head_dim, hyper.spelled(rope_dims) + ": expected an even number up to " +
                                                                       std::to_string(h.head_dim) + ", found " + std::to_string(h.rope_dims));
}

DenseHyper read_dense_hyper(Hyper& hyper, const WeightSource& source, std::int64_t default_head_dim) {
  DenseHyper h = read_decoder_hyper(hyper, source);
  read_heads(hyper, h, default_head_dim);
  const HyperKey experts{"expert_count", "num_local_experts"};
  const std::int64_t n_experts = hyper.integer_or(experts, 0, {0, 1 << 16});
  hyper.refuse_if(n_experts > 0, hyper.spelled(experts) + ": expected none, found " + std::to_string(n_experts) + " experts");
  return h;
}

}  // namespace pio
