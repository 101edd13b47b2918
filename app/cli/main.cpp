// pio: the headless twin of the window. Scripts rely on its commands, options and JSON: add, never change.

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <functional>
#include <iostream>
#include <new>
#include <set>

#include "app/cli/options.h"
#include "app/cli/print.h"
#include "engine/experts/replay.h"
#include "engine/files/local_path.h"
#include "kernels/base/log.h"

namespace {

using pio::Drafts;
using pio::cli::Options;
using pio::cli::parse_real;
using pio::cli::parse_whole;
using Command = std::function<pio::Result<void>(const Options&)>;

constexpr int kFailed = 1, kUnknownCommand = 2, kInterrupted = 130;

// What a value of an option must be, checked while the command line is read: CLI11 takes an exception for a refusal.
template <class T>
T accepted(const pio::Result<T>& value) {
  if (!value) throw CLI::ValidationError(value.error().message);
  return *value;
}

CLI::Option* add_whole(CLI::App* command, const std::string& name, std::int64_t& target, pio::cli::WholeBounds bounds,
                       const std::string& description = "") {
  return command->add_option_function<std::string>(
      name, [name, &target, bounds](const std::string& text) { target = accepted(parse_whole(name, text, bounds)); }, description);
}

std::function<std::string(const std::string&)> is_not_empty(const std::string& expected) {
  return [expected](const std::string& text) { return text.empty() ? expected + ", found an empty text" : std::string(); };
}

// A file or folder that is to be read or written, or its file: address. Where it may be left out, "" stands for that, so "" cannot be typed.
CLI::Option* add_path(CLI::App* command, const std::string& name, std::string& target, const std::string& description = "") {
  const auto decoded = [](const std::string& typed) { return accepted(pio::local_path(typed)); };
  return command->add_option(name, target, description)->check(is_not_empty("a file"))->transform(decoded);
}

// One each time it is named. (CLI11 by itself would go on with the words that follow, and take "[a,b]" for two.)
CLI::Option* repeatable(CLI::Option* option) { return option->allow_extra_args(false); }

// A text, which may be empty: CLI11 would take an empty one for an option that was not given.
CLI::Option* add_text(CLI::App* command, const std::string& name, std::optional<std::string>& target, const std::string& description = "") {
  return command->add_option_function<std::string>(
      name, [&target](const std::string& text) { target = text; }, description);
}

// Where a later version brings an option of the contract: named, so that asking for it is answered in words.
void add_later(CLI::App* command, const std::string& name) {
  command->add_option_function<std::string>(name, [name](const std::string&) { throw CLI::ValidationError(name + ": not available in this build"); })
      ->group("");
}

void add_size(CLI::App* command, const std::string& name, std::string& target, const std::string& description) {
  command->add_option_function<std::string>(
      name,
      [name, &target](const std::string& text) {
        accepted(pio::cli::parse_size(name, text));
        target = text;
      },
      description);
}

void add_catalogue(CLI::App* command, Options& options) {
  add_path(command, "--catalogue", options.catalogue, "a JSON file of known models instead of the program's own");
}

CLI::Option* add_model(CLI::App* command, Options& options) {
  add_catalogue(command, options);
  return add_path(
             command, "model", options.model,
             "a .gguf file, a Hugging Face folder, or a known name that is downloaded: into the data folder, or where the window was told to look")
      ->required();
}

void add_loading(CLI::App* command, Options& options) {
  const CLI::IsMember kinds({"f16", "q8_0", "q4_0", "f32"});
  command->add_option("--device", options.device, "auto, cpu, cuda[:N], vulkan[:N], reference; several with commas between, in the order of layers");
  command->add_option("--split", options.split, "how many layers each of them has, or what share of all rows: N,N,...");
  command->add_option("--split-mode", options.split_mode, "layers one after the other, or rows: of every layer a slice on each")
      ->check(CLI::IsMember({"layers", "rows"}));
  add_whole(command, "--threads", options.n_threads, {.most = 1024}, "CPU threads (default: physical cores)");
  add_whole(command, "--ctx", options.context_length, {}, "tokens of context (default: what fits, at most the model's)");
  command->add_option("--kv", options.kv, "how keys and values are stored (default: f16; f32 on the reference device)")->check(kinds);
  command
      ->add_option("--kv-rotation", options.key_rotation,
                   "auto, on, off: rotate keys before they are rounded (auto: those of q8_0 and q4_0), to measure it")
      ->check(CLI::IsMember({"auto", "on", "off"}));
  command->add_option("--activations", options.activations, "q8: fast; f32: exact")->check(CLI::IsMember({"q8", "f32"}));
  add_size(command, "--ram", options.ram, "budget for weights, state and scratch: 8G, 900M");
  add_size(command, "--vram", options.vram, "the same of a graphics card's own memory");
  add_path(command, "--mmproj", options.mmproj,
           "the vision model's file of a GGUF model (default: beside the model, else its published file in a folder of models)");
  command->add_option("--quant", options.quantization, "make weights smaller while loading")
      ->check(CLI::IsMember({"keep", "int4", "int8", "fp16", "nf4"}));
  repeatable(command->add_option("--lora", options.loras, "an adapter: PATH or PATH:SCALE; repeatable"))->check(is_not_empty("a file"));
  command->add_option("--attention", options.attention, "full, window:TOKENS[:SINKS] or pages:N");
  command->add_option("--io", options.io, "how weights that are not in memory are read: auto, uring, pread, buffered")
      ->check(CLI::IsMember({"auto", "uring", "pread", "buffered"}));
  command
      ->add_option_function<std::string>(
          "--huge-pages", [&options](const std::string& text) { options.huge_pages = text == "on"; },
          "on, off: memory of weights in large pages, to measure what they bring")
      ->check(CLI::IsMember({"on", "off"}));
}

void add_snapshots(CLI::App* command, Options& options) {
  add_path(command, "--snapshots", options.snapshots, "a folder where conversations are kept, to go on from without reading them again");
  add_size(command, "--snapshot-ram", options.snapshot_ram, "of conversations whose model has gone, kept in memory (default: 1G)");
  add_size(command, "--snapshot-disk", options.snapshot_disk, "of the folder, which forgets what was unused longest (default: 10G)");
}

void add_image_detail(CLI::App* command, Options& options) {
  command
      ->add_option_function<std::string>(
          "--image-detail", [&options](const std::string& name) { options.image_detail = *pio::image_detail_of(name); },
          "how closely pictures are looked at: low (512 x 512 pixels), normal (1024 x 1024), full (as the model allows; the default)")
      ->check(CLI::IsMember({"low", "normal", "full"}));
}

CLI::Option* add_images(CLI::App* command, Options& options, const char* description) {
  return repeatable(command->add_option("--image", options.images, description))->check(is_not_empty("a file"));
}

void add_sampling(CLI::App* command, Options& options) {
  const auto number = [&](const std::string& name, const char* member, const char* description) {
    command->add_option_function<std::string>(
        name,
        [name, member, &options](const std::string& text) {
          if (const pio::Result<void> status = options.sampling.set(member, name, text); !status) throw CLI::ValidationError(status.error().message);
        },
        description);
  };
  number("--seed", "seed", "of the random numbers");
  number("--temp", "temperature", "temperature; 0 is greedy");
  number("--top-k", "top_k", "of the likeliest so many; 0: all");
  number("--top-p", "top_p", "of the likeliest that together have so much; 1: all");
  number("--min-p", "min_p", "of those at least so likely, relative to the likeliest; 0: all");
  number("--repeat-penalty", "repeat_penalty", "divides the logits of tokens seen; 1: none");
  number("--presence-penalty", "presence_penalty", "taken from the logits of tokens seen");
  number("--frequency-penalty", "frequency_penalty", "taken from them for each time they were seen");
  command->add_flag("--greedy", options.sampling.greedy, "always the likeliest token");
}

void add_drafts(CLI::App* command, Options& options) {
  command
      ->add_option_function<std::string>(
          "--draft", [&options](const std::string& text) { options.draft = text == "off" ? Drafts::Kind::off : Drafts::Kind::lookup; },
          "lookup, off: guess the next tokens from the text so far and try several in one step; the answer is the same")
      ->check(CLI::IsMember({"lookup", "off"}));
  add_whole(command, "--draft-max", options.draft_max, {.least = 1, .most = Drafts::kLongest}, "tokens tried at a time, at most");
}

void add_generating(CLI::App* command, Options& options) {
  add_whole(command, "--max-tokens", options.max_tokens, {}, "at most so many (default: until the model ends)");
  repeatable(command->add_option("--stop", options.stop, "end before this text; repeatable"))->check(is_not_empty("a text"));
  command->add_flag("--ignore-eos", options.ignore_eos, "go on past end tokens");
  add_drafts(command, options);
}

void add_thinking(CLI::App* command, Options& options) {
  command->add_option("--thinking", options.thinking, "whether a model that can reason does")->check(CLI::IsMember({"on", "off"}));
  command->add_option("--clear-thinking", options.clear_thinking, "whether the reasoning of earlier turns is left out")
      ->check(CLI::IsMember({"on", "off"}));
}

void add_commands(CLI::App& app, Options& options, Command& chosen) {
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
  add_images(command, options, "a picture whose tokens and seconds are told at each detail; repeatable");
  add_path(command, "--machine", options.machine,
           "a JSON file that describes another computer, to plan for it; MODEL may be NAME:QUANTIZATION of a published file then");

  command = add("tokenize", "text to ids", pio::cli::tokenize);
  add_model(command, options);
  command->add_option("--special", options.special, "which added tokens count when the text spells them")
      ->check(CLI::IsMember({"none", "user", "all"}));
  CLI::Option* text = add_text(command, "--text", options.text);
  CLI::Option* file = add_path(command, "--file", options.file)->excludes(text);
  add_path(command, "--jsonl", options.jsonl, R"(many texts: lines of {"text":…} or {"hex":…})")->excludes(text)->excludes(file);

  command = add("detokenize", "ids to text", pio::cli::detokenize);
  add_model(command, options);
  CLI::Option* ids = command->add_option("--ids", options.ids, "1,2,3")->check(is_not_empty("1,2,3"));
  command->add_flag("--stream", options.stream, "the pieces as they come, one id at a time");
  add_path(command, "--jsonl", options.jsonl, R"(many: lines of {"ids":[…]})")->excludes(ids);

  command = add("render", "the exact prompt text of a chat format", pio::cli::render);
  add_model(command, options);
  CLI::Option* messages = add_path(command, "--messages", options.messages, "a JSON file: the list of messages");
  add_path(command, "--tools", options.tools, "a JSON file: the list of tools");
  add_thinking(command, options);
  command->add_flag("--no-generation-prompt", options.no_generation_prompt);
  add_path(command, "--tokenizer", options.tokenizer, "where the ids come from, for format:NAME");
  add_path(command, "--jsonl", options.jsonl, "many conversations, one a line")->excludes(messages);

  command = add("logits", "one forward pass: float32 logits of every token", pio::cli::logits);
  add_model(command, options);
  add_loading(command, options);
  command->add_option("--ids", options.ids, "1,2,3")->required();
  add_path(command, "--out", options.out, "an .npy file")->required();
  add_images(command, options, "a picture for the next placeholder in the ids; repeatable");
  add_image_detail(command, options);
  command->add_option("--frames", options.frames, "a film for its placeholder: F,F,… or one video file")->check(is_not_empty("a file"));
  command->add_option_function<std::string>(
      "--fps", [&options](const std::string& typed) { options.frames_per_second = accepted(parse_real("--fps", typed, {.without_least = true})); },
      "frames a second of --frames");

  command = add("preprocess", "the pixel values that a vision model reads of a picture", pio::cli::preprocess);
  add_model(command, options);
  add_path(command, "image", options.image, "a picture")->required();
  add_image_detail(command, options);
  add_loading(command, options);
  add_path(command, "--out", options.out, "an .npy file")->required();

  command = add("complete", "carry on a text", pio::cli::complete);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  CLI::Option* prompt = add_text(command, "--prompt", options.prompt);
  command->add_option("--ids", options.ids, "1,2,3")->excludes(prompt)->check(is_not_empty("1,2,3"));
  add_snapshots(command, options);
  add_path(command, "--logits-out", options.logits_out, "an .npy file: the logits of every sampled step");

  command = add("chat", "one answer with --prompt, else a conversation: a message a line of standard input", pio::cli::chat);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  add_snapshots(command, options);
  add_text(command, "--system", options.system, "the system message");
  add_text(command, "--prompt", options.prompt);
  add_images(command, options, "a picture that stands before the words; repeatable");
  add_image_detail(command, options);
  add_path(command, "--tools", options.tools, "a JSON file: the list of tools, as OpenAI's interface has them");
  add_thinking(command, options);
  add_path(command, "--logits-out", options.logits_out, "an .npy file: the logits of every sampled step");
  for (const char* later : {"--schema", "--regex", "--grammar"}) add_later(command, later);

  command = add("fim", "fill in the middle between two files", pio::cli::fim);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  add_path(command, "--prefix-file", options.prefix_file, "the text before the gap")->required();
  add_path(command, "--suffix-file", options.suffix_file, "the text after it")->required();

  command = add("batch", "many prompts, one JSON line each", pio::cli::batch);
  add_model(command, options);
  add_loading(command, options);
  add_sampling(command, options);
  add_generating(command, options);
  add_snapshots(command, options);
  add_path(command, "--tools", options.tools, "a JSON file: the list of tools of the lines that have none of their own");
  add_image_detail(command, options);
  add_thinking(command, options);
  add_path(command, "--prompts", options.prompts,
           R"(lines of {"messages":[…]} (answered), {"prompt":…} or {"ids":[…]} (carried on), with max_tokens, stop, seed, temperature, top_k,
top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty, ignore_eos, logits_out, at and stop_at (steps of the batch); tools, thinking,
clear_thinking beside messages)")
      ->required();
  add_whole(command, "--parallel", options.n_parallel, {.least = 1, .most = 64},
            "answers made at once, in shared steps; each has the whole context, and nobody drafts while there are several");

  command = add("perplexity", "perplexity over a text", pio::cli::perplexity);
  add_model(command, options);
  add_loading(command, options);
  add_path(command, "--file", options.file)->required();
  add_whole(command, "--windows", options.n_windows, {}, "stop after so many (default: all)");

  command = add("divergence", "how far --attention, --kv and --activations are from a base over a text", pio::cli::divergence);
  add_model(command, options);
  add_loading(command, options);
  add_path(command, "--file", options.file)->required();
  add_whole(command, "--windows", options.n_windows, {}, "stop after so many (default: all)");
  command->add_option("--base-kv", options.base_kv, "of the base, which has full attention (default: f16; f32 on the reference device)")
      ->check(CLI::IsMember({"f16", "q8_0", "q4_0", "f32"}));
  command->add_option("--base-activations", options.base_activations, "of the base (default: f32)")->check(CLI::IsMember({"q8", "f32"}));

  command = add("bench", "prefill and decode speed of random tokens", pio::cli::bench);
  add_model(command, options);
  add_loading(command, options);
  constexpr std::int64_t kMostTokens = 1 << 20, kMostRounds = 1000;
  CLI::Option* const routing =
      add_path(command, "--routing", options.routing,
               "a trace (.csv) whose tokens are played once, and choose its experts instead of the router's: its ids repeat where the model "
               "chooses more, its layers where it has more (for hit rates, not for speed)");
  routing->excludes(add_whole(command, "-p", options.n_prompt, {.most = kMostTokens}, "prompt tokens"));
  routing->excludes(add_whole(command, "-n", options.n_decode, {.most = kMostTokens}, "decoded tokens"));
  routing->excludes(add_whole(command, "-d", options.n_depth, {.most = kMostTokens}, "tokens in the cache before"));
  routing->excludes(add_whole(command, "-b", options.n_sequences, {.least = 1, .most = 64},
                              "sequences decoded at once, a token of each in a step; no drafts then"));
  add_drafts(command, options);
  routing->excludes(add_whole(command, "-r", options.n_repetitions, {.least = 1, .most = kMostRounds}, "repetitions"));

  command = add("experts", "hit rates of a cache of experts over a trace, or a trace of the experts that a model chooses", pio::cli::experts);
  add_catalogue(command, options);
  add_path(command, "input", options.model, "a trace (.csv); with --record a model")->required();
  CLI::Option* share = command->add_option("--cache", options.cache_share, "of all experts held in memory: 12%")->check(is_not_empty("a share"));
  std::set<std::string> policies{"all"};
  for (const pio::ExpertPolicy policy : pio::kExpertPolicies) policies.insert(name_of(policy));
  command->add_option("--policy", options.policy, "who goes when another one comes; lru, belady and the others to compare")
      ->check(CLI::IsMember(policies));
  add_path(command, "--warm", options.warm, "a trace whose experts are there at the start (ours only)");
  CLI::Option* record =
      add_path(command, "--record", options.record, "the .csv file to write: which experts the tokens of --prompt and their answer choose")
          ->excludes(share);
  CLI::Option* words = add_text(command, "--prompt", options.prompt)->needs(record);
  command->add_option("--ids", options.ids, "1,2,3")->excludes(words)->needs(record)->check(is_not_empty("1,2,3"));
  add_whole(command, "--max-tokens", options.max_tokens, {}, "at most so many (default: until the model ends)");
  command->add_flag("--ignore-eos", options.ignore_eos, "go on past end tokens");
  add_loading(command, options);
  add_sampling(command, options);

  command = add("quantize", "write a model as a GGUF file in another format", pio::cli::quantize);
  add_model(command, options);
  add_path(command, "out", options.out, "the .gguf file to write")->required();
  command->add_option("type", options.type, "Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0, IQ4_XS, Q3_K_M, Q2_K, F16, BF16, F32, …")->required();
  add_whole(command, "--threads", options.n_threads, {.most = 1024}, "CPU threads (default: all)");

  command = add("swap", "switch between models, timed up to the first token", pio::cli::swap);
  add_catalogue(command, options);
  command->add_option("models", options.models, "two or more, loaded in turn")->required()->expected(2, 1000)->check(is_not_empty("a model"));
  add_loading(command, options);
  add_snapshots(command, options);
  add_path(command, "--ids-file", options.ids_file, "a JSON file: the ids of a conversation that every model is asked to go on with");
  add_whole(command, "-r", options.n_rounds, {.least = 1, .most = kMostRounds}, "times through all of them");

  command = add("snapshots", "the conversations that are kept in a folder, every byte checked", pio::cli::snapshots);
  add_path(command, "folder", options.snapshots, "as given to --snapshots")->required();
}

int complain(const std::string& words, int status = kFailed) {
  std::fprintf(stderr, "pio: %s\n", words.c_str());
  return status;
}

// A closed standard stream would give its number to the next file that is opened: a model, or a result.
void keep_standard_streams() {
  for (int file = STDIN_FILENO; file <= STDERR_FILENO; ++file) {
    if (fcntl(file, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != file) _exit(kFailed);
  }
}

// The first word where a command stands, unless it is one.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  std::string known;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == argv[1]) return {};
    known += (known.empty() ? "" : ", ") + command->get_name();
  }
  return "command: one of " + known + "; found \"" + std::string(argv[1]).substr(0, 40) + "\"";
}

int run(const Command& command, const Options& options) {
  try {
    const pio::Result<void> status = command(options);
    // A failed write comes before any error that it led to.
    if (const pio::Result<void> output = pio::cli::output_status(); !output) return complain(output.error().message);
    if (status) return 0;
    return status.error().code == pio::ErrorCode::cancelled ? kInterrupted : complain(status.error().message);
  } catch (const std::bad_alloc&) {
    return complain("memory: enough for this model and context, found too little (a smaller --ctx needs less)");
  } catch (const std::exception& error) {
    return complain(std::string("internal error: ") + error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  keep_standard_streams();
  // A reader that has gone and a file that may not grow are errors of the write.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const pio::cli::InterruptWatch interrupts;
  pio::set_log_sink([](pio::LogLevel level, std::string_view text) {
    if (level == pio::LogLevel::warning) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  });

  Options options;
  Command chosen;
  CLI::App app("Inference-PIO in a terminal: four models, one engine, nothing leaves this computer.", "pio");
  app.set_version_flag("--version", "pio " PIO_VERSION);
  app.require_subcommand(1);
  add_commands(app, options, chosen);
  if (const std::string words = unknown_command(app, argc, argv); !words.empty()) return complain(words, kUnknownCommand);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    app.exit(wanted);  // --help, --version
    std::cout.flush();
    return std::cout ? 0 : complain("standard output: writing failed");
  } catch (const CLI::ValidationError& refused) {
    return complain(refused.what());
  } catch (const CLI::ParseError& error) {
    return complain(std::string("command line: ") + error.what() + " (see pio --help)");
  }
  return run(chosen, options);
}
