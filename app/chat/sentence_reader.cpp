#include "app/chat/sentence_reader.h"

#include <algorithm>

namespace pio {
namespace {

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

void SentenceReader::skip(const std::vector<Block>& blocks) {
  m_block = std::max(0, int(blocks.size()) - 1);
  m_to = blocks.empty() ? 0 : blocks.back().content.text.size();
}

QStringList SentenceReader::next(const std::vector<Block>& blocks, bool isComplete) {
  QStringList sentences;
  const auto tell = [&](const QString& text, qsizetype end) {
    const QString sentence = text.mid(m_to, end - m_to).trimmed();
    m_to = end;
    if (!sentence.isEmpty()) sentences.append(sentence);
  };
  while (m_block < int(blocks.size())) {
    const Block& block = blocks[size_t(m_block)];
    const bool isOpen = !isComplete && m_block + 1 == int(blocks.size());
    // Code and tables are reached row by row by who wants them; read aloud while they are written they are noise.
    if (block.kind != Block::Kind::Code && block.kind != Block::Kind::Table && block.kind != Block::Kind::Rule) {
      const QString& text = block.content.text;
      m_to = std::min(m_to, text.size());
      for (qsizetype end; (end = sentenceEnd(text, m_to)) >= 0;) tell(text, end);
      if (isOpen) return sentences;
      tell(text, text.size());
    } else if (isOpen) {
      return sentences;
    }
    ++m_block;
    m_to = 0;
  }
  return sentences;
}

}  // namespace pio
