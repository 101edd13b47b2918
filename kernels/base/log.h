#pragma once

#include <string_view>

// One sink, set by the host. The library itself never prints: without a sink the words go nowhere.

namespace pio {

enum class LogLevel { info, warning };

using LogSink = void (*)(LogLevel level, std::string_view text);

// Any thread may log once the sink is set; the sink must be safe to call from all of them.
void set_log_sink(LogSink sink);
void log(LogLevel level, std::string_view text);

}  // namespace pio
