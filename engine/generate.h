#pragma once

#include <span>
#include <stop_token>

#include "engine/session.h"

// The loop of one turn: read the prompt in chunks, then sample, decode, emit, until the model ends, a stop string comes, the context is
// full, enough tokens were made, or somebody stops it.

namespace pio {

// `prompt` replaces what the session holds, as far as it differs.
Result<GenerateResult> generate(LoadedModel& model, Session& session, std::span<const int> prompt, const GenerateRequest& request,
                                const GenerateSink& sink, std::stop_token stop);

}  // namespace pio
