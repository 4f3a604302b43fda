// A certificate for trying things out: signed by itself, so that clients have to be told to take
// it.
#pragma once

#include <string>

#include "base/result.h"

namespace everpost::local {

// Writes a new P-256 key (mode 0600) and a certificate for `hostname`, localhost, 127.0.0.1 and ::1
// that is good for a year, as PEM. Errors: kIo, kInternal.
Result<void> make_certificate(const std::string& hostname, const std::string& certificate_file,
                              const std::string& key_file);

}  // namespace everpost::local
