#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/conversations.h"
#include "engine/prompt.h"

// One turn on a loaded model: read the prompt in chunks, then sample, decode, emit, until the model ends, a stop string comes, the context is
// full, enough tokens were made, or it is stopped.

namespace pio {

// What a turn starts from.
struct GenerationStart {
  LoadedModel& model;
  Conversations::Lent session;  // its cached tokens are reused as far as they fit
  Prompt prompt;
  TokenIds ids;  // the prompt's, checked
  GenerateRequest request;
  std::stop_token stop;
  const GivenBack* given_back = nullptr;  // the engine's count, which outlives the turn; and as it was before
  GivenBack given_back_before = {};
};

// Fails with bad_argument for no ids, with context_full where they leave no room for an answer.
Result<std::unique_ptr<Generation>> begin_generation(GenerationStart start);
// A unit of each. Those that decode and the next chunk of a prompt go through the model in one step, as far as the model was loaded for so many;
// a picture, a prompt in MLA's expanded form and a turn that wants its routing have steps of their own. In one call no more than kStepTokens tokens
// of prompts are read, so that no answer waits longer for its next token. Nobody drafts, but where one alone is running.
// A turn without a part in it has no events: a prompt behind others, or who finds no room in the cache because others hold it and waits until
// one of them has ended. Where none of them can go on, the last one that began gives some of its room up, waits, and reads these tokens again, so that
// its answer goes on with the bytes that it has alone. A stop ends its own turn: the others repeat the step. An error, and memory that runs out, end the
// turn that they meet.
std::vector<Result<std::vector<GenerationEvent>>> advance_together(std::span<Generation* const> generations);
// One that was stopped before it began.
std::unique_ptr<Generation> stopped_generation();

}  // namespace pio
