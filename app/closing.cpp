#include "app/closing.h"

#include <utility>

#include "app/chat/chat_controller.h"
#include "app/code/code_controller.h"
#include "app/history/history_writer.h"

namespace pio {

static constexpr int kLateMs = 700;   // so long a window that was closed may stand there without a word
static constexpr int kAgainMs = 500;  // between two looks at what is not saved

Closing::Closing(HistoryWriter* writer, CodeController* code, ChatController* chat, QObject* parent)
    : QObject(parent), m_writer(writer), m_code(code), m_chat(chat) {
  for (QTimer* timer : {&m_late, &m_again}) timer->setSingleShot(true);
  m_late.setInterval(kLateMs);
  m_again.setInterval(kAgainMs);
  connect(&m_late, &QTimer::timeout, this, [this] { setUnsaved(unsavedNotice({})); });
  connect(&m_again, &QTimer::timeout, this, &Closing::look);
  connect(writer, &HistoryWriter::settled, this, &Closing::take);
  connect(code, &CodeController::closeAllowed, this, &Closing::begin);
}

bool Closing::request() {
  if (std::exchange(m_isAllowed, false)) return true;
  if (!m_isClosing && m_code->mayClose()) begin();
  return false;
}

void Closing::begin() {
  m_isClosing = true;
  m_chat->saveDraft();
  m_late.start();
  look();
}

void Closing::look() { QMetaObject::invokeMethod(m_writer, &HistoryWriter::settle); }

void Closing::take(const UnsavedHistory& unsaved) {
  if (!m_isClosing) return;
  m_late.stop();
  if (!unsaved.isSet()) {
    allow();
    return;
  }
  setUnsaved(unsavedNotice(unsaved));
  m_again.start();
}

void Closing::allow() {
  stay();
  m_isAllowed = true;
  Q_EMIT allowed();
}

void Closing::closeAnyway() {
  if (m_isClosing) allow();
}

void Closing::stay() {
  m_isClosing = false;
  m_late.stop();
  m_again.stop();
  setUnsaved({});
}

void Closing::setUnsaved(const UserError& words) {
  if (words == m_unsaved) return;
  m_unsaved = words;
  Q_EMIT changed();
}

}  // namespace pio
