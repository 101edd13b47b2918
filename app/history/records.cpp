#include "app/history/records.h"

#include <QDateTime>
#include <QRandomGenerator>
#include <QUuid>
#include <atomic>

#include "app/system/value_names.h"

namespace pio {

namespace {

constexpr ValueName<ChatRecord::Kind> kKinds[] = {
    {ChatRecord::Kind::Chat, "chat"}, {ChatRecord::Kind::Image, "image"}, {ChatRecord::Kind::Code, "code"}};
constexpr ValueName<Message::Role> kRoles[] = {
    {Message::Role::System, "system"}, {Message::Role::User, "user"}, {Message::Role::Assistant, "assistant"}, {Message::Role::Tool, "tool"}};
constexpr ValueName<Message::State> kStates[] = {{Message::State::Complete, "complete"},
                                                 {Message::State::Stopped, "stopped"},
                                                 {Message::State::Unfinished, "unfinished"},
                                                 {Message::State::Failed, "failed"},
                                                 {Message::State::Streaming, "streaming"}};

template <class E, std::size_t N>
bool read(const ValueName<E> (&names)[N], const QString& name, E& value) {
  const std::optional<E> found = valueIn(names, name);
  if (found) value = *found;
  return found.has_value();
}

}  // namespace

QString nameOf(ChatRecord::Kind kind) { return nameIn(kKinds, kind); }
QString nameOf(Message::Role role) { return nameIn(kRoles, role); }
QString nameOf(Message::State state) { return nameIn(kStates, state); }
bool kindFromName(const QString& name, ChatRecord::Kind& kind) { return read(kKinds, name, kind); }
bool roleFromName(const QString& name, Message::Role& role) { return read(kRoles, name, role); }
bool stateFromName(const QString& name, Message::State& state) { return read(kStates, name, state); }

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
