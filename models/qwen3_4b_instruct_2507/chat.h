#pragma once

#include "models/chat_format.h"

// The chat template of Qwen3-4B-Instruct-2507, as published since 2025-09-17 (sha256 64f85b19…): Hermes tools, no thinking, and no
// system message invented. Content that is not a string is left out.

namespace pio {

const ChatFormat& qwen3_4b_instruct_2507_chat_format();

}  // namespace pio
