#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/experts/reuse_estimate.h"

// What the routing of an earlier run was like, as a file for each model: a later run begins with the experts that are likely to be wanted.
// Whatever such a file holds, it changes which experts are read first, and what a plan predicts, and nothing else.

namespace pio {

// $XDG_CACHE_HOME/inference-pio, or ~/.cache/inference-pio; empty where neither is set.
std::filesystem::path default_cache_folder();

struct KeptRouting {
  std::vector<ExpertProfile> profiles;
  // At which experts came from the disk: ExpertSlots::read_bytes_per_second; 0: not known.
  double read_bytes_per_second = 0;
};

// `model` says whose routing it is: 64 hexadecimal digits.
std::string write_profiles(std::string_view model, const KeptRouting& routing);
// Nothing where the bytes are anything but profiles of this model, in the number and of the shapes of `like`, with values that routing can have.
std::optional<KeptRouting> parse_profiles(std::string_view bytes, std::string_view model, std::span<const ExpertProfile> like);

}  // namespace pio
