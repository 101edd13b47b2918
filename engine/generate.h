#pragma once

#include <memory>
#include <stop_token>

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
};

// Fails with bad_argument for no ids, with context_full where they leave no room for an answer.
Result<std::unique_ptr<Generation>> begin_generation(GenerationStart start);
// One that was stopped before it began.
std::unique_ptr<Generation> stopped_generation();

}  // namespace pio
