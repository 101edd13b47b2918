#pragma once

#include <string>

#include "kernels/registry.h"

namespace pio {

// A graphics card, or a renderer that does as if: its memory is not the host's.
bool is_card(const DeviceInfo& device);

// Which of them a person means who names none: the first card of CUDA, else the first of Vulkan with memory of its own, else the processor. Renderers
// on the processor are none. "cpu" where nothing is listed. Pure.
std::string preferred_device(const DeviceList& list);

}  // namespace pio
