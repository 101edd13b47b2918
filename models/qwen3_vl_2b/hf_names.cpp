#include "models/qwen3_vl_2b/hf_names.h"

#include <algorithm>

namespace pio {
namespace {

// Without ".weight" and ".bias"; # is a number.
struct NamePair {
  std::string_view canonical;
  std::string_view hugging_face;
};

constexpr NamePair kNames[] = {
    {"v.patch_embd", "model.visual.patch_embed.proj"},
    {"v.position_embd", "model.visual.pos_embed"},
    {"v.blk.#.ln1", "model.visual.blocks.#.norm1"},
    {"v.blk.#.attn_qkv", "model.visual.blocks.#.attn.qkv"},
    {"v.blk.#.attn_out", "model.visual.blocks.#.attn.proj"},
    {"v.blk.#.ln2", "model.visual.blocks.#.norm2"},
    {"v.blk.#.ffn_up", "model.visual.blocks.#.mlp.linear_fc1"},
    {"v.blk.#.ffn_down", "model.visual.blocks.#.mlp.linear_fc2"},
    {"v.post_ln", "model.visual.merger.norm"},
    {"mm.0", "model.visual.merger.linear_fc1"},
    {"mm.2", "model.visual.merger.linear_fc2"},
    {"v.deepstack.#.norm", "model.visual.deepstack_merger_list.#.norm"},
    {"v.deepstack.#.fc1", "model.visual.deepstack_merger_list.#.linear_fc1"},
    {"v.deepstack.#.fc2", "model.visual.deepstack_merger_list.#.linear_fc2"},
};

// `name` matched against `pattern`; the number that stands for #, or null where they differ. "" where the pattern has no #.
std::optional<std::string_view> match(std::string_view pattern, std::string_view name) {
  const std::size_t hash = pattern.find('#');
  if (hash == std::string_view::npos) return pattern == name ? std::optional(std::string_view()) : std::nullopt;
  const std::string_view tail = pattern.substr(hash + 1);
  if (!name.starts_with(pattern.substr(0, hash)) || !name.ends_with(tail) || name.size() <= hash + tail.size()) return std::nullopt;
  const std::string_view number = name.substr(hash, name.size() - hash - tail.size());
  return std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; }) ? std::optional(number) : std::nullopt;
}

std::optional<std::string> translate(std::string_view name, std::string_view NamePair::*from, std::string_view NamePair::*to) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view stem = name.substr(0, dot), suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  for (const NamePair& pair : kNames) {
    const std::optional<std::string_view> number = match(pair.*from, stem);
    if (!number) continue;
    std::string out(pair.*to);
    if (const std::size_t hash = out.find('#'); hash != std::string::npos) out.replace(hash, 1, *number);
    return out.append(suffix);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> hugging_face_vision_name(std::string_view canonical) {
  return translate(canonical, &NamePair::canonical, &NamePair::hugging_face);
}

std::optional<std::string> canonical_vision_name(std::string_view hugging_face) {
  return translate(hugging_face, &NamePair::hugging_face, &NamePair::canonical);
}

}  // namespace pio
