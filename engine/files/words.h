#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "kernels/base/result.h"

// How the readers talk about what they found. What comes from a file may be long or no text at all; none of it goes into a message as it is.

namespace pio {

// At most 80 bytes, whatever is not printable ASCII as '?', "..." where it was cut. For names that go into messages.
std::string shown(std::string_view name);

// "a Git LFS pointer instead of the file itself", "a web page", … for bytes that are a known other thing; else their beginning in hex.
std::string what_it_looks_like(std::span<const std::byte> bytes);

// ASCII letters in lower case: as names are compared.
std::string lower_case(std::string_view text);

Error bad_file(std::string_view label, const std::string& words);
Error unsupported(std::string_view label, const std::string& words);

}  // namespace pio
