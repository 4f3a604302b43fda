// ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 §7.4.2; grammar §9: envelope, body).

#include <array>

#include "node/mime/content_fields.h"
#include "node/mime/field.h"
#include "node/mime/imap_string.h"
#include "node/mime/part_fields.h"
#include "node/mime/summary.h"

namespace everpost::node::mime {
namespace {

// A multipart has to have a part, and a message/rfc822 a message, even if the mail has not.
constexpr std::string_view kNoPart =
    R"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0)";  // without closing parenthesis

void append_addresses(std::string& to, const std::vector<Address>& addresses) {
  if (addresses.empty()) {
    to += "NIL";
    return;
  }
  to += '(';
  for (const Address& address : addresses) {
    to += '(';
    append_imap_nstring(to, address.name);
    to += ' ';
    append_imap_nstring(to, address.route);
    to += ' ';
    append_imap_nstring(to, address.mailbox);
    to += ' ';
    append_imap_nstring(to, address.host);
    to += ')';
  }
  to += ')';
}

void append_envelope(std::string& to, const Envelope& envelope) {
  to += '(';
  append_imap_nstring(to, envelope.date);
  to += ' ';
  append_imap_nstring(to, envelope.subject);
  for (const auto* addresses : {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to,
                                &envelope.cc, &envelope.bcc}) {
    to += ' ';
    append_addresses(to, *addresses);
  }
  to += ' ';
  append_imap_nstring(to, envelope.in_reply_to);
  to += ' ';
  append_imap_nstring(to, envelope.message_id);
  to += ')';
}

// `text`: the part is text, whose charset is US-ASCII unless it says otherwise (RFC 2046 §4.1.2).
void append_parameters(std::string& to, const Parameters& parameters, bool text = false) {
  const bool add_charset = text && !find_parameter(parameters, "charset");
  if (parameters.empty() && !add_charset) {
    to += "NIL";
    return;
  }
  to += '(';
  bool first = true;
  const auto append = [&](std::string_view name, std::string_view value) {
    if (!first) to += ' ';
    first = false;
    append_imap_string(to, name);
    to += ' ';
    append_imap_string(to, value);
  };
  for (const auto& [name, value] : parameters) append(name, value);
  if (add_charset) append("CHARSET", "US-ASCII");
  to += ')';
}

// body-fld-lang: the tags of a list (RFC 3282 §2).
void append_language(std::string& to, const std::optional<std::string>& language) {
  std::string tags;
  for (std::string_view rest = language ? *language : std::string_view{}; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string tag = unfold(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    if (tag.empty()) continue;
    tags += tags.empty() ? '(' : ' ';
    append_imap_string(tags, tag);
  }
  to += tags.empty() ? "NIL" : tags + ')';
}

class Structure {
 public:
  Structure(std::string& to, bool extended) : to_(to), extended_(extended) {}

  void append(const Part& part) {
    to_ += '(';
    if (is_multipart(part)) {
      append_multipart(part);
    } else {
      append_single(part);
    }
    to_ += ')';
  }

 private:
  void append_multipart(const Part& part) {
    for (const Part& child : part.children) append(child);
    if (part.children.empty()) append_no_part();
    to_ += ' ';
    append_imap_string(to_, part.subtype);
    if (!extended_) return;
    to_ += ' ';
    append_parameters(to_, part.parameters);
    append_extension(part);
  }

  void append_single(const Part& part) {
    const bool text = equal_fold(part.type, "text");
    append_imap_string(to_, part.type);
    to_ += ' ';
    append_imap_string(to_, part.subtype);
    to_ += ' ';
    append_parameters(to_, part.parameters, text);
    to_ += ' ';
    append_imap_nstring(to_, part.id);
    to_ += ' ';
    append_imap_nstring(to_, part.description);
    to_ += ' ';
    append_imap_string(to_, part.encoding);
    to_ += ' ' + std::to_string(part.body_bytes);
    if (is_message(part)) {
      to_ += ' ';
      append_envelope(to_, part.envelope ? *part.envelope : Envelope{});
      to_ += ' ';
      if (part.children.empty()) {
        append_no_part();
      } else {
        append(part.children.front());
      }
    }
    if (text || is_message(part)) to_ += ' ' + std::to_string(part.body_lines);
    if (!extended_) return;
    to_ += ' ';
    append_imap_nstring(to_, part.md5);
    append_extension(part);
  }

  void append_no_part() {
    to_ += kNoPart;
    to_ += extended_ ? " NIL NIL NIL NIL)" : ")";
  }

  // What body-ext-1part and body-ext-mpart end with: disposition, language, location.
  void append_extension(const Part& part) {
    if (part.disposition) {
      to_ += " (";
      append_imap_string(to_, *part.disposition);
      to_ += ' ';
      append_parameters(to_, part.disposition_parameters);
      to_ += ") ";
    } else {
      to_ += " NIL ";
    }
    append_language(to_, part.language);
    to_ += ' ';
    append_imap_nstring(to_, part.location);
  }

  std::string& to_;
  const bool extended_;
};

}  // namespace

std::string imap_envelope(const Envelope& envelope) {
  std::string text;
  append_envelope(text, envelope);
  return text;
}

std::string imap_body(const Part& root) {
  std::string text;
  Structure(text, false).append(root);
  return text;
}

std::string imap_body_structure(const Part& root) {
  std::string text;
  Structure(text, true).append(root);
  return text;
}

}  // namespace everpost::node::mime
