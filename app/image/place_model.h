#pragma once

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>
#include <vector>

#include "engine/grounding.h"

// The boxes and points that an answer names, in its order, each once.

namespace pio {

class PlaceModel : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("belongs to the image session")
  Q_PROPERTY(int count READ count NOTIFY countChanged)

 public:
  enum Roles {
    LabelRole = Qt::UserRole + 1,  // label: "Total"; may be empty
    WrittenRole,                   // written: what is written there; may be empty
    PointRole,                     // isPoint
    LeftRole,                      // x1, y1, x2, y2: parts of the picture's width and height, 0 … 1
    TopRole,
    RightRole,
    BottomRole,
  };
  static constexpr int kMost = 200;  // more could not be told apart on a screen

  using QAbstractListModel::QAbstractListModel;
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }

  // The places of an answer, which may still grow: those that stay the same are not told anew.
  void setAnswer(const QString& answer);

 signals:
  void countChanged();

 private:
  std::vector<Grounding> m_places;
};

}  // namespace pio
