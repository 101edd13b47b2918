#include "app/cli/trace_file.h"

#include "app/cli/lines.h"

namespace pio::cli {

Result<RoutingTrace> read_trace(const std::string& path) {
  RoutingTraceReader reader;
  RETURN_IF_ERROR(for_each_line(path, [&](std::string_view line) { return reader.add(line); }));
  Result<RoutingTrace> trace = reader.finish();
  if (trace) return trace;
  Error error = trace.error();
  error.message = path + ": " + error.message;
  return error;
}

}  // namespace pio::cli
