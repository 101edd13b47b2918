#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/cli/interrupt.h"
#include "app/cli/numbers.h"
#include "engine/engine.h"

// The words on pio's command line as plain values, common to the commands that take them.

namespace pio::cli {

// What a command was asked for. One struct for all: a command reads the fields that its options fill.
struct Options {
  std::string model;
  std::vector<std::string> models;  // swap
  bool json = false;

  // loading
  std::string device = "auto";
  std::int64_t n_threads = 0;
  std::int64_t context_length = 0;
  std::string kv;  // "": f16, and f32 on the reference device, which is there to be exact
  std::string key_rotation = "auto";
  std::string activations = "q8";
  std::string base_kv, base_activations = "f32";  // of divergence
  std::string split, split_mode = "layers";
  std::string ram, vram;
  std::string io = "auto";
  bool huge_pages = true;
  std::string snapshots, snapshot_ram, snapshot_disk;  // a folder, and sizes
  std::string machine;                                 // of plan: a file that describes another computer
  std::string mmproj, quantization = "keep", attention = "full";
  std::vector<std::string> loras;  // PATH or PATH:SCALE

  SamplingChoice sampling;

  // texts and files in, files out; "" where an option was not given, which none can be otherwise but the optional ones
  std::string catalogue;  // instead of the program's own
  std::string type;       // of quantize
  std::string ids_file;   // of swap
  std::string file, jsonl, ids, out, special = "none", messages, tools, tokenizer, prompts, prefix_file, suffix_file, logits_out;
  std::optional<std::string> text, prompt, system;
  std::vector<std::string> images;
  std::string frames;  // F,F,…, or one video file
  std::string image;   // of preprocess
  ImageDetail image_detail = ImageDetail::full;
  double frames_per_second = 24;
  bool stream = false;
  bool no_generation_prompt = false;
  std::string thinking, clear_thinking;

  // generating
  std::int64_t max_tokens = -1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  std::optional<Drafts::Kind> draft;  // unset: lookup, but in bench off
  std::int64_t draft_max = Drafts().longest;
  Drafts drafts(Drafts::Kind otherwise) const { return {.kind = draft.value_or(otherwise), .longest = draft_max}; }

  // experts
  std::string cache_share, policy = "all", warm, record, routing;

  // measuring
  std::int64_t n_prompt = 512, n_decode = 128, n_depth = 0, n_windows = 0, n_sequences = 1;
  std::int64_t n_parallel = 1;
  std::int64_t n_repetitions = 5, n_rounds = 1;
};

// What was typed for a MODEL as a path: a file or folder, or a name of the catalogue.
Result<std::string> model_path(const Options& options, const std::string& typed);
// The same for a request that loads it, with the places where its vision half may lie.
Result<void> choose_model(const Options& options, const std::string& typed, LoadRequest& request);
// Pictures by their files, as they were typed: paths or file: addresses.
Result<std::vector<ImageInput>> image_inputs(std::span<const std::string> typed, ImageDetail detail = ImageDetail::full);
Result<LoadRequest> load_request(const Options& options);
// Loads options.model, or the model of `request`, and says what a person should know of it.
Result<std::unique_ptr<Engine>> load_engine(const Options& options);
Result<std::unique_ptr<Engine>> load_engine(const Options& options, const LoadRequest& request);
// An engine that keeps conversations where the options say.
Result<std::unique_ptr<Engine>> create_engine(const Options& options);
// One of the four names; "" is the device's default.
DType kv_of(const std::string& name, const std::string& device);
// The text of --ids: "1,2,3"; spaces allowed. Fails with bad_argument on anything else.
Result<std::vector<int>> parse_ids(const std::string& text);
// The same of another option, which messages call `what`.
Result<std::vector<int>> parse_numbers(const std::string& what, const std::string& text);
// "8G", "900M", "123": bytes, in powers of 1024. `what` is how messages call it.
Result<std::uint64_t> parse_size(const std::string& what, const std::string& text);

// The commands. Each prints its result to standard output and returns the error that ended it, if any.
Result<void> devices(const Options& options);
Result<void> inspect(const Options& options);
Result<void> plan(const Options& options);
Result<void> plan_for_machine(const Options& options);  // plan --machine
Result<void> tokenize(const Options& options);
Result<void> detokenize(const Options& options);
Result<void> render(const Options& options);
Result<void> logits(const Options& options);
Result<void> preprocess(const Options& options);
Result<void> complete(const Options& options);
Result<void> chat(const Options& options);
Result<void> batch(const Options& options);
Result<void> fim(const Options& options);
Result<void> perplexity(const Options& options);
Result<void> divergence(const Options& options);
Result<void> bench(const Options& options);
Result<void> experts(const Options& options);
Result<void> quantize(const Options& options);
Result<void> swap(const Options& options);
Result<void> snapshots(const Options& options);

}  // namespace pio::cli
