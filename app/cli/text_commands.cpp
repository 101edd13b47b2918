// tokenize, detokenize, render: text in, text out, no weights.

#include <algorithm>

#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/tokenizer/utf8_stream.h"

namespace pio::cli {
namespace {

Result<std::string> bytes_of_hex(const std::string& hex) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) break;
    bytes += static_cast<char>(high << 4 | low);
  }
  if (bytes.size() * 2 != hex.size()) return make_error(ErrorCode::bad_argument, "hex: pairs of hexadecimal digits, found \"" + hex.substr(0, 20) + "\"");
  return bytes;
}

void print_ids(const std::vector<int>& ids, bool json) {
  if (json) return print_json({{"ids", ids}});
  std::string line;
  for (std::size_t i = 0; i < ids.size(); ++i) line += (i ? " " : "") + std::to_string(ids[i]);
  print_text(line + "\n");
}

// The characters finished by each id, and what the end leaves.
std::vector<std::string> stream_of(const Tokenizer& tokenizer, const std::vector<int>& ids) {
  Utf8Stream utf8;
  std::vector<std::string> pieces;
  for (int id : ids) pieces.push_back(utf8.push(tokenizer.bytes(id)));
  pieces.push_back(utf8.finish());
  return pieces;
}

Result<void> print_pieces(const Tokenizer& tokenizer, const std::vector<int>& ids, const Options& options) {
  for (int id : ids) {
    if (id >= tokenizer.n_ids())
      return make_error(ErrorCode::bad_argument, "id: less than " + std::to_string(tokenizer.n_ids()) + ", found " + std::to_string(id));
  }
  const std::vector<std::string> pieces = stream_of(tokenizer, ids);
  if (options.stream && options.json) print_json({{"stream", pieces}});
  else if (options.stream) for (const std::string& piece : pieces) print_text(piece + "\n");
  else {
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    if (options.json) print_json({{"text", text}});
    else print_text(text + "\n");
  }
  return {};
}

// The chat format and the tokenizer (may be null) that `render` uses.
struct Renderer {
  const ChatFormat* format = nullptr;
  std::unique_ptr<Tokenizer> tokenizer;
};

Result<Renderer> open_renderer(const Options& options) {
  constexpr std::string_view kPrefix = "format:";
  Renderer renderer;
  if (options.model.starts_with(kPrefix)) {
    const std::string name = options.model.substr(kPrefix.size());
    renderer.format = find_chat_format(name);
    if (!renderer.format) {
      std::string names;
      for (std::string_view known : chat_format_names()) names += (names.empty() ? "" : ", ") + std::string(known);
      return make_error(ErrorCode::not_available, "chat format: one of " + names + ", found " + name);
    }
    if (!options.tokenizer.empty()) {
      ASSIGN_OR_RETURN(renderer.tokenizer, open_tokenizer(options.tokenizer));
    }
    return renderer;
  }
  ASSIGN_OR_RETURN(const InspectResult inspected, pio::inspect(options.model));
  renderer.format = find_chat_format(inspected.chat_format);
  if (!renderer.format)
    return make_error(ErrorCode::unsupported_model, options.model + ": a chat format of ours, architecture " + inspected.file->architecture() + " has none");
  ASSIGN_OR_RETURN(renderer.tokenizer, open_tokenizer(options.tokenizer.empty() ? options.model : options.tokenizer));
  return renderer;
}

Result<void> print_rendered(const Renderer& renderer, const RenderRequest& request, bool json) {
  const Result<std::vector<Piece>> pieces = renderer.format->render(request);
  if (!pieces) {
    if (!json || pieces.error().code != ErrorCode::template_refused) return pieces.error();
    print_json({{"error", pieces.error().message}});
    return {};
  }
  std::string text;
  for (const Piece& piece : *pieces) text += piece.text;
  if (!json) {
    print_text(text);
    return {};
  }
  Json line = {{"text", text}};
  if (renderer.tokenizer) line["ids"] = renderer.tokenizer->encode_pieces(*pieces);
  print_json(line);
  return {};
}

Result<RenderRequest> render_request(const Options& options) {
  RenderRequest request;
  ASSIGN_OR_RETURN(request.messages, read_json(options.messages));
  if (!options.tools.empty()) {
    ASSIGN_OR_RETURN(request.tools, read_json(options.tools));
  }
  request.add_generation_prompt = !options.no_generation_prompt;
  if (!options.thinking.empty()) request.variables.set("enable_thinking", JsonValue::boolean(options.thinking == "on"));
  if (!options.clear_thinking.empty()) request.variables.set("clear_thinking", JsonValue::boolean(options.clear_thinking == "on"));
  return request;
}

}  // namespace

Result<void> tokenize(const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer, open_tokenizer(options.model));
  const SpecialTokens special = options.special == "all" ? SpecialTokens::all : options.special == "user" ? SpecialTokens::user : SpecialTokens::none;
  if (!options.jsonl.empty()) {
    return for_each_line(options.jsonl, [&](std::string_view line) -> Result<void> {
      ASSIGN_OR_RETURN(const Json given, parse_json(line));
      std::string text;
      if (given.contains("text") && given["text"].is_string()) text = given["text"].get<std::string>();
      else if (given.contains("hex") && given["hex"].is_string()) {
        ASSIGN_OR_RETURN(text, bytes_of_hex(given["hex"].get<std::string>()));
      } else return make_error(ErrorCode::bad_argument, R"(line: {"text":…} or {"hex":…}, found neither)");
      print_ids(tokenizer->encode(text, special), options.json);
      return {};
    });
  }
  std::string text = options.text;
  if (text.empty()) {
    ASSIGN_OR_RETURN(text, read_text(options.file));
  }
  print_ids(tokenizer->encode(text, special), options.json);
  return {};
}

Result<void> detokenize(const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer, open_tokenizer(options.model));
  if (options.jsonl.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int> ids, parse_ids(options.ids));
    return print_pieces(*tokenizer, ids, options);
  }
  return for_each_line(options.jsonl, [&](std::string_view line) -> Result<void> {
    ASSIGN_OR_RETURN(const Json given, parse_json(line));
    std::vector<int> ids;
    if (!given.contains("ids") || !given["ids"].is_array()) return make_error(ErrorCode::bad_argument, R"(line: {"ids":[…]}, found no list)");
    for (const Json& id : given["ids"]) {
      if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX)
        return make_error(ErrorCode::bad_argument, "ids: whole numbers from 0 on, found " + id.dump().substr(0, 20));
      ids.push_back(id.get<int>());
    }
    return print_pieces(*tokenizer, ids, options);
  });
}

Result<void> render(const Options& options) {
  ASSIGN_OR_RETURN(const Renderer renderer, open_renderer(options));
  if (options.jsonl.empty()) {
    ASSIGN_OR_RETURN(const RenderRequest request, render_request(options));
    return print_rendered(renderer, request, options.json);
  }
  return for_each_line(options.jsonl, [&](std::string_view line) -> Result<void> {
    ASSIGN_OR_RETURN(const JsonValue given, JsonValue::parse(line));
    if (!given.is_object() || !given.find("messages")) return make_error(ErrorCode::bad_argument, R"(line: {"messages":[…]}, found none)");
    RenderRequest request;
    request.messages = *given.find("messages");
    if (const JsonValue* tools = given.find("tools")) request.tools = *tools;
    if (const JsonValue* wanted = given.find("add_generation_prompt")) request.add_generation_prompt = wanted->truthy();
    if (const JsonValue* variables = given.find("variables"); variables && variables->is_object()) request.variables = *variables;
    return print_rendered(renderer, request, options.json);
  });
}

}  // namespace pio::cli
