#include "models/small_dense/config.h"

namespace pio {

Result<DenseConfig> read_small_dense_config(const WeightSource& source) {
  Hyper hyper(source);
  DenseConfig c;
  c.family = "small_dense";
  c.has_rope_factors = true;  // Llama 3's converter writes its scaling as rope_freqs.weight
  c.hyper = read_dense_hyper(hyper, source);
  RETURN_IF_ERROR(hyper.status());

  const bool is_qwen2 = source.architecture() == "qwen2";
  c.attention = attention_of(c.hyper);
  c.attention.has_qkv_bias = is_qwen2;  // on q, k and v, never on the output
  // llama.cpp's converter permutes the rows of q and k for llama alone, so that pairs lie side by side; Hugging Face keeps the halves.
  // Mixing the two is the classic bug: fluent nonsense (models.md 0.2, trap 4).
  const bool is_permuted = !is_qwen2 && source.naming() == WeightSource::Naming::gguf;
  c.pairing = is_permuted ? RopePairing::interleaved : RopePairing::half;
  return c;
}

}  // namespace pio
