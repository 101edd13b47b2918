#pragma once

#include <functional>
#include <span>
#include <stop_token>

#include "engine/session.h"

// Perplexity, divergence and speed of a loaded model.

namespace pio {

Result<PerplexityResult> measure_perplexity(LoadedModel& model, Session& session, std::span<const int> ids, std::int64_t context,
                                            std::int64_t n_windows, const std::function<void(std::int64_t, double)>& progress,
                                            std::stop_token stop);

// Both sessions of one model, one with full attention; windows of `context` tokens.
Result<DivergenceResult> measure_divergence(LoadedModel& model, Session& full, Session& other, std::span<const int> ids, std::int64_t context,
                                            std::stop_token stop);

Result<BenchResult> measure_speed(LoadedModel& model, Session& session, std::int64_t n_prompt, std::int64_t n_decode, std::int64_t n_depth,
                                  int n_repetitions, std::stop_token stop);

}  // namespace pio
