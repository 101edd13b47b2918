#pragma once

#include <QVariantMap>
#include <optional>
#include <string_view>

// What each number of the settings may be: one table for what is read from a file, what is set, and what the window's fields take.

namespace pio {

struct NumberLimit {
  const char* name;  // of the property
  double from, to;
  std::optional<double> automatic = {};  // below `from`: leaves the choice to the program
};

// The nearest number that may be; what is no number becomes the automatic or the least one.
double within(std::string_view name, double value);
qint64 within(std::string_view name, qint64 value);
int within(std::string_view name, int value);

// For QML: of each number by its name {from, to}, and {automatic} where there is one.
QVariantMap numberLimits();

}  // namespace pio
