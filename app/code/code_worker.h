#pragma once

#include <QObject>
#include <vector>

#include "app/code/code_answer.h"
#include "app/code/diff.h"
#include "app/text/language.h"
#include "app/code/source_file.h"
#include "app/code/source_outline.h"
#include "app/code/syntax_check.h"
#include "app/text/highlight.h"

// What the code pane needs done away from the GUI thread: reading, writing, comparing, parsing. Lives on the files thread; values only; every
// answer carries the serial of its question.

namespace pio {

using LineColours = std::vector<std::vector<ColourRun>>;  // of each line, positions within it; empty where code stays plain

struct OpenedSource {
  SourceFile file;
  SourceText text;
  SourceLanguage language;
  std::vector<OutlineEntry> outline;
  LineColours colours;
};

struct Proposal {
  CodeAnswer answer;  // the rest is empty where it is none
  std::vector<Hunk> hunks;
  QStringList titles;   // of each hunk: the definition around it, or ""
  LineColours colours;  // of the new lines
};

class CodeWorker : public QObject {
  Q_OBJECT

 public slots:
  void open(quint64 serial, const QString& path);
  void write(quint64 serial, const QString& path, const QByteArray& content, const QByteArray& expected, bool overOthers);
  void propose(quint64 serial, const pio::CodeQuestion& question, const QString& answer, const pio::SourceLanguage& language);
  void check(quint64 serial, const QString& before, const QString& after, const QString& grammar);

 signals:
  void opened(quint64 serial, const pio::OpenedSource& source);
  void written(quint64 serial, const pio::OpenedSource& source);  // as it is now; or with its problem
  void proposed(quint64 serial, const pio::Proposal& proposal);
  void checked(quint64 serial, const pio::SyntaxReport& report);
};

}  // namespace pio
