#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "engine/engine.h"

// An engine that plays a script instead of computing: for the window's tests, its screenshots and its crash test. No Qt.
// The methods of Engine block as the real ones do and look at the stop token every millisecond; the setters may be called from
// any thread at any time and count for the next call.

namespace pio {

struct ScriptStep {
  int delay_ms = 0;         // before the text
  std::string text;         // one token; whole characters
  bool is_thought = false;  // goes to the reasoning
};

class ScriptedEngine : public Engine {
 public:
  struct Script {
    std::vector<ScriptStep> steps;
    int prefill_ms = 0;  // how long reading the prompt takes
    int picture_ms = 0;  // how long encoding each picture takes
    int room_ms = 0;     // how long it waits for room in the cache, behind its first step
    std::int64_t prompt_tokens = 64;
    std::int64_t dropped_messages = 0;
    std::int64_t context_length = 4096;
    std::vector<ToolCall> tool_calls;                                                // after the steps
    std::optional<Error> error;                                                      // after the steps, instead of a result
    enum class Throw { nothing, bad_alloc, runtime_error } thrown = Throw::nothing;  // after the steps, too
    FinishReason finish_reason = FinishReason::stop;
    GenerationStats stats;  // what it says of experts and the disk
  };
  struct Loading {
    int milliseconds = 0;
    std::uint64_t bytes = 92'000'000;
    std::optional<Error> error;  // when the time has passed
    std::string name = "SmolLM2-135M-Instruct";
    std::string quantization = "Q4_1";
    bool can_see = false;
    bool can_think = false;
    std::vector<ModelNote> notes = {};
    std::string device = "cpu";
    int n_sequences = 1;
  };

  // n_tokens steps of the words of `text` in turn (a word keeps the space before it), `delay_ms` apart; all of them once when n_tokens is 0.
  static Script speak(std::string_view text, int delay_ms, int n_tokens = 0);

  // Thinks as speak() does, then says the words of `answer`.
  static Script think(std::string_view thought, std::string_view answer, int delay_ms, int n_thoughts = 0);

  void set_script(Script script);
  void set_loading(Loading loading);
  // Called on the engine's thread right before a step's text goes to the sink, with the bytes emitted so far; null: nobody.
  void set_observer(std::function<void(std::uint64_t n_bytes)> observer);

  // What the next plans say; unset: SmolLM2-135M's shape with what was asked.
  void set_plan(std::optional<Result<LoadPlan>> plan);
  // The same by what is asked; empty: as above.
  void set_planner(std::function<Result<LoadPlan>(const LoadRequest&)> planner);

  // What went from memory so far.
  void set_given_back(const GivenBack& given_back);

  // What was asked so far.
  std::vector<GenerateRequest> generate_requests() const;
  std::vector<LoadRequest> load_requests() const;
  std::vector<LoadRequest> plan_requests() const;
  int n_unloads() const;
  std::vector<std::string> forgotten_conversations() const;

  DeviceList devices() override;
  Result<void> load(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) override;
  // Leaves the loaded model where the script's loading fails or is stopped.
  Result<void> switch_to(const LoadRequest& request, const LoadProgress& progress, std::stop_token stop) override;
  Result<LoadPlan> plan(const LoadRequest& request) override;
  void unload() override;
  void forget_conversation(const std::string& conversation) override;
  const LoadedInfo* loaded() const override;
  // All that may wait and came before, until they are unloaded.
  std::vector<std::string> waiting() const override { return waiting_; }
  GivenBack given_back() const override;
  const Tokenizer* tokenizer() const override { return nullptr; }
  const ChatFormat* chat_format() const override { return nullptr; }
  // Words of all contents, plus 4 a message.
  Result<std::int64_t> count_tokens(const std::vector<ChatMessage>& messages) override;
  // Each unit is a picture, a twentieth of the prompt or a step of the script, which counts as it was at the beginning.
  Result<std::unique_ptr<Generation>> begin(const GenerateRequest& request, std::stop_token stop) override;
  Result<LogitsResult> logits(const LogitsRequest& request, std::stop_token stop) override;
  Result<PreprocessResult> preprocess(const ImageInput& image, std::stop_token stop) override;
  // Tokens of 32 x 32 pixels, 100 a second to look at.
  Result<PictureCosts> picture_costs() override;
  Result<PerplexityResult> perplexity(std::span<const int> ids, std::int64_t context, std::int64_t n_windows,
                                      const std::function<void(std::int64_t window, double running)>& progress, std::stop_token stop) override;
  Result<BenchResult> bench(const BenchRequest& request, std::stop_token stop) override;

 private:
  mutable std::mutex mutex_;  // guards what the setters and getters touch
  Script script_ = speak("This answer comes from a script.", 5);
  Loading loading_;
  std::function<void(std::uint64_t)> observer_;
  std::vector<GenerateRequest> generate_requests_;
  std::vector<LoadRequest> load_requests_;
  std::vector<LoadRequest> plan_requests_;
  std::optional<Result<LoadPlan>> plan_;
  std::function<Result<LoadPlan>(const LoadRequest&)> planner_;
  int n_unloads_ = 0;
  std::vector<std::string> forgotten_conversations_;
  GivenBack given_back_;
  std::optional<LoadedInfo> loaded_;  // of the engine's thread alone, as the next
  std::vector<std::string> waiting_;
};

}  // namespace pio
