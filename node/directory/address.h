// E-mail addresses: parsed once at the edge, compared and stored in one normal form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everpost::node {

// An address as the program compares it: local part in lower case (and Unicode NFC), domain in
// lower case as U-labels (RFC 5891). Quoting of the local part is undone where it was not needed;
// where it is, `local` holds the quoted string with the fewest escapes, so that text() is always an
// address.
struct Address {
  std::string local;
  std::string domain;  // may be an address literal, "[192.0.2.1]"
  std::string text() const { return local + "@" + domain; }
  // Can be written without SMTPUTF8: its local part is ASCII (a domain always has an ASCII form,
  // domain_to_ascii()).
  bool ascii() const;
  friend bool operator==(const Address&, const Address&) = default;
};

// RFC 5321 §4.1.2 Mailbox, with RFC 6531's UTF-8. Limits of §4.5.3.1: local part 64, domain 255
// bytes. Errors: kInvalidArgument, saying what is wrong.
Result<Address> parse_address(std::string_view text);
// A domain alone, normalised as above.
Result<std::string> normalize_domain(std::string_view domain);
// The A-label form of a normalised domain: what DNS and servers without SMTPUTF8 see. Address
// literals stay as they are. Errors: kInvalidArgument (not a normalised domain).
Result<std::string> domain_to_ascii(const std::string& domain);

// "user+tag" -> "user" and "tag" (RFC 5233's separator). Of a quoted local part, `user` is a local
// part again and `tag` is not quoted.
struct Subaddress {
  std::string user;
  std::optional<std::string> tag;
};
Subaddress split_subaddress(std::string_view local);

}  // namespace everpost::node
