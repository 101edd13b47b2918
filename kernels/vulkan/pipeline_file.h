#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace pio::vulkan {

// What a driver made of shaders, kept from one run to the next in $XDG_CACHE_HOME/inference-pio (~/.cache/inference-pio where that is not set). The
// drivers' own checks of what they are given back are of their header only, so the bytes carry a checksum.

// Path of the file of a card by that name; empty where there is no such folder.
std::string pipeline_file(const std::string& name);

// Empty where there is none, or one that is damaged or cut short.
std::vector<std::byte> read_pipelines(const std::string& path);

// In place of what was there, at once or not at all. Not being able to is no error: the next run compiles again.
void write_pipelines(const std::string& path, std::span<const std::byte> bytes);

}  // namespace pio::vulkan
