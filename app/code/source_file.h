#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>
#include <vector>

// A text file as lines, such that what is not changed is written back byte for byte: line ends of each line, byte order mark, the end of
// the last line. Values and two functions that touch the disk; these block, so they run off the GUI thread.

namespace pio {

constexpr qint64 kLargestSource = 2'000'000;  // bytes

struct SourceText {
  enum class LineEnd : quint8 { none, lf, crlf };  // none: only of the last line

  QStringList lines;          // without their ends; none in an empty file
  std::vector<LineEnd> ends;  // of each line
  bool hasByteOrderMark = false;

  // Of bytes that are UTF-8.
  static SourceText of(const QByteArray& utf8);
  QByteArray bytes() const;

  // The lines with "\n" between them and, where the last one has an end, behind it.
  QString text() const;
  // What new lines get: the commoner end of these.
  LineEnd commonEnd() const;
};

// "a\nb\n" and "a\nb" are both two lines.
QStringList linesOf(const QString& text);

enum class SourceProblem { none, not_found, not_a_file, too_large, binary, not_utf8, cannot_read, cannot_write, changed_outside };

struct SourceFile {
  QString path = {};         // as it was asked for
  QByteArray content = {};   // the bytes on the disk
  QByteArray replaced = {};  // what a write took away …
  bool canGoBack = false;    //   … which is all of what was there: not of a file that was not text any more
  SourceProblem problem = SourceProblem::none;
  QString details = {};  // the system's words, or the size that was found
};

// Reads a regular file of at most kLargestSource bytes of UTF-8 without NUL bytes.
SourceFile readSource(const QString& path);

// Replaces the file's content atomically (a link's target, not the link), keeping its permissions; only when what is on the disk is still
// `expected`, unless `overOthers`. none on success.
SourceFile writeSource(const QString& path, const QByteArray& content, const QByteArray& expected, bool overOthers);

}  // namespace pio
