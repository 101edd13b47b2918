#pragma once

#include <QByteArray>
#include <QString>

namespace pio {

// HTML and XML by hand (no grammar's source package has all of its files): for every sign of `code` a CodeColour or -1. Tags and attribute
// names, strings, entities and comments are coloured; what stands in <script> and <style> is left plain.
QByteArray markupColours(const QString& code);

}  // namespace pio
