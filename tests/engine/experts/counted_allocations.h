#pragma once

#include <cstdint>

// This program replaces operator new by one that counts.

namespace pio::test {

std::int64_t n_allocations();

}  // namespace pio::test
