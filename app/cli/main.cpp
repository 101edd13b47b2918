// pio: the headless twin of the window. Scripts rely on its commands, options and JSON: add, never change.

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <functional>
#include <new>

#include "app/cli/options.h"
#include "kernels/base/log.h"

namespace {

using pio::cli::Options;
using Command = std::function<pio::Result<void>(const Options&)>;

void add_model(CLI::App* command, Options& options) {
  command->add_option("model", options.model, "a .gguf file or a Hugging Face folder")->required();
}

void add_loading(CLI::App* command, Options& options) {
  command->add_option("--device", options.device, "auto, cpu, cuda[:N], vulkan[:N], reference");
  command->add_option("--threads", options.n_threads, "CPU threads (default: physical cores)")->check(CLI::Range(0, 1024));
  command->add_option("--ctx", options.context_length, "tokens of context (default: what fits, at most the model's)");
  command->add_option("--kv", options.kv, "how keys and values are stored (default: f16; f32 on the reference device)")->check(CLI::IsMember({"f16", "q8_0", "q4_0", "f32"}));
  command->add_option("--activations", options.activations, "q8: fast; f32: exact")->check(CLI::IsMember({"q8", "f32"}));
  command->add_option("--ram", options.ram, "budget for weights, state and scratch: 8G, 900M");
  command->add_option("--mmproj", options.mmproj, "the vision tower of a GGUF vision model (default: beside the model)");
  command->add_option("--quant", options.quantization, "make weights smaller while loading")->check(CLI::IsMember({"keep", "int4", "int8", "fp16", "nf4"}));
  command->add_option("--lora", options.loras, "an adapter: PATH or PATH:SCALE; repeatable");
  command->add_option("--attention", options.attention, "full, window:TOKENS[:SINKS] or pages:N");
}

void add_sampling(CLI::App* command, Options& options) {
  command->add_option("--seed", options.seed, "of the random numbers");
  command->add_option("--temp", options.temperature, "temperature; 0 is greedy");
  command->add_option("--top-k", options.top_k);
  command->add_option("--top-p", options.top_p);
  command->add_option("--min-p", options.min_p);
  command->add_option("--repeat-penalty", options.repeat_penalty);
  command->add_option("--presence-penalty", options.presence_penalty);
  command->add_option("--frequency-penalty", options.frequency_penalty);
  command->add_flag("--greedy", options.greedy, "always the likeliest token");
}

void add_generating(CLI::App* command, Options& options) {
  command->add_option("--max-tokens", options.max_tokens, "at most so many (default: until the model ends)");
  command->add_option("--stop", options.stop, "end before this text; repeatable");
  command->add_flag("--ignore-eos", options.ignore_eos, "go on past end tokens");
}

void add_thinking(CLI::App* command, Options& options) {
  command->add_option("--thinking", options.thinking, "whether a model that can reason does")->check(CLI::IsMember({"on", "off"}));
  command->add_option("--clear-thinking", options.clear_thinking, "whether the reasoning of earlier turns is left out")->check(CLI::IsMember({"on", "off"}));
}

// Options of the contract that a later version brings: named, so that asking for one is answered in words.
const char* const kLaterOptions[] = {"--vram", "--schema", "--regex", "--grammar"};

int complain(const std::string& words) {
  std::fflush(stdout);
  std::fprintf(stderr, "pio: %s\n", words.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  pio::set_log_sink([](pio::LogLevel level, std::string_view text) {
    if (level == pio::LogLevel::warning) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  });

  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") break;
    for (const char* later : kLaterOptions) {
      if (word == later || (word.starts_with(later) && word[std::string_view(later).size()] == '='))
        return complain(std::string(later) + ": not available in this build");
    }
  }

  Options options;
  CLI::App app("Inference-PIO in a terminal: four models, one engine, nothing leaves this computer.", "pio");
  app.require_subcommand(1);
  Command chosen;
  const auto add = [&](const char* name, const char* description, Command run) {
    CLI::App* command = app.add_subcommand(name, description);
    command->add_flag("--json", options.json, "print one JSON object");
    command->callback([&chosen, run = std::move(run)] { chosen = run; });
    return command;
  };

  add("devices", "the devices of this computer", pio::cli::devices);

  CLI::App* command = add("inspect", "what a model file holds, without loading weights", pio::cli::inspect);
  add_model(command, options);

  command = add("plan", "placement, memory and speed, predicted before loading", pio::cli::plan);
  add_model(command, options);
  add_loading(command, options);

  command = add("tokenize", "text to ids", pio::cli::tokenize);
  add_model(command, options);
  command->add_option("--special", options.special, "which added tokens count when the text spells them")->check(CLI::IsMember({"none", "user", "all"}));
  CLI::Option* text = command->add_option("--text", options.text);
  CLI::Option* file = command->add_option("--file", options.file)->excludes(text);
  command->add_option("--jsonl", options.jsonl, R"(many texts: lines of {"text":…} or {"hex":…})")->excludes(text)->excludes(file);

  command = add("detokenize", "ids to text", pio::cli::detokenize);
  add_model(command, options);
  CLI::Option* ids = command->add_option("--ids", options.ids, "1,2,3");
  command->add_flag("--stream", options.stream, "the pieces as they come, one id at a time");
  command->add_option("--jsonl", options.jsonl, R"(many: lines of {"ids":[…]})")->excludes(ids);

  command = add("render", "the exact prompt text of a chat format", pio::cli::render);
  add_model(command, options);
  CLI::Option* messages = command->add_option("--messages", options.messages, "a JSON file: the list of messages");
  command->add_option("--tools", options.tools, "a JSON file: the list of tools");
  add_thinking(command, options);
  command->add_flag("--no-generation-prompt", options.no_generation_prompt);
  command->add_option("--tokenizer", options.tokenizer, "where the ids come from, for format:NAME");
  command->add_option("--jsonl", options.jsonl, "many conversations, one a line")->excludes(messages);

  command = add("logits", "one forward pass: float32 logits of every token", pio::cli::logits);
  add_model(command, options);
  add_loading(command, options);
  command->add_option("--ids", options.ids, "1,2,3")->required();
  command->add_option("--out", options.out, "an .npy file")->required();
  command->add_option("--image", options.images, "a picture for the next placeholder in the ids; repeatable");
  command->add_option("--frames", options.frames, "a film for its placeholder: F,F,… or one video file");
  command->add_option("--fps", options.frames_per_second, "frames a second of --frames");

  command = add("preprocess", "the pixel values that a vision model reads of a picture", pio::cli::preprocess);
  add_model(command, options);
  command->add_option("image", options.image, "a picture")->required();
  add_loading(command, options);
  command->add_option("--out", options.out, "an .npy file")->required();

  command = add("complete", "carry on a text", pio::cli::complete);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  CLI::Option* prompt = command->add_option("--prompt", options.prompt);
  command->add_option("--ids", options.ids, "1,2,3")->excludes(prompt);

  command = add("chat", "one answer with --prompt, else a conversation", pio::cli::chat);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  command->add_option("--system", options.system, "the system message");
  command->add_option("--prompt", options.prompt);
  command->add_option("--image", options.images, "a picture that stands before the words; repeatable");
  command->add_option("--tools", options.tools, "a JSON file: the list of tools, as OpenAI's interface has them");
  add_thinking(command, options);

  command = add("fim", "fill in the middle between two files", pio::cli::fim);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  command->add_option("--prefix-file", options.prefix_file, "the text before the gap")->required();
  command->add_option("--suffix-file", options.suffix_file, "the text after it")->required();

  command = add("batch", "many prompts, one JSON line each", pio::cli::batch);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  command->add_option("--tools", options.tools, "a JSON file: the list of tools of the lines that have none of their own");
  add_thinking(command, options);
  command->add_option("--prompts", options.prompts, R"(lines of {"messages":[…],"tools":[…]} (answered), {"prompt":…} or {"ids":[…]} (carried on))")->required();

  command = add("perplexity", "perplexity over a text", pio::cli::perplexity);
  add_model(command, options);
  add_loading(command, options);
  command->add_option("--file", options.file)->required();
  command->add_option("--windows", options.n_windows, "stop after so many (default: all)");

  command = add("divergence", "how far --attention, --kv and --activations are from a base over a text", pio::cli::divergence);
  add_model(command, options);
  add_loading(command, options);
  command->add_option("--base-kv", options.base_kv, "of the base, which has full attention (default: f16; f32 on the reference device)")->check(CLI::IsMember({"f16", "q8_0", "q4_0", "f32"}));
  command->add_option("--base-activations", options.base_activations, "of the base (default: f32)")->check(CLI::IsMember({"q8", "f32"}));
  command->add_option("--file", options.file)->required();
  command->add_option("--windows", options.n_windows, "stop after so many (default: all)");

  command = add("bench", "prefill and decode speed of random tokens", pio::cli::bench);
  add_model(command, options);
  add_loading(command, options);
  command->add_option("-p", options.n_prompt, "prompt tokens")->check(CLI::Range(0, 1 << 20));
  command->add_option("-n", options.n_decode, "decoded tokens")->check(CLI::Range(0, 1 << 20));
  command->add_option("-d", options.n_depth, "tokens in the cache before")->check(CLI::Range(0, 1 << 20));
  command->add_option("-r", options.n_repetitions, "repetitions")->check(CLI::Range(1, 1000));

  command = add("quantize", "write a model as a GGUF file in another format", pio::cli::quantize);
  add_model(command, options);
  command->add_option("out", options.out, "the .gguf file to write")->required();
  command->add_option("type", options.type, "Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0, IQ4_XS, Q3_K_M, Q2_K, F16, BF16, F32, …")->required();
  command->add_option("--threads", options.n_threads, "CPU threads (default: physical cores)")->check(CLI::Range(0, 1024));

  command = add("swap", "switch between models, timed up to the first token", pio::cli::swap);
  command->add_option("models", options.models, "two or more, loaded in turn")->required()->expected(2, 1000);
  add_loading(command, options);
  command->add_option("-r", options.n_rounds, "times through all of them")->check(CLI::Range(1, 1000));

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);  // --help
  } catch (const CLI::ParseError& error) {
    return complain(std::string("command line: ") + error.what() + " (see pio --help)");
  }

  try {
    const pio::Result<void> status = chosen(options);
    if (!status) return status.error().code == pio::ErrorCode::cancelled ? 130 : complain(status.error().message);
  } catch (const std::bad_alloc&) {
    return complain("memory: enough for this model and context, found too little (a smaller --ctx needs less)");
  } catch (const std::exception& error) {
    return complain(std::string("internal error: ") + error.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) return complain("standard output: writing failed");
  return 0;
}
