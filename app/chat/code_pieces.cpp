#include "app/chat/code_pieces.h"

#include <algorithm>

#include "app/system/elsewhere.h"

namespace pio {
namespace {

constexpr qsizetype kPlaceMark = 10;    // signs of "point_2d"
constexpr double kOpenPatience = 0.02;  // seconds a delta; code that takes longer is plain until it is complete

}  // namespace

CodePieces::CodePieces(const QString& language, QObject* parent) : QAbstractListModel(parent), m_language(language) {}

int CodePieces::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(m_pieces.size()); }

QHash<int, QByteArray> CodePieces::roleNames() const {
  return {{HtmlRole, "html"}, {FirstRole, "first"}, {LinesRole, "lines"}, {StartRole, "start"}, {EndRole, "end"}};
}

QVariant CodePieces::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const Piece& piece = m_pieces[std::size_t(index.row())];
  if (role == FirstRole) return piece.first;
  if (role == LinesRole) return piece.lines;
  if (role == StartRole) return int(piece.start);
  if (role == EndRole) return int(piece.start + piece.length);
  if (role != HtmlRole && role != Qt::DisplayRole) return {};
  std::vector<ColourRun> runs;
  const qsizetype end = piece.start + piece.length;
  const auto isBefore = [](const ColourRun& run, qsizetype at) { return run.start + run.length <= at; };
  for (auto run = std::lower_bound(m_runs.begin(), m_runs.end(), piece.start, isBefore); run != m_runs.end() && run->start < end; ++run) {
    const qsizetype from = std::max(run->start, piece.start), to = std::min(run->start + run->length, end);
    runs.push_back({from - piece.start, to - from, run->colour});
  }
  return codeHtml(m_code.mid(piece.start, piece.length), runs, m_style);
}

void CodePieces::set(const QString& code, bool isOpen) {
  if (code == m_code && isOpen == m_isOpen && !m_pieces.empty()) return;
  qsizetype nSame = m_code.size();
  if (!code.startsWith(m_code)) {
    nSame = std::mismatch(m_code.begin(), m_code.end(), code.begin(), code.end()).first - m_code.begin();
    m_runs.clear();
  }
  m_code = code;
  m_isOpen = isOpen;
  lookForPlaces(std::max(qsizetype(0), nSame - kPlaceMark));
  qsizetype from = nSame;
  if (isOpen) {
    if (!m_colourer && CodeColourer::isReady(m_language)) m_colourer.emplace(m_language, kOpenPatience);
    if (m_colourer) from = std::min(from, takeColours(m_colourer->colours(m_code)));
  } else {  // what is complete is coloured as a whole, not as it came
    m_colourer.reset();
    if (m_code.size() <= kColouredAtOnce && CodeColourer::isReady(m_language))
      from = std::min(from, takeColours(CodeColourer(m_language).colours(m_code)));
    else colourElsewhere();
  }
  const std::size_t firstChanged = pieceAt(from);
  split(pieceAt(nSame));
  changed(firstChanged);
}

void CodePieces::lookForPlaces(qsizetype from) {
  if (m_namesPlaces) return;
  const auto more = QStringView(m_code).mid(from);
  m_namesPlaces = more.contains(QLatin1String("\"bbox_2d\"")) || more.contains(QLatin1String("\"point_2d\""));
  if (m_namesPlaces) Q_EMIT namesPlacesChanged();
}

std::size_t CodePieces::pieceAt(qsizetype sign) const {
  const auto after = std::find_if(m_pieces.begin(), m_pieces.end(), [sign](const Piece& piece) { return piece.start > sign; });
  return after == m_pieces.begin() ? 0 : std::size_t(after - m_pieces.begin()) - 1;
}

int CodePieces::lineAt(int sign) const {
  if (m_pieces.empty()) return 0;
  const Piece& piece = m_pieces[pieceAt(sign)];
  return piece.first + int(QStringView(m_code).mid(piece.start, std::min(qsizetype(sign) - piece.start, piece.length)).count(u'\n'));
}

void CodePieces::split(std::size_t from) {
  std::vector<Piece> pieces;
  qsizetype at = from < m_pieces.size() ? m_pieces[from].start : 0;
  int line = from < m_pieces.size() ? m_pieces[from].first : 0;
  for (bool hasMore = true; hasMore;) {
    Piece piece{at, 0, line, 0};
    for (bool isCut = false; hasMore && !isCut && piece.lines < kMostLines;) {
      qsizetype end = m_code.indexOf(u'\n', at);
      if (end < 0) end = m_code.size();
      if (piece.lines > 0 && end - piece.start > kMostSigns) break;
      isCut = end - at > kMostSigns;
      if (isCut) end = m_code[at + kMostSigns].isLowSurrogate() ? at + kMostSigns - 1 : at + kMostSigns;
      ++piece.lines;
      piece.length = end - piece.start;
      hasMore = end < m_code.size();
      at = isCut ? end : end + 1;
    }
    line += piece.lines;
    pieces.push_back(piece);
  }

  const std::size_t oldSize = m_pieces.size(), newSize = from + pieces.size(), kept = std::min(oldSize, newSize);
  if (newSize < oldSize) beginRemoveRows({}, int(newSize), int(oldSize) - 1);
  m_pieces.resize(kept);
  std::copy_n(pieces.begin(), kept - from, m_pieces.begin() + long(from));
  if (newSize < oldSize) endRemoveRows();
  if (newSize > oldSize) {
    beginInsertRows({}, int(oldSize), int(newSize) - 1);
    m_pieces.insert(m_pieces.end(), pieces.begin() + long(kept - from), pieces.end());
    endInsertRows();
  }
  if (std::exchange(m_lineCount, line) != line) Q_EMIT lineCountChanged();
}

qsizetype CodePieces::takeColours(const std::vector<ColourRun>& runs) {
  const auto [before, now] = std::mismatch(m_runs.begin(), m_runs.end(), runs.begin(), runs.end());
  qsizetype from = m_code.size();
  if (before != m_runs.end()) from = std::min(from, before->start);
  if (now != runs.end()) from = std::min(from, now->start);
  m_runs = runs;
  return from;
}

void CodePieces::colourElsewhere() {
  const auto job = [language = m_language, code = m_code] { return CodeColourer(language).colours(code); };
  runElsewhere(this, job, [this, serial = ++m_serial](const std::vector<ColourRun>& runs) {
    if (serial == m_serial && !m_isOpen) changed(pieceAt(takeColours(runs)));
  });
}

void CodePieces::changed(std::size_t from) {
  if (from < m_pieces.size()) Q_EMIT dataChanged(index(int(from)), index(int(m_pieces.size()) - 1));
}

void CodePieces::setStyle(const RichStyle& style) {
  m_style = style;
  changed(0);
}

}  // namespace pio
