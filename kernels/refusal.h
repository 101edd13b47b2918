#pragma once

#include <string>

#include "kernels/backend.h"

namespace pio {

// What Backend::supports answers where a device does not run something.
inline Error not_supported(const DeviceInfo& device, const std::string& expected, const std::string& found) {
  Error error = make_error(ErrorCode::not_available, device.name + ": expected " + expected + ", found " + found);
  error.device = device.name;
  return error;
}

// Limits of the kernels for graphics cards: of heads and of the numbers of one, as both are counted in 16 bits; and of the experts of a layer, whose scores
// a block of threads keeps.
inline constexpr std::int64_t kMostCardHeads = 0xffff, kMostCardExperts = 1024;
inline Result<void> check_card_limits(const DeviceInfo& device, Op op, const Shape& extents) {
  for (int i = 0; op == Op::attention && i < extents.rank(); ++i) {
    if (extents[i] > kMostCardHeads) return not_supported(device, "at most 65535 heads and numbers of a head", std::to_string(extents[i]));
  }
  if (op == Op::route_experts && extents.back() > kMostCardExperts)
    return not_supported(device, "at most 1024 experts", std::to_string(extents.back()));
  return {};
}

}  // namespace pio
