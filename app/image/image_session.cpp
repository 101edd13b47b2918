#include "app/image/image_session.h"

#include <QFileInfo>
#include <algorithm>

#include "app/chat/chat_controller.h"
#include "app/image/picture_tray.h"

namespace pio {

constexpr int kFollowMs = 250;

ImageSession::ImageSession(ChatController* chat, QObject* parent) : QObject(parent), m_chat(chat), m_places(new PlaceModel(this)) {
  m_timer.setSingleShot(true);
  m_timer.setInterval(kFollowMs);
  connect(&m_timer, &QTimer::timeout, this, &ImageSession::follow);
  connect(chat, &ChatController::progressChanged, this, [this] {
    if (!m_timer.isActive()) m_timer.start();
  });
  connect(chat, &ChatController::stateChanged, this, &ImageSession::follow);
  connect(chat, &ChatController::chatChanged, this, &ImageSession::follow);
  connect(chat->tray(), &PictureTray::countChanged, this, &ImageSession::follow);
}

void ImageSession::follow() {
  const QString shown = m_pictures.value(m_current);
  const QStringList before = m_pictures;
  m_pictures.clear();
  m_asked.clear();
  QString answer;
  for (const Message& message : m_chat->shownMessages()) {
    if (message.role == Message::Role::Assistant) answer = message.text;
    if (message.pictures.isEmpty()) continue;
    m_asked = message.pictures;
    m_pictures.append(message.pictures);
  }
  const QStringList tray = m_chat->tray()->paths();
  m_pictures.append(tray);
  m_pictures.removeDuplicates();
  m_places->setAnswer(answer);
  // What is new is looked at first; else the eye stays where it is.
  const auto firstNew = std::find_if(m_pictures.begin(), m_pictures.end(), [&](const QString& path) { return !before.contains(path); });
  if (firstNew != m_pictures.end() && !(tray.contains(shown) && before.contains(shown))) m_current = static_cast<int>(firstNew - m_pictures.begin());
  else m_current = static_cast<int>(std::max<qsizetype>(m_pictures.indexOf(shown), m_pictures.isEmpty() ? -1 : 0));
  Q_EMIT changed();
}

void ImageSession::setCurrent(int index) {
  if (index == m_current || index < 0 || index >= m_pictures.size()) return;
  m_current = index;
  Q_EMIT changed();
}

QUrl ImageSession::source() const { return m_current < 0 ? QUrl() : QUrl::fromLocalFile(m_pictures[m_current]); }
QString ImageSession::name() const { return m_current < 0 ? QString() : QFileInfo(m_pictures[m_current]).fileName(); }
bool ImageSession::placesBelong() const { return m_current >= 0 && m_asked.contains(m_pictures[m_current]); }

}  // namespace pio
