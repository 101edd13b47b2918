#include "models/chat_format.h"

#include "models/qwen3_4b_instruct_2507/chat.h"
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
};

}  // namespace

namespace {

// Everything is text: families whose output has no parts.
class PlainParser final : public ChatParser {
 public:
  std::vector<ChatEvent> push(std::string_view text) override {
    if (text.empty()) return {};
    return {{.kind = ChatEvent::Kind::text, .text = std::string(text), .call = {}}};
  }
  std::vector<ChatEvent> finish() override { return {}; }
};

}  // namespace

std::unique_ptr<ChatParser> ChatFormat::parser(const RenderRequest&) const { return std::make_unique<PlainParser>(); }

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
  for (const Family& family : kFamilies) names.push_back(family.format().name());
  return names;
}

}  // namespace pio
