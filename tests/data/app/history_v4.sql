PRAGMA journal_mode = WAL;
CREATE TABLE chats (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, pinned INTEGER NOT NULL DEFAULT 0, system_prompt TEXT NOT NULL DEFAULT '');
CREATE TABLE messages (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, chat_id TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE, parent TEXT, role TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL, model TEXT NOT NULL DEFAULT '', tokens INTEGER NOT NULL DEFAULT 0, tokens_per_second REAL NOT NULL DEFAULT 0, first_token_seconds REAL NOT NULL DEFAULT 0);
CREATE INDEX messages_of_chat ON messages (chat_id, created, id);
ALTER TABLE chats ADD COLUMN draft TEXT NOT NULL DEFAULT '';
ALTER TABLE chats ADD COLUMN active_root TEXT NOT NULL DEFAULT '';
ALTER TABLE chats ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN context_used INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN context_length INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN error TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN active_child TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN writer TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE VIRTUAL TABLE search USING fts5(text, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
INSERT INTO search (rowid, text) SELECT 2 * seq, text FROM messages;
INSERT INTO search (rowid, text) SELECT 2 * seq + 1, title FROM chats;
ALTER TABLE chats ADD COLUMN is_image INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN pictures TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN reasoning TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN thinking_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN thinking_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN tool_calls TEXT NOT NULL DEFAULT '';
INSERT INTO chats (id, title, created, updated, pinned, system_prompt, draft, active_root) VALUES ('c-lamp', 'Räume & Häuser', 1000, 5000, 1, 'Be brief.', 'half a thought', 'u1');
INSERT INTO chats (id, title, created, updated, active_root) VALUES ('c-half', '100 % _under\score', 2000, 2003, 'u2');
INSERT INTO chats (id, title, created, updated, active_root, deleted) VALUES ('c-gone', 'Removed, not purged', 3000, 3002, 'u4', 3003);
INSERT INTO chats (id, title, created, updated, active_root, is_image) VALUES ('c-look', 'Two pictures', 6000, 6002, 'u6', 1);
INSERT INTO messages (id, chat_id, parent, role, text, state, created, active_child) VALUES ('u1', 'c-lamp', '', 'user', 'Wie hoch ist ein Leuchtturm?', 'complete', 1001, 'a1');
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model, tokens, tokens_per_second, first_token_seconds, context_used, context_length, dropped, reasoning, thinking_seconds, thinking_tokens, tool_calls) VALUES ('a1', 'c-lamp', 'u1', 'assistant', 'Etwa 40 m.

```cpp
int x = 1
```', 'complete', 1002, 'SmolLM2', 41, 31.400000000000002, 0.1, 120, 8192, 2, 'Türme: 20 – 60 m
', 14.2, 391, '[{"arguments":"{\n    \"what\": \"Höhe\"\n}","name":"look_up"},{"arguments":"{}","name":"now"}]');
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model, error) VALUES ('a2', 'c-lamp', 'u1', 'assistant', '🗼 灯塔很高 "quoted" \ it''s', 'failed', 1003, 'SmolLM2', '{"actions":[2,1],"details":"out_of_memory: x","explanation":"This needs 9.7 GB.","title":"Not enough memory"}');
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model, deleted) VALUES ('a3', 'c-lamp', 'u1', 'assistant', 'A version that was deleted.', 'complete', 1004, 'SmolLM2', 4000);
INSERT INTO messages (id, chat_id, parent, role, text, state, created) VALUES ('u2', 'c-half', '', 'user', 'Second', 'complete', 2001);
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model, writer, reasoning, thinking_seconds, thinking_tokens) VALUES ('s2', 'c-half', 'u2', 'assistant', 'Half an ans', 'streaming', 2002, 'SmolLM2', 'a-session-that-is-gone', 'It is', 0.5, 3);
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model) VALUES ('e2', 'c-half', 'u2', 'assistant', '', 'stopped', 2003, 'SmolLM2');
INSERT INTO messages (id, chat_id, parent, role, text, state, created) VALUES ('u4', 'c-gone', '', 'user', 'A farewell', 'complete', 3001);
INSERT INTO messages (id, chat_id, parent, role, text, state, created, active_child, pictures) VALUES ('u6', 'c-look', '', 'user', 'Which is larger?', 'complete', 6001, 'a6', '["/somewhere/a \"ü\".png","/somewhere/b.jpg"]');
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model) VALUES ('a6', 'c-look', 'u6', 'assistant', 'The first.', 'complete', 6002, 'Qwen3-VL');
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model, reasoning, thinking_seconds, thinking_tokens) VALUES ('t2', 'c-half', 'u2', 'assistant', '', 'stopped', 2004, 'GLM', 'Only a thought', 2.5, 9);
INSERT INTO messages (id, chat_id, parent, role, text, state, created, model, tool_calls) VALUES ('t3', 'c-half', 'u2', 'assistant', '', 'complete', 2005, 'GLM', '[{"arguments":"{}","name":"now"}]');
INSERT INTO search (rowid, text) VALUES (3, 'Räume & Häuser');
INSERT INTO search (rowid, text) VALUES (5, '100 % _under\score');
INSERT INTO search (rowid, text) VALUES (7, 'Removed, not purged');
INSERT INTO search (rowid, text) VALUES (9, 'Two pictures');
INSERT INTO search (rowid, text) VALUES (2, 'Wie hoch ist ein Leuchtturm?');
INSERT INTO search (rowid, text) VALUES (4, 'Etwa 40 m.

```cpp
int x = 1
```');
INSERT INTO search (rowid, text) VALUES (6, '🗼 灯塔很高 "quoted" \ it''s');
INSERT INTO search (rowid, text) VALUES (8, 'A version that was deleted.');
INSERT INTO search (rowid, text) VALUES (10, 'Second');
INSERT INTO search (rowid, text) VALUES (14, '');
INSERT INTO search (rowid, text) VALUES (16, 'A farewell');
INSERT INTO search (rowid, text) VALUES (18, 'Which is larger?');
INSERT INTO search (rowid, text) VALUES (20, 'The first.');
INSERT INTO search (rowid, text) VALUES (22, '');
INSERT INTO search (rowid, text) VALUES (24, '');
INSERT INTO meta (key, value) VALUES ('last_chat', 'c-lamp');
INSERT INTO meta (key, value) VALUES ('new_draft', 'begun');
PRAGMA user_version = 4;
