#include <QSqlError>
#include <QSqlQuery>

#include "app/history/history_db.h"
#include "app/history/migrations.h"
#include "app/history/snippet.h"
#include "app/text/markdown.h"

// The search index: texts of messages (2 · seq of the part) and titles of chats (2 · seq + 1 of the chat).

namespace pio {
namespace {

const QString kIndexKey = QStringLiteral("search_index");  // in meta: "" it follows the messages
const QString kStale = QStringLiteral("stale");            // it does not

constexpr int kCorrupt = 11;  // SQLite's

// Scripts written without spaces: the index knows a whole run of them as one word.
bool needsSubstringSearch(const QString& query) {
  for (const uint c : query.toUcs4()) {
    switch (QChar::script(c)) {
      case QChar::Script_Han:
      case QChar::Script_Hiragana:
      case QChar::Script_Katakana:
      case QChar::Script_Thai:
      case QChar::Script_Lao:
      case QChar::Script_Khmer:
      case QChar::Script_Myanmar: return true;
      default: break;
    }
  }
  return false;
}

// What an answer shows of a piece of its Markdown, which may be cut anywhere. The piece itself where the match is in what is not shown.
QString shownOf(const QString& marked) {
  StreamingMarkdown parsed;
  const bool isCutBefore = marked.startsWith(u'…'), isCutBehind = marked.endsWith(u'…');
  const qsizetype from = isCutBefore ? 1 : 0;
  parsed.append(QStringView(marked).mid(from, marked.size() - from - (isCutBehind ? 1 : 0)));
  QStringList words;
  for (const Block& block : parsed.blocks()) words.append(block.plainText());
  QString shown = words.join(u' ');
  shown.remove(QLatin1String("**"));  // whose partner was cut off
  if (shown.count(kMatchBegin) != marked.count(kMatchBegin) || shown.count(kMatchEnd) != marked.count(kMatchEnd)) return marked;
  return (isCutBefore ? QStringLiteral("…") : QString()) + shown + (isCutBehind ? QStringLiteral("…") : QString());
}

QString snippetHtml(const QString& marked) {
  QString html = marked.simplified().toHtmlEscaped();
  html.replace(kMatchBegin, QStringLiteral("<b>"));
  html.replace(kMatchEnd, QStringLiteral("</b>"));
  return html;
}

}  // namespace

Result<void> HistoryDb::checkIndex() {
  ASSIGN_OR_RETURN(const QString state, meta(kIndexKey));
  if (state != kStale) {
    if (auto sound = run(QStringLiteral("INSERT INTO search (search) VALUES ('integrity-check')")); sound || !isIndexDamaged()) return sound;
  }
  return rebuildIndex();
}

Result<void> HistoryDb::rebuildIndex() {
  // DROP TABLE asks the index itself first, which fails where it makes no sense: its row of the schema goes, then what is left are tables.
  QStringList statements{QStringLiteral("PRAGMA writable_schema = ON"),
                         QStringLiteral("DELETE FROM sqlite_schema WHERE type = 'table' AND name = 'search'"),
                         QStringLiteral("PRAGMA writable_schema = RESET")};
  for (const char* table : {"data", "idx", "content", "docsize", "config"})
    statements.append(QStringLiteral("DROP TABLE IF EXISTS search_%1").arg(QLatin1String(table)));
  statements.append(makeIndex());
  statements.append(fillIndex());
  const Result<void> done = inTransaction([&]() -> Result<void> {
    for (const QString& statement : statements) RETURN_IF_ERROR(run(statement));
    return putMeta(kIndexKey, QString());
  });
  if (!done) {  // the schema as it was before
    const int code = m_code;
    const QString details = m_details;
    (void)run(QStringLiteral("PRAGMA writable_schema = RESET")).has_value();
    m_code = code;
    m_details = details;
  }
  if (done) m_isIndexed = true;
  return done;
}

void HistoryDb::giveUpIndex() {
  m_isIndexed = false;
  (void)putMeta(kIndexKey, kStale).has_value();
}

Result<void> HistoryDb::forgetMessage(const QString& messageId) {
  if (!m_isIndexed) return {};
  return run(QStringLiteral("DELETE FROM search WHERE rowid IN (SELECT 2 * p.seq FROM parts p JOIN messages m ON m.seq = p.message WHERE m.id = ?)"),
             {messageId});
}

Result<void> HistoryDb::indexMessage(const QString& messageId) {
  if (!m_isIndexed) return {};
  return run(QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * p.seq, p.text FROM parts p JOIN messages m ON m.seq = p.message "
                            "WHERE m.id = ? AND p.kind = 'text' AND m.state <> 'streaming'"),
             {messageId});
}

Result<void> HistoryDb::indexChat(const QString& chatId) {
  if (!m_isIndexed) return {};
  RETURN_IF_ERROR(run(QStringLiteral("DELETE FROM search WHERE rowid = (SELECT 2 * seq + 1 FROM chats WHERE id = ?)"), {chatId}));
  return run(QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * seq + 1, title FROM chats WHERE id = ?"), {chatId});
}

Result<QList<SearchHit>> HistoryDb::search(const QString& query, int limit) {
  QString cleaned = query;
  cleaned.remove(QChar(0));
  QStringList terms = cleaned.simplified().split(' ', Qt::SkipEmptyParts);
  if (terms.isEmpty()) return QList<SearchHit>();
  if (!m_isIndexed) {
    m_code = kCorrupt;
    m_details = QStringLiteral("%1: a search index, none").arg(m_path);
    return make_error(ErrorCode::bad_file, m_details.toStdString());
  }
  if (terms.size() > 16) terms = terms.first(16);  // nobody types more; SQLite's expressions have a limited depth

  const bool isSubstring = needsSubstringSearch(cleaned);
  QString sql;
  QVariantList values;
  if (isSubstring) {
    QStringList conditions;
    for (QString term : terms) {
      conditions.append(QStringLiteral("text LIKE ? ESCAPE '\\'"));
      values.append('%' + term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_") + '%');
    }
    sql = QStringLiteral("SELECT rowid FROM search WHERE %1 ORDER BY rowid DESC LIMIT %2").arg(conditions.join(" AND ")).arg(limit);
  } else {
    QStringList phrases;
    // Quoted, so that no word is an operator of FTS5; the star outside the quotes makes it a prefix.
    for (QString term : terms) phrases.append('"' + term.replace('"', "\"\"") + "\"*");
    sql = QStringLiteral("SELECT rowid FROM search WHERE search MATCH ? ORDER BY rank LIMIT %1").arg(limit);
    values.append(phrases.join(' '));
  }
  QList<qint64> found;
  {
    ASSIGN_OR_RETURN(QSqlQuery row, select(sql, values));
    while (row.next()) found.append(row.value(0).toLongLong());
    if (row.lastError().isValid()) return fail(QStringLiteral("search"), row.lastError()).error();
  }
  QList<SearchHit> hits;
  for (const qint64 rowid : found) {
    const bool isTitle = rowid % 2 == 1;
    ASSIGN_OR_RETURN(QSqlQuery row,
                     select(isTitle ? QStringLiteral("SELECT id, '', title, '', title FROM chats WHERE seq = ? AND removal = 0")
                                    : QStringLiteral("SELECT c.id, m.id, c.title, m.role, p.text FROM parts p JOIN messages m ON m.seq = p.message "
                                                     "JOIN chats c ON c.id = m.chat_id WHERE p.seq = ? AND m.removal = 0 AND c.removal = 0"),
                            {rowid / 2}));
    if (!row.next()) {
      if (row.lastError().isValid()) return fail(QStringLiteral("search"), row.lastError()).error();
      continue;
    }
    const QString text = row.value(4).toString();
    const QString around = isSubstring ? snippetOfPart(text, terms.first()) : snippetOfWords(text, terms);
    const bool isAnswer = row.value(3).toString() == nameOf(Message::Role::Assistant);
    hits.append({row.value(0).toString(), row.value(1).toString(), row.value(2).toString(), snippetHtml(isAnswer ? shownOf(around) : around)});
  }
  return hits;
}

}  // namespace pio
