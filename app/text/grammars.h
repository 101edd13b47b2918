#pragma once

#include <span>

struct TSLanguage;

namespace pio {

// A grammar that this build has: grammars.cmake writes the table from the sources it finds.
struct Grammar {
  const char* name;  // "c_sharp"
  const TSLanguage* (*language)();
  const char* query;  // resources/queries/<name>.scm
};

std::span<const Grammar> grammars();

}  // namespace pio
