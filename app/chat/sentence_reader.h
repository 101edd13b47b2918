#pragma once

#include <QStringList>
#include <vector>

#include "app/text/block.h"

// The sentences of an answer that is being written, each once, when it is whole: for screen readers.

namespace pio {

class SentenceReader {
 public:
  // What the text says by now was told before.
  void skip(const std::vector<Block>& blocks);
  // The sentences that have come since; `isComplete`: the last block ends here.
  QStringList next(const std::vector<Block>& blocks, bool isComplete);

 private:
  int m_block = 0;  // all before it are told
  qsizetype m_to = 0;
};

}  // namespace pio
