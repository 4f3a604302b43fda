// The three protocols that one conversation speaks.
#pragma once

#include <string_view>

namespace everpost::node::smtp {

enum class Flavour {
  kSmtp,        // other servers bring mail for us (RFC 5321), port 25
  kSubmission,  // users send mail, after logging in (RFC 6409), ports 587 and 465
  kLmtp,        // an MTA beside us hands mail over (RFC 2033), one answer for each recipient
};

constexpr std::string_view to_string(Flavour flavour) {  // as in log lines and metrics
  switch (flavour) {
    case Flavour::kSmtp:
      return "smtp";
    case Flavour::kSubmission:
      return "submission";
    case Flavour::kLmtp:
      return "lmtp";
  }
  return "smtp";
}

}  // namespace everpost::node::smtp
