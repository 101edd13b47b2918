#include "app/code/diff_model.h"

#include <QColor>
#include <algorithm>
#include <iterator>

namespace pio {
namespace {

constexpr qsizetype kLongestShown = 2000;  // signs of a line; minified code has lines of a megabyte
constexpr int kTab = 4;

QString colourName(const QVariantMap& style, const char* key) {
  const auto colour = style.value(QLatin1String(key)).value<QColor>();
  return colour.isValid() ? colour.name() : QString();
}

const char* keyOf(CodeColour colour) {
  switch (colour) {
    case CodeColour::Keyword: return "synKey";
    case CodeColour::String: return "synStr";
    case CodeColour::Number: return "synNum";
    case CodeColour::Function: return "synFn";
    case CodeColour::Comment: return "synCom";
  }
  return "text1";
}

}  // namespace

// ---- the changes -----------------------------------------------------------------------------------------------------------------------

int HunkModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : count(); }

QVariant HunkModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const Row& row = m_hunks[std::size_t(index.row())];
  switch (role) {
    case TitleRole: return row.title;
    case LineRole: return row.line;
    case AddedRole: return row.added;
    case RemovedRole: return row.removed;
    case StateRole: return row.state;
    default: return {};
  }
}

QHash<int, QByteArray> HunkModel::roleNames() const {
  return {{TitleRole, "title"}, {LineRole, "line"}, {AddedRole, "added"}, {RemovedRole, "removed"}, {StateRole, "hunkState"}};
}

void HunkModel::reset(const Proposal& proposal) {
  beginResetModel();
  m_hunks.clear();
  for (std::size_t i = 0; i < proposal.hunks.size(); ++i) {
    const Hunk& hunk = proposal.hunks[i];
    m_hunks.push_back({proposal.titles.value(qsizetype(i)), hunk.beforeStart + 1, hunk.nAdded, hunk.nRemoved});
  }
  endResetModel();
  Q_EMIT countChanged();
}

void HunkModel::setState(int hunk, State state) {
  Row& row = m_hunks[std::size_t(hunk)];
  if (row.state == state) return;
  row.state = state;
  Q_EMIT dataChanged(index(hunk), index(hunk), {StateRole});
}

void HunkModel::acceptPending() {
  for (Row& row : m_hunks) {
    if (row.state == Pending) row.state = Accepted;
  }
  if (count() > 0) Q_EMIT dataChanged(index(0), index(count() - 1), {StateRole});
}

int HunkModel::countOf(State state) const {
  return int(std::count_if(m_hunks.begin(), m_hunks.end(), [state](const Row& row) { return row.state == state; }));
}

std::vector<bool> HunkModel::taken(State one, State other) const {
  std::vector<bool> out;
  for (const Row& row : m_hunks) out.push_back(row.state == one || row.state == other);
  return out;
}

// ---- the lines -------------------------------------------------------------------------------------------------------------------------

DiffModel::DiffModel(HunkModel* hunks, QObject* parent) : QAbstractListModel(parent), m_hunks(hunks) {}

int DiffModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : count(); }

QVariant DiffModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const Row& row = m_rows[std::size_t(index.row())];
  switch (role) {
    case KindRole: return row.kind;
    case BeforeRole: return row.before + 1;
    case AfterRole: return row.number;
    case TextRole: return row.before >= 0 && row.kind != AddedLine ? m_before[row.before] : row.after >= 0 ? m_after[row.after] : QString();
    case HtmlRole: return row.kind == HunkHeader ? QString() : htmlOf(row);
    case HunkRole: return row.hunk;
    default: return {};
  }
}

QHash<int, QByteArray> DiffModel::roleNames() const {
  return {{KindRole, "kind"}, {BeforeRole, "before"}, {AfterRole, "after"}, {TextRole, "text"}, {HtmlRole, "html"}, {HunkRole, "hunk"}};
}

void DiffModel::setStyle(const QVariantMap& style) {
  if (style == m_style) return;
  m_style = style;
  if (count() > 0) Q_EMIT dataChanged(index(0), index(count() - 1), {HtmlRole});
  Q_EMIT styleChanged();
}

void DiffModel::reset(const QStringList& lines, const LineColours& colours) {
  m_before = lines;
  m_beforeColours = colours;
  m_after.clear();
  m_afterColours.clear();
  m_changes.clear();
  rebuild();
}

void DiffModel::setProposal(const Proposal& proposal) {
  m_after = proposal.answer.after;
  m_afterColours = proposal.colours;
  m_changes = proposal.hunks;
  rebuild();
}

void DiffModel::clearProposal() {
  if (m_changes.empty()) return;
  m_after.clear();
  m_afterColours.clear();
  m_changes.clear();
  rebuild();
}

std::vector<DiffModel::Row> DiffModel::rowsOf(int hunk) const {
  std::vector<Row> rows;
  const Hunk& change = m_changes[std::size_t(hunk)];
  const HunkModel::State state = m_hunks->stateOf(hunk);
  for (const DiffLine& line : change.lines) {
    const bool isOld = line.kind == DiffLine::Kind::removed, isNew = line.kind == DiffLine::Kind::added;
    if ((isOld && state == HunkModel::Accepted) || (isNew && state == HunkModel::Rejected)) continue;
    const Kind kind = state != HunkModel::Pending ? Line : isOld ? RemovedLine : isNew ? AddedLine : Line;
    rows.push_back({kind, line.before, line.after, 0, hunk, state == HunkModel::Pending ? line.partner : -1});
  }
  return rows;
}

void DiffModel::rebuild() {
  beginResetModel();
  m_rows.clear();
  int at = 0;
  for (std::size_t i = 0; i < m_changes.size(); ++i) {
    for (; at < m_changes[i].beforeStart; ++at) m_rows.push_back({Line, at, -1, 0, -1, -1});
    m_rows.push_back({HunkHeader, -1, -1, 0, int(i), -1});
    const std::vector<Row> rows = rowsOf(int(i));
    m_rows.insert(m_rows.end(), rows.begin(), rows.end());
    at = m_changes[i].beforeStart + m_changes[i].beforeCount;
  }
  for (; at < m_before.size(); ++at) m_rows.push_back({Line, at, -1, 0, -1, -1});
  number();
  measure();
  endResetModel();
  Q_EMIT countChanged();
}

void DiffModel::number() {
  int number = 0;
  for (Row& row : m_rows) row.number = row.kind == HunkHeader || row.kind == RemovedLine ? 0 : ++number;
}

void DiffModel::measure() {
  qsizetype longest = 0;
  for (const QStringList* lines : {&m_before, &m_after}) {
    for (const QString& line : *lines) longest = std::max(longest, line.size() + (kTab - 1) * line.count(u'\t'));
  }
  m_columns = int(std::min(longest, kLongestShown));
}

void DiffModel::updateHunk(int hunk) {
  const int header = rowOfHunk(hunk);
  if (header < 0) return;
  replaceRows(hunk, header);
  number();
  Q_EMIT dataChanged(index(header), index(count() - 1));
  Q_EMIT countChanged();
}

void DiffModel::updateHunks() {
  if (m_changes.empty()) return;
  // From the last to the first: what was replaced does not move what is still to come.
  for (int header = count() - 1; header >= 0; --header) {
    if (m_rows[std::size_t(header)].kind == HunkHeader) replaceRows(m_rows[std::size_t(header)].hunk, header);
  }
  number();
  Q_EMIT dataChanged(index(0), index(count() - 1));
  Q_EMIT countChanged();
}

void DiffModel::replaceRows(int hunk, int header) {
  const std::vector<Row> rows = rowsOf(hunk);
  const auto begin = m_rows.begin() + header + 1;
  const auto end = std::find_if(begin, m_rows.end(), [hunk](const Row& row) { return row.hunk != hunk; });
  // Lines that stay at either side keep their rows.
  const auto isSameLine = [](const Row& a, const Row& b) { return a.before == b.before && a.after == b.after; };
  const auto nHead = std::mismatch(begin, end, rows.begin(), rows.end(), isSameLine).first - begin;
  auto nTail = std::mismatch(std::reverse_iterator(end), std::reverse_iterator(begin), rows.rbegin(), rows.rend(), isSameLine).second - rows.rbegin();
  nTail = std::min({nTail, (end - begin) - nHead, std::ptrdiff_t(rows.size()) - nHead});
  const int first = header + 1 + int(nHead), nOld = int(end - begin - nHead - nTail), nNew = int(std::ptrdiff_t(rows.size()) - nHead - nTail);
  if (nOld > 0) {
    beginRemoveRows({}, first, first + nOld - 1);
    m_rows.erase(m_rows.begin() + first, m_rows.begin() + first + nOld);
    endRemoveRows();
  }
  if (nNew > 0) {
    beginInsertRows({}, first, first + nNew - 1);
    m_rows.insert(m_rows.begin() + first, rows.begin() + nHead, rows.begin() + nHead + nNew);
    endInsertRows();
  }
  std::copy(rows.begin(), rows.end(), m_rows.begin() + header + 1);
}

int DiffModel::rowOfHunk(int hunk) const {
  const auto it = std::find_if(m_rows.begin(), m_rows.end(), [hunk](const Row& row) { return row.kind == HunkHeader && row.hunk == hunk; });
  return it == m_rows.end() ? -1 : int(it - m_rows.begin());
}

int DiffModel::rowOfLine(int line) const {
  const auto it = std::find_if(m_rows.begin(), m_rows.end(), [line](const Row& row) { return row.before == line - 1; });
  return line < 1 || it == m_rows.end() ? -1 : int(it - m_rows.begin());
}

QString DiffModel::textOf(int first, int last) const {
  if (first < 1 || last < first) return {};
  return m_before.mid(first - 1, last - first + 1).join(u'\n') + u'\n';
}

QString DiffModel::htmlOf(const Row& row) const {
  const bool isNew = row.before < 0;
  const QString& line = isNew ? m_after[row.after] : m_before[row.before];
  const LineColours& colours = isNew ? m_afterColours : m_beforeColours;
  const std::size_t at = std::size_t(isNew ? row.after : row.before);
  const qsizetype length = std::min(line.size(), kLongestShown);

  // One role a sign: colours and changed words overlap.
  QByteArray roles(length, char(-1)), strong(length, 0);
  if (at < colours.size()) {
    for (const ColourRun& run : colours[at]) {
      for (qsizetype i = run.start; i < std::min(run.start + run.length, length); ++i) roles[i] = char(run.colour);
    }
  }
  if (row.partner >= 0) {
    const auto [removed, added] = isNew ? changedWords(m_before[row.partner], line) : changedWords(line, m_after[row.partner]);
    for (const TextRange& range : isNew ? added : removed) {
      for (qsizetype i = range.start; i < std::min(range.start + range.length, length); ++i) strong[i] = 1;
    }
  }
  const QString ink = colourName(m_style, "text1"), fill = colourName(m_style, isNew ? "addStrong" : "delStrong");
  QString out = QStringLiteral("<span style=\"white-space:pre;color:%1\">").arg(ink);
  int column = 0;
  for (qsizetype i = 0; i < length;) {
    const char role = roles[i], isStrong = strong[i];
    QString part;
    for (; i < length && roles[i] == role && strong[i] == isStrong; ++i) {
      if (line[i] == u'\t') {
        const int n = kTab - column % kTab;
        part += QString(n, u' ');
        column += n;
      } else {
        part += line[i];
        ++column;
      }
    }
    QString style = role >= 0 ? QStringLiteral("color:%1;").arg(colourName(m_style, keyOf(CodeColour(role)))) : QString();
    if (isStrong) style += QStringLiteral("background-color:%1;").arg(fill);
    out += style.isEmpty() ? part.toHtmlEscaped() : QStringLiteral("<span style=\"%1\">%2</span>").arg(style, part.toHtmlEscaped());
  }
  if (line.size() > length) out += QStringLiteral("…");
  return out + QStringLiteral("</span>");
}

}  // namespace pio
