#include "kernels/registry.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <utility>
#include <variant>

#include "kernels/backend_module.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/reference/reference_backend.h"

namespace pio {

const char* name_of(Rejection code) {
  switch (code) {
    case Rejection::no_module: return "no_module";
    case Rejection::other_build: return "other_build";
    case Rejection::no_loader: return "no_loader";
    case Rejection::no_driver: return "no_driver";
    case Rejection::driver_too_old: return "driver_too_old";
    case Rejection::device_too_old: return "device_too_old";
    case Rejection::software: return "software";
    case Rejection::same_card: return "same_card";
    case Rejection::failed: return "failed";
  }
  return "";
}

namespace {

namespace fs = std::filesystem;

// Backends that are modules, the preferred one first: what the names of their devices begin with. A folder that PIO_BACKENDS names may hold others.
constexpr std::string_view kModuleKinds[] = {"cuda", "vulkan"};
constexpr std::string_view kModulePrefix = "libpio_", kModuleSuffix = ".so";

Error not_available(std::string_view device, const std::string& reason) {
  Error error = make_error(ErrorCode::not_available, "device " + std::string(device) + ": " + reason);
  error.device = device;
  return error;
}

// "cuda" and "cuda:1" are both of the kind "cuda".
bool is_of_kind(std::string_view device, std::string_view kind) {
  return device == kind || (device.substr(0, kind.size()) == kind && device.substr(kind.size(), 1) == ":");
}

std::vector<fs::path> module_folders() {
  if (const char* const folder = std::getenv("PIO_BACKENDS"); folder && *folder) return {folder};
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  const fs::path beside = program.parent_path();
  return {beside, beside.parent_path() / "lib" / "inference-pio"};
}

std::vector<std::string> module_kinds() {
  std::vector<std::string> kinds(std::begin(kModuleKinds), std::end(kModuleKinds));
  const auto n_known = static_cast<std::ptrdiff_t>(kinds.size());
  const char* const folder = std::getenv("PIO_BACKENDS");
  if (!folder || !*folder) return kinds;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= kModulePrefix.size() + kModuleSuffix.size() || !name.starts_with(kModulePrefix) || !name.ends_with(kModuleSuffix)) continue;
    std::string kind = name.substr(kModulePrefix.size(), name.size() - kModulePrefix.size() - kModuleSuffix.size());
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(std::move(kind));
  }
  std::sort(kinds.begin() + n_known, kinds.end());
  return kinds;
}

std::variant<const BackendModule*, RejectedDevice> open_module(std::string_view kind) {
  const auto rejected = [&](Rejection code, std::string reason) { return RejectedDevice{std::string(kind), std::move(reason), code}; };
  const std::string file = std::string(kModulePrefix) + std::string(kind) + std::string(kModuleSuffix);
  const std::vector<fs::path> folders = module_folders();
  std::string looked_in;
  for (const fs::path& folder : folders) {
    std::error_code ignored;
    const fs::path path = fs::absolute(folder, ignored) / file;  // dlopen takes a name without a folder for one of the system's
    if (!fs::exists(path, ignored)) {
      looked_in += (looked_in.empty() ? "" : " or ") + folder.string();
      continue;
    }
    void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      const char* const why = ::dlerror();
      return rejected(Rejection::failed, why ? why : path.string() + " cannot be loaded");
    }
    const auto function = reinterpret_cast<BackendModuleFunction>(::dlsym(library, kBackendModuleSymbol));
    const BackendModule* const module = function ? function() : nullptr;
    if (!module) return rejected(Rejection::failed, path.string() + ": expected a backend module, found no " + kBackendModuleSymbol);
    if (std::strcmp(module->build_id, build_id()) != 0) {
      return rejected(Rejection::other_build, path.string() + ": expected build " + build_id() + ", found " + module->build_id);
    }
    module->set_sinks(&log, [](const char* text) { check_failed("in a module", text, __FILE__, __LINE__); });
    return module;
  }
  return rejected(Rejection::no_module, "no " + file + " in " + looked_in);
}

}  // namespace

DeviceList list_devices() {
  DeviceList list;
  list.devices.push_back(cpu_device_info());
  for (const std::string& kind : module_kinds()) {
    const auto opened = open_module(kind);
    if (const auto* why_not = std::get_if<RejectedDevice>(&opened)) {
      list.rejected.push_back(*why_not);
      continue;
    }
    DeviceList found = std::get<const BackendModule*>(opened)->list();
    // A card that a better backend drives is there once. Two of one backend stay two: some drivers give all cards one number.
    const std::size_t n_before = list.devices.size();
    for (DeviceInfo& device : found.devices) {
      const auto end = list.devices.begin() + static_cast<std::ptrdiff_t>(n_before);
      const auto same =
          std::find_if(list.devices.begin(), end, [&](const DeviceInfo& other) { return !device.uuid.empty() && other.uuid == device.uuid; });
      if (same == end) list.devices.push_back(std::move(device));
      else list.rejected.push_back({device.name, "the same card as " + same->name, Rejection::same_card});
    }
    std::move(found.rejected.begin(), found.rejected.end(), std::back_inserter(list.rejected));
  }
  list.devices.push_back(create_reference_backend()->device());  // correct, but far too slow to be meant by "auto"
  return list;
}

Result<std::unique_ptr<Backend>> create_backend(std::string_view device, const BackendOptions& options) {
  if (device == "auto" || device == "cpu") return create_cpu_backend(options);
  if (device == "reference") return create_reference_backend();
  for (const std::string& kind : module_kinds()) {
    if (!is_of_kind(device, kind)) continue;
    const auto opened = open_module(kind);
    if (const auto* why_not = std::get_if<RejectedDevice>(&opened)) return not_available(device, why_not->reason);
    return std::get<const BackendModule*>(opened)->create(device, options);
  }
  return not_available(device, "expected auto, cpu, reference, cuda or vulkan");
}

}  // namespace pio
