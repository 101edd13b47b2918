#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pio::vulkan {

// The SPIR-V of shaders/<name>.comp.
std::span<const std::uint32_t> shader_code(std::string_view name);

}  // namespace pio::vulkan
