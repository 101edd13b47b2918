#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/files/metadata.h"
#include "kernels/base/result.h"

// The JSON texts of a Hugging Face folder, as the reader of folders wants them. Private to this folder, and for fuzzing.

namespace pio {

// An object as dotted keys, after `prefix`: {"a": {"b": 1}} gives "a.b". Lists of numbers, of bools and of strings are kept (of at most 65,536
// items); null and empty lists are left out, as if absent; of any other list it is kept that there is one: as an empty list of strings. Fails
// with bad_file, naming `label`.
Result<void> flatten_json(std::string_view text, std::string_view label, std::string_view prefix, Metadata& metadata);

// "weight_map" of a model.safetensors.index.json: tensor name → name of a file in the same folder, at least one.
Result<std::map<std::string, std::string>> parse_weight_map(std::string_view text, std::string_view label);

}  // namespace pio
