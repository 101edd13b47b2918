#pragma once

#include <QJsonObject>
#include <QString>
#include <QStringList>

#include "engine/engine.h"

// What counts when one model is loaded: values only. Kept for each model in settings.json.

namespace pio {

struct LoadChoice {
  static constexpr qint64 kLeastContext = 512;  // that the program chooses by itself

  LoadQuantization quantization = LoadQuantization::keep;
  DType kv = DType::f16;
  qint64 contextLength = 0;                 // tokens; 0: what fits
  int threads = 0;                          // 0: one a physical core
  quint64 ramBytes = 0;                     // 0: what is free
  QString device = QStringLiteral("auto");  // as on the command line
  quint64 vramBytes = 0;                    // of each graphics card; 0: what is free
  KvSelection attention;

  bool operator==(const LoadChoice& other) const;
  LoadRequest request(const QString& path) const;
  QJsonObject json() const;
  // What cannot be read counts as in `defaults`; values out of range are brought into it.
  static LoadChoice from(const QJsonObject& json, const LoadChoice& defaults);
};

// Names in the file, the same as on the command line; an unknown one gives nothing.
QString nameOf(LoadQuantization value);  // "keep", "int4", "int8", "fp16", "nf4"
QString kvNameOf(DType value);           // "f16", "q8_0", "q4_0", "f32"
std::optional<DType> kvFromName(const QString& name);
QStringList kvNames();  // the most precise first

}  // namespace pio
