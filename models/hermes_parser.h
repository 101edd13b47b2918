#pragma once

#include "models/chat_format.h"

namespace pio {

// Answers with Hermes calls: {"name": …, "arguments": {…}} between <tool_call> and </tool_call>, as Qwen2.5, Qwen3 and Qwen3-VL write them.
// Plain text where the request offers no tools.
//
// Of what models get wrong, this is read all the same: the arguments under another name (`parameters`, `args`, `input` …), as JSON in a
// string, beside the name, within "function", null or absent; several calls between two tags, a list of calls; line ends in strings; where
// the tool is offered also a closing tag, and closing brackets at the end, that are missing or too many.
std::unique_ptr<ChatParser> hermes_parser(const RenderRequest& request);

}  // namespace pio
