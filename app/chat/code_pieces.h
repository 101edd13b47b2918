#pragma once

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>
#include <optional>
#include <vector>

#include "app/text/highlight.h"
#include "app/text/rich_text.h"

// The lines of one code block in pieces of bounded length: a block that grows sets its last piece anew, and of a long one only the pieces
// in sight are laid out (CodeInSight).

namespace pio {

class CodePieces : public QAbstractListModel {
  Q_OBJECT
  QML_ELEMENT
  QML_UNCREATABLE("belongs to a conversation")
  Q_PROPERTY(int lineCount READ lineCount NOTIFY lineCountChanged)
  Q_PROPERTY(bool namesPlaces READ namesPlaces NOTIFY namesPlacesChanged)

 public:
  enum Roles {
    HtmlRole = Qt::UserRole + 1,  // html: with colours
    FirstRole,                    // first: its first line, from 0
    LinesRole,                    // lines: how many
    StartRole,                    // start: where it begins in the code, UTF-16 units
    EndRole,                      // end: behind its last sign
  };
  struct Lines {
    int first = 0, count = 0;
  };
  static constexpr int kMostLines = 32;
  static constexpr qsizetype kMostSigns = 4000;         // of a piece; a longer line goes on in the next one
  static constexpr qsizetype kColouredAtOnce = 16'000;  // longer code that is complete is coloured on another thread

  explicit CodePieces(const QString& language, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QHash<int, QByteArray> roleNames() const override;
  int lineCount() const { return m_lineCount; }
  Lines linesOf(int row) const { return {m_pieces[std::size_t(row)].first, m_pieces[std::size_t(row)].lines}; }
  // The line, as it is laid out, that the sign at this place of the code stands in.
  Q_INVOKABLE int lineAt(int sign) const;
  // A function and no property: a text that QML reads again with every word of it makes work for its garbage collector.
  Q_INVOKABLE QString text() const { return m_code; }
  bool namesPlaces() const { return m_namesPlaces; }  // of a picture, by "bbox_2d" or "point_2d"; never untrue again
  const QString& language() const { return m_language; }
  bool isOpen() const { return m_isOpen; }

  // The code so far; `isOpen`: more will come.
  void set(const QString& code, bool isOpen);
  void setStyle(const RichStyle& style);

 signals:
  void lineCountChanged();
  void namesPlacesChanged();

 private:
  struct Piece {
    qsizetype start = 0, length = 0;
    int first = 0, lines = 0;
  };
  std::size_t pieceAt(qsizetype sign) const;
  void split(std::size_t from);
  void lookForPlaces(qsizetype from);
  qsizetype takeColours(const std::vector<ColourRun>& runs);  // the sign from which on they differ from before
  void colourElsewhere();
  void changed(std::size_t from);

  QString m_language;
  QString m_code;
  std::vector<Piece> m_pieces;
  std::vector<ColourRun> m_runs;
  std::optional<CodeColourer> m_colourer;  // while the block is open
  RichStyle m_style;
  int m_lineCount = 0;
  quint64 m_serial = 0;  // of the code that is being coloured elsewhere
  bool m_isOpen = true, m_namesPlaces = false;
};

}  // namespace pio
