#pragma once

#include <functional>
#include <span>
#include <stop_token>

#include "engine/session.h"

// Perplexity and speed of a loaded model. How far two ways to compute one are apart: measure_divergence of engine.h.

namespace pio {

Result<PerplexityResult> measure_perplexity(LoadedModel& model, Session& session, TokenSpan ids, std::int64_t context, std::int64_t n_windows,
                                            const std::function<void(std::int64_t, double)>& progress, std::stop_token stop);

// A request with a trace: one pass over it by this session.
Result<BenchResult> play_trace(LoadedModel& model, Session& session, const RoutingTrace& trace, std::stop_token stop);
// The first session is prefilled; all of them decode, a token each in a step.
Result<BenchResult> measure_speed(LoadedModel& model, std::span<Session> sessions, const BenchRequest& request, std::stop_token stop);

}  // namespace pio
