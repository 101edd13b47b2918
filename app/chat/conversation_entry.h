#pragma once

#include <QScopedPointer>
#include <QVariantList>
#include <map>
#include <memory>
#include <vector>

#include "app/chat/code_pieces.h"
#include "app/chat/conversation_model.h"
#include "app/chat/sentence_reader.h"
#include "app/text/markdown.h"
#include "app/text/rich_text.h"

// One message of a ConversationModel: which rows it has and what each of them says. No signals; the model tells its views.

namespace pio {

struct ConversationEntry {
  using Kind = ConversationModel::Kind;

  // One row of a message: a block of its text or one of the rows around it (block < 0).
  struct Part {
    Kind kind;
    int block = -1;
    int call = -1;  // which tool call
    bool operator==(const Part&) const = default;
  };

  Message message;
  StreamingMarkdown text;
  std::vector<Part> parts;
  std::vector<QString> html;                                                   // of each block, as far as it was asked for; null: not made yet
  std::map<int, std::unique_ptr<CodePieces, QScopedPointerDeleteLater>> code;  // of each code block that was asked for
  SentenceReader sentences;
  int firstRow = 0;

  bool isAnswer() const { return message.role == Message::Role::Assistant; }
  bool isStreaming() const { return message.state == Message::State::Streaming; }
  bool isThinking() const;  // until the first sign of its answer
  bool hasThought() const { return message.has(MessagePart::Kind::Thought); }

  // Reads the message's text anew; its parts stay what they were.
  void fill();
  // The rows that the message has now. `isUnanswered`: a question that waits for no answer.
  std::vector<Part> wantedParts(bool isUnanswered) const;
  // The row of the first block and of the thought above it.
  int blockRow() const { return firstRow + 1 + (message.droppedMessages > 0 ? 1 : 0) + (hasThought() ? 1 : 0); }
  int thoughtRow() const { return blockRow() - 1; }

  // The block of a row. While rows are being taken out, a view may still ask for one whose block is gone.
  const Block& blockOf(const Part& part) const;
  QString textOf(const Part& part) const;
  const QString& htmlOf(int block, const RichStyle& style);
  // Made when a view asks for it; gone with its message, or when the block turns out to be something else.
  CodePieces* codeOf(int block, const RichStyle& style, QObject* owner);
  // Blocks from this one on are new or their text has changed.
  void updateHtml(qsizetype firstBlock);
  void updateCode(qsizetype firstBlock);

 private:
  void setCode(int block, CodePieces& pieces) const;
};

// Of a table: rows of cells as HTML, the first the header; Qt::Alignment of its columns.
QVariantList cellsOf(const Block& table, const RichStyle& style);
QVariantList alignmentsOf(const Block& table);

}  // namespace pio
