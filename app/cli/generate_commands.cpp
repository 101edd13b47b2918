// complete, chat, fim, batch: what the model says.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <new>
#include <optional>
#include <utility>

#include "app/cli/batch_line.h"
#include "app/cli/logits_file.h"
#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/chat/chat_json.h"
#include "engine/fim.h"
#include "engine/prompt.h"

namespace pio::cli {
namespace {

void note_thinking(const Engine& engine, const char* asked) {
  if (!engine.loaded()->can_think)
    std::fprintf(stderr, "%s: does not think before it answers: %s changes nothing\n", engine.loaded()->name.c_str(), asked);
}

Result<std::unique_ptr<Engine>> load(const Options& options) {
  ASSIGN_OR_RETURN(LoadRequest request, load_request(options));
  request.n_sequences = static_cast<int>(options.n_parallel);
  if (options.sampling.greedy && options.sampling.temperature.value_or(0) > 0)
    std::fprintf(stderr, "--greedy takes the likeliest token: --temp beside it changes nothing\n");
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, load_engine(options, request));
  if (options.thinking == "on") note_thinking(*engine, "--thinking on");
  return engine;
}

GenerateRequest base_request(const Options& options, const Engine& engine) {
  GenerateRequest request;
  request.sampling = options.sampling.params(engine.loaded()->recommended);
  request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.ignore_eos = options.ignore_eos;
  request.drafts = options.drafts(Drafts::Kind::lookup);
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

// A text to be carried on. `what` is how messages call it.
Result<std::vector<int>> ids_of_text(const Engine& engine, const std::string& what, const std::string& text) {
  ASSIGN_OR_RETURN(std::vector<int> ids, raw_prompt(engine, text));
  if (ids.empty()) return make_error(ErrorCode::bad_argument, what + ": a text of one token at least, found an empty one");
  return ids;
}

// The rows of --logits-out; none where that is not asked for.
Result<std::optional<LogitsFile>> open_logits(const std::string& path) {
  if (path.empty()) return std::optional<LogitsFile>();
  ASSIGN_OR_RETURN(LogitsFile file, LogitsFile::open(path));
  return std::optional(std::move(file));
}

// Text goes out as it comes, unless it is to stand in one JSON object at the end. A failed write pulls the stop token and is reported by
// the next one that looks.
GenerateSink sink_for(bool json, std::optional<LogitsFile>& logits) {
  GenerateSink sink;
  sink.dropped = [](std::int64_t n) {
    std::fprintf(stderr, "the oldest %lld messages are left out: the context is full\n", static_cast<long long>(n));
  };
  if (logits) sink.logits = [&logits](std::span<const float> row) { logits->append(row); };
  if (json) return sink;
  sink.text = [](std::string_view text, std::int64_t) { static_cast<void>(print_text(text)); };
  // What is no answer goes beside it, dim where that is a terminal.
  sink.reasoning = [](std::string_view text, std::int64_t) { print_aside(text); };
  sink.tool_call = [](const ToolCall& call) { print_aside("[" + call.name + " " + call.arguments.dump() + "]\n"); };
  return sink;
}

// Where memory does not do for one answer, the next one may be shorter.
Result<GenerateResult> generate(Engine& engine, const GenerateRequest& request, const GenerateSink& sink) {
  try {
    return engine.generate(request, sink, interrupt_token());
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::out_of_memory, "memory: enough for this answer, found too little");
  }
}

Error stopped() { return make_error(ErrorCode::cancelled, "answer: stopped"); }

bool was_stopped(const Result<GenerateResult>& result) {
  return result ? result->finish_reason == FinishReason::cancelled : result.error().code == ErrorCode::cancelled;
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
  return {{"text", result.text},
          {"reasoning", result.reasoning},
          {"tool_calls", tool_calls_json(result)},
          {"finish_reason", name_of(result.finish_reason)},
          {"dropped_messages", result.n_dropped_messages},
          {"stats", stats_json(result.stats)}};
}

// As `complete` prints it, with what an answer may have beside its text.
Json as_batch_json(const GenerateResult& result) {
  Json line = as_json(result);
  line["dropped_messages"] = result.n_dropped_messages;
  if (!result.reasoning.empty()) line["reasoning"] = result.reasoning;
  if (!result.tool_calls.empty()) line["tool_calls"] = tool_calls_json(result);
  return line;
}

// The end of a command that makes one answer: its JSON or the end of its line. Of a stopped one what was made is shown, and the status
// tells.
Result<void> finish_answer(const GenerateResult& result, bool json, Json (*as)(const GenerateResult&), std::optional<LogitsFile>& logits) {
  const bool is_stopped = result.finish_reason == FinishReason::cancelled;
  if (!json) RETURN_IF_ERROR(print_text("\n"));
  else if (!is_stopped || !result.ids.empty()) RETURN_IF_ERROR(print_json(as(result)));
  if (is_stopped) return stopped();
  if (logits) RETURN_IF_ERROR(logits->finish());
  return {};
}

// A conversation over standard input, a message a line. A message that cannot be answered is taken back.
class Conversation {
 public:
  Conversation(const Options& options, Engine& engine) : options_(options), engine_(engine) {}

  Result<void> run() {
    request_ = base_request(options_, engine_);
    ASSIGN_OR_RETURN(request_.tools, read_tools(options_));
    ASSIGN_OR_RETURN(images_, image_inputs(options_.images, options_.image_detail));
    if (options_.system) request_.messages.push_back({"system", *options_.system});
    ASSIGN_OR_RETURN(logits_, open_logits(options_.logits_out));
    ASSIGN_OR_RETURN(LineReader lines, LineReader::open("-"));
    for (;;) {
      ASSIGN_OR_RETURN(const std::optional<std::string> line, next_line(lines));
      if (!line) break;
      if (is_terminal_ && line->size() >= kTerminalLine) {
        std::fprintf(stderr,
                     "pio: line: fewer than %zu bytes, which is where a terminal cuts lines, found more; the message is taken back (a pipe "
                     "takes longer ones)\n",
                     kTerminalLine);
        continue;
      }
      if (!is_blank(*line)) RETURN_IF_ERROR(answer(*line));
      else if (options_.json) RETURN_IF_ERROR(print_json({{"error", "line: a message, found an empty line"}}));  // a line for a line
    }
    if (logits_) RETURN_IF_ERROR(logits_->finish());
    return {};
  }

 private:
  static constexpr std::size_t kTerminalLine = 4095;  // N_TTY_BUF_SIZE without the newline: what is typed beyond is gone

  // On a terminal the first Ctrl+C says how to leave, and the second one in a row leaves.
  Result<std::optional<std::string>> next_line(LineReader& lines) {
    for (bool is_told = false;;) {
      if (is_terminal_) std::fputs("> ", stderr);
      Result<std::optional<std::string>> line = lines.next();
      if (!line && line.error().code == ErrorCode::cancelled && is_terminal_ && !is_told) {
        std::fputs("\nCtrl+D leaves, and so does Ctrl+C once more.\n", stderr);
        reset_interrupt();
        is_told = true;
        continue;
      }
      if (is_terminal_ && line && !*line) std::fputc('\n', stderr);
      return line;
    }
  }

  Result<void> answer(const std::string& words) {
    const bool has_images = !images_.empty();
    request_.messages.push_back({"user", pictures_then_text(images_, words)});  // those of the command line go with the first words
    const Result<GenerateResult> result = generate(engine_, request_, sink_for(options_.json, logits_));
    RETURN_IF_ERROR(output_status());
    if (was_stopped(result) && (!is_terminal_ || !result || result->ids.empty())) {
      if (!is_terminal_) return stopped();
      return take_back("stopped");
    }
    if (!result) {
      if (has_images && result.error().code != ErrorCode::context_full) return result.error();  // every later line would meet it too
      return take_back(result.error().message);
    }
    images_.clear();
    print_given_back(engine_.loaded()->name, result->stats.given_back);
    if (was_stopped(result)) reset_interrupt();
    if (options_.json) RETURN_IF_ERROR(print_json(as_chat_json(*result)));
    else RETURN_IF_ERROR(print_text("\n"));
    if (!options_.json) {
      std::fprintf(stderr, "[%lld tokens, %.1f tok/s, first after %.2f s]\n", static_cast<long long>(result->stats.generated_tokens),
                   result->stats.tokens_per_second, result->stats.first_token_seconds);
    }
    request_.messages.push_back({.role = "assistant", .content = result->text, .reasoning = result->reasoning, .tool_calls = result->tool_calls});
    return {};
  }

  Result<void> take_back(const std::string& why) {
    request_.messages.pop_back();
    if (was_interrupted()) reset_interrupt();
    if (options_.json) return print_json({{"error", why}});
    std::fprintf(stderr, "pio: %s; the message is taken back\n", why.c_str());
    return {};
  }

  const Options& options_;
  Engine& engine_;
  std::vector<ImageInput> images_;  // until they have gone
  GenerateRequest request_;
  std::optional<LogitsFile> logits_;
  const bool is_terminal_ = isatty(STDIN_FILENO) == 1;
};

// What a line of a batch asks for, with the command line's options where it says nothing.
Result<GenerateRequest> request_of(const BatchLine& line, const Options& options, const JsonValue& tools, const Engine& engine) {
  GenerateRequest request = base_request(options, engine);
  request.sampling = line.sampling.over(options.sampling).params(engine.loaded()->recommended);
  if (line.max_tokens) request.max_tokens = *line.max_tokens;
  if (line.stop) request.stop = *line.stop;
  if (line.ignore_eos) request.ignore_eos = *line.ignore_eos;
  if (line.thinking) request.thinking = line.thinking;
  if (line.clear_thinking) request.clear_thinking = line.clear_thinking;
  if (line.messages) {
    ASSIGN_OR_RETURN(request.messages, chat_messages(*line.messages, options.image_detail));
    if (request.messages.empty()) return make_error(ErrorCode::bad_argument, "messages: at least one, found none");
    request.tools = line.tools ? *line.tools : tools;
  } else if (line.prompt) {
    ASSIGN_OR_RETURN(request.ids, ids_of_text(engine, "prompt", *line.prompt));
  } else {
    request.ids = *line.ids;
  }
  return request;
}

// A batch: its lines join and leave the answers that are being made, and their answers come out in the lines' order.
class Batch {
 public:
  Batch(const Options& options, const JsonValue& tools, LineReader input, Engine& engine)
      : options_(options), tools_(tools), input_(std::move(input)), engine_(engine) {}

  Result<void> run() {
    for (;; ++step_) {
      RETURN_IF_ERROR(read());
      join();
      RETURN_IF_ERROR(print_done());
      if (was_interrupted() || stop_.stop_requested()) return stopped();  // half an answer is none
      if (lines_.empty() && has_ended_) return input_error_ ? Result<void>(*input_error_) : Result<void>();
      if (n_running_ > 0) advance();
      RETURN_IF_ERROR(print_done());
    }
  }

 private:
  // What is read ahead of the oldest line without an answer: enough for lines that join before others, and never all of a long input.
  static constexpr std::size_t kMostLines = 1024, kMostBytes = std::size_t{64} << 20;

  struct Line {
    std::string text;
    std::optional<BatchLine> parsed = {};
    std::unique_ptr<Generation> generation = {};
    std::optional<LogitsFile> logits = {};
    std::optional<Json> answer = {};
  };

  // The lines that are there. Waits for one only where there is nothing else to do.
  Result<void> read() {
    while (!has_ended_ && lines_.size() < kMostLines && (n_bytes_ < kMostBytes || n_waiting_ == 0) && (lines_.empty() || input_.is_ready())) {
      Result<std::optional<std::string>> line = input_.next();
      if (!line && line.error().code == ErrorCode::cancelled) return line.error();
      if (!line) input_error_ = line.error();
      if (!line || !*line) {
        has_ended_ = true;
        return {};
      }
      if (is_blank(**line)) {
        ++n_blank_;
        continue;
      }
      for (; n_blank_ > 0; --n_blank_) lines_.push_back({.text = {}, .answer = error_json("line: a JSON object, found an empty line")});
      n_bytes_ += (*line)->size();
      lines_.push_back({.text = std::move(**line)});
      Line& added = lines_.back();
      if (Result<BatchLine> parsed = parse_batch_line(added.text)) {
        added.parsed = std::move(*parsed);
        ++n_waiting_;
      } else {
        added.answer = error_json(parsed.error().message);
      }
    }
    return {};
  }

  // Those whose step has come, in their order, as far as there are places. Where nobody is answered, the next step that somebody joins at comes.
  void join() {
    if (n_running_ == 0 && n_waiting_ > 0) {
      std::int64_t next = INT64_MAX;
      for (const Line& line : lines_) {
        if (is_waiting(line)) next = std::min(next, line.parsed->at);
      }
      step_ = std::max(step_, next);
    }
    for (Line& line : lines_) {
      if (n_running_ == options_.n_parallel) break;
      if (!is_waiting(line) || line.parsed->at > step_) continue;
      --n_waiting_;
      ++n_running_;
      try {
        if (const Result<void> begun = begin(line); !begun) finish(line, error_json(begun.error().message));
      } catch (const std::bad_alloc&) {
        finish(line, error_json("memory: enough for this answer, found too little"));
      }
    }
  }

  Result<void> begin(Line& line) {
    ASSIGN_OR_RETURN(GenerateRequest request, request_of(*line.parsed, options_, tools_, engine_));
    if (line.parsed->thinking.value_or(false)) note_thinking(engine_, "\"thinking\": true");
    ASSIGN_OR_RETURN(line.logits, open_logits(line.parsed->logits_out));
    request.wants_logits = line.logits.has_value();
    request.same_bytes = true;
    ASSIGN_OR_RETURN(line.generation, engine_.begin(request, stop_));
    return {};
  }

  // A step of those that are being answered.
  void advance() {
    std::vector<Line*> running;
    std::vector<Generation*> generations;
    for (Line& line : lines_) {
      if (!line.generation) continue;
      if (line.parsed->stop_at.value_or(INT64_MAX) <= step_) line.generation->cancel();
      running.push_back(&line);
      generations.push_back(line.generation.get());
    }
    const auto results = engine_.advance(generations);
    for (std::size_t i = 0; i < results.size(); ++i) {
      Line& line = *running[i];
      if (!results[i]) {
        finish(line, error_json(results[i].error().message));
        continue;
      }
      for (const GenerationEvent& event : *results[i]) {
        if (event.kind == GenerationEvent::Kind::logits && line.logits) line.logits->append(event.logits);
      }
      if (!line.generation->is_finished() || stop_.stop_requested()) continue;
      const Result<void> written = line.logits ? line.logits->finish() : Result<void>();
      finish(line, written ? as_batch_json(line.generation->result()) : error_json(written.error().message));
    }
  }

  void finish(Line& line, Json answer) {
    line.answer = std::move(answer);
    line.generation.reset();
    line.logits.reset();
    --n_running_;
  }

  Result<void> print_done() {
    for (; !lines_.empty() && lines_.front().answer; lines_.pop_front()) {
      n_bytes_ -= lines_.front().text.size();
      RETURN_IF_ERROR(print_json(*lines_.front().answer));
    }
    return {};
  }

  static bool is_waiting(const Line& line) { return line.parsed && !line.generation && !line.answer; }
  static Json error_json(const std::string& words) { return {{"error", words}}; }

  const Options& options_;
  const JsonValue& tools_;
  LineReader input_;
  Engine& engine_;
  const std::stop_token stop_ = interrupt_token();
  std::deque<Line> lines_;  // from the oldest one without an answer on
  std::size_t n_bytes_ = 0;
  std::int64_t step_ = 0, n_running_ = 0, n_waiting_ = 0;
  int n_blank_ = 0;  // since the last prompt: those at the end of the file are no lines
  bool has_ended_ = false;
  std::optional<Error> input_error_;
};

}  // namespace

Result<void> complete(const Options& options) {
  std::vector<int> ids;
  if (!options.ids.empty()) {
    ASSIGN_OR_RETURN(ids, parse_ids(options.ids));
  } else if (!options.prompt) {
    return make_error(ErrorCode::bad_argument, "complete: --prompt or --ids, found neither");
  }
  ASSIGN_OR_RETURN(std::optional<LogitsFile> logits, open_logits(options.logits_out));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  GenerateRequest request = base_request(options, *engine);
  if (options.prompt) {
    ASSIGN_OR_RETURN(ids, ids_of_text(*engine, "--prompt", *options.prompt));
  }
  request.ids = std::move(ids);
  ASSIGN_OR_RETURN(const GenerateResult result, engine->generate(request, sink_for(options.json, logits), interrupt_token()));
  print_given_back(engine->loaded()->name, result.stats.given_back);
  return finish_answer(result, options.json, as_json, logits);
}

Result<void> chat(const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  if (!options.prompt) return Conversation(options, *engine).run();
  ASSIGN_OR_RETURN(std::optional<LogitsFile> logits, open_logits(options.logits_out));
  GenerateRequest request = base_request(options, *engine);
  ASSIGN_OR_RETURN(request.tools, read_tools(options));
  if (options.system) request.messages.push_back({"system", *options.system});
  ASSIGN_OR_RETURN(std::vector<ImageInput> images, image_inputs(options.images, options.image_detail));
  request.messages.push_back({"user", pictures_then_text(std::move(images), *options.prompt)});
  ASSIGN_OR_RETURN(const GenerateResult result, engine->generate(request, sink_for(options.json, logits), interrupt_token()));
  print_given_back(engine->loaded()->name, result.stats.given_back);
  return finish_answer(result, options.json, as_chat_json, logits);
}

Result<void> fim(const Options& options) {
  ASSIGN_OR_RETURN(const std::string prefix, read_text(options.prefix_file));
  ASSIGN_OR_RETURN(const std::string suffix, read_text(options.suffix_file));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  ASSIGN_OR_RETURN(const FimPrompt prompt, fim_prompt(*engine, prefix, suffix));
  GenerateRequest request = prompt.request;
  request.sampling = options.sampling.params(prompt.request.sampling);  // greedy where no option says otherwise
  if (options.max_tokens >= 0) request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.ignore_eos = options.ignore_eos;
  request.drafts = options.drafts(Drafts::Kind::lookup);
  // A fence is known when it is closed: such an answer is printed whole.
  const bool is_streamed = !options.json && !prompt.may_be_fenced;
  std::optional<LogitsFile> no_logits;
  ASSIGN_OR_RETURN(GenerateResult result, engine->generate(request, sink_for(!is_streamed, no_logits), interrupt_token()));
  print_given_back(engine->loaded()->name, result.stats.given_back);
  result.text = fim_answer(prompt, result.text);
  if (!options.json && !is_streamed) RETURN_IF_ERROR(print_text(result.text));
  return finish_answer(result, options.json, as_json, no_logits);
}

Result<void> batch(const Options& options) {
  ASSIGN_OR_RETURN(const JsonValue tools, read_tools(options));
  ASSIGN_OR_RETURN(LineReader lines, LineReader::open(options.prompts));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, load(options));
  const Result<void> status = Batch(options, tools, std::move(lines), *engine).run();
  print_given_back(engine->loaded()->name, engine->given_back());
  return status;
}

}  // namespace pio::cli
