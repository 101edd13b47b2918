#pragma once

#include <QString>
#include <QStringList>
#include <functional>

#include "app/chat/message.h"

// What goes with a message beside its words. Files and pasted pictures are kept by their content as DATA/files/SHA-256 when the message is
// sent; a picture given by its path stays a path with the hash of its content. Every method blocks.

namespace pio {

class KeptFiles {
 public:
  explicit KeptFiles(const QString& dataFolder);

  // The folder for what a session pasted and has not sent. It goes with the session.
  static QString pastedFolder(const QString& dataFolder, const QString& session);

  // Keeps what `message` brings and fills in hashes and sizes. What cannot be read or kept stays as it is.
  void keep(Message& message) const;
  // Of these paths those in our own folders.
  void remove(const QStringList& paths) const;
  // Pasted and never sent, by sessions that are gone.
  void removeLeftovers(const std::function<bool(const QString& session)>& isAlive) const;
  // Own pictures of older versions that none of these names.
  void removeUnnamed(const QStringList& named) const;

 private:
  QString m_files, m_pasted;
  QString m_pictures;  // pasted pictures of versions before there was DATA/files
};

}  // namespace pio
