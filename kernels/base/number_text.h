#pragma once

#include <string>

namespace pio {

// `value` with so many decimals after a point, whatever the locale; 0 to 20 decimals. As Python's f"{value:.1f}".
std::string fixed_text(double value, int n_decimals);
// With six significant digits, as printf's %g in the C locale: for messages.
std::string short_text(double value);

}  // namespace pio
