#include "app/text/highlight.h"

// The build found no grammars (installer/fetch_grammars.sh gets them): code is shown plain.

namespace pio {

struct CodeColourer::Private {
  std::vector<ColourRun> none;
};

CodeColourer::CodeColourer(const QString&, double) : d(std::make_unique<Private>()) {}
CodeColourer::~CodeColourer() = default;
CodeColourer::CodeColourer(CodeColourer&&) noexcept = default;
CodeColourer& CodeColourer::operator=(CodeColourer&&) noexcept = default;

const std::vector<ColourRun>& CodeColourer::colours(const QString&) { return d->none; }
bool CodeColourer::isReady(const QString&) { return true; }
QStringList CodeColourer::languages() { return {}; }
bool CodeColourer::knows(const QString&) { return false; }

}  // namespace pio
