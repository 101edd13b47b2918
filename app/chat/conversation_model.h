#pragma once

#include <QAbstractListModel>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>
#include <memory>

#include "app/chat/message.h"

// The conversation on screen as rows: one for each Markdown block, so that a growing answer touches its last block only
// (a whole message in one MarkdownText falls to 8 frames a second at 14 KB).

namespace pio {

class ConversationModel : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("belongs to the chat controller")
  // Colours and type for rich text, from ui/Theme.qml: text1, text2, text3, accent, fill, synKey, synStr, synNum, synFn, synCom (colours), prose,
  // heading1, heading2, heading3, code, table, tableHead ([size, line, weight], pixels), mono (a family). Setting them rebuilds every row's HTML.
  Q_PROPERTY(QVariantMap style READ style WRITE setStyle NOTIFY styleChanged)
  Q_PROPERTY(int count READ count NOTIFY countChanged)

 public:
  enum Kind {
    UserMessage,
    AnswerHeader,
    Paragraph,
    Heading,
    ListItem,
    Rule,
    Code,
    Table,
    Thinking,
    ToolCall,
    DroppedNote,
    ErrorNote,
    StoppedNote,
    UnansweredNote,  // under a question that is the last message and waits for no answer
    Footer
  };
  Q_ENUM(Kind)
  enum Roles {
    KindRole = Qt::UserRole + 1,  // kind
    MessageIdRole,                // messageId
    TextRole,                     // text: plain, what Copy copies (of Code: the code; of Footer: the whole message, told anew when it ends)
    HtmlRole,                     // html: rich text of the block, colours included; "" of code and where text is shown plain
    AboveRole,                    // above: the kind of the row above; -1 of the first one
    LevelAboveRole,               // levelAbove: 1–6 where that is a heading
    LevelRole,                    // level: 1–6 of a heading
    IndentRole,                   // indent: nesting of lists, 0 outside
    MarkerRole,                   // marker: "•" or "3." on the first row of a list item, else ""
    QuoteRole,                    // quote: nesting of block quotes
    LanguageRole,                 // language: of code, "" unknown
    CodeRole,                     // code: CodePieces, of code
    CellsRole,                    // cells: of a table, list of rows (the first the header) of HTML strings
    AlignmentsRole,               // alignments: of a table, list of Qt.AlignLeft / AlignHCenter / AlignRight
    StreamingRole,                // streaming: the answer it belongs to is being written; of Thinking: it still thinks
    LastRole,                     // isLast: it belongs to the last message
    ModelNameRole,                // modelName
    VersionRole,                  // version
    VersionCountRole,             // versionCount
    StateRole,                    // state: "complete", "stopped", "unfinished", "failed", "streaming"
    TokensRole,                   // tokens: generated
    SpeedRole,                    // tokensPerSecond
    FirstTokenRole,               // firstTokenSeconds
    ContextUsedRole,              // contextUsed
    ContextLengthRole,            // contextLength
    DroppedRole,                  // dropped: messages left out
    ErrorRole,                    // error: UserError
    PicturesRole,                 // pictures: URLs of the files that go with a question
    ThinkingSecondsRole,          // thinkingSeconds: how long it thought
    ThinkingTokensRole,           // thinkingTokens
    HasThoughtRole,               // hasThought: the answer has a Thinking row
    ToolNameRole,                 // toolName: the function that a ToolCall asks for; its text are the arguments
  };
  Q_ENUM(Roles)

  explicit ConversationModel(QObject* parent = nullptr);
  ~ConversationModel() override;

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int count() const { return rowCount(); }
  QVariantMap style() const;
  void setStyle(const QVariantMap& style);

  // The path shown, from the first message to the last. Of a long one the last messages have their rows at once, the others in slices
  // from the event loop.
  void reset(const QList<Message>& messages);
  void append(const Message& message);
  // Whether an answer to the last message is under way. Unless it is said otherwise, one is to a message that was just appended.
  void setAwaited(bool isAwaited);
  // More of the answer being written; only rows of its open block change.
  void appendText(const QString& messageId, const QString& delta);
  // The same of what it thinks, for `seconds` by now; its row stands above the answer. No more words: the time alone.
  void appendThought(const QString& messageId, const QString& delta, double seconds, qint64 nTokens);
  // New state, figures, versions or error of a message whose text is what was appended.
  void update(const Message& message);
  // Takes this message and all after it off the screen.
  void removeFrom(const QString& messageId);
  QString textOf(const QString& messageId) const;
  int messageCount() const;
  QList<Message> messages() const;

  // First row of the message, -1 when it is not shown or has no rows yet; to scroll to it.
  Q_INVOKABLE int rowOf(const QString& messageId) const;
  // The question above an answer: the nearest message of the person's before it; "" none.
  Q_INVOKABLE QString questionOf(const QString& answerId) const;
  // The last message, and its version that many steps on; "" and 0 where there is none.
  Q_INVOKABLE QString lastId() const;
  Q_INVOKABLE int lastVersion(int step) const;
  // Row of the next text match of `needle` (case-insensitive) from `row` in direction +1 or -1, wrapping; -1 when there is none.
  Q_INVOKABLE int find(const QString& needle, int row, int direction) const;
  // Of a row of code, which has a place for every match: the next one behind or before this sign (UTF-16 units), from -1 the first or the last;
  // -1 when there is none, or in other rows.
  Q_INVOKABLE int findInCode(const QString& needle, int row, int sign, int direction) const;

 signals:
  void styleChanged();
  void countChanged();
  // Whole sentences of the answer being written, for screen readers.
  void sentenceWritten(const QString& sentence);

 private:
  struct Private;
  std::unique_ptr<Private> d;
};

}  // namespace pio
