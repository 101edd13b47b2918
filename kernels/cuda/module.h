#pragma once

#include <exception>
#include <new>

#include "kernels/backend_module.h"
#include "kernels/cuda/devices.h"

namespace pio::cuda {

// What a module of such devices shows of itself. No exception leaves its functions.
template <const Kind& kind>
struct Module {
  static DeviceList list() {
    try {
      return list_devices(kind);
    } catch (const std::exception& e) {
      return {{}, {{kind.name, e.what(), Rejection::failed}}};
    }
  }
  static Result<std::unique_ptr<Backend>> create(std::string_view device, const BackendOptions& options) {
    try {
      return cuda::create(kind, device, options);
    } catch (const std::bad_alloc&) {
      return make_error(ErrorCode::out_of_memory, "device " + std::string(device) + ": no memory to open it");
    } catch (const std::exception& e) {
      Error error = make_error(ErrorCode::not_available, "device " + std::string(device) + ": " + e.what());
      error.device = device;
      return error;
    }
  }
  static void set_sinks(LogSink log, CheckHandler check) {
    set_log_sink(log);
    set_check_handler(check);
  }
  static const BackendModule* get() {
    static const BackendModule module{build_id(), set_sinks, list, create};
    return &module;
  }
};

}  // namespace pio::cuda
