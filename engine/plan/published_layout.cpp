#include "engine/plan/published_layout.h"

#include <algorithm>

#include "engine/files/words.h"
#include "engine/quantize/quantize.h"

namespace pio {
namespace {

// The numbers that make up a model's tensors; all from its config.json.
struct ModelShape {
  const char* name;
  const char* architecture;
  std::int64_t n_layers, dim, n_heads, n_kv_heads, head_dim, ffn_dim, vocab_size, context_length;
  double rope_theta, norm_eps;
  bool is_tied = true, has_qk_norm = false, has_qkv_bias = false;
  std::int64_t n_experts = 0, n_used = 0, expert_ffn_dim = 0;
  // GLM's: attention over a latent, a first layer without experts, one expert that is always asked.
  std::int64_t q_rank = 0, kv_rank = 0, rope_dim = 0, nope_dim = 0, v_dim = 0;
  std::vector<std::int64_t> rope_sections = {};
  bool has_importance = false;  // its publishers quantize by an importance matrix, which moves two recipes
};

const std::vector<ModelShape>& shapes() {
  static const std::vector<ModelShape> all = {
      {.name = "GLM-4.7-Flash",
       .architecture = "deepseek2",
       .n_layers = 47,
       .dim = 2048,
       .n_heads = 20,
       .n_kv_heads = 1,
       .head_dim = 576,
       .ffn_dim = 10240,
       .vocab_size = 154880,
       .context_length = 202752,
       .rope_theta = 1e6,
       .norm_eps = 1e-5,
       .is_tied = false,
       .n_experts = 64,
       .n_used = 4,
       .expert_ffn_dim = 1536,
       .q_rank = 768,
       .kv_rank = 512,
       .rope_dim = 64,
       .nope_dim = 192,
       .v_dim = 256,
       .has_importance = true},
      {.name = "Qwen3-Coder-30B-A3B-Instruct",
       .architecture = "qwen3moe",
       .n_layers = 48,
       .dim = 2048,
       .n_heads = 32,
       .n_kv_heads = 4,
       .head_dim = 128,
       .ffn_dim = 5472,
       .vocab_size = 151936,
       .context_length = 262144,
       .rope_theta = 1e7,
       .norm_eps = 1e-6,
       .is_tied = false,
       .has_qk_norm = true,
       .n_experts = 128,
       .n_used = 8,
       .expert_ffn_dim = 768,
       .has_importance = true},
      {.name = "Qwen3-VL-2B-Instruct",
       .architecture = "qwen3vl",
       .n_layers = 28,
       .dim = 2048,
       .n_heads = 16,
       .n_kv_heads = 8,
       .head_dim = 128,
       .ffn_dim = 6144,
       .vocab_size = 151936,
       .context_length = 262144,
       .rope_theta = 5e6,
       .norm_eps = 1e-6,
       .has_qk_norm = true,
       .rope_sections = {24, 20, 20, 0},
       .has_importance = true},
      {.name = "Qwen3-4B-Instruct-2507",
       .architecture = "qwen3",
       .n_layers = 36,
       .dim = 2560,
       .n_heads = 32,
       .n_kv_heads = 8,
       .head_dim = 128,
       .ffn_dim = 9728,
       .vocab_size = 151936,
       .context_length = 262144,
       .rope_theta = 5e6,
       .norm_eps = 1e-6,
       .has_qk_norm = true,
       .has_importance = true},
      {.name = "SmolLM2-135M-Instruct",
       .architecture = "llama",
       .n_layers = 30,
       .dim = 576,
       .n_heads = 9,
       .n_kv_heads = 3,
       .head_dim = 64,
       .ffn_dim = 1536,
       .vocab_size = 49152,
       .context_length = 8192,
       .rope_theta = 1e5,
       .norm_eps = 1e-5},
      {.name = "Qwen2.5-Coder-1.5B-Instruct",
       .architecture = "qwen2",
       .n_layers = 28,
       .dim = 1536,
       .n_heads = 12,
       .n_kv_heads = 2,
       .head_dim = 128,
       .ffn_dim = 8960,
       .vocab_size = 151936,
       .context_length = 32768,
       .rope_theta = 1e6,
       .norm_eps = 1e-6,
       .has_qkv_bias = true},
      {.name = "Qwen2.5-Coder-0.5B-Instruct",
       .architecture = "qwen2",
       .n_layers = 24,
       .dim = 896,
       .n_heads = 14,
       .n_kv_heads = 2,
       .head_dim = 64,
       .ffn_dim = 4864,
       .vocab_size = 151936,
       .context_length = 32768,
       .rope_theta = 1e6,
       .norm_eps = 1e-6,
       .has_qkv_bias = true},
  };
  return all;
}

class PublishedLayout : public ModelFile {
 public:
  PublishedLayout(const ModelShape& shape, std::string label)
      : label_(std::move(label)),
        architecture_(shape.architecture),
        paths_{label_},
        n_layers_(shape.n_layers),
        has_importance_(shape.has_importance) {
    describe(shape);
    list(shape);
  }
  // The recipe's formats, and the bytes they give.
  Result<void> use(std::string_view quantization) {
    ASSIGN_OR_RETURN(std::vector<DType> formats, formats_for(quantization, metadata_, tensors_));
    const std::string recipe = lower_case(quantization);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      if (is_first_down(tensors_[i].name)) {
        if (recipe == "q4_0") formats[i] = DType::q4_1;
        if (recipe == "iq4_xs" || recipe == "iq4_nl") formats[i] = recipe == "iq4_xs" ? DType::iq4_xs : DType::iq4_nl;
      }
      const auto n_values = static_cast<std::uint64_t>(tensors_[i].shape.n_values());
      tensors_[i].dtype = formats[i];
      tensors_[i].n_bytes =
          n_values / static_cast<std::uint64_t>(info(formats[i]).block_length) * static_cast<std::uint64_t>(info(formats[i]).block_bytes);
    }
    return {};
  }

  WeightSource::Naming naming() const override { return WeightSource::Naming::gguf; }
  const std::string& label() const override { return label_; }
  const std::string& architecture() const override { return architecture_; }
  const std::map<std::string, MetaValue, std::less<>>& metadata() const override { return metadata_; }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  std::span<const std::byte> data(std::size_t) const override { return {}; }
  Result<void> read(std::span<const std::byte>, std::byte*) const override { return make_error(ErrorCode::io, label_ + ": a file, is not here yet"); }
  const std::vector<std::filesystem::path>& paths() const override { return paths_; }

 private:
  // ffn_down of the first eighth of the layers, where there is an importance matrix.
  bool is_first_down(const std::string& name) const {
    const std::size_t at = name.find(".ffn_down");
    return has_importance_ && at != std::string::npos && std::stoll(name.substr(4)) < n_layers_ / 8;
  }

  void describe(const ModelShape& s) {
    const std::string prefix = architecture_ + ".";
    const auto put = [&](const char* key, MetaValue value) { metadata_[prefix + key] = std::move(value); };
    metadata_["general.architecture"] = architecture_;
    metadata_["general.name"] = std::string(s.name);
    put("block_count", s.n_layers);
    put("context_length", s.context_length);
    put("embedding_length", s.dim);
    put("feed_forward_length", s.ffn_dim);
    put("vocab_size", s.vocab_size);
    put("attention.head_count", s.n_heads);
    put("attention.head_count_kv", s.n_kv_heads);
    put("attention.layer_norm_rms_epsilon", s.norm_eps);
    put("rope.freq_base", s.rope_theta);
    if (s.kv_rank > 0) {
      put("attention.q_lora_rank", s.q_rank);
      put("attention.kv_lora_rank", s.kv_rank);
      put("attention.key_length", s.kv_rank + s.rope_dim);
      put("attention.value_length", s.kv_rank);
      put("attention.key_length_mla", s.nope_dim + s.rope_dim);
      put("attention.value_length_mla", s.v_dim);
      put("rope.dimension_count", s.rope_dim);
      put("leading_dense_block_count", std::int64_t{1});
      put("expert_shared_count", std::int64_t{1});
      put("expert_weights_scale", 1.8);
      put("expert_weights_norm", true);
      put("expert_gating_func", std::int64_t{2});
    } else {
      put("attention.key_length", s.head_dim);
      put("attention.value_length", s.head_dim);
      put("rope.dimension_count", s.head_dim);
    }
    if (s.n_experts > 0) {
      put("expert_count", s.n_experts);
      put("expert_used_count", s.n_used);
      put("expert_feed_forward_length", s.expert_ffn_dim);
    }
    if (!s.rope_sections.empty()) {
      put("rope.dimension_sections", s.rope_sections);
      put("n_deepstack_layers", std::int64_t{3});
    }
  }

  void list(const ModelShape& s) {
    const auto add = [&](const std::string& name, Shape shape) { tensors_.push_back({.name = name, .dtype = DType::f32, .shape = shape}); };
    add("token_embd.weight", {s.vocab_size, s.dim});
    if (!s.is_tied) add("output.weight", {s.vocab_size, s.dim});
    add("output_norm.weight", {s.dim});
    for (std::int64_t layer = 0; layer < s.n_layers; ++layer) {
      const std::string prefix = "blk." + std::to_string(layer) + ".";
      const auto put = [&](const char* name, Shape shape) { add(prefix + name, shape); };
      put("attn_norm.weight", {s.dim});
      put("ffn_norm.weight", {s.dim});
      if (s.kv_rank > 0) {
        put("attn_q_a.weight", {s.q_rank, s.dim});
        put("attn_q_a_norm.weight", {s.q_rank});
        put("attn_q_b.weight", {s.n_heads * (s.nope_dim + s.rope_dim), s.q_rank});
        put("attn_kv_a_mqa.weight", {s.kv_rank + s.rope_dim, s.dim});
        put("attn_kv_a_norm.weight", {s.kv_rank});
        put("attn_k_b.weight", {s.n_heads, s.kv_rank, s.nope_dim});
        put("attn_v_b.weight", {s.n_heads, s.v_dim, s.kv_rank});
        put("attn_output.weight", {s.dim, s.n_heads * s.v_dim});
      } else {
        put("attn_q.weight", {s.n_heads * s.head_dim, s.dim});
        put("attn_k.weight", {s.n_kv_heads * s.head_dim, s.dim});
        put("attn_v.weight", {s.n_kv_heads * s.head_dim, s.dim});
        put("attn_output.weight", {s.dim, s.n_heads * s.head_dim});
      }
      if (s.has_qk_norm) {
        put("attn_q_norm.weight", {s.head_dim});
        put("attn_k_norm.weight", {s.head_dim});
      }
      if (s.has_qkv_bias) {
        put("attn_q.bias", {s.n_heads * s.head_dim});
        put("attn_k.bias", {s.n_kv_heads * s.head_dim});
        put("attn_v.bias", {s.n_kv_heads * s.head_dim});
      }
      const bool is_mixture = s.n_experts > 0 && (s.kv_rank == 0 || layer > 0);
      if (!is_mixture) {
        put("ffn_gate.weight", {s.ffn_dim, s.dim});
        put("ffn_up.weight", {s.ffn_dim, s.dim});
        put("ffn_down.weight", {s.dim, s.ffn_dim});
        continue;
      }
      put("ffn_gate_inp.weight", {s.n_experts, s.dim});
      put("ffn_gate_exps.weight", {s.n_experts, s.expert_ffn_dim, s.dim});
      put("ffn_up_exps.weight", {s.n_experts, s.expert_ffn_dim, s.dim});
      put("ffn_down_exps.weight", {s.n_experts, s.dim, s.expert_ffn_dim});
      if (s.kv_rank == 0) continue;
      put("exp_probs_b.bias", {s.n_experts});
      put("ffn_gate_shexp.weight", {s.expert_ffn_dim, s.dim});
      put("ffn_up_shexp.weight", {s.expert_ffn_dim, s.dim});
      put("ffn_down_shexp.weight", {s.dim, s.expert_ffn_dim});
    }
  }

  std::string label_, architecture_;
  std::map<std::string, MetaValue, std::less<>> metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::filesystem::path> paths_;
  std::int64_t n_layers_;
  bool has_importance_;
};

}  // namespace

Result<std::unique_ptr<ModelFile>> published_layout(std::string_view name, std::string_view quantization) {
  const auto shape = std::find_if(shapes().begin(), shapes().end(), [&](const ModelShape& s) { return lower_case(s.name) == lower_case(name); });
  const std::string label = std::string(name) + ":" + std::string(quantization);
  if (shape == shapes().end()) return make_error(ErrorCode::not_found, label + ": a model whose shape is known, none");
  auto layout = std::make_unique<PublishedLayout>(*shape, label);
  RETURN_IF_ERROR(layout->use(quantization));
  return std::unique_ptr<ModelFile>(std::move(layout));
}

}  // namespace pio
