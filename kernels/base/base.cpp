#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "kernels/base/check.h"
#include "kernels/base/log.h"
#include "kernels/base/number_text.h"
#include "kernels/base/result.h"

namespace pio {
namespace {

std::atomic<CheckHandler> check_handler{nullptr};
std::atomic<LogSink> log_sink{nullptr};

}  // namespace

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_file: return "bad_file";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::io: return "io";
    case ErrorCode::unsupported_model: return "unsupported_model";
    case ErrorCode::bad_argument: return "bad_argument";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::context_full: return "context_full";
    case ErrorCode::template_refused: return "template_refused";
    case ErrorCode::device_lost: return "device_lost";
    case ErrorCode::not_available: return "not_available";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::internal: return "internal";
  }
  return "unknown";
}

void check_failed(const char* condition, const char* message, const char* file, int line) {
  char text[512];
  std::snprintf(text, sizeof text, "%s:%d: %s (%s)", file, line, message, condition);
  if (const CheckHandler handler = check_handler.load()) handler(text);
  std::abort();
}

std::string fixed_text(double value, int n_decimals) {
  char text[340];  // the largest double has 309 digits before the point
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, n_decimals).ptr};
}

std::string short_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6).ptr};
}

void set_check_handler(CheckHandler handler) { check_handler.store(handler); }

void set_log_sink(LogSink sink) { log_sink.store(sink); }

void log(LogLevel level, std::string_view text) {
  if (const LogSink sink = log_sink.load()) sink(level, text);
}

}  // namespace pio
