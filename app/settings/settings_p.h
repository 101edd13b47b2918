#pragma once

#include <QHash>
#include <QJsonObject>
#include <QTimer>

#include "app/settings/settings.h"
#include "app/system/shared_json.h"
#include "engine/engine.h"

// What Settings is made of; for the program and the chat controller, not for QML.

namespace pio {

struct Settings::Private {
  struct Values {
    Appearance appearance = System;
    QString language;
    bool reducedMotion = false;
    double zoom = 1;
    bool enterSends = true;
    bool thinking = true;
    bool sidebarVisible = true;
    int sidebarWidth = 264;
    QString systemPrompt;
    bool offline = false;
    QString downloadBase, proxy, modelsFolder;
    QStringList modelFolders;
    bool ownSampling = false;
    SamplingParams sampling;  // seed aside
    int seed = -1;
    int maxTokens = -1;
    int contextLength = 0;
    int threads = 0;
    QString kvType = QStringLiteral("f16");
    QHash<QString, LoadChoice> loadChoices;  // by the model's path
  };

  Private(QString path, SharedJsonFiles* files);
  // What cannot be read counts as not chosen. Values out of range are brought into it.
  void read(const QJsonObject& object);
  QJsonObject json() const;
  LoadChoice defaultLoadChoice() const;
  void save();  // now; else a change is saved half a second later

  SharedJson file;
  Values values;
  SamplingParams recommended;  // of the loaded model
  QTimer saveTimer;
};

}  // namespace pio
