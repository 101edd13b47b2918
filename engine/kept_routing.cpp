#include "engine/kept_routing.h"

#include <algorithm>
#include <numeric>

#include "engine/chat/sha256.h"
#include "engine/files/mapped_file.h"
#include "engine/files/replace_file.h"
#include "kernels/base/log.h"

namespace pio {
namespace {

namespace fs = std::filesystem;

// Which model a file holds: its tensors, and some of their numbers. Its name and place do not count.
std::string identity_of(const ModelFile& file) {
  constexpr std::size_t kSamples = 16, kSampleBytes = 4096;
  std::string all = file.architecture();
  const std::vector<TensorInfo>& tensors = file.tensors();
  for (const TensorInfo& tensor : tensors) all += '\n' + tensor.name + ' ' + std::to_string(tensor.n_bytes);
  for (std::size_t i = 0; i < kSamples && !tensors.empty(); ++i) {
    const std::span<const std::byte> data = file.data(i * (tensors.size() - 1) / (kSamples - 1));
    std::vector<std::byte> sample(std::min(data.size(), kSampleBytes));
    if (file.read(data.first(sample.size()), sample.data())) all.append(reinterpret_cast<const char*>(sample.data()), sample.size());
  }
  return sha256_hex(all);
}

}  // namespace

RoutingPlace routing_place(const std::string& cache_folder, const ModelFile& file) {
  if (cache_folder.empty()) return {};
  std::string model = identity_of(file);
  fs::path path = fs::path(cache_folder) / "experts" / (model.substr(0, 32) + ".routing");
  return {std::move(path), std::move(model)};
}

std::vector<ExpertProfile> empty_profiles(std::span<const ExpertKind> kinds) {
  std::vector<ExpertProfile> profiles;
  for (const ExpertKind& kind : kinds) profiles.push_back(ReuseEstimate(std::ssize(kind.layers), kind.n_experts).profile());
  return profiles;
}

bool have_one_shape(std::span<const ExpertProfile> a, std::span<const ExpertProfile> b) {
  return std::ranges::equal(
      a, b, [](const ExpertProfile& one, const ExpertProfile& other) { return one.n_layers == other.n_layers && one.n_experts == other.n_experts; });
}

std::optional<KeptRouting> read_routing(const RoutingPlace& place, std::span<const ExpertProfile> like) {
  std::error_code ignored;
  if (place.path.empty() || !fs::exists(place.path, ignored)) return {};
  const Result<std::string> bytes = read_text_file(place.path, write_profiles(place.model, {{like.begin(), like.end()}}).size());
  if (!bytes) return {};
  std::optional<KeptRouting> routing = parse_profiles(*bytes, place.model, like);
  if (!routing)
    log(LogLevel::warning, place.path.string() + ": expected what an earlier run of this model wrote, found something else; it is left unused");
  return routing;
}

std::optional<double> kept_hit_rate(std::span<const ExpertProfile> profiles, double share) {
  double hits = 0, all = 0;
  for (const ExpertProfile& profile : profiles) {
    const double n = std::accumulate(profile.n_at_rank.begin(), profile.n_at_rank.end(), 0.0);
    hits += n * profile.hit_rate(share).value_or(0);
    all += n;
  }
  if (all == 0) return {};
  return hits / all;
}

void write_routing(const RoutingPlace& place, const KeptRouting& routing) {
  if (place.path.empty()) return;
  std::error_code ignored;
  fs::create_directories(place.path.parent_path(), ignored);
  Result<ReplaceFile> file = ReplaceFile::open(place.path);
  if (file && file->write(write_profiles(place.model, routing))) static_cast<void>(file->commit());
}

}  // namespace pio
