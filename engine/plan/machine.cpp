#include "engine/plan/machine.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/files/mapped_file.h"
#include "models/json_value.h"

namespace pio {
namespace {

constexpr std::size_t kMachineBytes = std::size_t{1} << 20;
constexpr double kMostBytes = 1e15, kMostRate = 1e15;
constexpr double kLinkBytesPerSecond = 12e9, kDiskBytesPerSecond = 1e9;
constexpr std::int64_t kMostLayers = 1'000'000;

// Reads members of one object; the first that is wrong is kept.
class Members {
 public:
  Members(const JsonValue& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object.is_object()) problem_ = place_ + ": expected an object, found something else";
  }
  std::optional<double> number(const char* key, double most) {
    const JsonValue* const value = object_.find_given(key);
    if (!value) return std::nullopt;
    double number = 0;
    const std::string digits = value->kind() == JsonValue::Kind::number ? value->text() : "";
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (status == std::errc() && end == digits.data() + digits.size() && number >= 0 && number <= most) return number;
    fail(key, "a number from 0 to " + JsonValue::integer(static_cast<long long>(most)).dump());
    return std::nullopt;
  }
  // A rate or size that must be there, above 0.
  double needed(const char* key, double most) {
    const std::optional<double> value = number(key, most);
    if (!value || *value <= 0) fail(key, "a number above 0");
    return value.value_or(0);
  }
  std::string text(const char* key, std::string otherwise) {
    const JsonValue* const value = object_.find_given(key);
    if (value && !value->is_string()) fail(key, "a text");
    return value && value->is_string() ? value->text() : std::move(otherwise);
  }
  const JsonValue* find(const char* key) const { return object_.find_given(key); }
  void fail(const std::string& key, const std::string& wanted) {
    if (problem_.empty()) problem_ = place_ + "." + key + ": expected " + wanted + ", found " + (find(key.c_str()) ? "something else" : "none");
  }
  const std::string& problem() const { return problem_; }

 private:
  const JsonValue& object_;
  std::string place_, problem_;
};

Error wrong(const std::string& label, const std::string& words) {
  Error error = make_error(ErrorCode::bad_file, label + ": " + words);
  error.path = label;
  return error;
}

double share_of(Members& members, double otherwise) {
  const double share = members.number("bandwidth_share", 1).value_or(otherwise);
  if (share <= 0) members.fail("bandwidth_share", "a number above 0");
  return share;
}

}  // namespace

Result<Machine> parse_machine(std::string_view json, const std::string& label) {
  const Result<JsonValue> root = JsonValue::parse(json);
  if (!root) return wrong(label, root.error().message);
  Machine machine;
  machine.ram_bandwidth_share = kRamBandwidthShare;
  Members members(*root, "machine");
  machine.ram_bytes = static_cast<std::uint64_t>(members.needed("ram_bytes", kMostBytes));
  machine.disk_bytes_per_second = members.number("disk_bytes_per_second", kMostRate).value_or(kDiskBytesPerSecond);
  if (machine.disk_bytes_per_second <= 0) members.fail("disk_bytes_per_second", "a number above 0");
  if (const std::optional<double> layers = members.number("expert_layers_on_cpu", kMostLayers)) {
    if (*layers != std::floor(*layers)) members.fail("expert_layers_on_cpu", "a whole number");
    machine.expert_layers_on_cpu = static_cast<std::int64_t>(*layers);
  }
  const JsonValue* const devices = members.find("devices");
  if (devices && !devices->is_array()) members.fail("devices", "a list");
  if (!members.problem().empty()) return wrong(label, members.problem());

  double cpu_rate = 0;
  int n_cuda = 0, n_vulkan = 0;
  for (std::size_t i = 0; devices && i < devices->items().size(); ++i) {
    Members device(devices->items()[i], "machine.devices[" + std::to_string(i) + "]");
    const std::string kind = device.text("kind", "");
    if (kind == "cpu") {
      cpu_rate = device.number("bytes_per_second", kMostRate).value_or(0);
      machine.ram_bandwidth_share = share_of(device, kRamBandwidthShare);
    } else if (kind == "cuda" || kind == "vulkan") {
      int& n = kind == "cuda" ? n_cuda : n_vulkan;
      Machine::Card card;
      card.kind = kind == "cuda" ? DeviceKind::cuda : DeviceKind::vulkan;
      card.device = n == 0 ? kind : kind + ":" + std::to_string(n);
      ++n;
      card.name = device.text("name", card.device);
      card.total_bytes = static_cast<std::uint64_t>(device.needed("total_bytes", kMostBytes));
      const auto free = static_cast<std::uint64_t>(device.number("free_bytes", kMostBytes).value_or(static_cast<double>(card.total_bytes)));
      if (free > card.total_bytes) device.fail("free_bytes", "at most total_bytes");
      card.free_bytes = free;
      card.bytes_per_second = device.needed("bytes_per_second", kMostRate);
      card.bandwidth_share = share_of(device, kCardBandwidthShare);
      card.link_bytes_per_second = device.number("link_bytes_per_second", kMostRate).value_or(kLinkBytesPerSecond);
      if (card.link_bytes_per_second <= 0) device.fail("link_bytes_per_second", "a number above 0");
      machine.cards.push_back(std::move(card));
    } else {
      device.fail("kind", "cuda, vulkan or cpu");
    }
    if (!device.problem().empty()) return wrong(label, device.problem());
  }
  machine.ram_bytes_per_second = cpu_rate > 0 ? cpu_rate : members.needed("ram_bytes_per_second", kMostRate);
  if (!members.problem().empty()) return wrong(label, members.problem());
  return machine;
}

Result<Machine> read_machine(const std::filesystem::path& path) {
  const Result<std::string> text = read_text_file(path, kMachineBytes);
  if (text) return parse_machine(*text, path.string());
  // Named as it was typed.
  Error error = text.error();
  const std::string name = path.filename().string() + ":";
  if (error.message.starts_with(name)) error.message = path.string() + ":" + error.message.substr(name.size());
  return error;
}

}  // namespace pio
