#include "models/chat_format.h"

#include <algorithm>

#include "models/call_parser.h"
#include "models/glm_4_7_flash/chat.h"
#include "models/qwen3_4b_instruct_2507/chat.h"
#include "models/qwen3_coder_30b/chat.h"
#include "models/qwen3_vl_2b/chat.h"
#include "models/small_dense/chat.h"

namespace pio {

namespace {

struct Family {
  std::string_view architecture;
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

}  // namespace

std::unique_ptr<ChatParser> ChatFormat::parser(const RenderRequest&) const { return plain_parser(); }

const ChatFormat* find_chat_format(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.format().name() == name) return &family.format();
  }
  return nullptr;
}

const ChatFormat* chat_format_of(std::string_view architecture) {
  for (const Family& family : kFamilies) {
    if (family.architecture == architecture) return &family.format();
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
