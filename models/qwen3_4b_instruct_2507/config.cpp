#include "models/qwen3_4b_instruct_2507/config.h"

namespace pio {

Result<Qwen3Config> read_qwen3_config(const WeightSource& source) {
  Hyper hyper(source);
  Qwen3Config c;
  c.hyper = read_dense_hyper(hyper, source);
  // Its own default in transformers is 128, not dim / n_heads: a file that leaves the head size out would be read wrongly, so none may.
  hyper.integer({"attention.key_length", "head_dim"}, kHeadDimRange);
  RETURN_IF_ERROR(hyper.status());

  c.attention = {.dim = c.hyper.dim,
                 .n_heads = c.hyper.n_heads,
                 .n_kv_heads = c.hyper.n_kv_heads,
                 .head_dim = c.hyper.head_dim,
                 .norm_eps = c.hyper.norm_eps,
                 .has_qkv_bias = false,
                 .has_qk_norm = true};
  return c;
}

}  // namespace pio
