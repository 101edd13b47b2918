#pragma once

#include <string>

#include "engine/loaded_model.h"

namespace pio {

// All that the keys and values of a loaded model depend on beside the tokens, as lines: its name, their format, the files with sizes, times and
// the checksum of their beginnings, adapters, what tokens attend to, the device and its instruction set. Of equal identities one's keys and values are
// the other's.
std::string snapshot_identity(const LoadedModel& model, const LoadRequest& request);

}  // namespace pio
