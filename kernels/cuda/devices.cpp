#include "kernels/cuda/devices.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/cuda/cuda_backend.h"

namespace pio::cuda {
namespace {

// What other programs of the desktop take while a model is there.
constexpr std::uint64_t kLeastSpareBytes = 300'000'000;
constexpr std::uint64_t kSpareShare = 20;

struct FoundCard {
  int number = 0;      // of the runtime
  int capability = 0;  // tens and ones
  DeviceInfo info;
};
struct FoundCards {
  std::vector<FoundCard> usable;
  std::vector<RejectedDevice> rejected;
};

std::string hex_of(const cudaUUID_t& uuid) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : uuid.bytes) text += {kDigits[static_cast<unsigned char>(byte) >> 4], kDigits[byte & 15]};
  return text;
}

std::string capability(int number) { return std::to_string(number / 10) + "." + std::to_string(number % 10); }

FoundCards find_cards(const Kind& kind) {
  FoundCards found;
  if (std::optional<RejectedDevice> objection = kind.objection()) {
    found.rejected.push_back(std::move(*objection));
    return found;
  }
  int n = 0, driver = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&n); error != cudaSuccess || n == 0) {
    static_cast<void>(cudaGetLastError());
    const bool has_none = error == cudaSuccess || error == cudaErrorNoDevice;
    found.rejected.push_back({kind.name, has_none ? "NVIDIA's driver finds no card" : "cudaGetDeviceCount: " + text_of(error),
                              has_none ? Rejection::no_driver : Rejection::failed});
    return found;
  }
  static_cast<void>(cudaDriverGetVersion(&driver));
  std::size_t n_named = 0;
  const auto next_name = [&] { return n_named++ == 0 ? std::string(kind.name) : kind.name + std::string(":") + std::to_string(n_named - 1); };
  std::vector<RejectedDevice> rejected;
  for (int i = 0; i < n; ++i) {
    cudaDeviceProp p{};
    std::size_t free_bytes = 0, total_bytes = 0;
    cudaError_t error = cudaGetDeviceProperties(&p, i);
    if (error == cudaSuccess && 10 * p.major + p.minor < kind.least_capability) {
      rejected.push_back({"",
                          std::string(p.name) + ": expected compute capability " + capability(kind.least_capability) + ", found " +
                              capability(10 * p.major + p.minor),
                          Rejection::device_too_old});
      continue;
    }
    if (error == cudaSuccess) error = cudaSetDevice(i);
    if (error == cudaSuccess) error = cudaMemGetInfo(&free_bytes, &total_bytes);
    if (error != cudaSuccess) {
      static_cast<void>(cudaGetLastError());
      rejected.push_back({"", "card " + std::to_string(i) + ": " + text_of(error), Rejection::failed});
      continue;
    }
    FoundCard card;
    card.number = i;
    card.capability = 10 * p.major + p.minor;
    DeviceInfo& info = card.info;
    info.name = next_name();
    info.kind = DeviceKind::cuda;
    info.total_bytes = total_bytes;
    info.free_bytes = free_bytes - std::min<std::uint64_t>(free_bytes / 2, std::max<std::uint64_t>(free_bytes / kSpareShare, kLeastSpareBytes));
    info.api = "compute capability " + capability(10 * p.major + p.minor);
    info.driver = "NVIDIA, CUDA " + std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10);
    info.detail = std::string(p.name) + ", " + info.api + ", " + info.driver;
    info.uuid = hex_of(p.uuid);
    info.is_integrated = p.integrated != 0;
    info.is_software = kind.is_software;
    info.least_subgroup = info.most_subgroup = 32;
    info.has_f16 = info.has_int8_dot = true;
    found.usable.push_back(std::move(card));
  }
  for (RejectedDevice& device : rejected) {
    device.name = next_name();
    found.rejected.push_back(std::move(device));
  }
  return found;
}

Error not_available(std::string_view device, const std::string& reason) {
  Error error = make_error(ErrorCode::not_available, "device " + std::string(device) + ": " + reason);
  error.device = device;
  return error;
}

}  // namespace

std::string text_of(int error) {
  const auto code = static_cast<cudaError_t>(error);
  return std::string(cudaGetErrorName(code)) + ": " + cudaGetErrorString(code);
}

DeviceList list_devices(const Kind& kind) {
  FoundCards found = find_cards(kind);
  DeviceList list;
  for (FoundCard& card : found.usable) list.devices.push_back(std::move(card.info));
  list.rejected = std::move(found.rejected);
  return list;
}

Result<std::unique_ptr<Backend>> create(const Kind& kind, std::string_view device, const BackendOptions& options) {
  const FoundCards found = find_cards(kind);
  const std::string_view name = device == std::string(kind.name) + ":0" ? std::string_view(kind.name) : device;
  for (const FoundCard& card : found.usable) {
    if (card.info.name == name) return create_cuda_backend(card.info, card.number, card.capability, options.activations);
  }
  std::string there;
  for (const RejectedDevice& rejected : found.rejected) {
    if (rejected.name == name) return not_available(device, rejected.reason);
    there += (there.empty() ? "" : "; ") + rejected.name + ": " + rejected.reason;
  }
  for (const FoundCard& card : found.usable) there += (there.empty() ? "" : ", ") + card.info.name;
  return not_available(device, "expected one of those that are there, " + there);
}

}  // namespace pio::cuda
