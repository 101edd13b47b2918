#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/files/model_file.h"
#include "engine/sampling/sampler.h"
#include "engine/stats.h"
#include "engine/tokenizer/tokenizer.h"
#include "kernels/registry.h"
#include "models/chat_format.h"
#include "models/model.h"

// The facade: the only class that the app calls. Synchronous; one thread at a time; only a stop token may be pulled from another.
// Abstract, so that the window can be tested with a scripted one.

namespace pio {

struct LoadRequest {
  std::string path;                // a .gguf file or a Hugging Face folder
  std::string device = "auto";
  int n_threads = 0;               // 0: one a physical core
  std::int64_t context_length = 0; // 0: what fits, at most the model's
  DType kv = DType::f16;
  Activations activations = Activations::q8;
  std::uint64_t ram_bytes = 0;     // budget for weights, state and scratch; 0: what is free
};

struct LoadedInfo {
  std::string path;
  std::string name;                // "SmolLM2-135M-Instruct": general.name, or the file's
  std::string architecture;
  std::string quantization;        // the commonest weight format: "Q4_1"
  std::string chat_format;         // "" when the family has none
  std::string device;              // "cpu"
  int n_threads = 0;
  std::int64_t n_parameters = 0;
  std::int64_t context_length = 0;          // as loaded
  std::int64_t trained_context_length = 0;
  std::uint64_t weight_bytes = 0;
  std::uint64_t state_bytes = 0;
  double load_seconds = 0;
  SamplingParams recommended;      // the publisher's values, ours where it says nothing
};

// Bytes of weights made ready so far, of all.
using LoadProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct ChatMessage {
  std::string role;     // "system", "user", "assistant"
  std::string content;  // UTF-8
};

struct GenerateRequest {
  std::string conversation;            // the chat's id: its cached prefix is found by it; "" shares one
  std::vector<ChatMessage> messages;   // the conversation to answer …
  bool continue_last = false;          //   … the last message, an assistant's, is to be carried on instead of answered
  std::vector<int> ids;                // … or, when messages is empty, these tokens as they are
  SamplingParams sampling;
  std::int64_t max_tokens = -1;        // -1: until the model ends or the context is full
  std::vector<std::string> stop;       // stop strings; the answer ends before one, none of its characters are emitted
  bool ignore_eos = false;
};

enum class FinishReason { stop, length, context_full, cancelled };
const char* name_of(FinishReason reason);  // "stop", "length", "context_full", "cancelled"

// What happens while a turn runs, in this order: dropped (at most once), prefill…, text….
struct GenerateSink {
  std::function<void(std::int64_t n_messages)> dropped;                     // the oldest so many were left out to fit the context
  std::function<void(std::int64_t done, std::int64_t total)> prefill;       // prompt tokens read
  std::function<void(std::string_view text, std::int64_t n_tokens)> text;   // whole characters; n_tokens generated so far
};

struct GenerateResult {
  std::string text;
  std::vector<int> ids;                // generated, the end token not among them
  FinishReason finish_reason = FinishReason::stop;
  std::int64_t n_dropped_messages = 0;
  GenerationStats stats;
};

struct PerplexityResult {
  double perplexity = 0;
  std::vector<double> running;         // after each window
  std::int64_t n_tokens = 0;           // of the text
};

struct BenchResult {
  std::vector<double> prefill_tokens_per_second, decode_tokens_per_second;  // one a repetition
  std::uint64_t bytes_per_token = 0;   // weights and state read for a decoded token
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual DeviceList devices() = 0;

  // Replaces the loaded model. On failure (or a stop: cancelled) none is loaded.
  virtual Result<void> load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) = 0;
  virtual void unload() = 0;
  // Null when no model is loaded.
  virtual const LoadedInfo* loaded() const = 0;
  virtual const Tokenizer* tokenizer() const = 0;
  virtual const ChatFormat* chat_format() const = 0;

  // Tokens that these messages make as a prompt; for the composer's figure.
  virtual Result<std::int64_t> count_tokens(const std::vector<ChatMessage>& messages) = 0;

  // One turn. A stop ends it with finish_reason cancelled and what was generated so far (never an error).
  virtual Result<GenerateResult> generate(const GenerateRequest& request, const GenerateSink& sink, std::stop_token stop) = 0;

  // Logits of every token of `ids`, [n_tokens, vocab_size] row-major. From an empty cache, in one go; `n_chunk` > 0 feeds so many
  // tokens at a time instead.
  virtual Result<std::vector<float>> logits(std::span<const int> ids, std::int64_t n_chunk, std::stop_token stop) = 0;

  // As llama.cpp counts it: windows of `context` tokens, the second half of each scored; n_windows 0: all.
  virtual Result<PerplexityResult> perplexity(std::span<const int> ids, std::int64_t context, std::int64_t n_windows,
                                              const std::function<void(std::int64_t window, double running)>& progress,
                                              std::stop_token stop) = 0;

  // Random tokens, as llama-bench: prefill of n_prompt, decoding of n_decode from depth n_depth.
  virtual Result<BenchResult> bench(std::int64_t n_prompt, std::int64_t n_decode, std::int64_t n_depth, int n_repetitions,
                                    std::stop_token stop) = 0;
};

std::unique_ptr<Engine> create_engine();

// What a file holds, without loading weights.
struct InspectResult {
  std::unique_ptr<ModelFile> file;
  std::int64_t n_parameters = 0;
  std::int64_t n_layers = 0;
  std::int64_t context_length = 0;
  std::string name;
  std::string chat_format;
};
Result<InspectResult> inspect(const std::string& path);

// The tokenizer of MODEL: a GGUF (with or without tensors), a folder, or a tokenizer.json.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& path);

}  // namespace pio
