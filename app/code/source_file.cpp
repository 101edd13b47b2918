#include "app/code/source_file.h"

#include <QFile>
#include <QFileInfo>
#include <QSaveFile>
#include <QStringDecoder>
#include <algorithm>

namespace pio {
namespace {

constexpr QByteArrayView kByteOrderMark = "\xEF\xBB\xBF";

bool isUtf8(const QByteArray& bytes) {
  QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
  const QString decoded = decoder(bytes);  // decoding happens with this conversion
  return !decoder.hasError();
}

// What a link leads to; a file that is not there stays as it is.
QString targetOf(const QString& path) {
  const QString target = QFileInfo(path).canonicalFilePath();
  return target.isEmpty() ? path : target;
}

}  // namespace

SourceText SourceText::of(const QByteArray& utf8) {
  SourceText source;
  source.hasByteOrderMark = utf8.startsWith(kByteOrderMark);
  const QString text = QString::fromUtf8(source.hasByteOrderMark ? utf8.mid(kByteOrderMark.size()) : utf8);
  for (qsizetype at = 0; at < text.size();) {
    const qsizetype end = text.indexOf(u'\n', at);
    if (end < 0) {
      source.lines.append(text.mid(at));
      source.ends.push_back(LineEnd::none);
      break;
    }
    const bool isCrLf = end > at && text[end - 1] == u'\r';
    source.lines.append(text.mid(at, end - at - (isCrLf ? 1 : 0)));
    source.ends.push_back(isCrLf ? LineEnd::crlf : LineEnd::lf);
    at = end + 1;
  }
  return source;
}

QByteArray SourceText::bytes() const {
  QByteArray out;
  if (hasByteOrderMark) out += kByteOrderMark;
  for (qsizetype i = 0; i < lines.size(); ++i) {
    out += lines[i].toUtf8();
    const LineEnd end = ends[static_cast<std::size_t>(i)];
    if (end == LineEnd::crlf) out += "\r\n";
    else if (end == LineEnd::lf) out += '\n';
  }
  return out;
}

QString SourceText::text() const {
  QString out = lines.join(u'\n');
  if (!ends.empty() && ends.back() != LineEnd::none) out += u'\n';
  return out;
}

SourceText::LineEnd SourceText::commonEnd() const {
  const auto n = [this](LineEnd end) { return std::count(ends.begin(), ends.end(), end); };
  return n(LineEnd::crlf) > n(LineEnd::lf) ? LineEnd::crlf : LineEnd::lf;
}

QStringList linesOf(const QString& text) {
  if (text.isEmpty()) return {};
  QStringList lines = text.split(u'\n');
  if (lines.last().isEmpty()) lines.removeLast();
  for (QString& line : lines) {
    if (line.endsWith(u'\r')) line.chop(1);
  }
  return lines;
}

SourceFile readSource(const QString& path) {
  SourceFile out{path};
  const QFileInfo info(path);
  if (!info.exists()) {
    out.problem = SourceProblem::not_found;
    return out;
  }
  if (!info.isFile()) {  // a folder, or a device or pipe that might never end
    out.problem = SourceProblem::not_a_file;
    return out;
  }
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) {
    out.problem = SourceProblem::cannot_read;
    out.details = file.errorString();
    return out;
  }
  QByteArray bytes = file.read(kLargestSource + 1);
  if (bytes.size() > kLargestSource) {
    out.problem = SourceProblem::too_large;
    out.details = QString::number(info.size());
  } else if (file.error() != QFileDevice::NoError) {
    out.problem = SourceProblem::cannot_read;
    out.details = file.errorString();
  } else if (bytes.contains('\0')) {
    out.problem = SourceProblem::binary;
  } else if (!isUtf8(bytes)) {
    out.problem = SourceProblem::not_utf8;
  } else {
    out.content = std::move(bytes);
  }
  return out;
}

SourceFile writeSource(const QString& path, const QByteArray& content, const QByteArray& expected, bool overOthers) {
  SourceFile out{path, content};
  const QString target = targetOf(path);
  const SourceFile present = readSource(target);
  out.replaced = present.content;
  out.canGoBack = present.problem == SourceProblem::none;
  if (!overOthers && (present.problem != SourceProblem::none || present.content != expected)) {
    out.problem = SourceProblem::changed_outside;
    return out;
  }
  QSaveFile file(target);  // takes over the permissions of the file that it replaces
  if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size() || !file.commit()) {
    out.problem = SourceProblem::cannot_write;
    out.details = file.errorString();
  }
  return out;
}

}  // namespace pio
