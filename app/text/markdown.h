#pragma once

#include <QString>
#include <QStringView>
#include <vector>

#include "app/text/block.h"
#include "app/text/fence.h"

// Markdown that is still being written. The text is cut into pieces that nothing behind them can change (a paragraph at its empty line, a
// fence at its closing line, a list when something else begins), and each piece is parsed once; only the last, open one is parsed again
// when more text comes. In return a link definition is plain text: it would change what was read long ago.

namespace pio {

// Cuts text into pieces, line by line. A value: a copy tries how the text would end here.
class BlockSplitter {
 public:
  // One line without its end; appends the blocks that it closes.
  void addLine(QStringView line, std::vector<Block>& out);
  // The text ends: appends what is open. `unfinished`: more will come, so marks that wait for their partner are closed for the eye
  // ("**bo" shows a bold "bo").
  void end(std::vector<Block>& out, bool unfinished = false);
  bool inCode() const { return m_open == Open::Fence; }

 private:
  enum class Open { Nothing, Paragraph, List, Quote, Indented, Fence };
  struct OpenFence {
    Fence mark;
    qsizetype indent = 0;
    QString language;
  };

  void begin(QStringView line, std::vector<Block>& out);
  void close(std::vector<Block>& out);
  bool hidesOpenFence() const;

  Open m_open = Open::Nothing;
  bool m_afterBlank = false;
  bool m_afterEmptyItem = false;
  bool m_isTable = false;
  QString m_source;  // of the open piece, each line with its end; of a fence only the code
  OpenFence m_fence;
};

// The blocks of one growing text. append() in any pieces, then finish(), gives the blocks of the whole text appended at once.
class StreamingMarkdown {
 public:
  // Nothing can be appended behind finish(). Both return the index of the first block that is new or differs from before; blocks().size()
  // if none does.
  qsizetype append(QStringView delta);
  qsizetype finish();

  const std::vector<Block>& blocks() const { return m_blocks; }
  // Blocks before this one never change again.
  qsizetype closedCount() const { return m_closed; }

 private:
  void addOpenBlocks();
  qsizetype firstDifference(const std::vector<Block>& old, qsizetype first) const;

  BlockSplitter m_splitter;
  std::vector<Block> m_blocks;
  qsizetype m_closed = 0;
  QString m_line;              // the last line as far as it has come
  bool m_afterReturn = false;  // the last sign was '\r': a '\n' now belongs to it
};

// All blocks of a text that is complete.
std::vector<Block> blocksOf(QStringView markdown);

}  // namespace pio
