#include "app/text/math_text.h"

#include <QHash>
#include <QSet>

namespace pio {
namespace {

constexpr int kDeepest = 32;                 // nested groups; a formula for people has five
constexpr qsizetype kLongestFormula = 2000;  // bounds the look-ahead, so that a page of "\\(" costs pages, not pages squared

const QHash<QString, QString>& symbols() {
  static const QHash<QString, QString> table = {
      {"alpha", "α"},       {"beta", "β"},
      {"gamma", "γ"},       {"delta", "δ"},
      {"epsilon", "ε"},     {"varepsilon", "ε"},
      {"zeta", "ζ"},        {"eta", "η"},
      {"theta", "θ"},       {"iota", "ι"},
      {"kappa", "κ"},       {"lambda", "λ"},
      {"mu", "μ"},          {"nu", "ν"},
      {"xi", "ξ"},          {"pi", "π"},
      {"rho", "ρ"},         {"sigma", "σ"},
      {"tau", "τ"},         {"upsilon", "υ"},
      {"phi", "φ"},         {"varphi", "φ"},
      {"chi", "χ"},         {"psi", "ψ"},
      {"omega", "ω"},       {"Gamma", "Γ"},
      {"Delta", "Δ"},       {"Theta", "Θ"},
      {"Lambda", "Λ"},      {"Xi", "Ξ"},
      {"Pi", "Π"},          {"Sigma", "Σ"},
      {"Phi", "Φ"},         {"Psi", "Ψ"},
      {"Omega", "Ω"},       {"times", "×"},
      {"cdot", "·"},        {"div", "÷"},
      {"pm", "±"},          {"mp", "∓"},
      {"ast", "∗"},         {"circ", "∘"},
      {"le", "≤"},          {"leq", "≤"},
      {"ge", "≥"},          {"geq", "≥"},
      {"ne", "≠"},          {"neq", "≠"},
      {"approx", "≈"},      {"equiv", "≡"},
      {"sim", "∼"},         {"propto", "∝"},
      {"ll", "≪"},          {"gg", "≫"},
      {"to", "→"},          {"rightarrow", "→"},
      {"leftarrow", "←"},   {"leftrightarrow", "↔"},
      {"mapsto", "↦"},      {"Rightarrow", "⇒"},
      {"implies", "⇒"},     {"Leftarrow", "⇐"},
      {"iff", "⇔"},         {"Leftrightarrow", "⇔"},
      {"infty", "∞"},       {"partial", "∂"},
      {"nabla", "∇"},       {"sum", "∑"},
      {"prod", "∏"},        {"int", "∫"},
      {"iint", "∬"},        {"oint", "∮"},
      {"in", "∈"},          {"notin", "∉"},
      {"ni", "∋"},          {"subset", "⊂"},
      {"subseteq", "⊆"},    {"supset", "⊃"},
      {"supseteq", "⊇"},    {"cup", "∪"},
      {"cap", "∩"},         {"setminus", "∖"},
      {"emptyset", "∅"},    {"varnothing", "∅"},
      {"forall", "∀"},      {"exists", "∃"},
      {"neg", "¬"},         {"lnot", "¬"},
      {"land", "∧"},        {"wedge", "∧"},
      {"lor", "∨"},         {"vee", "∨"},
      {"oplus", "⊕"},       {"otimes", "⊗"},
      {"perp", "⊥"},        {"parallel", "∥"},
      {"angle", "∠"},       {"triangle", "△"},
      {"therefore", "∴"},   {"because", "∵"},
      {"mid", "|"},         {"vert", "|"},
      {"Vert", "‖"},        {"langle", "⟨"},
      {"rangle", "⟩"},      {"lfloor", "⌊"},
      {"rfloor", "⌋"},      {"lceil", "⌈"},
      {"rceil", "⌉"},       {"ldots", "…"},
      {"cdots", "⋯"},       {"dots", "…"},
      {"vdots", "⋮"},       {"prime", "′"},
      {"degree", "°"},      {"hbar", "ℏ"},
      {"ell", "ℓ"},         {"Re", "ℜ"},
      {"Im", "ℑ"},          {"aleph", "ℵ"},
      {"quad", "  "},       {"qquad", "    "},
      {"sin", "sin"},       {"cos", "cos"},
      {"tan", "tan"},       {"cot", "cot"},
      {"arcsin", "arcsin"}, {"arccos", "arccos"},
      {"arctan", "arctan"}, {"sinh", "sinh"},
      {"cosh", "cosh"},     {"tanh", "tanh"},
      {"log", "log"},       {"ln", "ln"},
      {"exp", "exp"},       {"lim", "lim"},
      {"max", "max"},       {"min", "min"},
      {"sup", "sup"},       {"inf", "inf"},
      {"det", "det"},       {"dim", "dim"},
      {"gcd", "gcd"},       {"mod", "mod"},
      {"bmod", "mod"},      {"arg", "arg"},
      {"deg", "deg"},       {"ker", "ker"},
      {"Pr", "Pr"},         {"left", ""},
      {"right", ""},        {"big", ""},
      {"Big", ""},          {"bigl", ""},
      {"bigr", ""},         {"displaystyle", ""},
      {"limits", ""},       {"nolimits", ""},
  };
  return table;
}

bool showsItsArgument(const QString& command) {
  static const QSet<QString> names = {"text",   "textbf", "textit", "mathrm",       "mathbf",     "mathit", "mathsf", "mathcal",
                                      "mathbb", "bm",     "boxed",  "operatorname", "boldsymbol", "mbox",   "mathtt"};
  return names.contains(command);
}

// The small forms Unicode has; "" when one sign has none.
QString scripted(const QString& text, bool above) {
  static const QHash<QChar, QChar> superscripts = {
      {u'0', u'⁰'}, {u'1', u'¹'}, {u'2', u'²'}, {u'3', u'³'}, {u'4', u'⁴'}, {u'5', u'⁵'}, {u'6', u'⁶'}, {u'7', u'⁷'}, {u'8', u'⁸'}, {u'9', u'⁹'},
      {u'+', u'⁺'}, {u'-', u'⁻'}, {u'=', u'⁼'}, {u'(', u'⁽'}, {u')', u'⁾'}, {u'a', u'ᵃ'}, {u'b', u'ᵇ'}, {u'c', u'ᶜ'}, {u'd', u'ᵈ'}, {u'e', u'ᵉ'},
      {u'f', u'ᶠ'}, {u'g', u'ᵍ'}, {u'h', u'ʰ'}, {u'i', u'ⁱ'}, {u'j', u'ʲ'}, {u'k', u'ᵏ'}, {u'l', u'ˡ'}, {u'm', u'ᵐ'}, {u'n', u'ⁿ'}, {u'o', u'ᵒ'},
      {u'p', u'ᵖ'}, {u'r', u'ʳ'}, {u's', u'ˢ'}, {u't', u'ᵗ'}, {u'u', u'ᵘ'}, {u'v', u'ᵛ'}, {u'w', u'ʷ'}, {u'x', u'ˣ'}, {u'y', u'ʸ'}, {u'z', u'ᶻ'},
      {u'T', u'ᵀ'}, {u'′', u'′'}, {u'∘', u'°'}, {u'°', u'°'}, {u'∗', u'*'}, {u'*', u'*'}};
  static const QHash<QChar, QChar> subscripts = {{u'0', u'₀'}, {u'1', u'₁'}, {u'2', u'₂'}, {u'3', u'₃'}, {u'4', u'₄'}, {u'5', u'₅'}, {u'6', u'₆'},
                                                 {u'7', u'₇'}, {u'8', u'₈'}, {u'9', u'₉'}, {u'+', u'₊'}, {u'-', u'₋'}, {u'=', u'₌'}, {u'(', u'₍'},
                                                 {u')', u'₎'}, {u'a', u'ₐ'}, {u'e', u'ₑ'}, {u'h', u'ₕ'}, {u'i', u'ᵢ'}, {u'j', u'ⱼ'}, {u'k', u'ₖ'},
                                                 {u'l', u'ₗ'}, {u'm', u'ₘ'}, {u'n', u'ₙ'}, {u'o', u'ₒ'}, {u'p', u'ₚ'}, {u'r', u'ᵣ'}, {u's', u'ₛ'},
                                                 {u't', u'ₜ'}, {u'u', u'ᵤ'}, {u'v', u'ᵥ'}, {u'x', u'ₓ'}};
  const auto& table = above ? superscripts : subscripts;
  QString out;
  for (const QChar c : text) {
    const auto it = table.constFind(c);
    if (it == table.constEnd()) return {};
    out += it.value();
  }
  return out;
}

bool isOneTerm(const QString& text) {
  for (const QChar c : text)
    if (!c.isLetterOrNumber() && c.category() != QChar::Number_Other && c != u'.' && c != u'′') return false;
  return true;
}

QString term(const QString& text) { return isOneTerm(text) ? text : u'(' + text + u')'; }

class Reader {
 public:
  explicit Reader(QStringView latex) : m_text(latex) {}

  // Up to the end, or to the brace that closes the group.
  QString group(int depth) {
    QString out;
    while (m_at < m_text.size()) {
      if (m_text[m_at] == u'}') {
        ++m_at;
        return out;
      }
      out += item(depth);
    }
    return out;
  }

 private:
  QString item(int depth) {
    const QChar c = m_text[m_at++];
    if (c == u'{') return depth < kDeepest ? group(depth + 1) : QString(c);
    if (c == u'^' || c == u'_') {
      const QString inner = argument(depth);
      if (inner.isEmpty()) return QString(c);
      const QString small = scripted(inner, c == u'^');
      return small.isEmpty() ? c + (inner.size() == 1 ? inner : u'(' + inner + u')') : small;
    }
    if (c == u'&') return {};  // column mark of aligned equations
    if (c != u'\\') return QString(c);
    return command(depth);
  }

  QString command(int depth) {
    const qsizetype start = m_at;
    while (m_at < m_text.size() && m_text[m_at].unicode() < 0x80 && m_text[m_at].isLetter()) ++m_at;
    if (m_at == start) {
      if (m_at == m_text.size()) return QStringLiteral("\\");
      const QChar c = m_text[m_at++];
      if (c == u'\\') return QStringLiteral("\n");
      if (c == u',' || c == u';' || c == u':' || c == u' ') return QStringLiteral(" ");
      return c == u'!' ? QString() : QString(c);  // \{ \% \$ and the like
    }
    const QString name = m_text.mid(start, m_at - start).toString();
    if (name == u"frac" || name == u"dfrac" || name == u"tfrac") {
      const QString above = argument(depth);
      return term(above) + u'/' + term(argument(depth));
    }
    if (name == u"sqrt") {
      QString root;
      if (m_at < m_text.size() && m_text[m_at] == u'[') {
        const qsizetype close = m_text.indexOf(u']', m_at);
        if (close > 0) {
          root = scripted(m_text.mid(m_at + 1, close - m_at - 1).toString(), true);
          m_at = close + 1;
        }
      }
      return root + u'√' + term(argument(depth));
    }
    if (showsItsArgument(name)) return argument(depth);
    const auto it = symbols().constFind(name);
    return it == symbols().constEnd() ? u'\\' + name : it.value();
  }

  QString argument(int depth) {
    while (m_at < m_text.size() && m_text[m_at] == u' ') ++m_at;
    return m_at < m_text.size() && m_text[m_at] != u'}' && depth < kDeepest ? item(depth + 1) : QString();
  }

  QStringView m_text;
  qsizetype m_at = 0;
};

bool looksLikeLatex(QStringView text) {
  for (const QChar c : text)
    if (c == u'\\' || c == u'^' || c == u'_' || c == u'{') return true;
  return false;
}

// A formula, and not [a note] behind a backslash: a sign of LaTeX, an equation, or a single letter.
bool looksLikeFormula(QStringView text) {
  const QStringView inner = text.trimmed();
  return looksLikeLatex(inner) || inner.contains(u'=') || inner.contains(u'+') || inner.size() == 1;
}

}  // namespace

QString mathText(const QString& latex, const QString& delimiter) {
  // The reader stops at a brace too many: such a text is shown as written rather than lost.
  if (!looksLikeLatex(latex) || latex.count(u'}') > latex.count(u'{')) return delimiter + latex + delimiter;
  return Reader(latex).group(0).trimmed();
}

QString dollarsForBrackets(const QString& markdown) {
  if (!markdown.contains(u"\\(") && !markdown.contains(u"\\[")) return markdown;
  QString out;
  out.reserve(markdown.size());
  const QStringView text(markdown);
  for (qsizetype i = 0; i < text.size();) {
    const QChar c = text[i];
    if (c == u'`') {
      qsizetype end = i;
      while (end < text.size() && text[end] == u'`') ++end;
      const QStringView ticks = text.mid(i, end - i);
      qsizetype close = text.indexOf(ticks, end);
      // A run of backticks is closed by one of the same length only.
      while (close >= 0 && close + ticks.size() < text.size() && text[close + ticks.size()] == u'`') {
        qsizetype next = close;
        while (next < text.size() && text[next] == u'`') ++next;
        close = text.indexOf(ticks, next);
      }
      const qsizetype to = close < 0 ? end : close + ticks.size();
      out += text.mid(i, to - i);
      i = to;
      continue;
    }
    if (c == u'\\' && i + 1 < text.size()) {
      const QChar open = text[i + 1];
      if (open == u'(' || open == u'[') {
        const bool display = open == u'[';
        const QStringView ahead = text.mid(i + 2, kLongestFormula);
        const qsizetype length = ahead.indexOf(display ? u"\\]" : u"\\)");
        const QStringView inner = length < 0 ? QStringView() : ahead.left(length);
        // Within one paragraph: an empty line ends every span of Markdown.
        if (length > 0 && !inner.contains(u'$') && !inner.contains(u"\n\n") && looksLikeFormula(inner)) {
          const QStringView delimiter = display ? u"$$" : u"$";
          out += delimiter;
          out += looksLikeLatex(inner) ? inner.toString() : u'{' + inner.toString() + u'}';
          out += delimiter;
          i += length + 4;
          continue;
        }
      }
      out += text.mid(i, 2);
      i += 2;
      continue;
    }
    out += c;
    ++i;
  }
  return out;
}

}  // namespace pio
