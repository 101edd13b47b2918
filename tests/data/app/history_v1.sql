PRAGMA journal_mode = WAL;
CREATE TABLE chats (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, pinned INTEGER NOT NULL DEFAULT 0, system_prompt TEXT NOT NULL DEFAULT '');
CREATE TABLE messages (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, chat_id TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE, parent TEXT, role TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL, model TEXT NOT NULL DEFAULT '', tokens INTEGER NOT NULL DEFAULT 0, tokens_per_second REAL NOT NULL DEFAULT 0, first_token_seconds REAL NOT NULL DEFAULT 0);
CREATE INDEX messages_of_chat ON messages (chat_id, created, id);
INSERT INTO chats (id, title, created, updated, pinned) VALUES ('old-chat', 'The old light', 1000, 2000, 1);
INSERT INTO messages (id, chat_id, parent, role, text, state, created) VALUES ('old-question', 'old-chat', NULL, 'user', 'Where does it stand?', 'complete', 1001);
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model, tokens, tokens_per_second) VALUES ('old-answer', 'old-chat', 'old-question', 'assistant', 'It stands on the cliff.', 'complete', 1002, 'SmolLM2', 6, 12.5);
PRAGMA user_version = 1;
