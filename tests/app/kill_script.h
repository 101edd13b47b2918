#pragma once

#include <string>

// What the engine of kill_child says, turn after turn, and what kill_test looks for in the file.

namespace pio {

constexpr int kKillThoughts = 30;  // tokens
inline const std::string kKillThought = "The sea is dark and the night is long and the lamp turns";
inline const std::string kKillAnswer = [] {
  std::string text;
  for (int i = 0; i < 5; ++i) text += std::string(i > 0 ? " " : "") + "the sea rose and the lamp of the tower went round";
  return text;
}();

}  // namespace pio
