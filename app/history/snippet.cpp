#include "app/history/snippet.h"

#include <QList>
#include <QSet>
#include <algorithm>
#include <optional>

#include "app/text/grapheme.h"

namespace pio {
namespace {

constexpr qsizetype kWords = 14;        // of a snippet
constexpr qsizetype kMatches = 256;     // that are looked at for a better place
constexpr qsizetype kWordLength = 200;  // of which a snippet is made: a line of base64 is one word too

struct Word {
  qsizetype begin = 0, end = 0;  // in UTF-16 units
};

// What the tokenizer "unicode61" takes into a word: letters, numbers, their marks and private characters.
bool isOfWord(char32_t c) {
  switch (QChar::category(c)) {
    case QChar::Letter_Uppercase:
    case QChar::Letter_Lowercase:
    case QChar::Letter_Titlecase:
    case QChar::Letter_Modifier:
    case QChar::Letter_Other:
    case QChar::Number_DecimalDigit:
    case QChar::Number_Letter:
    case QChar::Number_Other:
    case QChar::Mark_NonSpacing:
    case QChar::Other_PrivateUse: return true;
    default: return false;
  }
}

std::optional<Word> wordFrom(const QString& text, qsizetype at) {
  const auto unitsAt = [&](qsizetype i, char32_t& c) -> qsizetype {
    const bool isPair = text[i].isHighSurrogate() && i + 1 < text.size() && text[i + 1].isLowSurrogate();
    c = isPair ? QChar::surrogateToUcs4(text[i], text[i + 1]) : text[i].unicode();
    return isPair ? 2 : 1;
  };
  char32_t c = 0;
  qsizetype n = 0;
  for (; at < text.size(); at += n) {
    n = unitsAt(at, c);
    if (isOfWord(c)) break;
  }
  if (at >= text.size()) return std::nullopt;
  Word word{at, at};
  for (; at < text.size(); at += n) {
    n = unitsAt(at, c);
    if (!isOfWord(c)) break;
    word.end = at + n;
  }
  return word;
}

QString folded(QStringView word) {
  QString plain = word.toString();
  if (std::all_of(plain.cbegin(), plain.cend(), [](QChar c) { return c.unicode() < 0x80; })) return plain.toLower();
  plain = plain.normalized(QString::NormalizationForm_D);
  plain.removeIf([](QChar c) { return c.category() == QChar::Mark_NonSpacing; });
  return plain.toCaseFolded();
}

QStringList wordsOf(const QString& term) {
  QStringList words;
  qsizetype at = 0;
  while (const auto word = wordFrom(term, at)) {
    words.append(folded(QStringView(term).mid(word->begin, word->end - word->begin)));
    at = word->end;
  }
  return words;
}

struct Match {
  qsizetype word = 0, nWords = 0;  // numbers among the text's words
  qsizetype term = 0;
  qsizetype begin = 0, end = 0;
};

// Looks at the surroundings alone: a text may be long.
qsizetype characterBefore(const QString& text, qsizetype at) {
  constexpr qsizetype kAround = 100;
  if (at <= 0) return 0;
  if (at >= text.size()) return text.size();
  const qsizetype from = std::max<qsizetype>(at - kAround, 0);
  return from + boundaryBefore(text.mid(from, 2 * kAround), at - from);
}

QString startOf(const QString& text) {
  const qsizetype end = characterBefore(text, 80);
  return text.left(end) + (end < text.size() ? QStringLiteral("…") : QString());
}

QString cut(const QString& text, qsizetype begin, qsizetype end, const QList<Match>& matches) {
  QString snippet = begin > 0 ? QStringLiteral("…") : QString();
  qsizetype at = begin;
  for (const Match& match : matches) {
    if (match.begin < at || match.end > end) continue;  // of another term in the same words, or outside
    snippet += QStringView(text).mid(at, match.begin - at);
    snippet += kMatchBegin;
    snippet += QStringView(text).mid(match.begin, match.end - match.begin);
    snippet += kMatchEnd;
    at = match.end;
  }
  snippet += QStringView(text).mid(at, end - at);
  if (end < text.size()) snippet += u'…';
  return snippet;
}

}  // namespace

QString snippetOfWords(const QString& text, const QStringList& terms) {
  QList<QStringList> wanted;
  for (const QString& term : terms) {
    if (QStringList words = wordsOf(term); !words.isEmpty()) wanted.append(std::move(words));
  }
  QList<Word> words;
  QStringList plain;
  QList<Match> matches;
  qsizetype best = -1, bestTerms = 0, until = -1;
  qsizetype at = 0;
  while (const auto word = wordFrom(text, at)) {
    at = word->end;
    const qsizetype n = words.size();
    if (until >= 0 && n > until) break;
    words.append(*word);
    plain.append(word->end - word->begin > kWordLength ? QString() : folded(QStringView(text).mid(word->begin, word->end - word->begin)));
    for (qsizetype t = 0; t < wanted.size(); ++t) {
      const QStringList& row = wanted[t];
      const qsizetype first = n + 1 - row.size();
      if (first < 0 || !plain[n].startsWith(row.last())) continue;
      bool isMatch = true;
      for (qsizetype i = 0; i + 1 < row.size() && isMatch; ++i) isMatch = plain[first + i] == row[i];
      if (isMatch) matches.append({first, row.size(), t, words[first].begin, word->end});
    }
    if (matches.isEmpty()) continue;
    // The place with the most terms within a snippet's words that end here.
    if (matches.last().word + matches.last().nWords == n + 1) {
      QSet<qsizetype> near;
      qsizetype first = matches.size();
      while (first > 0 && matches[first - 1].word > n - kWords) near.insert(matches[--first].term);
      if (near.size() > bestTerms) {
        bestTerms = near.size();
        best = first;
      }
    }
    if (until < 0 && (bestTerms == wanted.size() || matches.size() >= kMatches)) until = n + kWords;  // words behind it
  }
  if (best < 0) return startOf(text);

  const Match anchor = matches[best];
  std::stable_sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) { return a.begin < b.begin; });
  const qsizetype first = std::max<qsizetype>(anchor.word - (kWords - anchor.nWords) / 2, 0);
  const qsizetype last = std::min(first + kWords, words.size()) - 1;
  qsizetype begin = first == 0 ? 0 : words[first].begin;
  qsizetype end = last + 1 < words.size() || wordFrom(text, words[last].end) ? words[last].end : text.size();
  // Without spaces nothing ends a word, and much may stand between two.
  begin = std::max(begin, characterBefore(text, anchor.begin - kWordLength));
  end = std::max(std::min(end, characterBefore(text, anchor.end + kWordLength)), anchor.end);
  return cut(text, begin, end, matches);
}

QString snippetOfPart(const QString& text, const QString& term) {
  const qsizetype at = text.indexOf(term, 0, Qt::CaseInsensitive);
  if (at < 0) return startOf(text);
  return cut(text, characterBefore(text, at - 30), characterBefore(text, at + term.size() + 50), {{0, 1, 0, at, at + term.size()}});
}

}  // namespace pio
