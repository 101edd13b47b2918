#pragma once

#include <QJsonObject>
#include <QList>
#include <QMetaType>
#include <QString>

#include "app/system/storage_facts.h"
#include "engine/engine.h"

// What this computer gives the program, what of it is used, and what could be better: facts from the system and the engine, findings from
// the facts, words and JSON from the findings.

namespace pio {

// What a model that is loaded did last.
struct RunningModel {
  QString name, quantization;
  std::string device;
  int nThreads = 0;
  WeightLayout::Form form = WeightLayout::Form::placed;
  quint64 weightBytes = 0, stateBytes = 0;
  double tokensPerSecond = 0;  // of the last answer; 0 none was long enough
  double bytesPerToken = 0;    // of weights, read by it
  bool isSet() const { return !name.isEmpty(); }
};

struct DoctorFacts {
  struct Model {
    QString file;
    bool fits = false;
    QString whyNot;  // in English, when it does not, or its header cannot be read
    double tokensPerSecond = 0;
    quint64 neededBytes = 0;
    QString words = {};  // as whyNot, in a sentence for the person
  };
  DeviceList devices;
  double memoryBytesPerSecond = 0;  // of weights that are multiplied by one token; 0 not measured
  QList<Model> models;              // of the models folders, at most kMostModels
  int nModels = 0;                  // in all
  RunningModel running;
  StorageFacts storage;
  QString dataFolder, logFile;
  bool hasCard = false;                     // a graphics card's device file is there
  bool isDrawnByCard = false;               // of a window: what it shows
  bool colours = false;                     // code is coloured
  bool isBusy = false;                      // the engine computes: speeds would be wrong, so none is measured
  QString platform;                         // of a window: "xcb"; "" without one
  QStringList missingFonts;                 // of those that the window is drawn with; only known with a window
  QList<QPair<QString, QString>> versions;  // what, which

  static constexpr int kMostModels = 6;
};

struct Finding {
  enum Level { Good, Fact, Warning, Problem };
  enum Button { NoButton, OpenStorage, OpenModel, OpenModelPage };
  QString id;  // "disk"
  Level level = Good;
  QString title;
  QString text;    // what was found, in numbers
  QString action;  // the one thing to do; "" nothing
  Button button = NoButton;
};

// What can be found out without a window. Takes a second or two: reads headers, measures memory. `running` as it is known.
struct DoctorQuestions {
  Places places;  // with the folders of models that its settings name
  RunningModel running;
  bool isBusy = false;
};
DoctorFacts doctorFacts(const DoctorQuestions& questions);
// What only a window knows, added on the GUI thread.
void addWindowFacts(DoctorFacts& facts, bool isDrawnByCard);

QList<Finding> findingsOf(const DoctorFacts& facts);
// To be read, and to be pasted into a report of a fault.
QString reportText(const DoctorFacts& facts, const QList<Finding>& findings);
QJsonObject reportJson(const DoctorFacts& facts, const QList<Finding>& findings);

}  // namespace pio

Q_DECLARE_METATYPE(pio::DoctorFacts)
