#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "models/weight_source.h"

// The keys and values that a model file says about itself, and how one is asked for.

namespace pio {

using Metadata = std::map<std::string, MetaValue, std::less<>>;

// The value under a key where it has this type; null where it has not, or the key is absent.
template <class T>
const T* value_of(const Metadata& metadata, std::string_view key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : std::get_if<T>(&found->second);
}

// A number however it is written: 8 and 8.0.
inline std::optional<double> number_of(const Metadata& metadata, std::string_view key) {
  if (const auto* real = value_of<double>(metadata, key)) return *real;
  if (const auto* whole = value_of<std::int64_t>(metadata, key)) return static_cast<double>(*whole);
  return std::nullopt;
}

}  // namespace pio
