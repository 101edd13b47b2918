#include "app/image/place_model.h"

#include <algorithm>
#include <tuple>

namespace pio {
namespace {

bool isSame(const Grounding& a, const Grounding& b) {
  const auto tied = [](const Grounding& g) { return std::tie(g.kind, g.label, g.text, g.left, g.top, g.right, g.bottom); };
  return tied(a) == tied(b);
}

}  // namespace

int PlaceModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_places.size()); }

QVariant PlaceModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const Grounding& place = m_places[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole:
    case LabelRole: return QString::fromStdString(place.label);
    case WrittenRole: return QString::fromStdString(place.text);
    case PointRole: return place.kind == Grounding::Kind::point;
    case LeftRole: return place.left;
    case TopRole: return place.top;
    case RightRole: return place.right;
    case BottomRole: return place.bottom;
    default: return {};
  }
}

QHash<int, QByteArray> PlaceModel::roleNames() const {
  return {{LabelRole, "label"}, {WrittenRole, "written"}, {PointRole, "isPoint"}, {LeftRole, "x1"},
          {TopRole, "y1"},      {RightRole, "x2"},        {BottomRole, "y2"}};
}

void PlaceModel::setAnswer(const QString& answer) {
  std::vector<Grounding> places;
  for (Grounding& place : parse_grounding(answer.toStdString())) {
    const auto known = [&](const Grounding& other) { return isSame(place, other); };
    if (std::none_of(places.begin(), places.end(), known)) places.push_back(std::move(place));
    if (places.size() == kMost) break;
  }
  const std::size_t same =
      static_cast<std::size_t>(std::mismatch(m_places.begin(), m_places.end(), places.begin(), places.end(), isSame).first - m_places.begin());
  const int before = rowCount();
  if (same < m_places.size()) {
    beginRemoveRows({}, static_cast<int>(same), before - 1);
    m_places.resize(same);
    endRemoveRows();
  }
  if (same < places.size()) {
    beginInsertRows({}, static_cast<int>(same), static_cast<int>(places.size()) - 1);
    m_places = std::move(places);
    endInsertRows();
  }
  if (rowCount() != before) Q_EMIT countChanged();
}

}  // namespace pio
