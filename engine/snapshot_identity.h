#pragma once

#include <string>

#include "engine/loaded_model.h"

namespace pio {

// All that the keys and values of a loaded model depend on beside the tokens, as lines: its name, their format, the files with sizes and contents
// (files/file_contents.h), adapters, what tokens attend to, the device and its instruction set. Of equal identities one's keys and values are the other's.
std::string snapshot_identity(const LoadedModel& model, const LoadRequest& request);

// The same files with their sizes and times, which is quick: where these are as they were, so are the contents.
std::string file_stamps(const LoadedModel& model, const LoadRequest& request);

}  // namespace pio
