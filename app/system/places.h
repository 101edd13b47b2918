#pragma once

#include <QString>

// Where what the program writes lies: the folders of the XDG specification, or all of it below the folder that --data names.

namespace pio {

// $XDG_DATA_HOME/inference-pio, or ~/.local/share/inference-pio.
QString defaultDataFolder();

struct Places {
  QString data;   // conversations, settings, models
  QString cache;  // what may be emptied at any time
  QString state;  // logs and the window's place

  static Places of(const QString& dataFolder);
  QString models() const { return data + QStringLiteral("/models"); }
  QString snapshots() const { return cache + QStringLiteral("/snapshots"); }
  QString logs() const { return state + QStringLiteral("/logs"); }
  QString window() const { return state + QStringLiteral("/window.json"); }
};

}  // namespace pio
