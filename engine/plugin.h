#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

// The plugin interface: one of the four models behind a few verbs, for C++ programs. Everything goes through Engine; a plugin adds which
// family it loads, and how a question becomes a request. Like Engine: synchronous, one thread at a time, only a stop token may be pulled
// from another. Examples: models/<family>/README.md.

namespace pio {

// How one answer is made. Streaming: sink.text (and the others) hear of it as it comes; the result holds all of it either way.
struct Answering {
  std::optional<SamplingParams> sampling = {};  // unset: the publisher's values
  std::int64_t max_tokens = -1;                 // -1: until the model ends or the context is full
  std::vector<std::string> stop = {};           // the answer ends before one of these texts
  std::optional<bool> thinking = {};            // unset: as the family does by itself
  std::string conversation = {};                // chats with other ids keep their cached prefixes apart
  GenerateSink sink = {};
  std::stop_token stop_token = {};  // a stop ends the answer with what came so far
};

class Plugin {
 public:
  // `chat_format` names the family: files whose architecture has another are refused.
  Plugin(std::string_view chat_format, std::unique_ptr<Engine> engine);

  std::string_view name() const { return chat_format_; }  // "glm-4.7-flash"

  // How models will be loaded from here on; its path is not read. Unloads the one there is.
  Result<void> initialize(const LoadRequest& how = {});
  // Fails with bad_argument before initialize, with unsupported_model for another family's file, and as Engine::load.
  Result<void> load_model(const std::string& path, const LoadProgress& progress = {}, std::stop_token stop = {});
  const LoadedInfo* loaded() const { return engine_->loaded(); }  // null before load_model

  // An answer to one question, of text or of text about a picture. All that follows fails with bad_argument where no model is loaded, and as
  // Engine::generate.
  Result<GenerateResult> infer(const std::string& text, const Answering& how = {});
  Result<GenerateResult> infer(const std::string& text, const ImageInput& image, const Answering& how = {});
  // The text carried on: no question, no chat format.
  Result<GenerateResult> generate_text(const std::string& prompt, const Answering& how = {});
  // Code for an instruction: `text` is the answer's first fenced block, or all of it where there is none.
  Result<GenerateResult> generate_code(const std::string& instruction, const Answering& how = {});
  // Code between two texts (fill in the middle, greedy and at most 512 tokens unless `how` says otherwise). Fails with not_available for
  // families that have no tokens for it.
  Result<GenerateResult> fill_code(const std::string& prefix, const std::string& suffix, const Answering& how = {});
  // An answer about pictures. Fails with not_available where the model does not see.
  Result<GenerateResult> generate_multimodal_response(const std::string& text, const std::vector<ImageInput>& images, const Answering& how = {});
  // The next message of a conversation; `tools` is OpenAI's list or null.
  Result<GenerateResult> chat_completion(const std::vector<ChatMessage>& messages, const JsonValue& tools = {}, const Answering& how = {});
  // The same from OpenAI's list of messages (engine/chat/chat_json.h).
  Result<GenerateResult> chat_completion(const JsonValue& messages, const JsonValue& tools = {}, const Answering& how = {});

  // Gives everything back; initialize begins anew.
  void cleanup();

 private:
  Result<void> need_model() const;
  Result<GenerateResult> run(GenerateRequest request, const Answering& how);

  std::string_view chat_format_;
  std::unique_ptr<Engine> engine_;
  std::optional<LoadRequest> how_;  // empty until initialize
};

std::unique_ptr<Plugin> create_glm_4_7_flash_plugin();
std::unique_ptr<Plugin> create_qwen3_coder_30b_plugin();
std::unique_ptr<Plugin> create_qwen3_vl_2b_instruct_plugin();
std::unique_ptr<Plugin> create_qwen3_4b_instruct_2507_plugin();

}  // namespace pio
