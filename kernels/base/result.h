#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "kernels/base/check.h"

// Errors are values. `Result<T>` holds a T or an Error; it is spelled like std::expected (C++23) so that it can become it by a rename.

namespace pio {

enum class ErrorCode {
  bad_file,           // a file that is not what it says it is: truncated, out of bounds, contradictory
  not_found,          // a file, folder or name that is not there
  io,                 // reading or writing failed: permissions, disk full, device gone
  unsupported_model,  // a sound file of an architecture, tokenizer or format that this build does not run
  bad_argument,       // a value from the user that cannot be used
  out_of_memory,      // device, needed_bytes and free_bytes say where and how much
  context_full,       // limit and asked say how many tokens
  template_refused,   // the chat format does not take this conversation
  device_lost,        // a device that was there does not answer
  not_available,      // asked for what this build or machine lacks
  cancelled,          // the user stopped it; nothing to explain
  internal,           // our bug
};

// The name of a code as it stands in logs: "bad_file".
const char* name_of(ErrorCode code);

// What went wrong, with its numbers as data: a sentence for a person is made of them in app/error_text.cpp.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // English, for the log: "<thing>: <expected>, <found>"
  std::string path;     // the file, when there is one
  std::string device;   // the device, when there is one
  std::uint64_t needed_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t limit = 0;  // of context_full and bad_argument: the most that is possible
  std::uint64_t asked = 0;  // and what was asked for
};

inline Error make_error(ErrorCode code, std::string message) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  return error;
}

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit, as std::expected
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    CHECK(has_value(), "value() of an error");
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(has_value(), "value() of an error");
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK(has_value(), "value() of an error");
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    CHECK(!has_value(), "error() of a value");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit, as std::expected

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    CHECK(error_.has_value(), "error() of a value");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace pio

#define PIO_CONCAT_(a, b) a##b
#define PIO_CONCAT(a, b) PIO_CONCAT_(a, b)

// ASSIGN_OR_RETURN(Gguf gguf, Gguf::open(path)); — declares or assigns the value, or returns the error from this function.
#define ASSIGN_OR_RETURN(declaration, ...) ASSIGN_OR_RETURN_(PIO_CONCAT(pio_result_, __LINE__), declaration, __VA_ARGS__)
#define ASSIGN_OR_RETURN_(result, declaration, ...) \
  auto result = (__VA_ARGS__);                      \
  if (!result) return result.error();               \
  declaration = std::move(*result)

#define RETURN_IF_ERROR(...)                                                     \
  do {                                                                           \
    if (auto pio_status = (__VA_ARGS__); !pio_status) return pio_status.error(); \
  } while (false)
