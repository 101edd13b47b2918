#pragma once

#include "models/chat_format.h"

// The chat template of Qwen3-VL-2B-Instruct as published (sha256 3636d0f0…): ChatML with Hermes tools, and pictures and films among the
// parts of a user's message or a tool's result, one placeholder each.

namespace pio {

const ChatFormat& qwen3_vl_2b_chat_format();

}  // namespace pio
