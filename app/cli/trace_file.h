#pragma once

#include <string>

#include "engine/experts/routing_trace.h"

namespace pio::cli {

// Which experts a model chose, from a file. Fails with bad_file, which names the file and the line.
Result<RoutingTrace> read_trace(const std::string& path);

}  // namespace pio::cli
