#include "engine/experts/trace_player.h"

#include <map>
#include <utility>

#include "kernels/base/check.h"

namespace pio {

TracePlayer::TracePlayer(const RoutingTrace& trace, std::int64_t n_experts, std::int64_t n_used) : n_used_(n_used) {
  CHECK(n_experts > 0 && n_used > 0, "a model that chooses experts");
  std::map<std::int64_t, std::int64_t> mixtures;  // by layer
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<const RoutingTrace::Choice*>> tokens;
  for (const RoutingTrace::Choice& choice : trace.choices) {
    mixtures.emplace(choice.layer, 0);
    tokens[{choice.turn, choice.step}].push_back(&choice);
  }
  for (auto& [layer, number] : mixtures) number = n_mixtures_++;
  // before the first word of a mixture
  std::vector<std::int32_t> now(static_cast<std::size_t>(n_mixtures_ * n_used));
  for (std::size_t i = 0; i < now.size(); ++i) now[i] = static_cast<std::int32_t>(static_cast<std::int64_t>(i) % n_used % n_experts);
  for (const auto& [place, choices] : tokens) {
    for (const RoutingTrace::Choice* const choice : choices) {
      const std::span<const std::int32_t> chosen = trace.experts_of(*choice);
      if (chosen.empty()) continue;
      std::int32_t* const ids = &now[static_cast<std::size_t>(mixtures.at(choice->layer) * n_used)];
      for (std::int64_t i = 0; i < n_used; ++i) ids[i] = static_cast<std::int32_t>(chosen[static_cast<std::size_t>(i) % chosen.size()] % n_experts);
    }
    is_decode_.push_back(choices.front()->is_decode);
    ids_.insert(ids_.end(), now.begin(), now.end());
  }
}

std::span<const std::int32_t> TracePlayer::ids(std::int64_t token, std::int64_t mixture) const {
  const std::int64_t at = (token * n_mixtures_ + mixture % n_mixtures_) * n_used_;
  return std::span(ids_).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(n_used_));
}

}  // namespace pio
