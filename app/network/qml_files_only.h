#pragma once

#include <QUrl>

class QQmlEngine;

// QML fetches by itself what an Image, a FontLoader, a Loader or an XMLHttpRequest names. In this program it takes what is inside it
// (qrc) and files of this computer, and nothing else.

namespace pio {

void fetchFilesOnly(QQmlEngine& engine);
bool isLocalAddress(const QUrl& url);
// The part of it that knows addresses but no requests.
void interceptAddresses(QQmlEngine& engine);

}  // namespace pio
