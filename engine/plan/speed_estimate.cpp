#include "engine/plan/speed_estimate.h"

#include <algorithm>

namespace pio {
namespace {

// Touching pages that the system holds; reading from an ordinary SSD; laying weights out in memory that is touched first so; making a
// quantized form, one core; laying out again in memory that was touched before.
constexpr double kCachedBytesPerSecond = 4e9, kDiskBytesPerSecond = 1e9, kCopiedBytesPerSecond = 1e9, kMadeBytesPerSecond = 0.1e9,
                 kLaidOutBytesPerSecond = 3e9;
// An expert that a token misses is begun when its layer has chosen, or one layer ahead where that is guessed, and takes longer than what is computed
// meanwhile: of the shorter of computing and reading a quarter goes beside the other (measured of 48 layers with 33 to 86 misses a token:
// tests/bench/results/2026-11-30-xeon-2vcpu.md).
constexpr double kWaitedShare = 0.75;

}  // namespace

SpeedEstimate estimate_speed(const OpCounts& prompt, std::int64_t n_prompt, const OpCounts& decode, const SpeedProbe& probe,
                             const LoadedBytes& loaded, double resident_share) {
  const auto reading = [&](const OpCounts& counts) { return static_cast<double>(counts.weight_bytes + counts.state_bytes) / probe.bytes_per_second; };
  const auto multiplying = [&](const OpCounts& counts) { return static_cast<double>(counts.multiply_adds) / probe.multiply_adds_per_second; };
  SpeedEstimate speed;
  const double read = static_cast<double>(loaded.copied);
  speed.load_seconds = read * resident_share / kCachedBytesPerSecond + read * (1 - resident_share) / kDiskBytesPerSecond +
                       read / kCopiedBytesPerSecond + static_cast<double>(loaded.made) / kMadeBytesPerSecond;
  const double streamed = static_cast<double>(loaded.streamed);
  const double bringing =
      streamed * resident_share / kCachedBytesPerSecond + streamed * (1 - resident_share) / kDiskBytesPerSecond + streamed / kLaidOutBytesPerSecond;
  const double cached_share = loaded.are_experts_cached ? resident_share : 0;
  const auto from_disk = [&](double n_bytes, double bytes_per_second) {
    return n_bytes * cached_share / kCachedBytesPerSecond + n_bytes * (1 - cached_share) / bytes_per_second;
  };
  const double staged = static_cast<double>(loaded.staged);
  speed.staged_seconds = staged * resident_share / kCachedBytesPerSecond + staged * (1 - resident_share) / kDiskBytesPerSecond;
  speed.prefill_tokens_per_second =
      static_cast<double>(n_prompt) /
      (bringing + std::max({reading(prompt), multiplying(prompt), from_disk(loaded.experts_of_prompt, kDiskBytesPerSecond), 1e-9}));
  const double missing = from_disk(loaded.experts_of_token, loaded.read_per_second > 0 ? loaded.read_per_second : kDiskBytesPerSecond);
  const double computing = std::max(reading(decode), 1e-9);
  speed.decode_tokens_per_second = 1 / (bringing + std::max(missing, computing) + kWaitedShare * std::min(missing, computing));
  return speed;
}

}  // namespace pio
