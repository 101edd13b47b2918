#include "app/chat/conversation_entry.h"

#include <algorithm>

namespace pio {
namespace {

using Kind = ConversationModel::Kind;

Kind kindOf(const Block& block) {
  switch (block.kind) {
    case Block::Kind::Paragraph: return Kind::Paragraph;
    case Block::Kind::Heading: return Kind::Heading;
    case Block::Kind::ListItem: return Kind::ListItem;
    case Block::Kind::Rule: return Kind::Rule;
    case Block::Kind::Code: return Kind::Code;
    case Block::Kind::Table: break;
  }
  return Kind::Table;
}

bool isNumber(const QString& text) {
  bool digit = false;
  for (const QChar c : text) {
    digit |= c.isDigit();
    // figures with their signs and units of one letter: "−1,204.5", "12 %", "$3.20"
    if (!c.isDigit() && !c.isSpace() && !QStringView(u"+-−±.,%$€£¥≈~<>/:").contains(c)) return false;
  }
  return digit;
}

}  // namespace

bool ConversationEntry::isThinking() const {
  return isStreaming() && !message.has(MessagePart::Kind::Text) && !message.has(MessagePart::Kind::ToolCall);
}

void ConversationEntry::fill() {
  text = {};
  html.clear();
  code.clear();
  sentences = {};
  if (isAnswer()) {
    text.append(message.text());
    if (!isStreaming()) text.finish();
  }
  html.resize(text.blocks().size());
  if (isStreaming()) sentences.skip(text.blocks());
}

std::vector<ConversationEntry::Part> ConversationEntry::wantedParts(bool isUnanswered) const {
  if (message.role == Message::Role::System || message.role == Message::Role::Tool) return {};
  if (message.role == Message::Role::User)
    return isUnanswered ? std::vector<Part>{{Kind::UserMessage}, {Kind::UnansweredNote}} : std::vector<Part>{{Kind::UserMessage}};
  std::vector<Part> wanted = {{Kind::AnswerHeader}};
  if (message.droppedMessages > 0) wanted.push_back({Kind::DroppedNote});
  if (hasThought()) wanted.push_back({Kind::Thinking});
  const auto& blocks = text.blocks();
  for (size_t i = 0; i < blocks.size(); ++i) wanted.push_back({kindOf(blocks[i]), int(i)});
  for (int i = 0; i < message.toolCalls().size(); ++i) wanted.push_back({Kind::ToolCall, -1, i});
  if (message.state == Message::State::Failed && message.error.isSet()) wanted.push_back({Kind::ErrorNote});
  if (message.state == Message::State::Stopped || message.state == Message::State::Unfinished) wanted.push_back({Kind::StoppedNote});
  wanted.push_back({Kind::Footer});
  return wanted;
}

const Block& ConversationEntry::blockOf(const Part& part) const {
  static const Block none;
  const auto& blocks = text.blocks();
  return part.block >= 0 && size_t(part.block) < blocks.size() ? blocks[size_t(part.block)] : none;
}

QString ConversationEntry::textOf(const Part& part) const {
  if (part.block >= 0) return blockOf(part).plainText();
  switch (part.kind) {
    case Kind::UserMessage:
    case Kind::Footer: return message.text();
    case Kind::Thinking: return message.reasoning().trimmed();
    case Kind::ToolCall: return message.toolCalls().value(part.call).arguments;
    case Kind::AnswerHeader: return message.modelName;
    case Kind::ErrorNote: {
      const UserError& error = message.error;
      return error.explanation.isEmpty() ? error.title : error.title + u'\n' + error.explanation;
    }
    default: return {};
  }
}

const QString& ConversationEntry::htmlOf(int block, const RichStyle& style) {
  QString& made = html[size_t(block)];
  if (!made.isNull()) return made;
  made = proseHtml(text.blocks()[size_t(block)], style);
  if (made.isNull()) made = QString(QLatin1String(""));
  return made;
}

CodePieces* ConversationEntry::codeOf(int block, const RichStyle& style, QObject* owner) {
  auto& pieces = code[block];
  const QString& language = text.blocks()[size_t(block)].language;
  if (!pieces || pieces->language() != language) {
    pieces.reset(new CodePieces(language, owner));
    pieces->setStyle(style);
    setCode(block, *pieces);
  }
  return pieces.get();
}

void ConversationEntry::updateHtml(qsizetype firstBlock) {
  html.resize(std::min(size_t(firstBlock), html.size()));
  html.resize(text.blocks().size());
}

void ConversationEntry::updateCode(qsizetype firstBlock) {
  for (auto& [block, pieces] : code) {
    if (block >= firstBlock || (pieces->isOpen() && block < text.closedCount())) setCode(block, *pieces);
  }
}

void ConversationEntry::setCode(int block, CodePieces& pieces) const {
  const auto& blocks = text.blocks();
  if (size_t(block) < blocks.size()) pieces.set(blocks[size_t(block)].content.text, block >= text.closedCount());
}

QVariantList cellsOf(const Block& table, const RichStyle& style) {
  QVariantList rows;
  for (size_t i = 0; i < table.cells.size(); ++i) {
    QVariantList row;
    for (const Inline& cell : table.cells[i]) row.push_back(cellHtml(cell, i == 0, style));
    rows.push_back(QVariant(row));
  }
  return rows;
}

// Columns without an alignment of their own stand right if the first row of the body has a number there; the rows below it come too late.
QVariantList alignmentsOf(const Block& table) {
  QVariantList out;
  for (size_t column = 0; column < table.alignments.size(); ++column) {
    Qt::AlignmentFlag flag = Qt::AlignLeft;
    switch (table.alignments[column]) {
      case Block::Align::Left: break;
      case Block::Align::Center: flag = Qt::AlignHCenter; break;
      case Block::Align::Right: flag = Qt::AlignRight; break;
      case Block::Align::Default:
        if (table.cells.size() > 1 && column < table.cells[1].size() && isNumber(table.cells[1][column].text)) flag = Qt::AlignRight;
    }
    out.push_back(int(flag));
  }
  return out;
}

}  // namespace pio
