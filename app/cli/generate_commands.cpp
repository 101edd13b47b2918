// complete, chat, batch: what the model says.

#include <csignal>
#include <cstdio>
#include <iostream>

#include "app/cli/options.h"
#include "app/cli/print.h"

namespace pio::cli {
namespace {

Result<std::unique_ptr<Engine>> load(const Options& options) {
  ASSIGN_OR_RETURN(const LoadRequest request, load_request(options));
  std::unique_ptr<Engine> engine = create_engine();
  RETURN_IF_ERROR(engine->load(request, {}, interrupt_token()));
  return engine;
}

GenerateRequest base_request(const Options& options, const Engine& engine) {
  GenerateRequest request;
  request.sampling = sampling_of(options, engine.loaded()->recommended);
  request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.ignore_eos = options.ignore_eos;
  return request;
}

// Text goes out as it comes, unless it is to stand in one JSON object at the end.
GenerateSink sink_for(bool json) {
  GenerateSink sink;
  sink.dropped = [](std::int64_t n) { std::fprintf(stderr, "the oldest %lld messages are left out: the context is full\n", static_cast<long long>(n)); };
  if (!json) sink.text = [](std::string_view text, std::int64_t) { print_text(text); };
  return sink;
}

Json as_json(const GenerateResult& result) {
  return {{"text", result.text}, {"ids", result.ids}, {"finish_reason", name_of(result.finish_reason)}, {"stats", stats_json(result.stats)}};
}

Json as_chat_json(const GenerateResult& result) {
  return {{"text", result.text}, {"reasoning", ""}, {"tool_calls", Json::array()}, {"finish_reason", name_of(result.finish_reason)},
          {"stats", stats_json(result.stats)}};
}

Result<std::vector<ChatMessage>> messages_of(const Json& list) {
  std::vector<ChatMessage> messages;
  if (!list.is_array()) return make_error(ErrorCode::bad_argument, "messages: a list, found something else");
  for (const Json& m : list) {
    if (!m.is_object() || !m.contains("role") || !m["role"].is_string() || !m.contains("content") || !m["content"].is_string())
      return make_error(ErrorCode::bad_argument, R"(message: {"role":…,"content":…} with texts, found something else)");
    messages.push_back({m["role"].get<std::string>(), m["content"].get<std::string>()});
  }
  return messages;
}

// A raw text's ids, with the begin token where the file asks for one.
Result<std::vector<int>> ids_of(const Engine& engine, const std::string& text) {
  if (!engine.tokenizer()) return make_error(ErrorCode::unsupported_model, engine.loaded()->path + ": a tokenizer, found none");
  std::vector<int> ids = engine.tokenizer()->encode(text, SpecialTokens::none);
  if (const std::optional<int> begin = engine.tokenizer()->begin_id()) ids.insert(ids.begin(), *begin);
  return ids;
}

Result<void> converse(const Options& options, Engine& engine) {
  GenerateRequest request = base_request(options, engine);
  if (!options.system.empty()) request.messages.push_back({"system", options.system});
  std::string line;
  for (;;) {
    std::fputs("> ", stderr);
    if (!std::getline(std::cin, line)) {
      std::fputc('\n', stderr);
      return {};
    }
    if (line.empty()) continue;
    request.messages.push_back({"user", line});
    reset_interrupt();
    ASSIGN_OR_RETURN(const GenerateResult result, engine.generate(request, sink_for(false), interrupt_token()));
    print_text("\n");
    std::fprintf(stderr, "[%lld tokens, %.1f tok/s, first after %.2f s]\n", static_cast<long long>(result.stats.generated_tokens),
                 result.stats.tokens_per_second, result.stats.first_token_seconds);
    request.messages.push_back({"assistant", result.text});
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
    ASSIGN_OR_RETURN(ids, ids_of(*engine, *options.prompt));
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
  if (!options.system.empty()) request.messages.push_back({"system", options.system});
  request.messages.push_back({"user", *options.prompt});
  ASSIGN_OR_RETURN(const GenerateResult result, engine->generate(request, sink_for(options.json), interrupt_token()));
  if (options.json) print_json(as_chat_json(result));
  else print_text("\n");
  return {};
}

Result<void> batch(const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  return for_each_line(options.prompts, [&](std::string_view line) -> Result<void> {
    ASSIGN_OR_RETURN(const Json given, parse_json(line));
    GenerateRequest request = base_request(options, *engine);
    if (given.contains("messages")) {
      ASSIGN_OR_RETURN(request.messages, messages_of(given["messages"]));
    } else if (given.contains("prompt") && given["prompt"].is_string()) {
      ASSIGN_OR_RETURN(request.ids, ids_of(*engine, given["prompt"].get<std::string>()));
    } else if (given.contains("ids") && given["ids"].is_array()) {
      std::string ids;
      for (const Json& id : given["ids"]) ids += (ids.empty() ? "" : ",") + id.dump();
      ASSIGN_OR_RETURN(request.ids, parse_ids(ids));
    } else {
      return make_error(ErrorCode::bad_argument, "line: prompt, messages or ids, found none of them");
    }
    if (given.contains("max_tokens") && given["max_tokens"].is_number_integer()) request.max_tokens = given["max_tokens"].get<std::int64_t>();
    const Result<GenerateResult> result = engine->generate(request, {}, interrupt_token());
    if (result) print_json(as_json(*result));
    else print_json({{"error", result.error().message}});  // the other prompts have their answers all the same
    return {};
  });
}

}  // namespace pio::cli
