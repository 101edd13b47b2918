#pragma once

#include <memory>
#include <string_view>

#include "kernels/base/check.h"
#include "kernels/base/log.h"
#include "kernels/registry.h"

// What a backend that is a shared library of its own (libpio_vulkan.so) and the program know of each other. C++ crosses between them because both
// are one build: the program looks at build_id first, and at nothing else where that is not its own.

namespace pio {

struct BackendModule {
  const char* build_id;
  void (*set_sinks)(LogSink log, CheckHandler check);
  // No exception leaves these.
  DeviceList (*list)();
  Result<std::unique_ptr<Backend>> (*create)(std::string_view device, const BackendOptions& options);
};

// Of the headers of kernels, the compiler and its flags.
const char* build_id();

// The one symbol of a module.
inline constexpr const char* kBackendModuleSymbol = "pio_backend_module";
using BackendModuleFunction = const BackendModule* (*)();

}  // namespace pio
