#pragma once

#include <stop_token>

#include "engine/prompt.h"
#include "engine/session.h"

// The loop of one turn: read the prompt in chunks, then sample, decode, emit, until the model ends, a stop string comes, the context is
// full, enough tokens were made, or somebody stops it.

namespace pio {

// The prompt's ids replace what the session holds, as far as they differ.
Result<GenerateResult> generate(LoadedModel& model, Session& session, const Prompt& prompt, const GenerateRequest& request,
                                const GenerateSink& sink, std::stop_token stop);

}  // namespace pio
