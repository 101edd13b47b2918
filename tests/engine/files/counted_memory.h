#pragma once

#include <cstddef>

namespace pio {

// The most heap that was in use at once since it was made, beyond what was in use then. (operator new is replaced in this program.)
class CountedMemory {
 public:
  CountedMemory();
  std::size_t peak_bytes() const;

 private:
  std::size_t before_;
};

}  // namespace pio
