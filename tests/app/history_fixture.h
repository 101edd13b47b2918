#pragma once

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include "app/history/history_db.h"
#include "tests/app/sql_file.h"

// What the tests of the history share.

namespace pio {

inline MessageRecord message(const QString& chat, const QString& id, const QString& parent, Message::Role role, const QString& text, qint64 created) {
  MessageRecord record;
  record.chatId = chat;
  record.created = created;
  record.message.id = id;
  record.message.parent = parent;
  record.message.role = role;
  record.message.setText(text);
  return record;
}

// A history with everything that a file can hold.
inline void fill(HistoryDb& db) {
  QVERIFY(db.putChat({"c1", "Räume & Häuser", 1000, 5000, true, "Be brief.", "half a thought"}));
  QVERIFY(db.addMessage(message("c1", "u1", {}, Message::Role::User, "Wie hoch ist ein Leuchtturm?", 1001), {}));
  MessageRecord answer = message("c1", "a1", "u1", Message::Role::Assistant, "Etwa 40 m.\n\n```cpp\nint x = 1;\n```", 1002);
  answer.message.modelName = "SmolLM2";
  answer.message.generatedTokens = 41;
  answer.message.tokensPerSecond = 31.400000000000002;  // doubles come back as they went
  answer.message.firstTokenSeconds = 0.1;
  answer.message.contextUsed = 120;
  answer.message.contextLength = 8192;
  answer.message.droppedMessages = 2;
  answer.message.setReasoning(QString::fromUtf8("Türme: 20 – 60 m\n"));
  answer.message.thinkingSeconds = 14.2;
  answer.message.thinkingTokens = 391;
  answer.message.addToolCall("look_up", "{\"what\": \"Höhe\"}");
  QVERIFY(db.addMessage(answer, {}));
  answer.message.id = "a2";
  answer.created = 1003;
  answer.message.state = Message::State::Failed;
  answer.message.setText(QString::fromUtf8("\U0001F5FC 灯塔很高 \"quoted\" \\ \t\r\n ") + QChar(0x0001) + QStringLiteral("end"));
  answer.message.error = {"Not enough memory", "This needs 9.7 GB.", "out_of_memory: x", {UserError::ShorterContext, UserError::OpenModel}};
  QVERIFY(db.addMessage(answer, {}));
  QVERIFY(db.setActiveChild("c1", "u1", "a1"));
  MessageRecord result = message("c1", "r1", "a1", Message::Role::Tool, {}, 1004);
  result.message.add({.kind = MessagePart::Kind::ToolResult, .text = "{\"metres\": 40}", .name = "look_up", .id = "call_0"});
  QVERIFY(db.addMessage(result, {}));
  QVERIFY(db.putChat({"c2", "100 % _under\\score", 2000, 2000}));
  MessageRecord half = message("c2", "u2", {}, Message::Role::User, "Second", 2001);
  QVERIFY(db.addMessage(half, {}));
  half = message("c2", "s2", "u2", Message::Role::Assistant, "Half", 2002);
  half.message.state = Message::State::Unfinished;
  QVERIFY(db.addMessage(half, {}));
  ChatRecord pictures{"c3", "Two pictures", 3000, 3000};
  pictures.kind = ChatRecord::Kind::Image;
  QVERIFY(db.putChat(pictures));
  MessageRecord shown = message("c3", "u3", {}, Message::Role::User, "Which is larger?", 3001);
  shown.message.addPicture("/somewhere/a \"ü\".png");
  shown.message.add({.kind = MessagePart::Kind::Picture, .name = "b, pasted", .path = "/somewhere/b.jpg", .sha256 = QString(64, 'a'), .size = 1234});
  shown.message.add({.kind = MessagePart::Kind::File, .name = "notes.txt", .path = "/somewhere/notes.txt", .sha256 = QString(64, 'b'), .size = 5});
  QVERIFY(db.addMessage(shown, {}));
  ChatRecord code{"c4", "About a file", 4000, 4000};
  code.kind = ChatRecord::Kind::Code;
  code.file = "/somewhere/main.cpp";
  QVERIFY(db.putChat(code));
}

// A file of these chats, closed.
inline bool makeFilled(const QString& path) {
  HistoryDb db;
  if (!db.open(path)) return false;
  fill(db);
  return true;
}

// Makes the file from an SQL script of the test data, as the program of that version wrote it.
inline void makeOldHistory(const QString& path, int version) {
  QFile script(QStringLiteral(PIO_TEST_DATA "/app/history_v%1.sql").arg(version));
  QVERIFY(script.open(QIODevice::ReadOnly));
  const SqlFile file(path);
  const QStringList statements = QString::fromUtf8(script.readAll()).split(";\n", Qt::SkipEmptyParts);
  for (const QString& statement : statements) QVERIFY(file.exec(statement));
}

// Adds messages to a file of version 4 that makeOldHistory() made, with texts and thoughts of that length.
inline void lengthenOldHistory(const QString& path, int nMessages, int nText, int nThought) {
  SqlFile file(path);
  QVERIFY(file.exec("BEGIN"));
  QSqlQuery query(file.db());
  QVERIFY(
      query.prepare("INSERT INTO messages (id, chat_id, parent, role, text, state, created, reasoning) "
                    "VALUES (?, 'c-look', '', 'assistant', ?, 'complete', ?, ?)"));
  for (int i = 0; i < nMessages; ++i) {
    query.addBindValue(QStringLiteral("n%1").arg(i));
    query.addBindValue(QString(nText, QChar('a' + i % 26)));
    query.addBindValue(10'000 + i);
    query.addBindValue(QString(nThought, 'b'));
    QVERIFY(query.exec());
  }
  query.clear();
  QVERIFY(file.exec("COMMIT"));
}

// The messages that another process would read from the file of that folder now.
inline QList<MessageRecord> messagesOnDisk(const QString& folder, const QString& chat) {
  HistoryDb db;
  if (!db.open(folder + QStringLiteral("/history.db"))) return {};
  const auto messages = db.messages(chat);
  return messages ? *messages : QList<MessageRecord>();
}

}  // namespace pio
