#pragma once

#include <memory>

#include "engine/files/read_queue.h"

namespace pio {

// Some threads that wait in pread().
Result<std::unique_ptr<ReadQueue>> create_read_threads();

}  // namespace pio
