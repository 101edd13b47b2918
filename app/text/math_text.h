#pragma once

#include <QString>

namespace pio {

// Simple LaTeX as Unicode: "x^2 \le \frac{a}{b}" becomes "x² ≤ a⁄b". What it does not know stays as it is written. Text without any of
// LaTeX's signs (\ ^ _ { }) is no formula ("from $5 to $10") and comes back between its dollars, `delimiter`.
QString mathText(const QString& latex, const QString& delimiter);

// Turns \( … \) and \[ … \] around formulas into $ … $ and $$ … $$, which the Markdown parser knows; it would take the first for brackets
// behind a needless backslash. Code between backticks and brackets around plain words are left alone.
QString dollarsForBrackets(const QString& markdown);

}  // namespace pio
