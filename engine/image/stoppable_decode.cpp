#include <chrono>
#include <future>
#include <mutex>
#include <utility>

#include "engine/image/decode.h"

namespace pio {
namespace {

constexpr std::chrono::milliseconds kLook{5};  // how often a stop is looked for

// The picture that was being decoded when a stop came. Its future waits for the thread when it goes: at the latest at the program's end.
struct Abandoned {
  std::timed_mutex mutex;
  std::future<Result<Pixels>> decoding;
};
Abandoned& abandoned() {
  static Abandoned one;
  return one;
}

template <class T>
bool is_ready(const std::future<T>& future) {
  return future.wait_for(kLook) == std::future_status::ready;
}

}  // namespace

Result<Pixels> decode_picture(const PictureFile& file, std::stop_token stop) {
  const auto cancelled = [] { return make_error(ErrorCode::cancelled, "picture: decoding stopped"); };
  Abandoned& last = abandoned();
  std::unique_lock lock(last.mutex, std::defer_lock);
  while (!lock.try_lock_for(kLook)) {
    if (stop.stop_requested()) return cancelled();
  }
  while (last.decoding.valid() && !is_ready(last.decoding)) {
    if (stop.stop_requested()) return cancelled();
  }
  last.decoding = {};
  std::future<Result<Pixels>> decoding = std::async(std::launch::async, [file] { return decode_picture(file.bytes, file.label); });
  while (!is_ready(decoding)) {
    if (!stop.stop_requested()) continue;
    last.decoding = std::move(decoding);
    return cancelled();
  }
  return decoding.get();
}

}  // namespace pio
