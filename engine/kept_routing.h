#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "engine/experts/expert_slots.h"
#include "engine/experts/profile_file.h"
#include "engine/files/model_file.h"

namespace pio {

// Where a model's routing is kept from one run to the next (experts/profile_file.h).
struct RoutingPlace {
  std::filesystem::path path;  // empty: nowhere
  std::string model;           // whose it is
};
// In a folder of the cache, or nowhere where that is empty. Reads some of the file's numbers.
RoutingPlace routing_place(const std::string& cache_folder, const ModelFile& file);

// Of these kinds of experts, before their first token.
std::vector<ExpertProfile> empty_profiles(std::span<const ExpertKind> kinds);
bool have_one_shape(std::span<const ExpertProfile> a, std::span<const ExpertProfile> b);

// Nothing where an earlier run wrote none, or of other kinds than `like`.
std::optional<KeptRouting> read_routing(const RoutingPlace& place, std::span<const ExpertProfile> like);
// How often a chosen expert is where there is room for `share` of all of them (0 to 1), by what decoded tokens of an earlier run chose. Nothing where it
// decoded none.
std::optional<double> kept_hit_rate(std::span<const ExpertProfile> profiles, double share);
// What cannot be written is none: the next run begins as the first one.
void write_routing(const RoutingPlace& place, const KeptRouting& routing);

}  // namespace pio
