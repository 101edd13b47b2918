// tokenize, detokenize, render: text in, text out, no weights.

#include <functional>

#include "app/cli/batch_line.h"
#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/tokenizer/utf8_stream.h"

namespace pio::cli {
namespace {

Result<std::string> bytes_of_hex(std::string_view hex) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) break;
    bytes += static_cast<char>(high << 4 | low);
  }
  if (bytes.size() * 2 != hex.size())
    return make_error(ErrorCode::bad_argument, "hex: pairs of hexadecimal digits, found \"" + std::string(hex.substr(0, 20)) + "\"");
  return bytes;
}

Result<void> print_ids(const std::vector<int>& ids, bool json) {
  if (json) return print_json({{"ids", ids}});
  std::string line;
  for (std::size_t i = 0; i < ids.size(); ++i) line += (i ? " " : "") + std::to_string(ids[i]);
  return print_text(line + "\n");
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
      return make_error(ErrorCode::bad_argument, std::string(options.jsonl.empty() ? "--ids" : "ids") + ": less than " +
                                                     std::to_string(tokenizer.n_ids()) + ", found " + std::to_string(id));
  }
  const std::vector<std::string> pieces = stream_of(tokenizer, ids);
  if (options.stream && options.json) return print_json({{"stream", pieces}});
  std::string text;
  for (const std::string& piece : pieces) text += options.stream ? piece + "\n" : piece;
  if (options.json) return print_json({{"text", text}});
  return print_text(options.stream ? text : text + "\n");
}

// Calls `run` for each line of --jsonl. With --json a line that will not do is {"error":…} and the others are answered all the same.
Result<void> for_each_of(const Options& options, const std::function<Result<void>(const JsonValue& line)>& run) {
  return for_each_line(options.jsonl, [&](std::string_view line) -> Result<void> {
    const Result<JsonValue> given = parse_object(line);
    const Result<void> status = given ? run(*given) : Result<void>(given.error());
    if (status || !options.json || !output_status()) return status;
    return print_json({{"error", status.error().message}});
  });
}

Result<std::unique_ptr<Tokenizer>> tokenizer_of(const Options& options, const std::string& typed) {
  ASSIGN_OR_RETURN(const std::string path, model_path(options, typed));
  return open_tokenizer(path);
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
      ASSIGN_OR_RETURN(renderer.tokenizer, tokenizer_of(options, options.tokenizer));
    }
    return renderer;
  }
  ASSIGN_OR_RETURN(const std::string path, model_path(options, options.model));
  ASSIGN_OR_RETURN(const InspectResult inspected, pio::inspect(path));
  renderer.format = find_chat_format(inspected.chat_format);
  if (!renderer.format)
    return make_error(ErrorCode::unsupported_model,
                      options.model + ": a chat format of ours, architecture " + inspected.file->architecture() + " has none");
  ASSIGN_OR_RETURN(renderer.tokenizer, tokenizer_of(options, options.tokenizer.empty() ? options.model : options.tokenizer));
  return renderer;
}

Result<void> print_rendered(const Renderer& renderer, const RenderRequest& request, bool json) {
  const Result<std::vector<Piece>> pieces = renderer.format->render(request);
  if (!pieces) {
    if (!json || pieces.error().code != ErrorCode::template_refused) return pieces.error();
    return print_json({{"error", pieces.error().message}});
  }
  std::string text;
  for (const Piece& piece : *pieces) text += piece.text;
  if (!json) return print_text(text);
  Json line = {{"text", text}};
  if (renderer.tokenizer) line["ids"] = renderer.tokenizer->encode_pieces(*pieces);
  return print_json(line);
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
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer, tokenizer_of(options, options.model));
  const SpecialTokens special = options.special == "all" ? SpecialTokens::all : options.special == "user" ? SpecialTokens::user : SpecialTokens::none;
  if (!options.jsonl.empty()) {
    return for_each_of(options, [&](const JsonValue& given) -> Result<void> {
      const JsonValue *text = given.find("text"), *hex = given.find("hex");
      if (text && text->is_string()) return print_ids(tokenizer->encode(text->text(), special), options.json);
      if (!hex || !hex->is_string()) return make_error(ErrorCode::bad_argument, R"(line: {"text":…} or {"hex":…}, found neither)");
      ASSIGN_OR_RETURN(const std::string bytes, bytes_of_hex(hex->text()));
      return print_ids(tokenizer->encode(bytes, special), options.json);
    });
  }
  if (options.text) return print_ids(tokenizer->encode(*options.text, special), options.json);
  ASSIGN_OR_RETURN(const std::string text, read_text(options.file));
  return print_ids(tokenizer->encode(text, special), options.json);
}

Result<void> detokenize(const Options& options) {
  if (options.jsonl.empty() && options.ids.empty()) return make_error(ErrorCode::bad_argument, "detokenize: --ids or --jsonl, found neither");
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer, tokenizer_of(options, options.model));
  if (options.jsonl.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int> ids, parse_ids(options.ids));
    return print_pieces(*tokenizer, ids, options);
  }
  return for_each_of(options, [&](const JsonValue& given) -> Result<void> {
    const JsonValue* list = given.find("ids");
    if (!list) return make_error(ErrorCode::bad_argument, R"(line: {"ids":[…]}, found no list)");
    ASSIGN_OR_RETURN(const std::vector<int> ids, ids_of(*list));
    return print_pieces(*tokenizer, ids, options);
  });
}

Result<void> render(const Options& options) {
  if (options.jsonl.empty() && options.messages.empty()) return make_error(ErrorCode::bad_argument, "render: --messages or --jsonl, found neither");
  ASSIGN_OR_RETURN(const Renderer renderer, open_renderer(options));
  if (options.jsonl.empty()) {
    ASSIGN_OR_RETURN(const RenderRequest request, render_request(options));
    return print_rendered(renderer, request, options.json);
  }
  return for_each_of(options, [&](const JsonValue& given) -> Result<void> {
    if (!given.find("messages")) return make_error(ErrorCode::bad_argument, R"(line: {"messages":[…]}, found none)");
    RenderRequest request;
    request.messages = *given.find("messages");
    if (const JsonValue* tools = given.find("tools")) request.tools = *tools;
    if (const JsonValue* wanted = given.find("add_generation_prompt")) request.add_generation_prompt = wanted->truthy();
    if (const JsonValue* variables = given.find("variables"); variables && variables->is_object()) request.variables = *variables;
    return print_rendered(renderer, request, options.json);
  });
}

}  // namespace pio::cli
