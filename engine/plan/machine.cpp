#include "engine/plan/machine.h"

#include <cmath>
#include <utility>

#include "engine/files/json_members.h"
#include "engine/files/mapped_file.h"

namespace pio {
namespace {

constexpr std::size_t kMachineBytes = std::size_t{1} << 20;
constexpr double kMostBytes = 1e15, kMostRate = 1e15;
constexpr double kLinkBytesPerSecond = 12e9, kDiskBytesPerSecond = 1e9;
constexpr std::int64_t kMostLayers = 1'000'000;

}  // namespace

Result<Machine> parse_machine(std::string_view json, const std::string& label) {
  ASSIGN_OR_RETURN(const JsonValue root, parse_json_file(json, label));
  Machine machine;
  machine.ram_bandwidth_share = kRamBandwidthShare;
  JsonMembers members(root, label, "machine");
  machine.ram_bytes = static_cast<std::uint64_t>(members.positive_number("ram_bytes", kMostBytes));
  machine.disk_bytes_per_second = members.positive_number("disk_bytes_per_second", kMostRate, kDiskBytesPerSecond);
  if (const std::optional<double> layers = members.optional_number("expert_layers_on_cpu", kMostLayers)) {
    if (*layers != std::floor(*layers)) members.fail("expert_layers_on_cpu", "a whole number");
    machine.expert_layers_on_cpu = static_cast<std::int64_t>(*layers);
  }
  const JsonValue* const devices = members.find("devices");
  if (devices && !devices->is_array()) members.fail("devices", "a list");
  RETURN_IF_ERROR(members.status());

  double cpu_rate = 0;
  int n_cuda = 0, n_vulkan = 0;
  for (std::size_t i = 0; devices && i < devices->items().size(); ++i) {
    JsonMembers device(devices->items()[i], label, "machine.devices[" + std::to_string(i) + "]");
    const std::string kind = device.optional_text("kind");
    if (kind == "cpu") {
      cpu_rate = device.optional_number("bytes_per_second", kMostRate).value_or(0);
      machine.ram_bandwidth_share = device.positive_number("bandwidth_share", 1, kRamBandwidthShare);
    } else if (kind == "cuda" || kind == "vulkan") {
      int& n = kind == "cuda" ? n_cuda : n_vulkan;
      Machine::Card card;
      card.kind = kind == "cuda" ? DeviceKind::cuda : DeviceKind::vulkan;
      card.device = n == 0 ? kind : kind + ":" + std::to_string(n);
      ++n;
      card.name = device.optional_text("name", card.device);
      card.total_bytes = static_cast<std::uint64_t>(device.positive_number("total_bytes", kMostBytes));
      const auto free = static_cast<std::uint64_t>(device.optional_number("free_bytes", kMostBytes).value_or(static_cast<double>(card.total_bytes)));
      if (free > card.total_bytes) device.fail("free_bytes", "at most total_bytes");
      card.free_bytes = free;
      card.bytes_per_second = device.positive_number("bytes_per_second", kMostRate);
      card.bandwidth_share = device.positive_number("bandwidth_share", 1, kCardBandwidthShare);
      card.link_bytes_per_second = device.positive_number("link_bytes_per_second", kMostRate, kLinkBytesPerSecond);
      machine.cards.push_back(std::move(card));
    } else {
      device.fail("kind", "cuda, vulkan or cpu");
    }
    RETURN_IF_ERROR(device.status());
  }
  machine.ram_bytes_per_second = cpu_rate > 0 ? cpu_rate : members.positive_number("ram_bytes_per_second", kMostRate);
  RETURN_IF_ERROR(members.status());
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
