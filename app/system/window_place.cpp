#include "app/system/window_place.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QGuiApplication>
#include <QJsonDocument>
#include <QJsonObject>
#include <QScreen>
#include <QWindow>
#include <algorithm>

#include "app/application.h"
#include "app/system/background_files.h"

namespace pio {
namespace {

constexpr int kLeastSide = 480, kMostSide = 20000;
constexpr int kSeen = 64;  // of its upper edge, by which one moves it

// The screen on which so much of it can be seen that it can be moved; null: none.
const QScreen* screenOf(const QRect& rect) {
  const QRect grip(rect.x(), rect.y(), rect.width(), kSeen / 2);
  for (const QScreen* screen : QGuiApplication::screens()) {
    const QRect seen = screen->availableGeometry() & grip;
    if (seen.width() >= kSeen && seen.height() >= kSeen / 4) return screen;
  }
  return nullptr;
}

}  // namespace

WindowPlace::WindowPlace(QString path, BackgroundFiles* files, QObject* parent) : QObject(parent), m_path(std::move(path)), m_files(files) {
  read();
  m_saveTimer.setSingleShot(true);
  m_saveTimer.setInterval(500);
  connect(&m_saveTimer, &QTimer::timeout, this, &WindowPlace::saveNow);
  connect(this, &WindowPlace::changed, this, [this] {
    m_isChanged = true;
    m_saveTimer.start();
  });
}

WindowPlace::~WindowPlace() = default;

void WindowPlace::read() {
  QFile file(m_path);
  if (!file.open(QIODevice::ReadOnly) || file.size() > 4096) return;
  const QJsonObject object = QJsonDocument::fromJson(file.readAll()).object();
  const auto number = [&](const char* key) { return object.value(QLatin1String(key)).toInt(); };
  const int width = number("width"), height = number("height");
  if (width >= kLeastSide && width <= kMostSide && height >= kLeastSide && height <= kMostSide) {
    m_rect = QRect(number("x"), number("y"), width, height);
  }
  m_isMaximized = object.value(QLatin1String("maximized")).toBool();
  m_pane = std::clamp(number("pane"), int{Application::ChatPane}, int{Application::ImagePane});
  m_codeWidth = std::clamp(number("code_width"), 0, kMostSide);
}

QVariantMap WindowPlace::initialProperties() const {
  QVariantMap properties;
  if (m_rect.isValid()) {
    const QScreen* screen = screenOf(m_rect);
    const QSize most = (screen != nullptr ? screen : QGuiApplication::primaryScreen())->availableSize();
    properties.insert(QStringLiteral("width"), std::max(kLeastSide, std::min(m_rect.width(), most.width())));
    properties.insert(QStringLiteral("height"), std::max(kLeastSide, std::min(m_rect.height(), most.height())));
    if (screen != nullptr) {
      properties.insert(QStringLiteral("x"), m_rect.x());
      properties.insert(QStringLiteral("y"), m_rect.y());
    }
  }
  if (m_isMaximized) properties.insert(QStringLiteral("visibility"), QWindow::Maximized);
  return properties;
}

void WindowPlace::watch(QWindow* window) {
  m_window = window;
  for (const auto signal : {&QWindow::xChanged, &QWindow::yChanged, &QWindow::widthChanged, &QWindow::heightChanged}) {
    connect(window, signal, this, [this] { note(); });
  }
  connect(window, &QWindow::windowStateChanged, this, [this] { note(); });
  connect(window, &QObject::destroyed, this, [this] { m_window = nullptr; });
}

void WindowPlace::note() {
  if (m_window == nullptr || !m_window->isVisible()) return;
  const Qt::WindowStates states = m_window->windowStates();
  if (states.testFlag(Qt::WindowMinimized) || states.testFlag(Qt::WindowFullScreen)) return;
  const bool isMaximized = states.testFlag(Qt::WindowMaximized);
  if (isMaximized == m_isMaximized && (isMaximized || m_rect == m_window->geometry())) return;
  m_isMaximized = isMaximized;
  if (!isMaximized) m_rect = m_window->geometry();
  Q_EMIT changed();
}

void WindowPlace::setPane(int value) {
  if (std::exchange(m_pane, value) != value) Q_EMIT changed();
}

void WindowPlace::setCodeWidth(int value) {
  if (std::exchange(m_codeWidth, value) != value) Q_EMIT changed();
}

void WindowPlace::saveNow() {
  m_saveTimer.stop();
  if (!std::exchange(m_isChanged, false)) return;
  QJsonObject object{{"pane", m_pane}, {"code_width", m_codeWidth}, {"maximized", m_isMaximized}};
  if (m_rect.isValid()) {
    object.insert("x", m_rect.x());
    object.insert("y", m_rect.y());
    object.insert("width", m_rect.width());
    object.insert("height", m_rect.height());
  }
  QMetaObject::invokeMethod(m_files, [files = m_files, path = m_path, bytes = QJsonDocument(object).toJson()] { files->saveQuietly(path, bytes); });
}

}  // namespace pio
