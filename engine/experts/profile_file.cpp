#include "engine/experts/profile_file.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace pio {
namespace {

constexpr std::string_view kMagic = "PIO routing 2\n";
// Least squares of shares between 0 and 1 give weights of about 1.
constexpr double kMostWeight = 16;
constexpr std::int64_t kMostTokens = std::int64_t{1} << 32;
constexpr double kMostChoices = 1e15, kMostBytesPerSecond = 1e12;

// Finds bytes that were damaged. (FNV-1a; it does not have to find those that were forged: they are checked one by one.)
std::uint64_t sum_of(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return sum;
}

// Numbers as the machine has them: a cache does not travel.
template <class T>
void put(std::string& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  template <class T>
  bool take(T& value) {
    if (left_.size() < sizeof(T)) return false;
    std::memcpy(&value, left_.data(), sizeof(T));
    left_.remove_prefix(sizeof(T));
    return true;
  }
  bool take(std::string_view expected) {
    if (!left_.starts_with(expected)) return false;
    left_.remove_prefix(expected.size());
    return true;
  }
  bool is_at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

// The shape is that of `profile` already.
bool take(Reader& in, ExpertProfile& profile) {
  std::int64_t n_layers = 0, n_experts = 0;
  if (!in.take(n_layers) || !in.take(n_experts) || n_layers != profile.n_layers || n_experts != profile.n_experts) return false;
  for (double& weight : profile.weights)
    if (!in.take(weight) || !(std::abs(weight) <= kMostWeight)) return false;
  for (std::int64_t& n : profile.n_tokens)
    if (!in.take(n) || n < 0 || n > kMostTokens) return false;
  for (float& share : profile.shares)
    if (!in.take(share) || !(share >= 0 && share <= 1)) return false;
  for (std::int64_t& n : profile.n_decoded)
    if (!in.take(n) || n < 0 || n > kMostTokens) return false;
  for (float& share : profile.decoded_shares)
    if (!in.take(share) || !(share >= 0 && share <= 1)) return false;
  for (double& n : profile.n_at_rank)
    if (!in.take(n) || !(n >= 0 && n <= kMostChoices)) return false;
  return true;
}

}  // namespace

std::filesystem::path default_cache_folder() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  std::filesystem::path cache = variable("XDG_CACHE_HOME");
  if (cache.is_relative()) cache = variable("HOME").empty() ? "" : variable("HOME") / ".cache";  // the specification: a relative one is ignored
  return cache.empty() ? cache : cache / "inference-pio";
}

std::string write_profiles(std::string_view model, const KeptRouting& routing) {
  std::string out(kMagic);
  out += model;
  put(out, routing.read_bytes_per_second);
  put(out, static_cast<std::int64_t>(routing.profiles.size()));
  for (const ExpertProfile& profile : routing.profiles) {
    put(out, profile.n_layers);
    put(out, profile.n_experts);
    for (const double weight : profile.weights) put(out, weight);
    for (const std::int64_t n : profile.n_tokens) put(out, n);
    for (const float share : profile.shares) put(out, share);
    for (const std::int64_t n : profile.n_decoded) put(out, n);
    for (const float share : profile.decoded_shares) put(out, share);
    for (const double n_choices : profile.n_at_rank) put(out, n_choices);
  }
  put(out, sum_of(out));
  return out;
}

std::optional<KeptRouting> parse_profiles(std::string_view bytes, std::string_view model, std::span<const ExpertProfile> like) {
  std::uint64_t sum = 0;
  if (bytes.size() < sizeof(sum)) return {};
  std::memcpy(&sum, bytes.data() + bytes.size() - sizeof(sum), sizeof(sum));
  bytes.remove_suffix(sizeof(sum));
  if (sum != sum_of(bytes)) return {};
  Reader in(bytes);
  std::int64_t n = 0;
  KeptRouting routing{.profiles = {like.begin(), like.end()}};
  double& rate = routing.read_bytes_per_second;
  if (!in.take(kMagic) || !in.take(model) || !in.take(rate) || !(rate >= 0 && rate <= kMostBytesPerSecond)) return {};
  if (!in.take(n) || n != std::ssize(like)) return {};
  for (ExpertProfile& profile : routing.profiles)
    if (!take(in, profile)) return {};
  if (!in.is_at_end()) return {};
  return routing;
}

}  // namespace pio
