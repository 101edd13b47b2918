#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pio {

// XXH64 (Yann Collet's xxHash, 64 bits) of some bytes: finds damage, at memory's speed. It does not resist whoever makes collisions on purpose.
std::uint64_t xxh64(std::span<const std::byte> bytes, std::uint64_t seed = 0);

}  // namespace pio
