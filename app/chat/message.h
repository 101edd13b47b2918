#pragma once

#include <QList>
#include <QString>
#include <QStringList>

#include "app/error_text.h"

// One message as the history keeps it: typed parts, in the order in which the model reads or writes them.

namespace pio {

// A function that a model asked for; the window runs none.
struct ToolUse {
  QString name;
  QString arguments;  // a JSON object
  QString id = {};    // of its own within the message; the result names it
  bool operator==(const ToolUse&) const = default;
};

struct MessagePart {
  enum class Kind { Text, Thought, Picture, File, ToolCall, ToolResult };
  Kind kind = Kind::Text;
  QString text = {};    // words; of a ToolCall the arguments, a JSON object; none of a Picture or File
  QString name = {};    // of a Picture or File what people call it, "" as its file; of a ToolCall the function
  QString path = {};    // of a Picture or File: where it lies
  QString sha256 = {};  // of its content when it was sent, hexadecimal; "" not known
  qint64 size = 0;      // of that, bytes
  QString detail = {};  // of a Picture: how closely it is looked at, "low" or "normal"; "" in full
  QString id = {};      // of a ToolCall; of a ToolResult that of its call
  bool operator==(const MessagePart&) const = default;
};

struct Message {
  enum class Role { System, User, Assistant, Tool };                      // Tool: what a function gave back
  enum class State { Complete, Stopped, Unfinished, Failed, Streaming };  // Unfinished: the program died while it was written
  QString id;
  QString parent;
  Role role = Role::User;
  State state = State::Complete;
  QList<MessagePart> parts;  // none of them an empty text or thought
  QString modelName;
  int version = 1;  // among its siblings, from 1
  int versionCount = 1;
  qint64 generatedTokens = 0;
  double tokensPerSecond = 0;
  double firstTokenSeconds = 0;
  qint64 contextUsed = 0;
  qint64 contextLength = 0;
  qint64 droppedMessages = 0;  // left out of the prompt to fit the context
  UserError error;             // of state Failed
  double thinkingSeconds = 0;  // how long the model thought before it answered
  qint64 thinkingTokens = 0;

  bool has(MessagePart::Kind kind) const;
  QString text() const;          // of all parts of the kind, one after the other
  QString reasoning() const;     // what the model thought
  QStringList pictures() const;  // paths
  QList<ToolUse> toolCalls() const;

  // Puts the part where its kind stands: pictures and files, thought, text, calls and their results.
  void add(const MessagePart& part);
  void addPicture(const QString& path);
  void addToolCall(const QString& name, const QString& arguments);  // with the next id of this message
  // In place of all parts of the kind; none when it is empty.
  void setText(const QString& text);
  void setReasoning(const QString& thought);
  // More of the last part of the kind, or the first one.
  void appendText(const QString& delta);
  void appendThought(const QString& delta);
};

}  // namespace pio
