// complete, chat, fim, batch: what the model says.

#include <csignal>
#include <cstdio>
#include <iostream>
#include <utility>

#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/chat/chat_json.h"
#include "engine/fim.h"
#include "engine/prompt.h"

namespace pio::cli {
namespace {

Result<std::unique_ptr<Engine>> load(const Options& options) {
  ASSIGN_OR_RETURN(const LoadRequest request, load_request(options));
  std::unique_ptr<Engine> engine = create_engine();
  RETURN_IF_ERROR(engine->load(request, {}, interrupt_token()));
  print_notes(*engine);
  if (options.thinking == "on" && !engine->loaded()->can_think)
    std::fprintf(stderr, "%s: does not think before it answers: --thinking on changes nothing\n", engine->loaded()->name.c_str());
  return engine;
}

GenerateRequest base_request(const Options& options, const Engine& engine) {
  GenerateRequest request;
  request.sampling = sampling_of(options, engine.loaded()->recommended);
  request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.ignore_eos = options.ignore_eos;
  if (!options.thinking.empty()) request.thinking = options.thinking == "on";
  if (!options.clear_thinking.empty()) request.clear_thinking = options.clear_thinking == "on";
  return request;
}

Result<JsonValue> read_tools(const Options& options) {
  if (options.tools.empty()) return JsonValue();
  ASSIGN_OR_RETURN(JsonValue tools, read_json(options.tools));
  if (!tools.is_array()) return make_error(ErrorCode::bad_argument, options.tools + ": a list of tools, found something else");
  return tools;
}

std::vector<ImageInput> images_of(const Options& options) {
  std::vector<ImageInput> images;
  for (const std::string& path : options.images) images.push_back({.path = path, .bytes = nullptr});
  return images;
}

// Text goes out as it comes, unless it is to stand in one JSON object at the end.
GenerateSink sink_for(bool json) {
  GenerateSink sink;
  sink.dropped = [](std::int64_t n) { std::fprintf(stderr, "the oldest %lld messages are left out: the context is full\n", static_cast<long long>(n)); };
  if (json) return sink;
  sink.text = [](std::string_view text, std::int64_t) { print_text(text); };
  // What is no answer goes beside it, dim where that is a terminal.
  sink.reasoning = [](std::string_view text, std::int64_t) { print_aside(text); };
  sink.tool_call = [](const ToolCall& call) { print_aside("[" + call.name + " " + call.arguments.dump() + "]\n"); };
  return sink;
}

Json as_json(const GenerateResult& result) {
  return {{"text", result.text}, {"ids", result.ids}, {"finish_reason", name_of(result.finish_reason)}, {"stats", stats_json(result.stats)}};
}

Json tool_calls_json(const GenerateResult& result) {
  Json calls = Json::array();
  for (const ToolCall& call : result.tool_calls) calls.push_back(Json::parse(tool_call_json(call).dump()));
  return calls;
}

Json as_chat_json(const GenerateResult& result) {
  return {{"text", result.text}, {"reasoning", result.reasoning}, {"tool_calls", tool_calls_json(result)},
          {"finish_reason", name_of(result.finish_reason)}, {"stats", stats_json(result.stats)}};
}

// As `complete` prints it, with what an answer may have beside its text.
Json as_batch_json(const GenerateResult& result) {
  Json line = as_json(result);
  if (!result.reasoning.empty()) line["reasoning"] = result.reasoning;
  if (!result.tool_calls.empty()) line["tool_calls"] = tool_calls_json(result);
  return line;
}

Result<void> converse(const Options& options, Engine& engine) {
  GenerateRequest request = base_request(options, engine);
  ASSIGN_OR_RETURN(request.tools, read_tools(options));
  if (!options.system.empty()) request.messages.push_back({"system", options.system});
  std::vector<ImageInput> images = images_of(options);
  std::string line;
  for (;;) {
    std::fputs("> ", stderr);
    if (!std::getline(std::cin, line)) {
      std::fputc('\n', stderr);
      return {};
    }
    if (line.empty()) continue;
    request.messages.push_back({"user", line, std::exchange(images, {})});  // those of the command line go with the first words
    reset_interrupt();
    ASSIGN_OR_RETURN(const GenerateResult result, engine.generate(request, sink_for(false), interrupt_token()));
    print_text("\n");
    std::fprintf(stderr, "[%lld tokens, %.1f tok/s, first after %.2f s]\n", static_cast<long long>(result.stats.generated_tokens),
                 result.stats.tokens_per_second, result.stats.first_token_seconds);
    request.messages.push_back(
        {.role = "assistant", .content = result.text, .reasoning = result.reasoning, .tool_calls = result.tool_calls});
  }
}

std::stop_source interrupt_source;

extern "C" void on_interrupt(int) {
  // request_stop() may take a lock where callbacks are registered; the engine only asks, so it is one atomic store here.
  if (!interrupt_source.request_stop()) std::_Exit(130);
}

}  // namespace

std::stop_token interrupt_token() {
  static const bool installed = [] { return std::signal(SIGINT, on_interrupt) != SIG_ERR; }();
  static_cast<void>(installed);
  return interrupt_source.get_token();
}

void reset_interrupt() {
  if (interrupt_source.stop_requested()) interrupt_source = std::stop_source();
}

Result<void> complete(const Options& options) {
  std::vector<int> ids;
  if (!options.ids.empty()) {
    ASSIGN_OR_RETURN(ids, parse_ids(options.ids));
  } else if (!options.prompt) {
    return make_error(ErrorCode::bad_argument, "complete: --prompt or --ids, found neither");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  GenerateRequest request = base_request(options, *engine);
  if (options.prompt) {
    ASSIGN_OR_RETURN(ids, raw_prompt(*engine, *options.prompt));
  }
  request.ids = std::move(ids);
  ASSIGN_OR_RETURN(const GenerateResult result, engine->generate(request, sink_for(options.json), interrupt_token()));
  if (options.json) print_json(as_json(result));
  else print_text("\n");
  return {};
}

Result<void> chat(const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  if (!options.prompt) return converse(options, *engine);
  GenerateRequest request = base_request(options, *engine);
  ASSIGN_OR_RETURN(request.tools, read_tools(options));
  if (!options.system.empty()) request.messages.push_back({"system", options.system});
  request.messages.push_back({"user", *options.prompt, images_of(options)});
  ASSIGN_OR_RETURN(const GenerateResult result, engine->generate(request, sink_for(options.json), interrupt_token()));
  if (options.json) print_json(as_chat_json(result));
  else print_text("\n");
  return {};
}

Result<void> fim(const Options& options) {
  ASSIGN_OR_RETURN(const std::string prefix, read_text(options.prefix_file));
  ASSIGN_OR_RETURN(const std::string suffix, read_text(options.suffix_file));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  ASSIGN_OR_RETURN(const FimPrompt prompt, fim_prompt(*engine, prefix, suffix));
  GenerateRequest request = prompt.request;
  request.sampling = sampling_of(options, prompt.request.sampling);  // greedy where no option says otherwise
  if (options.max_tokens >= 0) request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.ignore_eos = options.ignore_eos;
  // A fence is known when it is closed: such an answer is printed whole.
  const bool is_streamed = !options.json && !prompt.may_be_fenced;
  ASSIGN_OR_RETURN(GenerateResult result, engine->generate(request, sink_for(!is_streamed), interrupt_token()));
  result.text = fim_answer(prompt, result.text);
  if (options.json) print_json(as_json(result));
  else print_text((is_streamed ? "" : result.text) + "\n");
  return {};
}

Result<void> batch(const Options& options) {
  ASSIGN_OR_RETURN(const JsonValue tools, read_tools(options));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  return for_each_line(options.prompts, [&](std::string_view line) -> Result<void> {
    ASSIGN_OR_RETURN(const Json given, parse_json(line));
    GenerateRequest request = base_request(options, *engine);
    if (given.contains("messages")) {
      ASSIGN_OR_RETURN(const JsonValue conversation, JsonValue::parse(line));  // keeps numbers and the order of keys as they stand
      ASSIGN_OR_RETURN(request.messages, chat_messages(*conversation.find("messages")));
      const JsonValue* own_tools = conversation.find("tools");
      request.tools = own_tools ? *own_tools : tools;
    } else if (given.contains("prompt") && given["prompt"].is_string()) {
      ASSIGN_OR_RETURN(request.ids, raw_prompt(*engine, given["prompt"].get<std::string>()));
    } else if (given.contains("ids") && given["ids"].is_array()) {
      std::string ids;
      for (const Json& id : given["ids"]) ids += (ids.empty() ? "" : ",") + id.dump();
      ASSIGN_OR_RETURN(request.ids, parse_ids(ids));
    } else {
      return make_error(ErrorCode::bad_argument, "line: prompt, messages or ids, found none of them");
    }
    if (given.contains("max_tokens") && given["max_tokens"].is_number_integer()) request.max_tokens = given["max_tokens"].get<std::int64_t>();
    const Result<GenerateResult> result = engine->generate(request, {}, interrupt_token());
    if (result) print_json(as_batch_json(*result));
    else print_json({{"error", result.error().message}});  // the other prompts have their answers all the same
    return {};
  });
}

}  // namespace pio::cli
