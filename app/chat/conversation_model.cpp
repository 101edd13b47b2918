#include "app/chat/conversation_model.h"

#include <QHash>
#include <QScopedPointer>
#include <QTimer>
#include <QUrl>
#include <algorithm>
#include <map>
#include <utility>

#include "app/chat/code_pieces.h"
#include "app/history/records.h"
#include "app/text/markdown.h"
#include "app/text/rich_text.h"

namespace pio {
namespace {

using Kind = ConversationModel::Kind;

constexpr qsizetype kSlice = 60'000;  // signs that get their rows in one go; 10 ms of parsing

// One row of a message: a block of its text or one of the rows around it (block < 0).
struct Part {
  Kind kind;
  int block = -1;
  int call = -1;  // which tool call
  bool operator==(const Part&) const = default;
};

struct Entry {
  Message message;
  StreamingMarkdown text;
  std::vector<Part> parts;
  std::vector<QString> html;                                                   // of each block, as far as it was asked for; null: not made yet
  std::map<int, std::unique_ptr<CodePieces, QScopedPointerDeleteLater>> code;  // of each code block that was asked for
  int announcedBlock = 0;                                                      // sentences up to here have been told
  qsizetype announcedTo = 0;
  int firstRow = 0;
};

bool isStreaming(const Message& message) { return message.state == Message::State::Streaming; }
bool isAnswer(const Message& message) { return message.role == Message::Role::Assistant; }

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

std::vector<Part> partsOf(const Entry& entry, bool isUnanswered) {
  const Message& message = entry.message;
  if (message.role == Message::Role::System || message.role == Message::Role::Tool) return {};
  if (message.role == Message::Role::User)
    return isUnanswered ? std::vector<Part>{{Kind::UserMessage}, {Kind::UnansweredNote}} : std::vector<Part>{{Kind::UserMessage}};
  std::vector<Part> parts = {{Kind::AnswerHeader}};
  if (message.droppedMessages > 0) parts.push_back({Kind::DroppedNote});
  if (message.has(MessagePart::Kind::Thought)) parts.push_back({Kind::Thinking});
  const auto& blocks = entry.text.blocks();
  for (size_t i = 0; i < blocks.size(); ++i) parts.push_back({kindOf(blocks[i]), int(i)});
  for (int i = 0; i < message.toolCalls().size(); ++i) parts.push_back({Kind::ToolCall, -1, i});
  if (message.state == Message::State::Failed && message.error.isSet()) parts.push_back({Kind::ErrorNote});
  if (message.state == Message::State::Stopped || message.state == Message::State::Unfinished) parts.push_back({Kind::StoppedNote});
  parts.push_back({Kind::Footer});
  return parts;
}

// It thinks until the first sign of its answer.
bool isThinking(const Message& message) {
  return isStreaming(message) && !message.has(MessagePart::Kind::Text) && !message.has(MessagePart::Kind::ToolCall);
}

bool hasThought(const Message& message) { return message.has(MessagePart::Kind::Thought); }

// The block of a row. While rows are being taken out, a view may still ask for one whose block is gone.
const Block& blockOf(const Entry& entry, const Part& part) {
  static const Block none;
  const auto& blocks = entry.text.blocks();
  return part.block >= 0 && size_t(part.block) < blocks.size() ? blocks[size_t(part.block)] : none;
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

// End of the next sentence of `text` from `from` on, or -1: a closing sign and white space behind it, or a full-width sign.
qsizetype sentenceEnd(QStringView text, qsizetype from) {
  for (qsizetype i = from; i < text.size(); ++i) {
    const QChar c = text[i];
    if (c == u'。' || c == u'！' || c == u'？') return i + 1;
    const bool closes = c == u'.' || c == u'!' || c == u'?' || c == u'…' || c == u':';
    if (c == u'\n' || (closes && i + 1 < text.size() && text[i + 1].isSpace())) return i + 1;
  }
  return -1;
}

}  // namespace

struct ConversationModel::Private {
  ConversationModel* q;
  std::vector<Entry> entries;
  std::vector<int> entryOfRow;  // which entry a row belongs to
  QHash<QString, int> byId;
  QVariantMap styleMap;
  RichStyle style;
  bool isAwaited = true;  // an answer to the last message
  size_t nPending = 0;    // entries at the beginning that have no rows yet
  QTimer slices;

  // ---- the rows -----------------------------------------------------------------------------------------------------------------

  void fill(Entry& entry) {
    entry.text = {};
    entry.html.clear();
    entry.code.clear();
    entry.announcedBlock = 0;
    entry.announcedTo = 0;
    if (isAnswer(entry.message)) {
      entry.text.append(entry.message.text());
      if (!isStreaming(entry.message)) entry.text.finish();
    }
    entry.html.resize(entry.text.blocks().size());
    if (isStreaming(entry.message)) {  // what is there already was told before
      entry.announcedBlock = std::max(0, int(entry.text.blocks().size()) - 1);
      if (!entry.text.blocks().empty()) entry.announcedTo = entry.text.blocks().back().content.text.size();
    }
  }

  bool isUnanswered(const Entry& entry) const { return !isAwaited && &entry == &entries.back(); }

  // Gives the last of the pending entries their rows; returns how many it took.
  int fillSlice() {
    qsizetype nSigns = 0;
    int nRows = 0;
    while (nPending > 0 && nSigns < kSlice) {
      Entry& entry = entries[--nPending];
      nSigns += entry.message.text().size();
      fill(entry);
      entry.parts = partsOf(entry, isUnanswered(entry));
      nRows += int(entry.parts.size());
    }
    return nRows;
  }

  void addSlice() {
    const int before = int(entryOfRow.size());
    const int nRows = fillSlice();
    if (nRows > 0) {
      // The rows are announced before they are counted.
      q->beginInsertRows({}, 0, nRows - 1);
      renumber(nPending);
      q->endInsertRows();
      if (before > 0) changed(nRows, nRows, {AboveRole, LevelAboveRole});
      emit q->countChanged();
    }
    if (nPending == 0) slices.stop();
  }

  void renumber(size_t fromEntry) {
    int row = 0;
    if (fromEntry > 0) row = entries[fromEntry - 1].firstRow + int(entries[fromEntry - 1].parts.size());
    for (size_t i = fromEntry; i < entries.size(); ++i) {
      entries[i].firstRow = row;
      row += int(entries[i].parts.size());
    }
    const size_t keep = fromEntry < entries.size() ? size_t(entries[fromEntry].firstRow) : size_t(row);
    entryOfRow.resize(std::min(entryOfRow.size(), keep));
    for (size_t i = fromEntry; i < entries.size(); ++i) entryOfRow.insert(entryOfRow.end(), entries[i].parts.size(), int(i));
  }

  // Makes the rows of entry `e` what its message says now; rows of the same kind at both ends stay, those between are taken out and put in
  // anew (a view makes its delegate by the kind, once).
  void syncRows(size_t e) {
    Entry& entry = entries[e];
    std::vector<Part> now = partsOf(entry, isUnanswered(entry));
    std::vector<Part>& was = entry.parts;
    const auto sameKind = [](const Part& a, const Part& b) { return a.kind == b.kind && (a.block < 0) == (b.block < 0); };
    size_t head = 0;
    while (head < was.size() && head < now.size() && sameKind(was[head], now[head])) ++head;
    size_t tail = 0;
    // blocks are matched from the front: only rows without one may stay at the end
    while (tail < was.size() - head && tail < now.size() - head && was[was.size() - 1 - tail].block < 0 &&
           sameKind(was[was.size() - 1 - tail], now[now.size() - 1 - tail]))
      ++tail;
    const int first = entry.firstRow + int(head);
    const int nOld = int(was.size() - head - tail);
    const int nNew = int(now.size() - head - tail);
    if (nOld > 0) {
      q->beginRemoveRows({}, first, first + nOld - 1);
      was.erase(was.begin() + long(head), was.begin() + long(head) + nOld);
      renumber(e);
      q->endRemoveRows();
    }
    if (nNew > 0) {
      q->beginInsertRows({}, first, first + nNew - 1);
      was = std::move(now);
      renumber(e);
      q->endInsertRows();
    } else {
      was = std::move(now);
    }
    if (nOld != nNew) emit q->countChanged();
  }

  void changed(int firstRow, int lastRow, const QList<int>& roles = {}) {
    if (firstRow <= lastRow) emit q->dataChanged(q->index(firstRow), q->index(lastRow), roles);
  }

  void changedAll(size_t e, const QList<int>& roles) { changed(entries[e].firstRow, entries[e].firstRow + int(entries[e].parts.size()) - 1, roles); }

  // Rows for blocks from `firstBlock` on; they are new or their text has changed.
  void syncBlocks(size_t e, qsizetype firstBlock) {
    Entry& entry = entries[e];
    const int oldEnd = int(entry.html.size());
    entry.html.resize(size_t(std::min(int(firstBlock), oldEnd)));
    entry.html.resize(entry.text.blocks().size());
    syncRows(e);
    const int end = std::min(oldEnd, int(entry.text.blocks().size()));
    const int firstRow = entry.firstRow + blockOffset(entry);
    changed(firstRow + int(firstBlock), firstRow + end - 1);
    for (auto& [block, code] : entry.code) {
      if (block >= firstBlock || (code->isOpen() && block < entry.text.closedCount())) setCode(entry, block, *code);
    }
  }

  static void setCode(const Entry& entry, int block, CodePieces& code) {
    const auto& blocks = entry.text.blocks();
    if (size_t(block) < blocks.size()) code.set(blocks[size_t(block)].content.text, block >= entry.text.closedCount());
  }

  // Made when a view asks for it; gone with its message, or when the block turns out to be something else.
  CodePieces* codeOf(Entry& entry, int block) {
    auto& code = entry.code[block];
    const QString& language = entry.text.blocks()[size_t(block)].language;
    if (!code || code->language() != language) {
      code.reset(new CodePieces(language, q));
      code->setStyle(style);
      setCode(entry, block, *code);
    }
    return code.get();
  }

  static int blockOffset(const Entry& entry) { return 1 + (entry.message.droppedMessages > 0 ? 1 : 0) + (hasThought(entry.message) ? 1 : 0); }
  static int thoughtRow(const Entry& entry) { return entry.firstRow + blockOffset(entry) - 1; }

  // ---- what a row says ----------------------------------------------------------------------------------------------------------

  const QString& blockHtml(Entry& entry, int block) {
    QString& html = entry.html[size_t(block)];
    if (!html.isNull()) return html;
    const Block& content = entry.text.blocks()[size_t(block)];
    html = proseHtml(content, style);
    if (html.isNull()) html = QString(QLatin1String(""));
    return html;
  }

  QVariantList cells(const Block& table) const {
    QVariantList rows;
    for (size_t i = 0; i < table.cells.size(); ++i) {
      QVariantList row;
      for (const Inline& cell : table.cells[i]) row.push_back(cellHtml(cell, i == 0, style));
      rows.push_back(QVariant(row));
    }
    return rows;
  }

  // The row above and its block; null for the first row.
  std::pair<const Part*, const Block*> above(int row) const {
    if (row == 0) return {};
    const Entry& entry = entries[size_t(entryOfRow[size_t(row) - 1])];
    const Part& part = entry.parts[size_t(row - 1 - entry.firstRow)];
    return {&part, &blockOf(entry, part)};
  }

  QString text(const Entry& entry, const Part& part) const {
    if (part.block >= 0) return blockOf(entry, part).plainText();
    switch (part.kind) {
      case Kind::UserMessage:
      case Kind::Footer: return entry.message.text();
      case Kind::Thinking: return entry.message.reasoning().trimmed();
      case Kind::ToolCall: return entry.message.toolCalls().value(part.call).arguments;
      case Kind::AnswerHeader: return entry.message.modelName;
      case Kind::ErrorNote: {
        const UserError& error = entry.message.error;
        return error.explanation.isEmpty() ? error.title : error.title + u'\n' + error.explanation;
      }
      default: return {};
    }
  }

  // ---- sentences ----------------------------------------------------------------------------------------------------------------

  void announce(Entry& entry, bool all) {
    const auto& blocks = entry.text.blocks();
    while (entry.announcedBlock < int(blocks.size())) {
      const Block& block = blocks[size_t(entry.announcedBlock)];
      const bool open = !all && entry.announcedBlock + 1 == int(blocks.size());
      // Code and tables are reached row by row by who wants them; read aloud while they are written they are noise.
      if (block.kind != Block::Kind::Code && block.kind != Block::Kind::Table && block.kind != Block::Kind::Rule) {
        const QString& text = block.content.text;
        entry.announcedTo = std::min(entry.announcedTo, text.size());
        for (qsizetype end; (end = sentenceEnd(text, entry.announcedTo)) >= 0;) tell(entry, text, end);
        if (open) return;
        tell(entry, text, text.size());
      } else if (open) {
        return;
      }
      ++entry.announcedBlock;
      entry.announcedTo = 0;
    }
  }

  void tell(Entry& entry, const QString& text, qsizetype end) {
    const QString sentence = text.mid(entry.announcedTo, end - entry.announcedTo).trimmed();
    entry.announcedTo = end;
    if (!sentence.isEmpty()) emit q->sentenceWritten(sentence);
  }
};

ConversationModel::ConversationModel(QObject* parent) : QAbstractListModel(parent), d(std::make_unique<Private>()) {
  d->q = this;
  d->slices.setInterval(0);
  connect(&d->slices, &QTimer::timeout, this, [this] { d->addSlice(); });
}
ConversationModel::~ConversationModel() = default;

int ConversationModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : int(d->entryOfRow.size()); }

QVariant ConversationModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) return {};
  const int e = d->entryOfRow[size_t(index.row())];
  Entry& entry = d->entries[size_t(e)];
  const Message& message = entry.message;
  const Part part = entry.parts[size_t(index.row() - entry.firstRow)];
  const Block& block = blockOf(entry, part);
  switch (role) {
    case KindRole: return part.kind;
    case MessageIdRole: return message.id;
    case Qt::DisplayRole:
    case TextRole: return d->text(entry, part);
    case HtmlRole: return part.block >= 0 && size_t(part.block) < entry.html.size() ? d->blockHtml(entry, part.block) : QString();
    case AboveRole: {
      const Part* above = d->above(index.row()).first;
      return above == nullptr ? -1 : int(above->kind);
    }
    case LevelAboveRole: {
      const Block* above = d->above(index.row()).second;
      return above == nullptr ? 0 : above->level;
    }
    case LevelRole: return block.level;
    case IndentRole: return block.indent;
    case MarkerRole: return block.marker;
    case QuoteRole: return block.quote;
    case LanguageRole: return block.language;
    case CodeRole:
      return part.kind == Code && size_t(part.block) < entry.html.size() ? QVariant::fromValue(d->codeOf(entry, part.block)) : QVariant();
    case CellsRole: return d->cells(block);
    case AlignmentsRole: return alignmentsOf(block);
    case StreamingRole: return part.kind == Thinking ? isThinking(message) : isStreaming(message);
    case LastRole: return e + 1 == int(d->entries.size());
    case ModelNameRole: return message.modelName;
    case VersionRole: return message.version;
    case VersionCountRole: return message.versionCount;
    case StateRole: return nameOf(message.state);
    case TokensRole: return message.generatedTokens;
    case SpeedRole: return message.tokensPerSecond;
    case FirstTokenRole: return message.firstTokenSeconds;
    case ContextUsedRole: return message.contextUsed;
    case ContextLengthRole: return message.contextLength;
    case DroppedRole: return message.droppedMessages;
    case ErrorRole: return QVariant::fromValue(message.error);
    case PicturesRole: {
      QVariantList urls;
      for (const QString& path : message.pictures()) urls.append(QUrl::fromLocalFile(path));
      return urls;
    }
    case ThinkingSecondsRole: return message.thinkingSeconds;
    case ThinkingTokensRole: return message.thinkingTokens;
    case HasThoughtRole: return hasThought(message);
    case ToolNameRole: return message.toolCalls().value(part.call).name;
    default: return {};
  }
}

QHash<int, QByteArray> ConversationModel::roleNames() const {
  return {{KindRole, "kind"},
          {MessageIdRole, "messageId"},
          {TextRole, "text"},
          {PicturesRole, "pictures"},
          {HtmlRole, "html"},
          {AboveRole, "above"},
          {LevelAboveRole, "levelAbove"},
          {LevelRole, "level"},
          {IndentRole, "indent"},
          {MarkerRole, "marker"},
          {QuoteRole, "quote"},
          {LanguageRole, "language"},
          {CodeRole, "code"},
          {CellsRole, "cells"},
          {AlignmentsRole, "alignments"},
          {StreamingRole, "streaming"},
          {LastRole, "isLast"},
          {ModelNameRole, "modelName"},
          {VersionRole, "version"},
          {VersionCountRole, "versionCount"},
          {StateRole, "state"},
          {TokensRole, "tokens"},
          {SpeedRole, "tokensPerSecond"},
          {FirstTokenRole, "firstTokenSeconds"},
          {ContextUsedRole, "contextUsed"},
          {ContextLengthRole, "contextLength"},
          {DroppedRole, "dropped"},
          {ErrorRole, "error"},
          {ThinkingSecondsRole, "thinkingSeconds"},
          {ThinkingTokensRole, "thinkingTokens"},
          {HasThoughtRole, "hasThought"},
          {ToolNameRole, "toolName"}};
}

QVariantMap ConversationModel::style() const { return d->styleMap; }

void ConversationModel::setStyle(const QVariantMap& style) {
  if (d->styleMap == style) return;
  d->styleMap = style;
  d->style = RichStyle::of(style);
  for (Entry& entry : d->entries) {
    entry.html.assign(entry.html.size(), QString());
    for (const auto& [block, code] : entry.code) code->setStyle(d->style);
  }
  d->changed(0, rowCount() - 1, {HtmlRole, CellsRole});
  emit styleChanged();
}

void ConversationModel::reset(const QList<Message>& messages) {
  const int before = rowCount();
  beginResetModel();
  d->entries.clear();
  d->byId.clear();
  d->entryOfRow.clear();
  d->entries.reserve(size_t(messages.size()));
  for (const Message& message : messages) {
    d->byId.insert(message.id, int(d->entries.size()));
    d->entries.emplace_back().message = message;
  }
  d->nPending = d->entries.size();
  d->fillSlice();
  d->renumber(0);
  endResetModel();
  if (d->nPending > 0) d->slices.start();
  if (rowCount() != before) emit countChanged();
}

void ConversationModel::append(const Message& message) {
  const size_t e = d->entries.size();
  d->byId.insert(message.id, int(e));
  setAwaited(true);
  Entry& entry = d->entries.emplace_back();
  entry.message = message;
  entry.firstRow = rowCount();
  d->fill(entry);
  d->syncRows(e);
  if (e > 0) d->changedAll(e - 1, {LastRole});
}

void ConversationModel::setAwaited(bool isAwaited) {
  if (d->isAwaited == isAwaited) return;
  d->isAwaited = isAwaited;
  if (d->entries.size() > d->nPending) d->syncRows(d->entries.size() - 1);
}

void ConversationModel::appendText(const QString& messageId, const QString& delta) {
  const auto it = d->byId.constFind(messageId);
  if (it == d->byId.constEnd() || delta.isEmpty()) return;
  const size_t e = size_t(it.value());
  Entry& entry = d->entries[e];
  const bool endsThought = isThinking(entry.message) && hasThought(entry.message);
  entry.message.appendText(delta);
  if (e < d->nPending) return;
  if (!isAnswer(entry.message) || !isStreaming(entry.message)) {
    // No answer being written: a text that grows all the same (an import) is read anew.
    d->fill(entry);
    d->syncRows(e);
    d->changedAll(e, {});
    return;
  }
  const qsizetype first = entry.text.append(delta);
  d->syncBlocks(e, first);
  if (endsThought) d->changed(d->thoughtRow(entry), d->thoughtRow(entry), {StreamingRole});
  d->announce(entry, false);
}

void ConversationModel::appendThought(const QString& messageId, const QString& delta, double seconds, qint64 nTokens) {
  const auto it = d->byId.constFind(messageId);
  if (it == d->byId.constEnd()) return;
  Entry& entry = d->entries[size_t(it.value())];
  const bool isFirst = !hasThought(entry.message);
  if (isFirst && delta.isEmpty()) return;
  entry.message.appendThought(delta);
  entry.message.thinkingSeconds = seconds;
  entry.message.thinkingTokens = nTokens;
  if (isFirst) {
    d->syncRows(size_t(it.value()));
    d->changedAll(size_t(it.value()), {HasThoughtRole});
  } else {
    d->changed(d->thoughtRow(entry), d->thoughtRow(entry), {TextRole, ThinkingSecondsRole, ThinkingTokensRole});
  }
}

void ConversationModel::update(const Message& message) {
  const auto it = d->byId.constFind(message.id);
  if (it == d->byId.constEnd()) return;
  const size_t e = size_t(it.value());
  Entry& entry = d->entries[e];
  const bool wasStreaming = isStreaming(entry.message);
  // The caller may leave the text out: it is what was appended.
  const QString before = entry.message.text();
  const QString text = message.has(MessagePart::Kind::Text) ? message.text() : before;
  const bool sameText = text == before && message.role == entry.message.role;
  entry.message = message;
  entry.message.setText(text);
  if (e < d->nPending) return;
  if (!sameText || (!wasStreaming && isStreaming(message))) {
    d->fill(entry);
    d->syncRows(e);
  } else if (wasStreaming && !isStreaming(message)) {
    const qsizetype first = entry.text.finish();
    d->syncBlocks(e, first);
    d->announce(entry, true);
  } else {
    d->syncRows(e);
  }
  d->changedAll(e, {});
}

void ConversationModel::removeFrom(const QString& messageId) {
  const auto it = d->byId.constFind(messageId);
  if (it == d->byId.constEnd()) return;
  const size_t e = size_t(it.value());
  const int first = d->entries[e].firstRow;
  const int last = rowCount() - 1;
  if (first <= last) beginRemoveRows({}, first, last);
  for (size_t i = e; i < d->entries.size(); ++i) d->byId.remove(d->entries[i].message.id);
  d->entries.resize(e);
  d->nPending = std::min(d->nPending, e);
  d->entryOfRow.resize(size_t(first));
  if (first <= last) {
    endRemoveRows();
    emit countChanged();
  }
  if (e > d->nPending) d->syncRows(e - 1);  // a question may be the last one now
  if (e > 0) d->changedAll(e - 1, {LastRole});
}

QString ConversationModel::textOf(const QString& messageId) const {
  const auto it = d->byId.constFind(messageId);
  return it == d->byId.constEnd() ? QString() : d->entries[size_t(it.value())].message.text();
}

int ConversationModel::messageCount() const { return int(d->entries.size()); }

QList<Message> ConversationModel::messages() const {
  QList<Message> messages;
  for (const Entry& entry : d->entries) messages.append(entry.message);
  return messages;
}

int ConversationModel::rowOf(const QString& messageId) const {
  const auto it = d->byId.constFind(messageId);
  if (it == d->byId.constEnd() || d->entries[size_t(it.value())].parts.empty()) return -1;
  return d->entries[size_t(it.value())].firstRow;
}

QString ConversationModel::questionOf(const QString& answerId) const {
  for (int e = d->byId.value(answerId, 0) - 1; e >= 0; --e) {
    if (d->entries[size_t(e)].message.role == Message::Role::User) return d->entries[size_t(e)].message.id;
  }
  return {};
}

QString ConversationModel::lastId() const { return d->entries.empty() ? QString() : d->entries.back().message.id; }

int ConversationModel::lastVersion(int step) const {
  if (d->entries.empty()) return 0;
  const Message& last = d->entries.back().message;
  const int version = last.version + step;
  return version >= 1 && version <= last.versionCount ? version : 0;
}

int ConversationModel::find(const QString& needle, int row, int direction) const {
  const int n = rowCount();
  if (needle.isEmpty() || n == 0) return -1;
  const int step = direction < 0 ? -1 : 1;
  // From outside of the list, -1 or behind the end, the search begins at its edge.
  int at = row < 0 || row >= n ? (step > 0 ? -1 : n) : row;
  for (int i = 0; i < n; ++i) {
    at += step;
    at = at >= n ? 0 : at < 0 ? n - 1 : at;
    const Entry& entry = d->entries[size_t(d->entryOfRow[size_t(at)])];
    const Part& part = entry.parts[size_t(at - entry.firstRow)];
    if (part.kind != UserMessage && part.block < 0) continue;
    if (d->text(entry, part).contains(needle, Qt::CaseInsensitive)) return at;
  }
  return -1;
}

}  // namespace pio
