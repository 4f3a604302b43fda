// E-mail addresses: parsed once at the edge, compared and stored in one normal form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everpost::node {

// An address as the program compares it: local part in lower case (and Unicode NFC), domain in
// lower case as U-labels (RFC 5891). Quoting of the local part is undone where it was not needed.
struct Address {
  std::string local;
  std::string domain;  // may be an address literal, "[192.0.2.1]"
  std::string text() const { return local + "@" + domain; }
  bool ascii() const;  // needs no SMTPUTF8
  friend bool operator==(const Address&, const Address&) = default;
};

// RFC 5321 §4.1.2 Mailbox, with RFC 6531's UTF-8. Limits of §4.5.3.1: local part 64, domain 255
// bytes. Errors: kInvalidArgument, saying what is wrong.
Result<Address> parse_address(std::string_view text);
// A domain alone, normalised as above.
Result<std::string> normalize_domain(std::string_view domain);

// "user+tag" -> "user" and "tag" (RFC 5233's separator).
struct Subaddress {
  std::string user;
  std::optional<std::string> tag;
};
Subaddress split_subaddress(std::string_view local);

}  // namespace everpost::node
