#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/result.h"

// A model whose every layer is cut into slices, one a device: heads of attention, inner columns of feed-forward blocks, experts of mixtures. What a
// slice adds to the residual stream is a part of a sum over the devices (Shoeybi et al. 2019, Megatron-LM, arXiv:1909.08053, section 3).

namespace pio {

// begin … end - 1 of something that is counted.
struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t n() const { return end - begin; }
  bool empty() const { return begin == end; }
  friend bool operator==(const Range&, const Range&) = default;
};

// Which slice: the one of device `index`, where device i has shares[i] of all of them together. No share is below 0, and one is above.
struct SliceShare {
  std::vector<std::int64_t> shares;
  std::size_t index = 0;
};

// What such a device has of n that are cut only at multiples of `unit`: from the place nearest to where the shares before it end, the lower of two. All
// slices together are 0 … n - 1; some may be empty.
Range range_of(const SliceShare& share, std::int64_t n, std::int64_t unit = 1);

// What a slice has of each layer.
struct LayerSlice {
  Range heads;    // of keys and values, with the queries that read them; of latent attention, of queries
  Range hidden;   // inside dense feed-forward blocks
  Range experts;  // of mixtures
  Range shared;   // inside their shared expert
  // What has no place where it can be cut: one device has it whole.
  struct Uncut {
    std::string part;    // "attention"
    std::string reason;  // "expected several heads, found 1"
    friend bool operator==(const Uncut&, const Uncut&) = default;
  };
  std::vector<Uncut> uncut;
};

// Which experts the tokens of a step go to, [n_tokens, n_used], on the host.
struct ExpertChoice {
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
};

// The devices that have the other slices. All of them make the same calls in the same order, each for its own slice, and wait here for each other.
class OtherSlices {
 public:
  virtual ~OtherSlices() = default;
  // Where this slice's addend of the next sum of n values goes, in the host's memory. Called before every sum.
  virtual std::span<float> addend(std::int64_t n) = 0;
  // The sum of all addends, in the order of their devices: the same bits on each. `has_addend`: this slice's is there; else it adds nothing. Holds
  // until the next sum. Fails with cancelled where another device's pass has ended.
  virtual Result<std::span<const float>> sum(bool has_addend) = 0;
  // Whether this device chooses the experts of all. Two devices may round a router's scores otherwise, and choose others where two are nearly tied.
  virtual bool chooses() const = 0;
  // Where that device puts the choice before it calls choose().
  virtual ExpertChoice& choice() = 0;
  // The choice for all, of n_tokens. Holds until the next sum. Fails as sum.
  virtual Result<const ExpertChoice*> choose(std::int64_t n_tokens) = 0;
};

}  // namespace pio
