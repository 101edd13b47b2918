#include "app/history/records.h"

#include <QDateTime>
#include <QRandomGenerator>
#include <QUuid>
#include <atomic>

namespace pio {

QString nameOf(ChatRecord::Kind kind) {
  switch (kind) {
    case ChatRecord::Kind::Chat: return QStringLiteral("chat");
    case ChatRecord::Kind::Image: return QStringLiteral("image");
    case ChatRecord::Kind::Code: return QStringLiteral("code");
  }
  return {};
}

QString nameOf(Message::Role role) {
  switch (role) {
    case Message::Role::System: return QStringLiteral("system");
    case Message::Role::User: return QStringLiteral("user");
    case Message::Role::Assistant: return QStringLiteral("assistant");
    case Message::Role::Tool: return QStringLiteral("tool");
  }
  return {};
}

QString nameOf(Message::State state) {
  switch (state) {
    case Message::State::Complete: return QStringLiteral("complete");
    case Message::State::Stopped: return QStringLiteral("stopped");
    case Message::State::Unfinished: return QStringLiteral("unfinished");
    case Message::State::Failed: return QStringLiteral("failed");
    case Message::State::Streaming: return QStringLiteral("streaming");
  }
  return {};
}

bool kindFromName(const QString& name, ChatRecord::Kind& kind) {
  for (const auto candidate : {ChatRecord::Kind::Chat, ChatRecord::Kind::Image, ChatRecord::Kind::Code}) {
    if (nameOf(candidate) == name) {
      kind = candidate;
      return true;
    }
  }
  return false;
}

bool roleFromName(const QString& name, Message::Role& role) {
  for (const auto candidate : {Message::Role::System, Message::Role::User, Message::Role::Assistant, Message::Role::Tool}) {
    if (nameOf(candidate) == name) {
      role = candidate;
      return true;
    }
  }
  return false;
}

bool stateFromName(const QString& name, Message::State& state) {
  for (const auto candidate :
       {Message::State::Complete, Message::State::Stopped, Message::State::Unfinished, Message::State::Failed, Message::State::Streaming}) {
    if (nameOf(candidate) == name) {
      state = candidate;
      return true;
    }
  }
  return false;
}

QString newId() {
  // Time and counter are one number, so that ids made in the same millisecond sort too; a clock set back does not turn the order round.
  static std::atomic<quint64> last{0};
  const quint64 now = static_cast<quint64>(QDateTime::currentMSecsSinceEpoch()) << 12;
  quint64 previous = last.load();
  quint64 stamp = 0;
  do {
    stamp = std::max(now, previous + 1);
  } while (!last.compare_exchange_weak(previous, stamp));
  const quint64 random = QRandomGenerator::system()->generate64();
  const QUuid uuid(static_cast<uint>(stamp >> 28), static_cast<ushort>(stamp >> 12), static_cast<ushort>(0x7000 | (stamp & 0x0fff)),
                   static_cast<uchar>(0x80 | (random >> 58)), static_cast<uchar>(random >> 48), static_cast<uchar>(random >> 40),
                   static_cast<uchar>(random >> 32), static_cast<uchar>(random >> 24), static_cast<uchar>(random >> 16),
                   static_cast<uchar>(random >> 8), static_cast<uchar>(random));
  return uuid.toString(QUuid::WithoutBraces);
}

}  // namespace pio
