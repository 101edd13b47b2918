#pragma once

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>

#include "app/system/doctor_report.h"

// What runs where and how fast, and what could be better: the findings of the last look, for the settings page. A look takes a second or two on
// a thread of its own.

namespace pio {

class EngineQueue;
class ModelSession;

class Doctor : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("made by the program")
  Q_PROPERTY(bool busy READ busy NOTIFY changed)    // it looks
  Q_PROPERTY(bool ready READ ready NOTIFY changed)  // it has looked
  Q_PROPERTY(int warnings READ warnings NOTIFY changed)
  Q_PROPERTY(QString report READ report NOTIFY changed)  // all of it as text

 public:
  enum Level { Good = Finding::Good, Fact = Finding::Fact, Warning = Finding::Warning, Problem = Finding::Problem };
  Q_ENUM(Level)
  enum Button {
    NoButton = Finding::NoButton,
    OpenStorage = Finding::OpenStorage,
    OpenModel = Finding::OpenModel,
    OpenModelPage = Finding::OpenModelPage
  };
  Q_ENUM(Button)
  enum Roles {
    LevelRole = Qt::UserRole + 1,  // level
    TitleRole,                     // title
    TextRole,                      // text
    ActionRole,                    // action: the one thing to do; "" nothing
    ButtonRole,                    // button
  };
  Doctor(Places places, EngineQueue* queue, ModelSession* model, QObject* parent = nullptr);
  ~Doctor() override;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  bool busy() const { return m_isBusy; }
  bool ready() const { return !m_findings.isEmpty(); }
  int warnings() const;
  QString report() const { return m_report; }
  void setDrawnByCard(bool value) { m_isDrawnByCard = value; }

 public slots:
  void look();
  void take(const pio::DoctorFacts& facts);  // what a look found

 signals:
  void changed();

 private:
  Places m_places;
  EngineQueue* m_queue;
  RunningModel m_running;
  QList<Finding> m_findings;
  QString m_report;
  bool m_isBusy = false, m_isDrawnByCard = false;
};

}  // namespace pio
