// Domain names and address literals in the form that they are compared in.
#include <algorithm>
#include <arpa/inet.h>
#include <idn2.h>
#include <memory>

#include "node/directory/address.h"
#include "node/directory/unicode.h"

namespace everpost::node {
namespace {

constexpr std::size_t kDomainBytesMax = 255;  // RFC 5321 §4.5.3.1.2
constexpr std::size_t kLabelBytesMax = 63;    // RFC 1035 §2.3.4

Error invalid(std::string_view what) {
  return Error{ErrorCode::kInvalidArgument, std::string(what)};
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}

// RFC 5321 §4.1.2 Domain, in lower case and A-labels.
Result<void> check_ascii_domain(std::string_view domain) {
  if (domain.empty()) return invalid("the domain is missing");
  if (domain.size() > kDomainBytesMax) return invalid("the domain has more than 255 bytes");
  std::size_t start = 0;
  while (true) {
    const std::size_t dot = domain.find('.', start);
    const std::string_view label = domain.substr(start, dot - start);
    if (label.empty()) return invalid("the domain has an empty part between its dots");
    if (label.size() > kLabelBytesMax)
      return invalid("a part of the domain has more than 63 bytes");
    if (label.front() == '-' || label.back() == '-')
      return invalid("a part of the domain starts or ends with '-'");
    for (const char c : label)
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
        return invalid("a character that is not allowed in a domain");
    if (dot == std::string_view::npos) return {};
    start = dot + 1;
  }
}

using IdnText = std::unique_ptr<char, decltype(&idn2_free)>;

// UTS #46 mapping (lower case, NFC, width), then IDNA2008 checks and A-labels (RFC 5891 §4).
Result<std::string> to_a_labels(const std::string& domain) {
  char* raw = nullptr;
  const int status = idn2_to_ascii_8z(domain.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const IdnText text(raw, idn2_free);
  if (status != IDN2_OK)
    return invalid(std::string("not a valid internationalised domain: ") + idn2_strerror(status));
  std::string ascii(text.get());
  std::ranges::transform(ascii, ascii.begin(), ascii_lower);
  RETURN_IF_ERROR(check_ascii_domain(ascii));
  return ascii;
}

Result<std::string> to_u_labels(const std::string& ascii) {
  char* raw = nullptr;
  const int status = idn2_to_unicode_8z8z(ascii.c_str(), &raw, IDN2_NONTRANSITIONAL);
  const IdnText text(raw, idn2_free);
  if (status != IDN2_OK)
    return invalid(std::string("not a valid internationalised domain: ") + idn2_strerror(status));
  return std::string(text.get());
}

// RFC 5321 §4.1.3. Only tags registered with IANA may be used, and IPv6 is the only one.
Result<std::string> normalize_literal(std::string_view literal) {
  if (!literal.ends_with(']')) return invalid("the address literal is not closed with ']'");
  std::string inner(literal.substr(1, literal.size() - 2));
  std::ranges::transform(inner, inner.begin(), ascii_lower);
  char text[INET6_ADDRSTRLEN];
  if (inner.starts_with("ipv6:")) {
    in6_addr address{};
    if (inet_pton(AF_INET6, inner.c_str() + 5, &address) != 1)
      return invalid("not an IPv6 address literal");
    if (!inet_ntop(AF_INET6, &address, text, sizeof text)) return invalid("not an IPv6 address");
    return "[ipv6:" + std::string(text) + "]";
  }
  in_addr address{};
  if (inet_pton(AF_INET, inner.c_str(), &address) != 1)
    return invalid("not an address literal; write [192.0.2.1] or [IPv6:2001:db8::1]");
  if (!inet_ntop(AF_INET, &address, text, sizeof text)) return invalid("not an IPv4 address");
  return "[" + std::string(text) + "]";
}

}  // namespace

Result<std::string> normalize_domain(std::string_view domain) {
  if (domain.empty()) return invalid("the domain is missing");
  if (domain.size() > kDomainBytesMax) return invalid("the domain has more than 255 bytes");
  if (domain.contains('\0')) return invalid("a character that is not allowed in a domain");
  if (domain.front() == '[') return normalize_literal(domain);

  std::string lower(domain);
  std::ranges::transform(lower, lower.begin(), ascii_lower);
  if (is_ascii(lower)) {
    RETURN_IF_ERROR(check_ascii_domain(lower));
    if (!lower.starts_with("xn--") && !lower.contains(".xn--")) return lower;
  }
  ASSIGN_OR_RETURN(const std::string ascii, to_a_labels(lower));
  ASSIGN_OR_RETURN(std::string unicode, to_u_labels(ascii));
  // An A-label that does not come back is a fake (RFC 5891 §5.4): two spellings of one domain would
  // compare as different.
  ASSIGN_OR_RETURN(const std::string again, to_a_labels(unicode));
  if (again != ascii) return invalid("not a valid internationalised domain");
  if (unicode.size() > kDomainBytesMax) return invalid("the domain has more than 255 bytes");
  return unicode;
}

Result<std::string> domain_to_ascii(const std::string& domain) {
  if (domain.starts_with('[') || is_ascii(domain)) return domain;
  return to_a_labels(domain);
}

}  // namespace everpost::node
