#pragma once

#include <numeric>
#include <vector>

#include "engine/loaded_model.h"
#include "engine/plan/load_plan.h"
#include "engine/session.h"

// For tests of models whose weights memory does not hold all: their plan, and what a prompt and a token behind it give.

namespace pio::test {

inline PlannedLoad planned(const LoadRequest& request) {
  const std::unique_ptr<ModelFile> file = open_for_loading(request).value();
  const std::unique_ptr<Backend> backend = std::move(create_devices_for(request).value().backends.front());
  return plan_load(*file, request, *backend).value();
}

// Of all 40 tokens of a prompt, then of one that is decoded.
inline Result<std::vector<float>> logits_of(LoadedModel& model) {
  Session session(model);
  std::vector<int> ids(40);
  std::iota(ids.begin(), ids.end(), 3);
  const TokenIds prompt = model.vocabulary().check(ids, "ids").value();
  std::vector<float> logits, of_token;
  session.begin_prompt(prompt.size());
  RETURN_IF_ERROR(session.process(prompt, Session::Outputs::all, logits, {}));
  session.begin_decoding();
  RETURN_IF_ERROR(session.process(prompt.span().subspan(0, 1), Session::Outputs::last, of_token, {}));
  logits.insert(logits.end(), of_token.begin(), of_token.end());
  return logits;
}

}  // namespace pio::test
