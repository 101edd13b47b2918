#include "engine/chat/chat_json.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "engine/files/local_path.h"

namespace pio {
namespace {

Error wrong(const std::string& place, std::string_view expected) {
  return make_error(ErrorCode::bad_argument, place + ": expected " + std::string(expected) + ", found something else");
}

// RFC 4648, section 4; white space is passed over, padding may be missing.
std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '=') break;
    int digit = -1;
    if (c >= 'A' && c <= 'Z') digit = c - 'A';
    else if (c >= 'a' && c <= 'z') digit = c - 'a' + 26;
    else if (c >= '0' && c <= '9') digit = c - '0' + 52;
    else if (c == '+') digit = 62;
    else if (c == '/') digit = 63;
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    n_bits += 6;
    if (n_bits >= 8) {
      n_bits -= 8;
      bytes.push_back(static_cast<std::byte>(bits >> n_bits));
    }
  }
  return bytes;
}

Result<ImageInput> image_of(std::string_view url, const std::string& place) {
  ImageInput image;
  if (url.starts_with("data:")) {
    const std::size_t comma = url.find(',');
    const bool is_base64 = comma != std::string_view::npos && url.substr(0, comma).ends_with(";base64");
    std::optional<std::vector<std::byte>> bytes;
    if (is_base64) bytes = from_base64(url.substr(comma + 1));
    if (!bytes) return wrong(place, "a data: URL in base64");
    image.bytes = std::make_shared<const std::vector<std::byte>>(std::move(*bytes));
    return image;
  }
  if (url.starts_with("http:") || url.starts_with("https:") || url.empty()) return wrong(place, "a path, a file: or a data: URL");
  ASSIGN_OR_RETURN(image.path, local_path(url));
  return image;
}

// OpenAI's low, high and auto, and our own names; high is full, auto what the caller asks for.
Result<ImageDetail> detail_of(const JsonValue* given, const std::string& place, ImageDetail otherwise) {
  if (!given) return otherwise;
  const std::string name = given->is_string() ? given->text() : "";
  if (name == "auto") return otherwise;
  if (name == "high") return ImageDetail::full;
  if (const std::optional<ImageDetail> detail = image_detail_of(name)) return *detail;
  return wrong(place, "auto, low, normal, high or full");
}

// "image": path, "image_url": url, or {"url": url, "detail": how closely}; nothing where the part is no picture.
Result<std::optional<ImageInput>> picture_in(const JsonValue& part, const std::string& place, ImageDetail detail) {
  for (const char* key : {"image", "image_url"}) {
    const JsonValue* value = part.find_given(key);
    if (!value) continue;
    const JsonValue* const closely = value->find_given("detail");
    if (const JsonValue* url = value->find_given("url")) value = url;
    if (!value->is_string()) return wrong(place + "." + key, "a string");
    ASSIGN_OR_RETURN(ImageInput image, image_of(value->text(), place + "." + key));
    ASSIGN_OR_RETURN(image.detail, detail_of(closely, place + "." + key + ".detail", detail));
    return std::optional<ImageInput>(std::move(image));
  }
  return std::optional<ImageInput>();
}

Result<void> read_content(const JsonValue& content, const std::string& place, ImageDetail detail, ChatMessage& message) {
  if (content.is_string()) {
    message.content = MessageContent(content.text());
    return {};
  }
  if (!content.is_array()) return wrong(place, "a string or a list of parts");
  for (std::size_t i = 0; i < content.items().size(); ++i) {
    const JsonValue& part = content.items()[i];
    const std::string here = place + "[" + std::to_string(i) + "]";
    if (const JsonValue* text = part.is_string() ? &part : part.find_given("text"); text && text->is_string()) {
      message.content.add(text->text());
      continue;
    }
    ASSIGN_OR_RETURN(std::optional<ImageInput> image, picture_in(part, here, detail));
    if (!image) return wrong(here, "a text or a picture");
    message.content.add(std::move(*image));
  }
  return {};
}

Result<ToolCall> call_of(const JsonValue& entry, const std::string& place) {
  const JsonValue* function = entry.find_given("function");
  if (!function) function = &entry;
  const JsonValue *name = function->find_given("name"), *arguments = function->find_given("arguments"), *id = entry.find_given("id");
  if (!name || !name->is_string()) return wrong(place + ".name", "a string");
  ToolCall call = {.id = id && id->is_string() ? id->text() : "", .name = name->text(), .arguments = JsonValue::object({})};
  if (!arguments || (arguments->is_string() && arguments->text().empty())) return call;
  call.arguments = *arguments;
  if (arguments->is_string()) {
    Result<JsonValue> parsed = JsonValue::parse(arguments->text());
    if (parsed) call.arguments = std::move(*parsed);
  }
  if (!call.arguments.is_object()) return wrong(place + ".arguments", "an object, or one as JSON text");
  return call;
}

Result<ChatMessage> message_of(const JsonValue& entry, const std::string& place, ImageDetail detail) {
  const JsonValue* role = entry.find_given("role");
  if (!role || !role->is_string()) return wrong(place + ".role", "a string");
  ChatMessage message;
  message.role = role->text() == "developer" ? "system" : role->text() == "function" ? "tool" : role->text();
  if (const JsonValue* content = entry.find_given("content")) {
    RETURN_IF_ERROR(read_content(*content, place + ".content", detail, message));
  }
  for (const char* key : {"reasoning_content", "reasoning", "thinking"}) {
    const JsonValue* reasoning = entry.find_given(key);
    if (reasoning && reasoning->is_string() && message.reasoning.empty()) message.reasoning = reasoning->text();
  }
  if (const JsonValue* calls = entry.find_given("tool_calls")) {
    if (!calls->is_array()) return wrong(place + ".tool_calls", "a list");
    for (std::size_t i = 0; i < calls->items().size(); ++i) {
      ASSIGN_OR_RETURN(ToolCall call, call_of(calls->items()[i], place + ".tool_calls[" + std::to_string(i) + "]"));
      message.tool_calls.push_back(std::move(call));
    }
  }
  return message;
}

}  // namespace

Result<std::vector<ChatMessage>> chat_messages(const JsonValue& list, ImageDetail detail) {
  if (!list.is_array()) return wrong("messages", "a list");
  std::vector<ChatMessage> messages;
  for (std::size_t i = 0; i < list.items().size(); ++i) {
    ASSIGN_OR_RETURN(ChatMessage message, message_of(list.items()[i], "messages[" + std::to_string(i) + "]", detail));
    messages.push_back(std::move(message));
  }
  return messages;
}

JsonValue tool_call_json(const ToolCall& call) {
  return JsonValue::object(
      {{"id", JsonValue::string(call.id)},
       {"type", JsonValue::string("function")},
       {"function", JsonValue::object({{"name", JsonValue::string(call.name)}, {"arguments", JsonValue::string(call.arguments.dump())}})}});
}

}  // namespace pio
