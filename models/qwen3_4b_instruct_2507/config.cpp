#include "models/qwen3_4b_instruct_2507/config.h"

namespace pio {

Result<DenseConfig> read_qwen3_config(const WeightSource& source) {
  Hyper hyper(source);
  DenseConfig c;
  c.family = "qwen3_4b_instruct_2507";
  // A checkpoint without head_dim means 128, the default of transformers' Qwen3Config; a GGUF file, as everywhere, dim / n_heads.
  c.hyper = read_dense_hyper(hyper, source, hyper.is_gguf() ? 0 : 128);
  RETURN_IF_ERROR(hyper.status());

  c.attention = attention_of(c.hyper);
  c.attention.has_qk_norm = true;
  return c;
}

}  // namespace pio
