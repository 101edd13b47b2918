#pragma once

#include <optional>
#include <string>

#include "engine/files/model_file.h"
#include "models/chat_format.h"

// Which chat format a file's conversations have.

namespace pio {

// The Jinja template that came with a model: of a GGUF its metadata (tokenizer.chat_template); of a folder chat_template.jinja, else the
// one in chat_template.json, else in tokenizer_config.json, the default one of several. Nothing where there is none that can be read.
std::optional<std::string> chat_template_of(const ModelFile& file);

struct ChosenFormat {
  const ChatFormat* format = nullptr;  // null where the family has none either
  bool is_guess = false;               // the file has a template, and it is none of ours: the family's own format stands in
};

// The format of the file's template where it is one that we render, recognised by its hash; else the family's own.
ChosenFormat choose_chat_format(const ModelFile& file);

}  // namespace pio
