#include <cstdlib>

#include "engine/files/checkpoint_json.h"

// config.json, generation_config.json and model.safetensors.index.json.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  pio::Metadata metadata;
  static_cast<void>(pio::flatten_json(text, "config.json", "", metadata));
  static_cast<void>(pio::flatten_json(text, "generation_config.json", "generation.", metadata));
  if (const auto files = pio::parse_weight_map(text, "model.safetensors.index.json"))
    for (const auto& [tensor, file] : *files)
      if (file.empty() || file.find('/') != std::string::npos || file == "..") std::abort();
  return 0;
}
