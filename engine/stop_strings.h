#pragma once

#include <string>
#include <string_view>
#include <vector>

// Text as it is generated, without stop strings: what may become one is held back, and nothing of a whole one is shown.

namespace pio {

class StopStrings {
 public:
  // Empty strings are ignored.
  explicit StopStrings(std::vector<std::string> stops);
  // The text that is safe to show after these characters. Once found() nothing more comes.
  std::string push(std::string_view text);
  // What was held back, when no stop string came of it.
  std::string finish();
  bool found() const { return found_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool found_ = false;
};

}  // namespace pio
