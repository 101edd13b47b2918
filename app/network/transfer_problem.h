#pragma once

#include <QString>

// Why a file did not come. error_text.h has the words.

namespace pio {

struct TransferProblem {
  enum class Kind {
    none,
    offline,         // the switch; nothing was asked, or what was is broken off
    no_network,      // a build without network code
    unrecorded,      // the ledger cannot be written; nothing was asked
    bad_name,        // the file's name is none here
    bad_address,     // the base address or the proxy is none
    busy,            // another window or command fetches it
    no_space,        // wantedBytes with the reserve, foundBytes
    not_written,     // details
    unreachable,     // no connection, or none that brought anything
    certificate,     // it does not hold; details
    insecure,        // a redirect to something less; details: where to
    redirects,       // too many, or one that leads nowhere
    status,          // `status`
    no_length,       // neither the catalogue nor the server says how long it is
    wrong_length,    // wantedBytes of the catalogue, foundBytes of the server
    too_long,        // wantedBytes, and the body goes on
    keeps_changing,  // another file at every look
    wrong_hash,      // wanted, found
  };
  Kind kind = Kind::none;
  QString file;  // its name here
  QString host;  // that was asked last
  qint64 wantedBytes = 0, foundBytes = 0;
  QString wanted, found;
  bool isStated = false;     // `wanted` is the server's own word
  bool isBrokenOff = false;  // offline: the switch came while it was fetched
  int status = 0;
  QString details;  // as the system says it

  explicit operator bool() const { return kind != Kind::none; }
  bool operator==(const TransferProblem&) const = default;
};

}  // namespace pio
