// A backend module that drives nothing: of another build (PIO_FAKE_BUILD), or with one card that every other fake has too.

#include "kernels/backend_module.h"

namespace {

pio::DeviceList list() {
  pio::DeviceInfo card;
  card.name = PIO_FAKE_KIND;
  card.uuid = "0123456789abcdef0123456789abcdef";
  card.detail = "a card of the tests";
  card.total_bytes = card.free_bytes = 1 << 20;
  return {{card}, {{PIO_FAKE_KIND ":1", "not today", pio::Rejection::driver_too_old}}};
}

pio::Result<std::unique_ptr<pio::Backend>> create(std::string_view device, const pio::BackendOptions&) {
  pio::Error error = pio::make_error(pio::ErrorCode::not_available, "a card of the tests");
  error.device = device;
  return error;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const pio::BackendModule* pio_backend_module() {
#ifdef PIO_FAKE_BUILD
  static const pio::BackendModule module{PIO_FAKE_BUILD, nullptr, list, create};  // nothing but its build may be looked at
#else
  static const pio::BackendModule module{pio::build_id(), [](pio::LogSink, pio::CheckHandler) {}, list, create};
#endif
  return &module;
}
