#pragma once

#include <QString>
#include <cstddef>
#include <optional>

// The names that values of an enum have in files: one table, read both ways.

namespace pio {

template <class E>
struct ValueName {
  E value;
  const char* name;
};

// "" of a value that the table does not have.
template <class E, std::size_t N>
QString nameIn(const ValueName<E> (&names)[N], E value) {
  for (const ValueName<E>& known : names) {
    if (known.value == value) return QLatin1String(known.name);
  }
  return {};
}

template <class E, std::size_t N>
std::optional<E> valueIn(const ValueName<E> (&names)[N], const QString& name) {
  for (const ValueName<E>& known : names) {
    if (name == QLatin1String(known.name)) return known.value;
  }
  return std::nullopt;
}

}  // namespace pio
