// A mail transaction: the envelope that MAIL and RCPT build up (RFC 5321 §3.3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/directory/directory.h"

namespace everpost::node::smtp {

struct Recipient {
  std::string address;  // as the client wrote it, without source route
  std::vector<LocalRecipient> targets;
  std::string orcpt, notify;  // parameters as sent, or empty (RFC 3461 §4.2, §4.1)

  std::size_t bytes() const {
    std::size_t sum = sizeof(Recipient) + address.size() + orcpt.size() + notify.size();
    for (const LocalRecipient& target : targets) sum += sizeof target + target.address.size();
    return sum;
  }
};

struct Transaction {
  std::string sender;               // reverse-path as the client wrote it, empty for <>
  std::uint64_t declared_size = 0;  // SIZE parameter, 0 if there was none
  bool utf8 = false;                // SMTPUTF8 parameter
  std::string ret, envid;           // parameters, or empty (RFC 3461 §4.3, §4.4)
  std::vector<Recipient> recipients;
  std::size_t bytes = 0;  // of memory, roughly
  bool chunked = false;   // BDAT has begun: only BDAT goes on with it (RFC 3030 §2)
  bool too_many = false;  // a recipient was refused for the limit: said once in the log
};

}  // namespace everpost::node::smtp
