#include "node/smtp/syntax/path.h"

#include <arpa/inet.h>
#include <cstring>

#include "node/smtp/syntax/characters.h"

namespace everpost::node::smtp {
namespace {

// RFC 5321 §4.5.3.1.1 and §4.5.3.1.2.
constexpr std::size_t kLocalBytesMax = 64;
constexpr std::size_t kDomainBytesMax = 255;
constexpr std::size_t kLabelBytesMax = 63;  // RFC 1035 §2.3.4

Error invalid(const char* why) { return {ErrorCode::kInvalidArgument, why}; }

bool is_postmaster(std::string_view local) { return equals_ignoring_case(local, "postmaster"); }

// How many bytes of `text` are a Dot-string.
Result<std::size_t> dot_string(std::string_view text) {
  std::size_t at = 0;
  bool atom = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.') {
      if (!atom) return invalid("a dot in the local part has nothing before it");
      atom = false;
    } else if (is_atext(c) || !is_ascii(c)) {
      atom = true;
    } else {
      break;
    }
  }
  if (!atom)
    return invalid(at == 0 ? "the local part is missing" : "the local part ends with a dot");
  return at;
}

// How many bytes of `text`, which starts with '"', are a Quoted-string.
Result<std::size_t> quoted_string(std::string_view text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    char c = text[at];
    if (c == '"') return at + 1;
    if (c == '\\') {  // quoted-pairSMTP: printable ASCII only
      if (++at == text.size()) break;
      c = text[at];
      if (!is_ascii(c)) return invalid("a backslash in the local part quotes no ASCII character");
    }
    if (is_ascii(c) && (c < ' ' || c > '~'))
      return invalid("a control character in the local part");
  }
  return invalid("the quote in the local part is not closed");
}

Result<std::size_t> local_part(std::string_view text) {
  return text.starts_with('"') ? quoted_string(text) : dot_string(text);
}

// RFC 5321 §4.1.3. IPv6 is the only tag that IANA has registered.
bool is_address_literal(std::string_view text) {
  if (!text.starts_with('[') || !text.ends_with(']')) return false;
  text = text.substr(1, text.size() - 2);
  int family = AF_INET;
  if (constexpr std::string_view tag = "IPv6:";
      equals_ignoring_case(text.substr(0, tag.size()), tag)) {
    family = AF_INET6;
    text.remove_prefix(tag.size());
  }
  char copy[INET6_ADDRSTRLEN + 1];
  if (text.size() >= sizeof copy || text.contains('\0')) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  unsigned char address[16];
  return inet_pton(family, copy, address) == 1;
}

// How many bytes of `text` are a Domain or address literal.
Result<std::size_t> domain(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos || !is_address_literal(text.substr(0, end + 1)))
      return invalid("not an address literal; write [192.0.2.1] or [IPv6:2001:db8::1]");
    return end + 1;
  }
  std::size_t at = 0;
  std::size_t label = 0;  // where the current one starts
  for (;; ++at) {
    const bool ends =
        at == text.size() || !(is_let_dig(text[at]) || text[at] == '-' || !is_ascii(text[at]));
    if (!ends) continue;
    if (at == label)
      return invalid(at == 0 ? "the domain is missing" : "a label of the domain is empty");
    if (text[label] == '-' || text[at - 1] == '-')
      return invalid("a label of the domain starts or ends with '-'");
    if (at - label > kLabelBytesMax && is_ascii(text.substr(label, at - label)))
      return invalid("a label of the domain has more than 63 bytes");
    if (at == text.size() || text[at] != '.') break;
    label = at + 1;
  }
  if (at > kDomainBytesMax) return invalid("the domain has more than 255 bytes");
  return at;
}

// How many bytes of `text`, which starts with '@', are a source route with its colon: accepted and
// ignored (RFC 5321 §3.6.1, appendix C).
Result<std::size_t> source_route(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    if (at == text.size() || text[at] != '@')
      return invalid("a source route has '@' before each host");
    ASSIGN_OR_RETURN(const std::size_t bytes, domain(text.substr(at + 1)));
    at += 1 + bytes;
    if (at == text.size()) return invalid("the source route has no ':' at its end");
    if (text[at] == ':') return at + 1;
    if (text[at] != ',') return invalid("a source route has ',' between its hosts");
    ++at;
  }
}

}  // namespace

Result<Path> parse_path(std::string_view text, PathKind kind) {
  if (!text.starts_with('<')) return invalid("an address stands between < and >");
  std::size_t at = 1;
  if (kind == PathKind::kReverse && text.substr(at).starts_with('>'))
    return Path{{}, {}, {}, text.substr(at + 1)};
  if (text.substr(at).starts_with('@')) {
    ASSIGN_OR_RETURN(const std::size_t bytes, source_route(text.substr(at)));
    at += bytes;
  }

  Path path;
  const std::string_view from = text.substr(at);
  ASSIGN_OR_RETURN(const std::size_t local_bytes, local_part(from));
  if (local_bytes > kLocalBytesMax) return invalid("the local part has more than 64 bytes");
  path.local = from.substr(0, local_bytes);
  std::size_t end = local_bytes;
  if (from.substr(end).starts_with('@')) {
    ASSIGN_OR_RETURN(const std::size_t domain_bytes, domain(from.substr(end + 1)));
    path.domain = from.substr(end + 1, domain_bytes);
    end += 1 + domain_bytes;
  } else if (kind != PathKind::kForward || !is_postmaster(path.local)) {
    return invalid("'@' and a domain are missing");
  }
  path.mailbox = from.substr(0, end);
  if (!is_utf8(path.mailbox)) return invalid("the address is not valid UTF-8");
  if (!from.substr(end).starts_with('>')) return invalid("'>' is missing after the address");
  path.rest = from.substr(end + 1);
  return path;
}

bool is_helo_name(std::string_view text) {
  if (text.empty() || text.size() > kDomainBytesMax) return false;
  // Clients write [::1] without the tag, too.
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  for (const char c : text)
    if (!is_let_dig(c) && !std::string_view("-._:/+=~").contains(c)) return false;
  return !text.empty();
}

}  // namespace everpost::node::smtp
