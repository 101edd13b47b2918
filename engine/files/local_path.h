#pragma once

#include <string>
#include <string_view>

#include "kernels/base/result.h"

namespace pio {

// The path that a person or another program means. What exists under the name as it is typed is that; else a file: address (RFC 8089:
// file:///a%20b, file://localhost/a, file:/a) is its path, with %XX decoded. Anything else stays as it is. Fails with bad_argument for an address
// of another host, and for one that is no path: a broken %XX, a zero byte.
Result<std::string> local_path(std::string_view typed);

}  // namespace pio
