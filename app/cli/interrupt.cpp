#include "app/cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <thread>

namespace pio::cli {
namespace {

constexpr int kStatus = 130;  // 128 + SIGINT, as a shell says it

struct State {
  std::mutex mutex;
  std::stop_source source;
  std::atomic<bool> is_asked = false;  // a command polls the token
  std::atomic<bool> is_interrupted = false;
  int pressed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);  // readable while is_interrupted
  int leaving = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::thread thread;
};

State& state() {
  static State* const state = new State;  // lives as long as the process: the thread may look at it to the end
  return *state;
}

void on_interrupt(State& s) {
  if (!s.is_asked || s.is_interrupted.exchange(true)) _exit(kStatus);
  const std::uint64_t one = 1;
  if (write(s.pressed, &one, sizeof one) < 0) _exit(kStatus);
  const std::lock_guard lock(s.mutex);
  s.source.request_stop();
}

void watch(State& s, int signals) {
  for (;;) {
    pollfd files[] = {{signals, POLLIN, 0}, {s.leaving, POLLIN, 0}};
    if (poll(files, 2, -1) < 0 && errno != EINTR) break;
    if (files[1].revents != 0) break;
    signalfd_siginfo info;
    if (files[0].revents != 0 && read(signals, &info, sizeof info) == sizeof info) on_interrupt(s);
  }
  close(signals);
}

}  // namespace

InterruptWatch::InterruptWatch() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  State& s = state();
  // Threads made later inherit the mask, so that only the signalfd hears of it.
  if (s.pressed < 0 || s.leaving < 0 || pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return;
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // then Ctrl+C ends the program as it always does
  else s.thread = std::thread(watch, std::ref(s), signals);
}

InterruptWatch::~InterruptWatch() {
  State& s = state();
  if (!s.thread.joinable()) return;
  const std::uint64_t one = 1;
  if (write(s.leaving, &one, sizeof one) > 0) s.thread.join();
  else s.thread.detach();
}

std::stop_token interrupt_token() {
  State& s = state();
  s.is_asked = true;
  const std::lock_guard lock(s.mutex);
  return s.source.get_token();
}

bool was_interrupted() { return state().is_interrupted; }

void reset_interrupt() {
  State& s = state();
  if (!s.is_interrupted) return;
  const std::lock_guard lock(s.mutex);
  s.source = std::stop_source();
  std::uint64_t count = 0;
  if (read(s.pressed, &count, sizeof count) >= 0 || errno == EAGAIN) s.is_interrupted = false;
}

void stop_work() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.source.request_stop();
}

bool wait_readable(int file) {
  State& s = state();
  pollfd files[] = {{file, POLLIN, 0}, {s.is_asked ? s.pressed : -1, POLLIN, 0}};
  while (poll(files, 2, -1) < 0 && errno == EINTR) {
  }
  return files[1].revents == 0;
}

}  // namespace pio::cli
