#pragma once

#include "models/chat_format.h"

// The chat templates of the two small families, as published: SmolLM2-135M-Instruct (its last revision, sha256 872be49d…) and
// Qwen2.5-Coder (sha256 cd8e9439…). Both invent a system message where the conversation has none.

namespace pio {

const ChatFormat& smollm2_chat_format();
const ChatFormat& qwen2_5_coder_chat_format();

}  // namespace pio
