#pragma once

#include <QString>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

// Many tokens, one signal per 33 ms: a screen shows no more, and 200 queued events a second would only cost. The first piece goes at once.
// Of one thread, the engine's; it has no timer there, so the last pieces of a burst wait for the next token or flush().

namespace pio {

class DeltaBatcher {
 public:
  using Sink = std::function<void(const QString& delta, qint64 nTokens)>;
  using Clock = std::chrono::steady_clock;

  explicit DeltaBatcher(Sink sink, std::chrono::milliseconds interval = std::chrono::milliseconds(33));
  // `text`: whole characters; n_tokens generated so far.
  void add(std::string_view text, qint64 nTokens);
  void flush();

 private:
  Sink m_sink;
  std::chrono::milliseconds m_interval;
  Clock::time_point m_due{};
  std::string m_pending;
  qint64 m_nTokens = 0;
};

}  // namespace pio
