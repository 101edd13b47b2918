#pragma once

#include <memory>

#include "engine/files/read_queue.h"

namespace pio {

// By io_uring, Linux 5.1 and later. Fails with not_available where the system has none or forbids it, as many containers do.
Result<std::unique_ptr<ReadQueue>> create_uring();

}  // namespace pio
