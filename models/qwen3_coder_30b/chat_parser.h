#pragma once

#include "models/chat_format.h"

// Answers of Qwen3-Coder: calls as <function=NAME> with <parameter=KEY> inside, in <tool_call> or, as the model does at times, without it.
// Plain text where the request offers no tools.

namespace pio {

std::unique_ptr<ChatParser> qwen3_coder_parser(const RenderRequest& request);

}  // namespace pio
