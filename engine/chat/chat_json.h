#pragma once

#include <vector>

#include "engine/engine.h"

// Conversations as OpenAI's chat interface writes them, in and out.

namespace pio {

// [{"role", "content", "tool_calls", "reasoning_content", …}]: brought into the shape that every template reads. Arguments given as JSON
// text become objects; content parts are texts and pictures ("image", "image_url": a path, file: or data: URL in base64) and keep their order;
// `detail` is that of pictures that name none, or "auto"; "developer" is "system", "function" is "tool"; null is as absent. Other keys are not read. Fails with bad_argument, in words that name the
// place.
Result<std::vector<ChatMessage>> chat_messages(const JsonValue& list, ImageDetail detail = ImageDetail::full);

// {"id", "type": "function", "function": {"name", "arguments": "JSON text"}}
JsonValue tool_call_json(const ToolCall& call);

}  // namespace pio
