#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/chat/message_content.h"
#include "engine/files/load_measures.h"
#include "engine/files/model_file.h"
#include "engine/image/picture_costs.h"
#include "engine/kv/kv_memory.h"
#include "engine/kv/snapshot_store.h"
#include "engine/lora/adapted_weights.h"
#include "engine/model_note.h"
#include "engine/sampling/sampler.h"
#include "engine/stats.h"
#include "engine/tokenizer/tokenizer.h"
#include "kernels/registry.h"
#include "models/chat_format.h"
#include "models/model.h"

// The facade: the only class that the app calls. Synchronous; one thread at a time; only a stop token may be pulled from another.
// Abstract, so that the window can be tested with a scripted one.

namespace pio {

// How several devices share a model: layers after layers, or each a part of every matrix's rows.
enum class SplitMode { layers, rows };

struct LoadRequest {
  std::string path;    // a .gguf file or a Hugging Face folder
  std::string mmproj;  // the file of the vision half; "": beside the model, if there is one
  // Where it may lie else, by rising index: what is not there or does not fit is passed over. (catalogue.h: halves_elsewhere)
  std::vector<std::string> spare_mmprojs = {};
  // For plan() alone, instead of `path`: "NAME:QUANTIZATION" of a published file that is not here yet, as published_layout.h computes it.
  std::string published = {};
  LoadQuantization quantization = LoadQuantization::keep;
  std::vector<LoraRequest> loras;
  KvSelection attention;
  std::string device = "auto";           // or several with commas between, which have the layers in this order: the first as many as it has room for
  std::vector<std::int64_t> split = {};  // how many layers each of them has instead; of SplitMode::rows the shares of every layer
  SplitMode split_mode = SplitMode::layers;
  int n_threads = 0;                // 0: one a physical core
  std::int64_t context_length = 0;  // of a conversation; 0: what fits, at most the model's
  int n_sequences = 1;              // conversations that a step can hold
  int n_contexts = 0;               // so many whole contexts the cache has room for, shared by all; 0: one for each conversation of a step
  DType kv = DType::f16;
  KeyRotation key_rotation = KeyRotation::automatic;
  Activations activations = Activations::q8;
  std::uint64_t ram_bytes = 0;   // budget for weights, state and scratch; 0: what is free
  std::uint64_t vram_bytes = 0;  // the same of each graphics card's own memory
  IoMode io = IoMode::automatic;
  bool may_wait = false;     // when another model comes and memory has room for both, this one stays there for its next turn
  std::string cache_folder;  // where it is kept from one run to the next which experts were wanted; "": nowhere
  bool huge_pages = true;    // for weights, where the system has them; without only to measure what they bring
  bool operator==(const LoadRequest&) const = default;
};
inline int n_contexts(const LoadRequest& request) { return request.n_contexts > 0 ? request.n_contexts : request.n_sequences; }

struct LoadedInfo {
  std::string path;
  std::string name;  // "SmolLM2-135M-Instruct": general.name, or the file's
  std::string architecture;
  std::string quantization;  // the commonest weight format: "Q4_1"
  std::string chat_format;   // "" when the family has none
  std::string family;        // "qwen3_coder_30b": the folder under models/
  bool can_see = false;      // its vision half is loaded
  bool can_think = false;
  std::vector<ModelNote> notes;      // what a person should know: no vision tower beside it
  std::string device;                // "cpu", "vulkan:0,cpu"
  std::vector<DeviceStats> devices;  // where parts of it lie, with their weights
  int n_threads = 0;
  int n_sequences = 1;  // conversations that a step can hold
  std::int64_t n_parameters = 0;
  std::int64_t context_length = 0;  // as loaded
  std::int64_t trained_context_length = 0;
  std::uint64_t weight_bytes = 0;
  std::uint64_t state_bytes = 0;  // of all conversations together
  double load_seconds = 0;
  WeightLayout layout;
  LoadMeasures loading;
  SamplingParams recommended;  // the publisher's values, ours where it says nothing
};

// Bytes of weights made ready so far, of all.
using LoadProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// A film as its frames, in order; sampled and stamped with times as the published processor does.
struct VideoInput {
  std::vector<ImageInput> frames;  // or one video file, which is decoded
  double frames_per_second = 24;
};

struct ChatMessage {
  std::string role;                       // "system", "user", "assistant", "tool"
  MessageContent content;                 // pictures only where the model sees
  std::string reasoning = {};             // of an assistant
  std::vector<ToolCall> tool_calls = {};  // of an assistant
};

// Guessing the next tokens from the prompt and the answer so far: several are tried in one step. The answer is the same without.
struct Drafts {
  static constexpr std::int64_t kLongest = 64;
  enum class Kind { off, lookup };
  Kind kind = Kind::lookup;
  std::int64_t longest = 16;       // tokens tried at a time, 1 … kLongest
  bool only_where_it_pays = true;  // else everything that was found is tried, to measure it
};

struct GenerateRequest {
  std::string conversation;                  // the chat's id: its cached prefix is found by it; "" shares one
  std::vector<ChatMessage> messages;         // the conversation to answer …
  bool continue_last = false;                //   … the last message, an assistant's, is to be carried on instead of answered
  std::vector<int> ids;                      // … or, when messages is empty, these tokens as they are
  JsonValue tools;                           // OpenAI's list of tools, or null
  std::optional<bool> thinking;              // unset: as the family does by itself
  std::optional<bool> clear_thinking;        // false keeps the reasoning of earlier turns in the prompt
  std::vector<std::string> protected_texts;  // parts of the messages that no attention kind drops: signatures and imports of code
  SamplingParams sampling;
  std::int64_t max_tokens = -1;   // -1: until the model ends or the context is full
  std::vector<std::string> stop;  // stop strings; the answer ends before one, none of its characters are emitted
  bool ignore_eos = false;
  std::vector<int> stop_ids;   // the answer also ends before one of these tokens, beside the model's own end tokens
  bool wants_logits = false;   // GenerateSink::logits is called for each sampled token
  bool wants_routing = false;  // GenerateSink::routing is called for each step of a mixture of experts; it is a little slower
  Drafts drafts;
  // The answer's bytes are those that it has behind an empty cache. Of a model whose forms of a prompt differ in the last bits (MLA) nothing
  // that is cached is reused then; of the others reuse changes nothing.
  bool same_bytes = false;
  bool is_kept = true;  // as a snapshot, where there are such
};

enum class FinishReason { stop, length, context_full, cancelled };
const char* name_of(FinishReason reason);  // "stop", "length", "context_full", "cancelled"

// What the tokens of a step chose in one layer of a mixture of experts; in a model's last layer those alone whose logits are wanted.
struct LayerRouting {
  std::int64_t layer = 0;
  std::int64_t first = 0, n_tokens = 0;  // places of the tokens in the conversation; guesses that did not hold are among them
  std::vector<std::int32_t> ids;         // [n_tokens, n_used]
  std::vector<float> weights;            // the same
};

// What happens while a turn runs, in this order: dropped (at most once), image…, prefill…, then text, reasoning and tool_call as they come.
struct GenerateSink {
  std::function<void(std::int64_t n_messages)> dropped;                    // the oldest so many were left out to fit the context
  std::function<void(std::int64_t done, std::int64_t total)> prefill;      // prompt tokens read
  std::function<void(std::string_view text, std::int64_t n_tokens)> text;  // whole characters; n_tokens generated so far
  std::function<void(std::string_view text, std::int64_t n_tokens)> reasoning;
  std::function<void(const ToolCall& call)> tool_call;
  std::function<void(std::int64_t done, std::int64_t total)> image;  // pictures encoded
  std::function<void(std::span<const float> row)> logits;            // [vocab_size] of each sampled token, before it is drawn
  std::function<void(const LayerRouting& routing)> routing;          // layer after layer of each step
};

struct GenerateResult {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  std::vector<int> ids;  // generated, the end token not among them
  FinishReason finish_reason = FinishReason::stop;
  std::int64_t n_dropped_messages = 0;
  GenerationStats stats;
};

// What one unit of a turn brought.
struct GenerationEvent {
  enum class Kind {
    dropped,    // `done` messages, the oldest, were left out to fit the context
    image,      // `done` of `total` pictures are encoded
    prefill,    // `done` of `total` tokens of the prompt are read
    logits,     // of the step that sampled token number `done`, where the request wants them
    routing,    // of one layer of a step, where the request wants it
    text,       // whole characters; `done` tokens generated so far
    reasoning,  // the same
    tool_call,
  };
  Kind kind = Kind::text;
  std::string text = {};
  std::int64_t done = 0, total = 0;
  ToolCall call = {};
  std::vector<float> logits = {};
  LayerRouting routing = {};
};
void deliver(const GenerationEvent& event, const GenerateSink& sink);

// One turn, a unit at a time. Keeps its sampler, parser, stop strings and sequence; when it goes its blocks stay only as a cache, which gives
// way to others. One thread at a time, the engine's; of several generations any may be advanced next.
class Generation {
 public:
  virtual ~Generation() = default;
  // One picture, one chunk of the prompt, or one step of decoding, which gives a token, or several where drafts were right. After a stop it finishes with FinishReason::cancelled and what was generated
  // so far. An error ends this generation, never the model. Nothing happens once it is finished.
  virtual Result<std::vector<GenerationEvent>> advance() = 0;
  virtual bool is_finished() const = 0;
  // Whether it waits until others give room in the cache back.
  virtual bool waits_for_room() const { return false; }
  // So far; whole when finished without an error.
  virtual const GenerateResult& result() const = 0;
  // Ends it as a stop would, at once, between two units.
  virtual void cancel() = 0;
};

struct LogitsRequest {
  std::vector<int> ids;            // one placeholder an image or video
  std::vector<ImageInput> images;  // for the placeholders, in order
  std::vector<VideoInput> videos;
  std::int64_t n_chunk = 0;  // tokens fed at a time; 0: as many as of a prompt
  // Takes the rows as they come, [n_rows, vocab_size] row-major, of n_tokens in all; LogitsResult::values stays empty then. An error ends
  // the pass.
  std::function<Result<void>(std::span<const float> values, std::int64_t n_rows, std::int64_t n_tokens)> rows = {};
};

struct LogitsResult {
  std::vector<float> values;  // [n_tokens, vocab_size] row-major
  std::int64_t n_tokens = 0;  // the ids with their placeholders expanded
};

// What the vision half would read of a picture.
struct PreprocessResult {
  std::vector<float> pixel_values;  // [n_patches, patch_dim] row-major
  std::int64_t patch_dim = 0;
  std::int64_t grid[3] = {0, 0, 0};  // patches: time, height, width
  std::int64_t resized[2] = {0, 0};  // pixels: height, width
};

// What would be loaded where, with bytes and predicted speed: made from the header alone.
struct LoadPlan {
  bool fits = false;
  std::string why_not;              // in English, when it does not
  std::uint64_t needed_bytes = 0;   // that must be free: all, but for weights that are read in place
  std::int64_t context_length = 0;  // tokens, of each conversation
  // Together the peak of resident memory: scratch is the passes', the vocabulary's and what this program takes by itself (which is there
  // already, so it is not among needed_bytes).
  std::uint64_t weight_bytes = 0, state_bytes = 0, scratch_bytes = 0;
  struct Device {
    std::string name;
    std::uint64_t weight_bytes = 0, state_bytes = 0, scratch_bytes = 0, free_bytes = 0, total_bytes = 0;
    std::int64_t n_layers = 0, first_layer = 0, last_layer = 0;  // that it runs, all but perhaps their experts; both included
    std::int64_t n_experts = 0;                                  // of all layers, that it runs
    std::uint64_t expert_bytes = 0;                              // of the weights
    std::uint64_t bytes_per_token = 0;                           // that it reads for a token behind 512 others, keys and values among them
    double launches_per_token = 0;                               // Backend::n_launches, on average
    bool is_card = false;                                        // with memory of its own
    std::optional<LayerSlice> slice = {};                        // what it has of each layer, of SplitMode::rows
  };
  std::vector<Device> devices;  // that have a part of it, in the order in which they were asked for
  // What a device does not run, so that another one has this part of the model. Where no other one may have it, the model does not fit.
  struct Fallback {
    // "layers", "experts", "embeddings", "output", "vision", or "weights" while loading. Of op "split": what of every layer is not cut, and lies with one
    // device whole ("attention", "feed-forward", "experts", "shared experts").
    std::string part;
    std::int64_t first_layer = 0, last_layer = 0;  // of layers and experts, both included
    std::string op, reason;                        // "matmul", "cpu: expected …, found …"
    friend bool operator==(const Fallback&, const Fallback&) = default;
    std::string text() const;  // "layers 2 to 5: matmul: cpu: expected …, found …"
  };
  std::vector<Fallback> fallbacks;
  std::vector<ModelNote> notes;  // what a person should know of it: a context above the trained one, weights that do not fit
  WeightLayout layout;           // without huge pages
  // Of the file: what every token reads, and the experts of a mixture; how many of these have room in memory where not all have (else 0). Then,
  // predicted: how often a chosen expert is there, and what a token reads from the disk.
  std::uint64_t dense_bytes = 0, expert_bytes = 0;
  std::int64_t n_slots = 0, n_experts = 0;  // of all layers
  double hit_rate = 1, disk_bytes_per_token = 0;
  double card_hit_rate = 0;  // predicted: how often a chosen expert is in a slot of the card, where it has such; others are computed by the processor
  double load_seconds = 0, prefill_tokens_per_second = 0, decode_tokens_per_second = 0;  // predicted
  PictureCosts pictures;                                                                 // predicted; empty where the model does not see
};

// Two ways to compute one model. Both read the same text in windows of `window` tokens, each from an empty cache; what is left at the end is
// not compared. Their context lengths do not count: each holds one window.
struct DivergenceRequest {
  LoadRequest base, other;  // of one file; they differ in keys and values, activations, attention, …
  std::string text;
  std::int64_t window = 2048;                         // tokens
  std::int64_t n_windows = 0;                         // stop after so many; 0: all
  bool one_at_a_time = false;                         // never both in memory; also with a budget, and where the second does not fit beside the first
  std::uint64_t kept_bytes = std::uint64_t{1} << 30;  // of base's logits kept for the comparison then; at least one window's
};

// How far `other` is from `base` over the same text.
struct DivergenceResult {
  double mean_kl = 0;  // nats a token, of other's distribution from base's
  double kl_p99 = 0;   // the 99th percentile, between ranks linear
  double largest_kl = 0;
  double same_top = 0;  // share of tokens whose likeliest successor is the same
  double perplexity = 0, base_perplexity = 0;
  std::int64_t n_tokens = 0;     // compared
  std::vector<ModelNote> notes;  // what a person should know of it: windows above the trained length
};

struct PerplexityResult {
  double perplexity = 0;
  std::vector<double> running;  // after each window
  std::int64_t n_tokens = 0;    // of the text
};

struct RoutingTrace;

struct BenchRequest {
  std::int64_t n_prompt = 512, n_decode = 128, n_depth = 0;
  int n_repetitions = 5;
  int n_sequences = 1;  // decoded at once, a token each in a step; no drafts then
  Drafts drafts;
  // Of a mixture: instead of all that, one pass over the tokens of a trace, which choose what it says (experts/trace_player.h). Nothing warms up.
  std::shared_ptr<const RoutingTrace> routing = nullptr;
};

// What came of the choices of experts where these have slots, in all repetitions; the reading of weights at the beginning is not among it.
struct OffloadMeasures {
  std::int64_t n_slots = 0;
  std::uint64_t expert_bytes = 0;  // of one in the file, the mean
  std::string io;                  // how they are read: "uring", "pread"
  std::int64_t hits = 0, misses = 0;
  std::int64_t read_ahead = 0, wasted = 0;  // of the misses: begun before the choice was known; and of these, those that were not chosen
  std::vector<double> layer_hit_rates;      // of the mixtures
  std::uint64_t bytes_read = 0;
  double decode_bytes_per_token = 0;  // of them, by decoding
  double decode_hit_rate = 0;         // of its choices alone
  double read_bytes_per_second = 0;   // while reads were under way
  double disk_bytes_per_second = 0;   // of as many bytes with nothing else to do, read in the same way between the repetitions
  double waiting_seconds = 0;         // for the disk, with nothing else to do
  // With a gigabyte (2^30) of slots more.
  double more_hit_rate = 0, more_tokens_per_second = 0;
};

struct BenchResult {
  std::vector<double> prefill_tokens_per_second, decode_tokens_per_second;  // one a repetition
  std::uint64_t bytes_per_token = 0;                                        // weights and state read for a token decoded by itself
  std::vector<double> token_seconds;                                        // of every decoded token, of all sequences
  std::int64_t drafted_tokens = 0, accepted_tokens = 0;                     // in all repetitions
  // Plain reads of the placed weights by the threads that compute, before and after each half of a repetition; none where there are none.
  struct ReadRates {
    double before = 0, after = 0;  // bytes a second
  };
  std::vector<ReadRates> prefill_reads, decode_reads;
  // Meanwhile: how long this program's threads waited for a processor, all together, and the machine for its host; faults that waited for a disk.
  double run_queue_seconds = 0, steal_seconds = 0;
  std::int64_t n_major_faults = 0;
  std::optional<OffloadMeasures> offload;                  // where experts have slots
  DeviceWork decode_work;                                  // of decoding in all repetitions, of one of the sequences
  std::uint64_t peak_bytes = 0, peak_anonymous_bytes = 0;  // of resident memory, since the program began; anonymous as seen between the repetitions
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual DeviceList devices() = 0;

  // Replaces the loaded model. On failure (or a stop: cancelled) none is loaded.
  virtual Result<void> load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) = 0;
  // From the loaded model to another. The new file's header, tensors and plan are checked first: where they fail, or a stop comes, the
  // loaded one stays. Then it is unloaded, with its cached conversations, and the new one is loaded. Where that fails, the old one is loaded
  // again before the error is returned, with `progress` from its start and without a stop; if that fails too, the message says so.
  // A model that may wait (LoadRequest::may_wait) stays beside the new one where memory has room for both: a switch that fails leaves it
  // untouched, and a switch back to the same request, where its files are the same, takes no time and finds its conversations. Those that wait
  // go, the one used longest ago first, when another model needs their room, or when memory gets short while one answers.
  virtual Result<void> switch_to(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) = 0;
  // From now on conversations are kept beside their models, in memory and where the settings name a folder in files too: those of a model that goes
  // are found again when it comes back. Without this they go with it. Before a model is loaded. Fails with io{path}.
  virtual Result<void> keep_conversations(const SnapshotSettings& settings);
  // A conversation that is no more: what it read goes, of every model, from memory and files; what others read too stays with them.
  virtual void forget_conversation(const std::string& conversation);
  // What `load` would do, without loading.
  virtual Result<LoadPlan> plan(const LoadRequest& request) = 0;
  virtual void unload() = 0;
  // Null when no model is loaded.
  virtual const LoadedInfo* loaded() const = 0;
  // The paths of the models that wait beside it, the one used last first.
  virtual std::vector<std::string> waiting() const { return {}; }
  // Where memory is short: models that wait give it back, then conversations that are kept in memory, then slots of experts, before the system
  // swaps. While an answer is made this is done by itself; whoever holds the engine otherwise calls it every second or so. Where there is plenty
  // again for some time, slots come back.
  virtual void look_after_memory() {}
  // What went in this way since the engine was made.
  virtual GivenBack given_back() const { return {}; }
  virtual const Tokenizer* tokenizer() const = 0;
  virtual const ChatFormat* chat_format() const = 0;

  // Tokens that these messages make as a prompt; for the composer's figure.
  virtual Result<std::int64_t> count_tokens(const std::vector<ChatMessage>& messages) = 0;

  // Makes the prompt of a turn and what is needed to answer it. `stop` may be pulled from any thread and ends every phase within 200 ms.
  // The generation refers to the loaded model: when that goes, it is cancelled.
  virtual Result<std::unique_ptr<Generation>> begin(const GenerateRequest& request, std::stop_token stop) = 0;
  // A unit of each, in shared steps where the engine has such (engine/generate.h: advance_together); then a generation whose turn it is not has
  // no events. By default one after the other.
  virtual std::vector<Result<std::vector<GenerationEvent>>> advance(std::span<Generation* const> generations);
  // One turn: begin, and advance to the end. A stop ends it with finish_reason cancelled and what was generated so far (never an error).
  virtual Result<GenerateResult> generate(const GenerateRequest& request, const GenerateSink& sink, std::stop_token stop);

  // Logits of every token, from an empty cache.
  virtual Result<LogitsResult> logits(const LogitsRequest& request, std::stop_token stop) = 0;

  // What the loaded model's vision half would be given. Fails with not_available where it has none.
  virtual Result<PreprocessResult> preprocess(const ImageInput& image, std::stop_token stop) = 0;

  // What pictures cost with the loaded model, measured in some 100 ms the first time. Fails with not_available where it does not see.
  virtual Result<PictureCosts> picture_costs() = 0;

  // As llama.cpp counts it: windows of `context` tokens, the second half of each scored; n_windows 0: all.
  virtual Result<PerplexityResult> perplexity(std::span<const int> ids, std::int64_t context, std::int64_t n_windows,
                                              const std::function<void(std::int64_t window, double running)>& progress, std::stop_token stop) = 0;

  // Random tokens, as llama-bench: prefill of n_prompt, decoding of n_decode from depth n_depth. With drafts, guesses are compared with them:
  // what drafts take where they hold nothing. Fails with bad_argument where n_sequences are more than the model was loaded for.
  // With a trace: with bad_argument for a model without experts, with context_full where the context holds fewer tokens.
  virtual Result<BenchResult> bench(const BenchRequest& request, std::stop_token stop) = 0;
};

// How the machine is looked at: `root` is put before the paths of the system's files, and slots come back when memory was not short for `calm`.
// Tests show a made-up machine by it.
struct MachineView {
  std::string root = {};
  std::chrono::milliseconds calm{10'000};
};
std::unique_ptr<Engine> create_engine(const MachineView& machine = {});

// What a file holds, without loading weights.
struct InspectResult {
  std::unique_ptr<ModelFile> file;
  std::int64_t n_parameters = 0;
  std::int64_t n_layers = 0;
  std::int64_t context_length = 0;
  std::string name;
  std::string chat_format;
  std::string quantization;  // the format that holds most of the weights: "Q4_K"
};
Result<InspectResult> inspect(const std::string& path);

// The file that load() would take this model's vision half from, found by the headers alone: beside it, else the first of `spares` that fits; of a
// folder that holds it the folder. "": there is none, or the model does not see. Fails where the model itself cannot be loaded.
Result<std::string> find_vision_half(const std::string& path, const std::vector<std::string>& spares);

// Loads the model once where the two requests differ in attention alone, else twice (of weights that are read in place there is one copy all
// the same). `progress` gets the number of windows done and of all. Fails as loading does, with bad_argument where the text has no window,
// or with cancelled.
Result<DivergenceResult> measure_divergence(const DivergenceRequest& request,
                                            const std::function<void(std::int64_t done, std::int64_t total)>& progress, std::stop_token stop);

// The tokenizer of MODEL: a GGUF (with or without tensors), a folder, a tokenizer.json or a SentencePiece tokenizer.model.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& path);

}  // namespace pio
