#pragma once

#include <string_view>

#include "engine/lora/adapted_weights.h"

namespace pio {

// PATH or PATH:SCALE, PATH also as a file: address. What exists as it is typed is a path and nothing else ("a:0.5" may be a folder); else the
// last colon before a number divides the two. Fails with bad_argument for an address that is none of this machine's.
Result<LoraRequest> lora_request_of(std::string_view typed);

}  // namespace pio
