#include "app/text/fence.h"

namespace pio {

std::optional<Fence> fenceOf(QStringView line) {
  qsizetype at = 0;
  while (at < line.size() && at < 4 && line[at] == u' ') ++at;
  if (at == 4 || at == line.size() || (line[at] != u'`' && line[at] != u'~')) return std::nullopt;
  const QChar sign = line[at];
  qsizetype end = at;
  while (end < line.size() && line[end] == sign) ++end;
  if (end - at < 3) return std::nullopt;
  if (sign == u'`' && line.mid(end).contains(u'`')) return std::nullopt;  // code in the middle of a sentence
  return Fence{sign, end - at};
}

bool closes(QStringView line, const Fence& open) {
  const std::optional<Fence> fence = fenceOf(line);
  if (!fence || fence->sign != open.sign || fence->length < open.length) return false;
  return line.trimmed().size() == fence->length;
}

}  // namespace pio
