#include "app/image/image_session.h"

#include <algorithm>

#include "app/chat/chat_controller.h"
#include "app/image/picture_tray.h"
#include "app/system/background_files.h"

namespace pio {

constexpr int kFollowMs = 250;

ImageSession::ImageSession(ChatController* chat, BackgroundFiles* files, QObject* parent)
    : QObject(parent), m_chat(chat), m_files(files), m_places(new PlaceModel(this)) {
  m_timer.setSingleShot(true);
  m_timer.setInterval(kFollowMs);
  connect(&m_timer, &QTimer::timeout, this, &ImageSession::follow);
  connect(chat, &ChatController::progressChanged, this, [this] {
    if (!m_timer.isActive()) m_timer.start();
  });
  connect(chat, &ChatController::stateChanged, this, &ImageSession::follow);
  connect(chat, &ChatController::chatChanged, this, &ImageSession::follow);
  connect(chat->tray(), &PictureTray::countChanged, this, &ImageSession::follow);
  connect(files, &BackgroundFiles::pictureLooked, this, [this](quint64, const PictureFact& fact) {
    if (fact.path != m_lookedAt) return;
    m_pixels = fact.problem == PictureProblem::none ? QSize(fact.width, fact.height) : QSize();
    Q_EMIT pixelsChanged();
  });
}

void ImageSession::follow() {
  const QString shown = m_pictures.value(m_current);
  const QStringList before = m_pictures;
  m_pictures.clear();
  m_asked.clear();
  QString answer;
  m_chat->forEachShown([&](const Message& message) {
    if (message.role == Message::Role::Assistant) answer = message.text();
    const QStringList pictures = message.pictures();
    for (const MessagePart& part : message.parts) {
      if (part.kind == MessagePart::Kind::Picture && !part.name.isEmpty()) m_names.insert(part.path, part.name);
    }
    if (pictures.isEmpty()) return;
    m_asked = pictures;
    m_pictures.append(pictures);
  });
  const QStringList tray = m_chat->tray()->paths();
  m_pictures.append(tray);
  m_pictures.removeDuplicates();
  m_places->setAnswer(m_asked.isEmpty() ? QString() : answer);  // places are those of a picture
  // Of another conversation: what is asked about now. What is new is looked at first; else the eye stays where it is.
  const QStringList now = tray.isEmpty() ? m_asked : tray;
  const auto firstNew = std::find_if(m_pictures.begin(), m_pictures.end(), [&](const QString& path) { return !before.contains(path); });
  if (m_pictures.isEmpty()) m_current = -1;
  else if (!m_pictures.contains(shown)) m_current = static_cast<int>(m_pictures.indexOf(now.first()));
  else if (firstNew != m_pictures.end() && !tray.contains(shown)) m_current = static_cast<int>(firstNew - m_pictures.begin());
  else m_current = static_cast<int>(m_pictures.indexOf(shown));
  look();
  Q_EMIT changed();
}

void ImageSession::look() {
  const QString path = m_pictures.value(m_current);
  if (path == m_lookedAt) return;
  m_lookedAt = path;
  m_pixels = {};
  Q_EMIT pixelsChanged();
  // Number 0: of nothing in the tray.
  if (!path.isEmpty()) QMetaObject::invokeMethod(m_files, [files = m_files, path] { files->lookAtPicture(0, path); });
}

void ImageSession::setCurrent(int index) {
  if (index == m_current || index < 0 || index >= m_pictures.size()) return;
  m_current = index;
  look();
  Q_EMIT changed();
}

QUrl ImageSession::source() const { return m_current < 0 ? QUrl() : QUrl::fromLocalFile(m_pictures[m_current]); }
QString ImageSession::name() const {
  return m_current < 0 ? QString() : m_names.value(m_pictures[m_current], m_chat->tray()->nameOf(m_pictures[m_current]));
}
bool ImageSession::placesBelong() const { return m_current >= 0 && m_asked.contains(m_pictures[m_current]); }

}  // namespace pio
