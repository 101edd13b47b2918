#include "app/history/migrations.h"

namespace pio {

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
          QStringLiteral("CREATE VIRTUAL TABLE search USING fts5(text, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')"),
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
    default: return {};
  }
}

}  // namespace pio
