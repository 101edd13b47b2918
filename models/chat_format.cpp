#include "models/chat_format.h"

#include <algorithm>

#include "models/call_parser.h"
#include "models/chat_pieces.h"
#include "models/glm_4_7_flash/chat.h"
#include "models/qwen3_4b_instruct_2507/chat.h"
#include "models/qwen3_coder_30b/chat.h"
#include "models/qwen3_vl_2b/chat.h"
#include "models/small_dense/chat.h"

namespace pio {

namespace {

struct Family {
  std::string_view key;  // an architecture, or a template's hash
  const ChatFormat& (*format)();
};
constexpr Family kFamilies[] = {
    {"llama", smollm2_chat_format},
    {"qwen2", qwen2_5_coder_chat_format},
    {"qwen3", qwen3_4b_instruct_2507_chat_format},
    {"qwen3_moe", qwen3_coder_30b_chat_format},  // Hugging Face's name, then GGUF's
    {"qwen3moe", qwen3_coder_30b_chat_format},
    {"glm4_moe_lite", glm_4_7_flash_chat_format},
    {"deepseek2", glm_4_7_flash_chat_format},
    {"glm4-moe-lite", glm_4_7_flash_chat_format},
    {"qwen3_vl", qwen3_vl_2b_chat_format},
    {"qwen3vl", qwen3_vl_2b_chat_format},
};

// The published templates, as their chat.h headers name them.
constexpr Family kTemplates[] = {
    {"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788", smollm2_chat_format},
    {"cd8e9439f0570856fd70470bf8889ebd8b5d1107207f67a5efb46e342330527f", qwen2_5_coder_chat_format},
    {"64f85b198065d0fba2a81f37e10ed68161ce2c19a754c7100e67e0ca2ee9c326", qwen3_4b_instruct_2507_chat_format},
    {"32bf2564d2245b98298677d3ac2332ab50bc3279740c13c3974689464b38aa3c", qwen3_coder_30b_chat_format},
    {"3636d0f0bd6bef02654cdffdc447b79cb2cef8ab02cc75267345946291a489e4", qwen3_vl_2b_chat_format},
    {"d63ad536c3c81880043e22ec7fd08db42b4d8fb7c89c7138bc562bfa25281375", glm_4_7_flash_chat_format},
};

}  // namespace

std::unique_ptr<ChatParser> ChatFormat::parser(const RenderRequest&) const { return plain_parser(); }

FimForm ChatFormat::fill_in_the_middle(std::string_view prefix, std::string_view suffix) const {
  PieceWriter out;
  write_qwen_fim(out, prefix, suffix);
  return {.prompt = out.take(), .needed_tokens = kQwenFimTokens, .stop_tokens = kQwenFimStopTokens, .answers_as_chat = false};
}

const ChatFormat* find_chat_format(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.format().name() == name) return &family.format();
  }
  return nullptr;
}

const ChatFormat* chat_format_of(std::string_view architecture) {
  for (const Family& family : kFamilies) {
    if (family.key == architecture) return &family.format();
  }
  return nullptr;
}

const ChatFormat* chat_format_of_template(std::string_view sha256) {
  for (const Family& known : kTemplates) {
    if (known.key == sha256) return &known.format();
  }
  return nullptr;
}

std::vector<std::string_view> chat_format_names() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) {
    const std::string_view name = family.format().name();
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace pio
