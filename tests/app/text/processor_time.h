#pragma once

#include <ctime>

// Milliseconds of the processor since it was made: limits in time then hold on a machine that is busy with something else.
class ProcessorTime {
 public:
  double milliseconds() const { return 1e3 * double(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};
