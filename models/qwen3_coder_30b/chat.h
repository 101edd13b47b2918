#pragma once

#include "models/chat_format.h"

// The chat template of Qwen3-Coder-30B-A3B-Instruct as published since 2025-08-21 (sha256 32bf2564…): ChatML whose tools and calls are XML.

namespace pio {

const ChatFormat& qwen3_coder_30b_chat_format();

}  // namespace pio
