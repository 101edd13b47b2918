#pragma once

#include <stop_token>

// Ctrl+C (SIGINT). A thread of its own waits for it, so that a stop is never pulled from inside a signal handler.

namespace pio::cli {

// In main(), before any other thread is there. Until a command asks for interrupt_token(), Ctrl+C ends the program at once with 130; from
// then on it pulls that token, and the second one ends the program.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
};

std::stop_token interrupt_token();
// Whether Ctrl+C was pressed since the start or the last reset_interrupt(). A stop by stop_work() is none.
bool was_interrupted();
// Makes a new token, for a conversation that goes on after an answer was stopped.
void reset_interrupt();
// Pulls the token for another reason: the reader of standard output has gone.
void stop_work();
// Waits until `file` can be read. False: Ctrl+C came first.
bool wait_readable(int file);

}  // namespace pio::cli
