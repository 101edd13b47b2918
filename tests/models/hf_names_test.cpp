#include "models/hf_names.h"

#include <gtest/gtest.h>

namespace pio {
namespace {

TEST(HuggingFaceNamesTest, EachNameHasItsPublishedTwin) {  // models.md 2.c, 4.c, 6
  const std::pair<const char*, const char*> pairs[] = {
      {"token_embd.weight", "model.embed_tokens.weight"},
      {"output_norm.weight", "model.norm.weight"},
      {"output.weight", "lm_head.weight"},
      {"blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight"},
      {"blk.12.attn_q.weight", "model.layers.12.self_attn.q_proj.weight"},
      {"blk.12.attn_k.bias", "model.layers.12.self_attn.k_proj.bias"},
      {"blk.7.attn_v.weight", "model.layers.7.self_attn.v_proj.weight"},
      {"blk.7.attn_q_norm.weight", "model.layers.7.self_attn.q_norm.weight"},
      {"blk.7.attn_k_norm.weight", "model.layers.7.self_attn.k_norm.weight"},
      {"blk.7.attn_output.weight", "model.layers.7.self_attn.o_proj.weight"},
      {"blk.35.ffn_norm.weight", "model.layers.35.post_attention_layernorm.weight"},
      {"blk.35.ffn_gate.weight", "model.layers.35.mlp.gate_proj.weight"},
      {"blk.35.ffn_up.weight", "model.layers.35.mlp.up_proj.weight"},
      {"blk.35.ffn_down.weight", "model.layers.35.mlp.down_proj.weight"},
  };
  for (const auto& [canonical, hugging_face] : pairs) {
    EXPECT_EQ(hugging_face_name(canonical), hugging_face);
    EXPECT_EQ(canonical_name(hugging_face), canonical);
  }
}

TEST(HuggingFaceNamesTest, OtherNamesHaveNone) {
  for (const char* name : {"", ".", "weight", ".weight", "model.layers.weight", "model.layers..weight", "model.layers.3.weight",
                           "model.layers.x.mlp.up_proj.weight", "model.layers.3.mlp.up_proj", "model.layers.3.mlp.up_proj.scale",
                           "model.layers.3mlp.up_proj.weight", "model.layers.3.mlp.gate.weight", "visual.norm.weight",
                           "blk.3.attn_q.weight"})
    EXPECT_EQ(canonical_name(name), std::nullopt) << name;
  for (const char* name : {"blk.", "blk.3", "blk.3.", "blk.3.attn_q", "blk..attn_q.weight", "rope_freqs.weight"})
    EXPECT_EQ(hugging_face_name(name), std::nullopt) << name;
}

}  // namespace
}  // namespace pio
