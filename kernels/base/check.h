#pragma once

// CHECK states what only a bug of ours can break, and is on in release too. Never use it on what a file or a person can cause:
// that is a Result. A failed CHECK tells the handler (the host may log it) and ends the process.

namespace pio {

[[noreturn]] void check_failed(const char* condition, const char* message, const char* file, int line);

// Called before the process ends; the host sets it once, before any other thread runs.
using CheckHandler = void (*)(const char* text);
void set_check_handler(CheckHandler handler);

}  // namespace pio

#define CHECK(condition, message)                                   \
  do {                                                              \
    if (!(condition)) [[unlikely]]                                  \
      ::pio::check_failed(#condition, message, __FILE__, __LINE__); \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition, message) static_cast<void>(0)
#else
#define DCHECK(condition, message) CHECK(condition, message)
#endif
