#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/gguf_writer.h"

namespace pio::test {

// The shape of a mixture whose experts are most of it, in Q8_0.
struct MixtureShape {
  std::uint64_t layers = 4, experts = 64, dim = 512, expert_dim = 512, vocab = 256;
  std::uint64_t expert_bytes() const { return 3 * dim * expert_dim / 32 * 34; }
};

// Writes such a model with random weights and without a tokenizer.
inline void write_mixture(const std::filesystem::path& path, const MixtureShape& shape) {
  constexpr std::uint32_t kF32 = 0, kQ8 = 8;
  GgufWriter writer("qwen3moe");
  const auto number = [&](const std::string& key, std::uint32_t value) { writer.key("qwen3moe." + key, value); };
  writer.key("general.name", "a mixture of a test");
  number("block_count", static_cast<std::uint32_t>(shape.layers));
  number("context_length", 4096);
  number("embedding_length", static_cast<std::uint32_t>(shape.dim));
  number("feed_forward_length", static_cast<std::uint32_t>(shape.expert_dim));
  number("attention.head_count", 8);
  number("attention.head_count_kv", 2);
  number("attention.key_length", 64);
  number("attention.value_length", 64);
  number("expert_count", static_cast<std::uint32_t>(shape.experts));
  number("expert_used_count", 4);
  number("expert_feed_forward_length", static_cast<std::uint32_t>(shape.expert_dim));
  writer.key("qwen3moe.rope.freq_base", 1e6F).key("qwen3moe.attention.layer_norm_rms_epsilon", 1e-6F);
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> sizes;
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> extents, std::uint32_t type) {
    std::uint64_t n = 1;
    for (const std::uint64_t extent : extents) n *= extent;
    sizes.push_back(type == kF32 ? n * 4 : n / 32 * 34);
    writer.tensor({.name = name, .extents = std::move(extents), .type = type, .data = {}, .offset = offset, .n_dims = {}});
    offset += (sizes.back() + 31) / 32 * 32;
  };
  add("token_embd.weight", {shape.dim, shape.vocab}, kQ8);
  add("output.weight", {shape.dim, shape.vocab}, kQ8);
  add("output_norm.weight", {shape.dim}, kF32);
  for (std::uint64_t l = 0; l < shape.layers; ++l) {
    const std::string layer = "blk." + std::to_string(l) + ".";
    add(layer + "attn_norm.weight", {shape.dim}, kF32);
    add(layer + "ffn_norm.weight", {shape.dim}, kF32);
    add(layer + "attn_q.weight", {shape.dim, 512}, kQ8);
    add(layer + "attn_k.weight", {shape.dim, 128}, kQ8);
    add(layer + "attn_v.weight", {shape.dim, 128}, kQ8);
    add(layer + "attn_output.weight", {512, shape.dim}, kQ8);
    add(layer + "attn_q_norm.weight", {64}, kF32);
    add(layer + "attn_k_norm.weight", {64}, kF32);
    add(layer + "ffn_gate_inp.weight", {shape.dim, shape.experts}, kF32);
    add(layer + "ffn_gate_exps.weight", {shape.dim, shape.expert_dim, shape.experts}, kQ8);
    add(layer + "ffn_up_exps.weight", {shape.dim, shape.expert_dim, shape.experts}, kQ8);
    add(layer + "ffn_down_exps.weight", {shape.expert_dim, shape.dim, shape.experts}, kQ8);
  }
  const std::vector<std::byte> head = writer.bytes();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(head.data()), static_cast<std::streamsize>(head.size()));
  std::uint32_t state = 7;
  const auto random = [&] { return (state = state * 1664525 + 1013904223) >> 8; };
  std::vector<char> piece;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    piece.assign((sizes[i] + 31) / 32 * 32, 0);
    if (writer.tensors[i].type == kF32) {
      const bool is_norm = writer.tensors[i].name.find("norm") != std::string::npos;
      for (std::size_t at = 0; at < sizes[i]; at += 4) {
        const float value = is_norm ? 1.0F : (static_cast<float>(random() % 2048) / 1024 - 1) * 0.04F;
        std::memcpy(&piece[at], &value, 4);
      }
    } else {
      for (std::size_t at = 0; at < sizes[i]; at += 34) {
        const std::uint16_t scale = 0x0c00;  // 2^-12 as float16
        std::memcpy(&piece[at], &scale, 2);
        for (std::size_t k = 2; k < 34; ++k) piece[at + k] = static_cast<char>(random());
      }
    }
    file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  }
}

}  // namespace pio::test
