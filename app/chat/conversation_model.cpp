#include "app/chat/conversation_model.h"

#include <QUrl>
#include <algorithm>

#include "app/chat/conversation_model_p.h"
#include "app/history/records.h"

namespace pio {

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
  Private::Entry& entry = d->entries[size_t(e)];
  const Message& message = entry.message;
  const Private::Part part = d->partAt(index.row());
  const Block& block = entry.blockOf(part);
  switch (role) {
    case KindRole: return part.kind;
    case MessageIdRole: return message.id;
    case Qt::DisplayRole:
    case TextRole: return entry.textOf(part);
    case HtmlRole: return part.block >= 0 && size_t(part.block) < entry.html.size() ? entry.htmlOf(part.block, d->style) : QString();
    case AboveRole: return index.row() == 0 ? -1 : int(d->partAt(index.row() - 1).kind);
    case LevelAboveRole: return index.row() == 0 ? 0 : d->entryAt(index.row() - 1).blockOf(d->partAt(index.row() - 1)).level;
    case LevelRole: return block.level;
    case IndentRole: return block.indent;
    case MarkerRole: return block.marker;
    case QuoteRole: return block.quote;
    case LanguageRole: return block.language;
    case CodeRole:
      return part.kind == Code && size_t(part.block) < entry.html.size() ? QVariant::fromValue(entry.codeOf(part.block, d->style, d->q)) : QVariant();
    case CellsRole: return cellsOf(block, d->style);
    case AlignmentsRole: return alignmentsOf(block);
    case StreamingRole: return part.kind == Thinking ? entry.isThinking() : entry.isStreaming();
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
    case HasThoughtRole: return entry.hasThought();
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
  for (Private::Entry& entry : d->entries) {
    entry.html.assign(entry.html.size(), QString());
    for (const auto& [block, code] : entry.code) code->setStyle(d->style);
  }
  d->changed(0, rowCount() - 1, {HtmlRole, CellsRole});
  Q_EMIT styleChanged();
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
  if (rowCount() != before) Q_EMIT countChanged();
}

void ConversationModel::append(const Message& message) {
  const size_t e = d->entries.size();
  d->byId.insert(message.id, int(e));
  setAwaited(true);
  Private::Entry& entry = d->entries.emplace_back();
  entry.message = message;
  entry.firstRow = rowCount();
  entry.fill();
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
  Private::Entry& entry = d->entries[e];
  const bool endsThought = entry.isThinking() && entry.hasThought();
  entry.message.appendText(delta);
  if (e < d->nPending) return;
  if (!entry.isAnswer() || !entry.isStreaming()) {
    // No answer being written: a text that grows all the same (an import) is read anew.
    entry.fill();
    d->syncRows(e);
    d->changedAll(e, {});
    return;
  }
  const qsizetype first = entry.text.append(delta);
  d->syncBlocks(e, first);
  if (endsThought) d->changed(entry.thoughtRow(), entry.thoughtRow(), {StreamingRole});
  d->tellSentences(entry, false);
}

void ConversationModel::appendThought(const QString& messageId, const QString& delta, double seconds, qint64 nTokens) {
  const auto it = d->byId.constFind(messageId);
  if (it == d->byId.constEnd()) return;
  Private::Entry& entry = d->entries[size_t(it.value())];
  const bool isFirst = !entry.hasThought();
  if (isFirst && delta.isEmpty()) return;
  entry.message.appendThought(delta);
  entry.message.thinkingSeconds = seconds;
  entry.message.thinkingTokens = nTokens;
  if (isFirst) {
    d->syncRows(size_t(it.value()));
    d->changedAll(size_t(it.value()), {HasThoughtRole});
  } else {
    d->changed(entry.thoughtRow(), entry.thoughtRow(), {TextRole, ThinkingSecondsRole, ThinkingTokensRole});
  }
}

void ConversationModel::update(const Message& message) {
  const auto it = d->byId.constFind(message.id);
  if (it == d->byId.constEnd()) return;
  const size_t e = size_t(it.value());
  Private::Entry& entry = d->entries[e];
  const bool wasStreaming = entry.isStreaming();
  // The caller may leave the text out: it is what was appended.
  const QString before = entry.message.text();
  const QString text = message.has(MessagePart::Kind::Text) ? message.text() : before;
  const bool sameText = text == before && message.role == entry.message.role;
  entry.message = message;
  entry.message.setText(text);
  if (e < d->nPending) return;
  if (!sameText || (!wasStreaming && entry.isStreaming())) {
    entry.fill();
    d->syncRows(e);
  } else if (wasStreaming && !entry.isStreaming()) {
    const qsizetype first = entry.text.finish();
    d->syncBlocks(e, first);
    d->tellSentences(entry, true);
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
    Q_EMIT countChanged();
  }
  if (e > d->nPending) d->syncRows(e - 1);  // a question may be the last one now
  if (e > 0) d->changedAll(e - 1, {LastRole});
}

QString ConversationModel::textOf(const QString& messageId) const {
  const Private::Entry* entry = d->find(messageId);
  return entry == nullptr ? QString() : entry->message.text();
}

int ConversationModel::messageCount() const { return int(d->entries.size()); }

QList<Message> ConversationModel::messages() const {
  QList<Message> messages;
  for (const Private::Entry& entry : d->entries) messages.append(entry.message);
  return messages;
}

int ConversationModel::rowOf(const QString& messageId) const {
  const Private::Entry* entry = d->find(messageId);
  return entry == nullptr || entry->parts.empty() ? -1 : entry->firstRow;
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
    const Private::Part& part = d->partAt(at);
    if (part.kind != UserMessage && part.block < 0) continue;
    if (d->entryAt(at).textOf(part).contains(needle, Qt::CaseInsensitive)) return at;
  }
  return -1;
}

int ConversationModel::findInCode(const QString& needle, int row, int sign, int direction) const {
  if (needle.isEmpty() || row < 0 || row >= rowCount()) return -1;
  if (d->partAt(row).kind != Code) return -1;
  const QString& code = d->entryAt(row).blockOf(d->partAt(row)).content.text;
  if (direction > 0) return int(code.indexOf(needle, sign + 1, Qt::CaseInsensitive));
  return sign == 0 ? -1 : int(code.lastIndexOf(needle, sign < 0 ? -1 : sign - 1, Qt::CaseInsensitive));
}

}  // namespace pio
