#include "app/history/migrations.h"

namespace pio {
namespace {

// A column that holds a JSON array, or "".
QString arrayIn(const QString& column) {
  return QStringLiteral("CASE WHEN json_valid(%1) THEN CASE json_type(%1) WHEN 'array' THEN %1 ELSE '[]' END ELSE '[]' END").arg(column);
}

// Messages become rows of parts; what is removed gets a removal of its own.
QStringList toParts() {
  const QString pictures = arrayIn(QStringLiteral("m.pictures")), calls = arrayIn(QStringLiteral("m.tool_calls"));
  return {
      QStringLiteral("ALTER TABLE chats ADD COLUMN kind TEXT NOT NULL DEFAULT 'chat'"),
      QStringLiteral("ALTER TABLE chats ADD COLUMN file TEXT NOT NULL DEFAULT ''"),  // that a chat of the code pane is about
      QStringLiteral("UPDATE chats SET kind = 'image' WHERE is_image <> 0"),
      QStringLiteral("ALTER TABLE chats DROP COLUMN is_image"),
      QStringLiteral("ALTER TABLE chats RENAME COLUMN deleted TO removal"),
      // What carries the number of a removal is hidden until that is undone or purged. session: the window that may undo it.
      QStringLiteral("CREATE TABLE removals (id INTEGER PRIMARY KEY, made INTEGER NOT NULL DEFAULT 0, session TEXT NOT NULL DEFAULT '')"),
      QStringLiteral("INSERT INTO removals (id) SELECT removal FROM chats WHERE removal <> 0 UNION SELECT deleted FROM messages WHERE deleted <> 0"),
      QStringLiteral("ALTER TABLE messages RENAME TO messages_v4"),
      QStringLiteral("CREATE TABLE messages (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
                     "chat_id TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE, parent TEXT NOT NULL, role TEXT NOT NULL, "
                     "state TEXT NOT NULL, created INTEGER NOT NULL, model TEXT NOT NULL DEFAULT '', tokens INTEGER NOT NULL DEFAULT 0, "
                     "tokens_per_second REAL NOT NULL DEFAULT 0, first_token_seconds REAL NOT NULL DEFAULT 0, "
                     "context_used INTEGER NOT NULL DEFAULT 0, context_length INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0, "
                     "error TEXT NOT NULL DEFAULT '', active_child TEXT NOT NULL DEFAULT '', writer TEXT NOT NULL DEFAULT '', "
                     "thinking_seconds REAL NOT NULL DEFAULT 0, thinking_tokens INTEGER NOT NULL DEFAULT 0, removal INTEGER NOT NULL DEFAULT 0)"),
      QStringLiteral("INSERT INTO messages SELECT seq, id, chat_id, coalesce(parent, ''), role, state, created, model, tokens, tokens_per_second, "
                     "first_token_seconds, context_used, context_length, dropped, error, active_child, writer, thinking_seconds, "
                     "thinking_tokens, deleted FROM messages_v4"),
      // In the order in which the model reads or writes them. data: a JSON object of what a kind has beside its text, "" an empty one.
      QStringLiteral("CREATE TABLE parts (seq INTEGER PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages(seq) ON DELETE CASCADE, "
                     "position INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL DEFAULT '', data TEXT NOT NULL DEFAULT '', "
                     "UNIQUE (message, position))"),
      QStringLiteral("CREATE INDEX parts_of_files ON parts (message) WHERE kind IN ('picture', 'file')"),
      // The search index points at 2 * seq of a text: the texts keep the numbers of their messages, and the index stays as it is.
      QStringLiteral("INSERT INTO parts (seq, message, position, kind, text) SELECT m.seq, m.seq, json_array_length(%1) + (m.reasoning <> ''), "
                     "'text', m.text FROM messages_v4 m WHERE m.text <> ''")
          .arg(pictures),
      QStringLiteral("DELETE FROM search WHERE rowid % 2 = 0 AND rowid / 2 NOT IN (SELECT seq FROM parts)"),
      QStringLiteral("INSERT INTO parts (message, position, kind, data) SELECT m.seq, p.key, 'picture', json_object('path', p.value) "
                     "FROM messages_v4 m, json_each(%1) p WHERE p.type = 'text' AND p.value <> ''")
          .arg(pictures),
      QStringLiteral("INSERT INTO parts (message, position, kind, text) SELECT m.seq, json_array_length(%1), 'thought', m.reasoning "
                     "FROM messages_v4 m WHERE m.reasoning <> ''")
          .arg(pictures),
      QStringLiteral("INSERT INTO parts (message, position, kind, text, data) SELECT m.seq, "
                     "json_array_length(%1) + (m.reasoning <> '') + (m.text <> '') + c.key, 'tool_call', "
                     "coalesce(json_extract(c.value, '$.arguments'), ''), "
                     "json_object('id', 'call_' || c.key, 'name', coalesce(json_extract(c.value, '$.name'), '')) "
                     "FROM messages_v4 m, json_each(%2) c WHERE c.type = 'object'")
          .arg(pictures, calls),
      QStringLiteral("DROP TABLE messages_v4"),
      QStringLiteral("CREATE INDEX messages_of_chat ON messages (chat_id, created, id)"),
  };
}

}  // namespace

QString makeIndex() {
  return QStringLiteral("CREATE VIRTUAL TABLE search USING fts5(text, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')");
}

QStringList fillIndex() {
  return {
      QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * p.seq, p.text FROM parts p JOIN messages m ON m.seq = p.message "
                     "WHERE p.kind = 'text' AND m.state <> 'streaming'"),
      QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * seq + 1, title FROM chats"),
  };
}

QStringList migrationFrom(int version) {
  switch (version) {
    case 0:
      return {
          // seq instead of SQLite's own rowid, which VACUUM may renumber: the search index points at it.
          QStringLiteral("CREATE TABLE chats (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, "
                         "created INTEGER NOT NULL, updated INTEGER NOT NULL, pinned INTEGER NOT NULL DEFAULT 0, "
                         "system_prompt TEXT NOT NULL DEFAULT '')"),
          QStringLiteral("CREATE TABLE messages (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
                         "chat_id TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE, parent TEXT, role TEXT NOT NULL, "
                         "text TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL, model TEXT NOT NULL DEFAULT '', "
                         "tokens INTEGER NOT NULL DEFAULT 0, tokens_per_second REAL NOT NULL DEFAULT 0, "
                         "first_token_seconds REAL NOT NULL DEFAULT 0)"),
          QStringLiteral("CREATE INDEX messages_of_chat ON messages (chat_id, created, id)"),
      };
    case 1:
      return {
          QStringLiteral("ALTER TABLE chats ADD COLUMN draft TEXT NOT NULL DEFAULT ''"),
          QStringLiteral("ALTER TABLE chats ADD COLUMN active_root TEXT NOT NULL DEFAULT ''"),
          QStringLiteral("ALTER TABLE chats ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN context_used INTEGER NOT NULL DEFAULT 0"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN context_length INTEGER NOT NULL DEFAULT 0"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN error TEXT NOT NULL DEFAULT ''"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN active_child TEXT NOT NULL DEFAULT ''"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN writer TEXT NOT NULL DEFAULT ''"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0"),
          QStringLiteral("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)"),
          // rowid: 2 * seq of a message, 2 * seq + 1 of a chat's title. The index has its own copy of the text: an answer is indexed once,
          // when it is done, and not with every piece of it.
          makeIndex(),
          QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * seq, text FROM messages"),
          QStringLiteral("INSERT INTO search (rowid, text) SELECT 2 * seq + 1, title FROM chats"),
      };
    case 2:
      return {
          QStringLiteral("ALTER TABLE chats ADD COLUMN is_image INTEGER NOT NULL DEFAULT 0"),
          // Paths as a JSON array.
          QStringLiteral("ALTER TABLE messages ADD COLUMN pictures TEXT NOT NULL DEFAULT ''"),
      };
    case 3:
      return {
          // Not searched: a hit in a closed fold would show nothing.
          QStringLiteral("ALTER TABLE messages ADD COLUMN reasoning TEXT NOT NULL DEFAULT ''"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN thinking_seconds REAL NOT NULL DEFAULT 0"),
          QStringLiteral("ALTER TABLE messages ADD COLUMN thinking_tokens INTEGER NOT NULL DEFAULT 0"),
          // A JSON array of {"name", "arguments"}.
          QStringLiteral("ALTER TABLE messages ADD COLUMN tool_calls TEXT NOT NULL DEFAULT ''"),
      };
    case 4: return toParts();
    default: return {};
  }
}

}  // namespace pio
