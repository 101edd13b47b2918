#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "kernels/base/result.h"
#include "kernels/expert_set.h"

// Where a mixture finds its experts. Those of a model that fits lie on the device; the engine may implement this over slots that it fills
// from a disk, tests over anything. One thread, that of the backend.

namespace pio {

// Experts of one layer that stay on the device while this lives: until the op that reads them has finished.
class ExpertLease {
 public:
  virtual ~ExpertLease() = default;
  // Waits for one more expert and returns its id, in whatever order they arrive; nothing once all have been there, and where there is no place
  // for another one before `done`. Fails with the error of reading, or, within 200 ms of a stop, with cancelled.
  virtual Result<std::optional<std::int32_t>> next() = 0;
  // Whether next() answers without waiting: then it pays to ask before computing with those that have arrived.
  virtual bool is_ready() { return true; }
  // The ops that read those that have arrived have finished: they are gone, and others may come in their places.
  virtual void done() {}
  // Those that have arrived.
  virtual const ExpertSet& experts() const = 0;
};

class ExpertSource {
 public:
  virtual ~ExpertSource() = default;
  // All experts of a layer, where they lie on the device; null where they have to be acquired. Reads nothing and never waits.
  virtual const ExpertSet* resident(std::int64_t layer) const = 0;
  // What the tokens of a step chose, in their order, [n_tokens, n_used], below 0 what is computed elsewhere: told once a step and layer that is not resident, before `acquire`.
  virtual void saw(std::int64_t /*layer*/, std::span<const std::int32_t> /*ids*/, std::int64_t /*n_tokens*/) {}
  // Experts of a layer, each id once and rising. `stop` ends this and the lease's waiting. Fails as ExpertLease::next.
  virtual Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t layer, std::span<const std::int32_t> ids, const std::stop_token& stop) = 0;
  // Whether a guess at what a later layer will choose is worth what it takes.
  virtual bool wants_hints() { return false; }
  // These may be wanted next, the likeliest first: a source that can reads them ahead.
  virtual void hint(std::int64_t /*layer*/, std::span<const std::int32_t> /*ids*/) {}
};

// Experts that another device computes than that of their layer.
class ExpertsElsewhere {
 public:
  virtual ~ExpertsElsewhere() = default;
  virtual bool has(std::int64_t layer) const = 0;
  // y = weights · the chosen experts of x, as Backend::moe_experts; the tensors are on the layer's device, and what goes between goes over the host.
  // `meanwhile` is called once what the experts read is there: the layer's device computes it while they are computed.
  virtual Result<void> run(std::int64_t layer, Tensor y, Tensor x, Tensor ids, Tensor weights, const std::function<void()>& meanwhile) = 0;
};

// All of them on the device.
class ResidentExperts final : public ExpertSource {
 public:
  // [n_layers]; empty sets for layers that are no mixtures.
  explicit ResidentExperts(std::vector<ExpertSet> layers) : layers_(std::move(layers)) {}
  const ExpertSet* resident(std::int64_t layer) const override { return &layers_.at(layer); }
  Result<std::unique_ptr<ExpertLease>> acquire(std::int64_t, std::span<const std::int32_t>, const std::stop_token&) override {
    return make_error(ErrorCode::internal, "experts that are resident are not acquired");
  }

 private:
  std::vector<ExpertSet> layers_;
};

}  // namespace pio
