#include "engine/plugin.h"

#include <utility>

#include "engine/chat/chat_json.h"
#include "engine/fim.h"
#include "engine/prompt.h"
#include "kernels/base/check.h"

namespace pio {

Plugin::Plugin(std::string_view chat_format, std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {
  const ChatFormat* format = find_chat_format(chat_format);
  CHECK(format && engine_, "a plugin needs a family that there is, and an engine");
  chat_format_ = format->name();
}

Result<void> Plugin::initialize(const LoadRequest& how) {
  engine_->unload();
  how_ = how;
  return {};
}

Result<void> Plugin::load_model(const std::string& path, const LoadProgress& progress, std::stop_token stop) {
  if (!how_) return make_error(ErrorCode::bad_argument, "plugin " + std::string(chat_format_) + ": initialize before load_model, found none");
  ASSIGN_OR_RETURN(const InspectResult inspected, inspect(path));
  const std::string& architecture = inspected.file->architecture();
  const ChatFormat* family = chat_format_of(architecture);
  if (!family || family->name() != chat_format_) {
    Error error = make_error(ErrorCode::unsupported_model,
                             path + ": expected a model of the family " + std::string(chat_format_) + ", found architecture " + architecture);
    error.path = path;
    return error;
  }
  LoadRequest request = *how_;
  request.path = path;
  return engine_->load(request, progress, stop);
}

Result<GenerateResult> Plugin::infer(const std::string& text, const Answering& how) {
  return chat_completion(std::vector<ChatMessage>{{"user", text}}, {}, how);
}

Result<GenerateResult> Plugin::infer(const std::string& text, const ImageInput& image, const Answering& how) {
  return generate_multimodal_response(text, {image}, how);
}

Result<GenerateResult> Plugin::generate_text(const std::string& prompt, const Answering& how) {
  RETURN_IF_ERROR(need_model());
  GenerateRequest request;
  ASSIGN_OR_RETURN(request.ids, raw_prompt(*engine_, prompt));
  return run(std::move(request), how);
}

Result<GenerateResult> Plugin::generate_code(const std::string& instruction, const Answering& how) {
  const std::vector<ChatMessage> messages = {
      {"system", "You write code. Answer with one fenced code block that holds the whole of it, and nothing else."}, {"user", instruction}};
  ASSIGN_OR_RETURN(GenerateResult result, chat_completion(messages, {}, how));
  if (std::optional<std::string> code = first_fenced(result.text)) result.text = std::move(*code);
  return result;
}

Result<GenerateResult> Plugin::fill_code(const std::string& prefix, const std::string& suffix, const Answering& how) {
  RETURN_IF_ERROR(need_model());
  ASSIGN_OR_RETURN(const FimPrompt prompt, fim_prompt(*engine_, prefix, suffix));
  Answering greedy = how;
  if (!greedy.sampling) greedy.sampling = prompt.request.sampling;
  if (greedy.max_tokens < 0) greedy.max_tokens = prompt.request.max_tokens;
  ASSIGN_OR_RETURN(GenerateResult result, run(prompt.request, greedy));
  result.text = fim_answer(prompt, result.text);
  return result;
}

Result<GenerateResult> Plugin::generate_multimodal_response(const std::string& text, const std::vector<ImageInput>& images, const Answering& how) {
  RETURN_IF_ERROR(need_model());
  if (!engine_->loaded()->can_see)
    return make_error(ErrorCode::not_available, "pictures: a model that sees, found " + engine_->loaded()->name + ", which reads text only");
  return chat_completion(std::vector<ChatMessage>{{"user", pictures_then_text(images, text)}}, {}, how);
}

Result<GenerateResult> Plugin::chat_completion(const std::vector<ChatMessage>& messages, const JsonValue& tools, const Answering& how) {
  RETURN_IF_ERROR(need_model());
  if (messages.empty()) return make_error(ErrorCode::bad_argument, "conversation: at least one message, found none");
  GenerateRequest request;
  request.messages = messages;
  request.tools = tools;
  request.thinking = how.thinking;
  return run(std::move(request), how);
}

Result<GenerateResult> Plugin::chat_completion(const JsonValue& messages, const JsonValue& tools, const Answering& how) {
  ASSIGN_OR_RETURN(const std::vector<ChatMessage> read, chat_messages(messages));
  return chat_completion(read, tools, how);
}

void Plugin::cleanup() {
  engine_->unload();
  how_.reset();
}

Result<void> Plugin::need_model() const {
  if (!engine_->loaded()) return make_error(ErrorCode::bad_argument, "plugin " + std::string(chat_format_) + ": a loaded model, found none");
  return {};
}

Result<GenerateResult> Plugin::run(GenerateRequest request, const Answering& how) {
  request.conversation = how.conversation;
  request.sampling = how.sampling.value_or(engine_->loaded()->recommended);
  request.max_tokens = how.max_tokens;
  request.stop = how.stop;
  return engine_->generate(request, how.sink, how.stop_token);
}

std::unique_ptr<Plugin> create_glm_4_7_flash_plugin() { return std::make_unique<Plugin>("glm-4.7-flash", create_engine()); }
std::unique_ptr<Plugin> create_qwen3_coder_30b_plugin() { return std::make_unique<Plugin>("qwen3-coder-30b", create_engine()); }
std::unique_ptr<Plugin> create_qwen3_vl_2b_instruct_plugin() { return std::make_unique<Plugin>("qwen3-vl-2b-instruct", create_engine()); }
std::unique_ptr<Plugin> create_qwen3_4b_instruct_2507_plugin() { return std::make_unique<Plugin>("qwen3-4b-instruct-2507", create_engine()); }

}  // namespace pio
