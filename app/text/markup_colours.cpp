#include "app/text/markup_colours.h"

#include <algorithm>

#include "app/text/highlight.h"

namespace pio {
namespace {

bool isName(QChar c) { return c.isLetterOrNumber() || c == u'-' || c == u'_' || c == u':' || c == u'.' || c == u'@'; }

class Painter {
 public:
  explicit Painter(const QString& code) : m_text(code), m_roles(code.size(), char(-1)) {}

  QByteArray painted() {
    while (m_at < m_text.size()) {
      if (startsWith(u"<!--")) paintThrough(u"-->", CodeColour::Comment);
      else if (startsWith(u"<!") || startsWith(u"<?")) paintThrough(u">", CodeColour::Comment);
      else if (m_text[m_at] == u'<') tag();
      else if (m_text[m_at] == u'&') entity();
      else ++m_at;
    }
    return m_roles;
  }

 private:
  bool startsWith(QStringView what) const { return m_text.mid(m_at).startsWith(what); }

  void paint(qsizetype from, qsizetype to, CodeColour colour) { std::fill(m_roles.begin() + from, m_roles.begin() + to, char(colour)); }

  void paintThrough(QStringView close, CodeColour colour) {
    const qsizetype found = m_text.indexOf(close, m_at);
    const qsizetype end = found < 0 ? m_text.size() : found + close.size();
    paint(m_at, end, colour);
    m_at = end;
  }

  qsizetype nameEnd(qsizetype from) const {
    while (from < m_text.size() && isName(m_text[from])) ++from;
    return from;
  }

  void entity() {
    qsizetype end = m_at + 1;
    if (end < m_text.size() && m_text[end] == u'#') ++end;
    end = nameEnd(end);
    if (end < m_text.size() && m_text[end] == u';') paint(m_at, end + 1, CodeColour::Number);
    m_at = std::max(end, m_at + 1);
  }

  void tag() {
    ++m_at;
    const bool closes = m_at < m_text.size() && m_text[m_at] == u'/';
    if (closes) ++m_at;
    const qsizetype end = nameEnd(m_at);
    if (end == m_at) return;  // "a < b"
    const QString name = m_text.mid(m_at, end - m_at).toString().toLower();
    paint(m_at, end, CodeColour::Keyword);
    m_at = end;
    bool selfClosed = false;
    while (m_at < m_text.size() && m_text[m_at] != u'>') {
      const QChar c = m_text[m_at];
      if (c == u'<') return;  // the tag was never closed
      selfClosed = c == u'/';
      if (c == u'"' || c == u'\'') {
        const qsizetype close = m_text.indexOf(c, m_at + 1);
        const qsizetype to = close < 0 ? m_text.size() : close + 1;
        paint(m_at, to, CodeColour::String);
        m_at = to;
      } else if (isName(c)) {
        const qsizetype to = nameEnd(m_at);
        const bool value = m_at > 0 && m_text[m_at - 1] == u'=';
        paint(m_at, to, value ? CodeColour::String : CodeColour::Function);
        m_at = to;
      } else {
        ++m_at;
      }
    }
    if (!closes && !selfClosed && (name == u"script" || name == u"style")) {
      const qsizetype close = m_text.indexOf(QString("</" + name), m_at, Qt::CaseInsensitive);
      m_at = close < 0 ? m_text.size() : close;
    }
  }

  QStringView m_text;
  QByteArray m_roles;
  qsizetype m_at = 0;
};

}  // namespace

QByteArray markupColours(const QString& code) { return Painter(code).painted(); }

}  // namespace pio
