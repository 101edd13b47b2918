#include "engine/chat/chat_template.h"

#include <algorithm>
#include <filesystem>

#include "engine/chat/sha256.h"
#include "engine/files/mapped_file.h"
#include "engine/files/metadata.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

// The longest published tokenizer_config.json holds some thousand added tokens in 1 MB; templates are some KB.
constexpr std::size_t kConfigBytes = std::size_t{16} << 20;

std::optional<std::string> text_of(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  Result<std::string> text = read_text_file(path, kConfigBytes);
  return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
}

// "chat_template" of a JSON file: a text, or a list of {name, template} as transformers writes several.
std::optional<std::string> template_in(const fs::path& path) {
  const std::optional<std::string> text = text_of(path);
  if (!text) return std::nullopt;
  const Result<JsonValue> config = JsonValue::parse(*text);
  const JsonValue* value = config ? config->find("chat_template") : nullptr;
  if (!value) return std::nullopt;
  if (value->is_string()) return value->text();
  for (const JsonValue& entry : value->items()) {
    const JsonValue *name = entry.find("name"), *body = entry.find("template");
    if (name && body && name->is_string() && name->text() == "default" && body->is_string()) return body->text();
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> chat_template_of(const ModelFile& file) {
  if (file.naming() == WeightSource::Naming::gguf) {
    const auto* text = value_of<std::string>(file.metadata(), "tokenizer.chat_template");
    return text ? std::optional<std::string>(*text) : std::nullopt;
  }
  const fs::path folder = file.paths().front().parent_path();
  if (auto text = text_of(folder / "chat_template.jinja")) return text;
  if (auto text = template_in(folder / "chat_template.json")) return text;
  return template_in(folder / "tokenizer_config.json");
}

ChosenFormat choose_chat_format(const ModelFile& file) {
  const ChatFormat* own = chat_format_of(file.architecture());
  std::optional<std::string> text = chat_template_of(file);
  if (!text || text->empty()) return {own, false};
  // One newline at the end makes no difference: Jinja drops it, and some files have it where others do not.
  if (const ChatFormat* format = chat_format_of_template(sha256_hex(*text))) return {format, false};
  if (text->ends_with('\n')) text->pop_back();
  else text->push_back('\n');
  if (const ChatFormat* format = chat_format_of_template(sha256_hex(*text))) return {format, false};
  return {own, own != nullptr};
}

}  // namespace pio
