#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/backend.h"

namespace pio {

// The steps that a backend keeps for Backend::replay, at most kMost of them. A stream records and runs them: it has a type Recording, and
//   begin_recording(), end_recording(is_kept) -> optional<Recording>, watch(stop_token), replay(Recording&) and forget(Recording&).
template <class Stream>
class RecordedSteps {
 public:
  static constexpr std::array<std::int64_t, 4> kSizes{1, 2, 4, 8};  // Backend::step_sizes
  static constexpr std::size_t kMost = 32;

  // The backend's stream and workspace, which must outlive this.
  RecordedSteps(Stream& stream, const Arena& workspace) : stream_(stream), workspace_(workspace) {}
  ~RecordedSteps() { forget(); }
  RecordedSteps(const RecordedSteps&) = delete;
  RecordedSteps& operator=(const RecordedSteps&) = delete;

  // As Backend's three. What was stopped is no whole step, and is not kept.
  void begin(const RecordingKey& key) {
    key_ = key;
    generation_ = workspace_.generation();
    stream_.begin_recording();
  }
  void end(Tensor result, bool was_stopped) {
    const bool is_whole = result && !was_stopped && workspace_.generation() == generation_;
    std::optional<typename Stream::Recording> recording = stream_.end_recording(is_whole);
    if (!recording) return;
    if (steps_.size() >= kMost) forget();
    steps_.push_back({key_, generation_, std::move(*recording), result});
  }
  Tensor replay(const RecordingKey& key, const std::stop_token& stop) {
    const auto kept = std::ranges::find_if(steps_, [&](const Step& step) { return step.key == key && step.generation == workspace_.generation(); });
    if (kept == steps_.end()) return {};
    stream_.watch(stop);
    stream_.replay(kept->recording);
    return kept->result;
  }

  // All of them: what they read is going.
  void forget() {
    for (Step& step : steps_) stream_.forget(step.recording);
    steps_.clear();
  }

 private:
  struct Step {
    RecordingKey key;
    std::uint64_t generation = 0;  // of the workspace
    typename Stream::Recording recording;
    Tensor result;
  };
  Stream& stream_;
  const Arena& workspace_;
  std::vector<Step> steps_;
  RecordingKey key_;
  std::uint64_t generation_ = 0;
};

}  // namespace pio
