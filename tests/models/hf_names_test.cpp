#include "models/hf_names.h"

#include <gtest/gtest.h>

namespace pio {
namespace {

TEST(HuggingFaceNamesTest, EachNameHasItsPublishedTwin) {  // models.md 1.c, 2.c, 4.c, 6
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
      {"blk.3.ffn_gate_inp.weight", "model.layers.3.mlp.gate.weight"},
      {"blk.3.ffn_gate.127.weight", "model.layers.3.mlp.experts.127.gate_proj.weight"},
      {"blk.3.ffn_up.0.weight", "model.layers.3.mlp.experts.0.up_proj.weight"},
      {"blk.3.ffn_down.5.weight", "model.layers.3.mlp.experts.5.down_proj.weight"},
      {"blk.3.ffn_gate_up_exps.weight", "model.layers.3.mlp.experts.gate_up_proj"},
      {"blk.3.ffn_down_exps.weight", "model.layers.3.mlp.experts.down_proj"},
      {"blk.3.ffn_gate_shexp.weight", "model.layers.3.mlp.shared_experts.gate_proj.weight"},
      {"blk.3.exp_probs_b.bias", "model.layers.3.mlp.gate.e_score_correction_bias"},
      {"blk.46.attn_q_a.weight", "model.layers.46.self_attn.q_a_proj.weight"},
      {"blk.46.attn_q_a_norm.weight", "model.layers.46.self_attn.q_a_layernorm.weight"},
      {"blk.46.attn_q_b.weight", "model.layers.46.self_attn.q_b_proj.weight"},
      {"blk.46.attn_kv_a_mqa.weight", "model.layers.46.self_attn.kv_a_proj_with_mqa.weight"},
      {"blk.46.attn_kv_a_norm.weight", "model.layers.46.self_attn.kv_a_layernorm.weight"},
      {"blk.46.attn_kv_b.weight", "model.layers.46.self_attn.kv_b_proj.weight"},
      {"blk.47.nextn.eh_proj.weight", "model.layers.47.eh_proj.weight"},
      {"blk.47.nextn.shared_head_norm.weight", "model.layers.47.shared_head.norm.weight"},
  };
  for (const auto& [canonical, hugging_face] : pairs) {
    EXPECT_EQ(hugging_face_name(canonical), hugging_face);
    EXPECT_EQ(canonical_name(hugging_face), canonical);
  }
}

TEST(HuggingFaceNamesTest, TheVisionNamesHaveTheirTwins) {  // models.md 3.c
  const std::pair<const char*, const char*> pairs[] = {
      {"v.patch_embd.bias", "model.visual.patch_embed.proj.bias"},
      {"v.position_embd.weight", "model.visual.pos_embed.weight"},
      {"v.blk.0.ln1.weight", "model.visual.blocks.0.norm1.weight"},
      {"v.blk.23.attn_qkv.bias", "model.visual.blocks.23.attn.qkv.bias"},
      {"v.blk.23.ffn_down.weight", "model.visual.blocks.23.mlp.linear_fc2.weight"},
      {"mm.2.bias", "model.visual.merger.linear_fc2.bias"},
      {"v.deepstack.2.fc1.weight", "model.visual.deepstack_merger_list.2.linear_fc1.weight"},
  };
  for (const auto& [canonical, hugging_face] : pairs) {
    EXPECT_EQ(hugging_face_name(canonical), hugging_face);
    EXPECT_EQ(canonical_name(hugging_face), canonical);
  }
  for (const char* name : {"model.visual.blocks.x.norm1.weight", "model.visual.blocks..norm1.weight", "model.visual.blocks.norm1.weight"})
    EXPECT_EQ(canonical_name(name), std::nullopt) << name;
}

TEST(HuggingFaceNamesTest, TheTextHalfOfAModelThatSeesIsFoundUnderItsPrefix) {
  EXPECT_EQ(canonical_name("model.language_model.layers.3.mlp.up_proj.weight"), "blk.3.ffn_up.weight");
  EXPECT_EQ(canonical_name("model.language_model.embed_tokens.weight"), "token_embd.weight");
  EXPECT_EQ(canonical_name("model.language_model.language_model.norm.weight"), std::nullopt);
}

TEST(HuggingFaceNamesTest, OtherNamesHaveNone) {
  for (const char* name :
       {"", ".", "weight", ".weight", "model.layers.weight", "model.layers..weight", "model.layers.3.weight", "model.layers.x.mlp.up_proj.weight",
        "model.layers.3.mlp.up_proj", "model.layers.3.mlp.up_proj.scale", "model.layers.3mlp.up_proj.weight", "model.layers.3.mlp.experts.weight",
        "model.layers.3.mlp.experts..up_proj.weight", "model.layers.3.mlp.experts.1.weight", "model.layers.3.mlp.experts.1.up_proj.bias",
        "visual.norm.weight", "blk.3.attn_q.weight"})
    EXPECT_EQ(canonical_name(name), std::nullopt) << name;
  for (const char* name : {"blk.", "blk.3", "blk.3.", "blk.3.attn_q", "blk..attn_q.weight", "blk.3.ffn_up.x.weight", "blk.3.ffn_up.1",
                           "exp_probs_b.bias", "rope_freqs.weight"})
    EXPECT_EQ(hugging_face_name(name), std::nullopt) << name;
}

}  // namespace
}  // namespace pio
