#pragma once

#include "models/chat_format.h"

// Answers of GLM-4.7-Flash: reasoning up to </think> unless the prompt has closed it, then text and, where tools are offered, calls as a
// name with <arg_key> and <arg_value> pairs.

namespace pio {

// Whether the prompt ends within <think>: unless thinking is off, or the answer was begun beyond it.
bool glm_answer_starts_in_reasoning(const RenderRequest& request);
std::unique_ptr<ChatParser> glm_parser(const RenderRequest& request);

}  // namespace pio
