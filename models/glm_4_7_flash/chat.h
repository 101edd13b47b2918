#pragma once

#include "models/chat_format.h"

// The chat template of GLM-4.7-Flash as published (its one revision, sha256 d63ad536…): turns without newlines and without end tokens,
// reasoning before the answer unless it is switched off, tool calls as keys and values.

namespace pio {

const ChatFormat& glm_4_7_flash_chat_format();

}  // namespace pio
