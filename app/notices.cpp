#include "app/notices.h"

#include <algorithm>

namespace pio {
namespace {

bool isAboutCode(Notices::Subject subject) { return subject == Notices::Code || subject == Notices::CodeAnswer || subject == Notices::CodeChanges; }

}  // namespace

int Notices::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_notices.size()); }

int Notices::countOutsideCode() const {
  return static_cast<int>(std::count_if(m_notices.begin(), m_notices.end(), [](const Notice& notice) { return !isAboutCode(notice.subject); }));
}

QVariant Notices::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const Notice& notice = m_notices[index.row()];
  switch (role) {
    case Qt::DisplayRole: return notice.words.title;
    case SubjectRole: return notice.subject;
    case ErrorRole: return QVariant::fromValue(notice.words);
    case InCodeRole: return isAboutCode(notice.subject);
    default: return {};
  }
}

QHash<int, QByteArray> Notices::roleNames() const { return {{SubjectRole, "subject"}, {ErrorRole, "error"}, {InCodeRole, "inCode"}}; }

int Notices::rowOf(int subject) const {
  for (int row = 0; row < m_notices.size(); ++row) {
    if (m_notices[row].subject == subject) return row;
  }
  return -1;
}

void Notices::show(Subject subject, const UserError& words, Handler handler) {
  const int row = rowOf(subject);
  if (row >= 0 && m_notices[row].words == words) {
    m_notices[row].handler = std::move(handler);
    return;
  }
  if (row < 0 && !words.isSet()) return;
  if (row >= 0) {
    beginRemoveRows({}, row, row);
    m_notices.removeAt(row);
    endRemoveRows();
  }
  if (words.isSet()) {
    beginInsertRows({}, 0, 0);
    m_notices.prepend({subject, words, std::move(handler)});
    endInsertRows();
  }
  Q_EMIT changed();
}

UserError Notices::about(Subject subject) const {
  const int row = rowOf(subject);
  return row < 0 ? UserError() : m_notices[row].words;
}

UserError Notices::latest() const { return m_notices.isEmpty() ? UserError() : m_notices.first().words; }

bool Notices::perform(UserError::Action action) {
  switch (action) {
    case UserError::OpenModel: Q_EMIT openModelRequested(); return true;
    case UserError::ExportChat: Q_EMIT exportRequested(); return true;
    default: return false;
  }
}

void Notices::runAction(int subject, int userErrorAction) {
  const int row = rowOf(subject);
  const auto action = static_cast<UserError::Action>(userErrorAction);
  if (row < 0 || !m_notices[row].words.actions.contains(userErrorAction)) return;
  if (action == UserError::Dismiss) dismiss(subject);
  else if (const Handler handler = m_notices[row].handler; !perform(action) && handler) handler(action);
}

void Notices::dismiss(int subject) {
  const int row = rowOf(subject);
  if (row < 0) return;
  const Handler handler = m_notices[row].handler;
  clear(static_cast<Subject>(subject));
  if (handler) handler(UserError::Dismiss);
}

}  // namespace pio
