#include "node/mime/part_fields.h"

#include "node/mime/address.h"
#include "node/mime/content_fields.h"

namespace everpost::node::mime {

void PartFields::read(std::string_view header) {
  FieldReader reader(header);
  for (Field field; reader.next(field);) {
    if (!read_content(field) && envelope_) read_envelope(field);
  }
  if (!has_content_type_ && in_digest_) {
    part_.type = "MESSAGE";
    part_.subtype = "RFC822";
  }
  if (envelope_) {
    // RFC 3501 §7.4.2: absent or empty, they are what From is.
    Envelope& e = *envelope_;
    if (e.sender.empty()) e.sender = e.from;
    if (e.reply_to.empty()) e.reply_to = e.from;
  }
}

bool PartFields::read_content(const Field& field) {
  constexpr std::string_view kPrefix = "content-";
  if (field.name.size() <= kPrefix.size() ||
      !equal_fold(field.name.substr(0, kPrefix.size()), kPrefix))
    return false;
  const std::string_view name = field.name.substr(kPrefix.size());
  if (equal_fold(name, "type")) {
    if (!has_content_type_) read_content_type(unfold(field.value, kValueBytesMax));
    has_content_type_ = true;
  } else if (equal_fold(name, "transfer-encoding")) {
    if (std::string encoding = parse_encoding(unfold(field.value, kValueBytesMax));
        !has_encoding_ && !encoding.empty() && budget_.take_text(encoding)) {
      part_.encoding = std::move(encoding);
      has_encoding_ = true;
    }
  } else if (equal_fold(name, "id")) {
    set(part_.id, field);
  } else if (equal_fold(name, "description")) {
    set(part_.description, field);
  } else if (equal_fold(name, "md5")) {
    set(part_.md5, field);
  } else if (equal_fold(name, "language")) {
    set(part_.language, field);
  } else if (equal_fold(name, "location")) {
    set(part_.location, field);
  } else if (equal_fold(name, "disposition")) {
    if (!part_.disposition) read_disposition(unfold(field.value, kValueBytesMax));
  }
  return true;
}

void PartFields::read_envelope(const Field& field) {
  Envelope& e = *envelope_;
  const std::string_view name = field.name;
  switch (name.size()) {
    case 2:
      if (equal_fold(name, "to")) add(e.to, field);
      if (equal_fold(name, "cc")) add(e.cc, field);
      break;
    case 3:
      if (equal_fold(name, "bcc")) add(e.bcc, field);
      break;
    case 4:
      if (equal_fold(name, "from")) add(e.from, field);
      if (equal_fold(name, "date")) set(e.date, field);
      break;
    case 6:
      if (equal_fold(name, "sender")) add(e.sender, field);
      break;
    case 7:
      if (equal_fold(name, "subject")) set(e.subject, field);
      break;
    case 8:
      if (equal_fold(name, "reply-to")) add(e.reply_to, field);
      break;
    case 10:
      if (equal_fold(name, "message-id")) set(e.message_id, field);
      break;
    case 11:
      if (equal_fold(name, "in-reply-to")) set(e.in_reply_to, field);
      break;
    default:
      break;
  }
}

void PartFields::read_content_type(std::string_view value) {
  std::optional<ContentType> content = parse_content_type(value);
  if (!content) return;  // RFC 2045 §5.2: what cannot be read is text/plain
  if (!budget_.take_text(content->type) || !budget_.take_text(content->subtype) ||
      !take(content->parameters))
    return;
  part_.type = std::move(content->type);
  part_.subtype = std::move(content->subtype);
  part_.parameters = std::move(content->parameters);
}

void PartFields::read_disposition(std::string_view value) {
  std::optional<Disposition> disposition = parse_disposition(value);
  if (!disposition || !budget_.take_text(disposition->kind) || !take(disposition->parameters))
    return;
  part_.disposition = std::move(disposition->kind);
  part_.disposition_parameters = std::move(disposition->parameters);
}

bool PartFields::take(const Parameters& parameters) {
  for (const auto& [name, value] : parameters)
    if (!budget_.take_text(name) || !budget_.take_text(value)) return false;
  return true;
}

void PartFields::set(std::optional<std::string>& to, const Field& field) {
  if (to) return;
  std::string value = unfold(field.value, kValueBytesMax);
  if (budget_.take_text(value)) to = std::move(value);
}

void PartFields::add(std::vector<Address>& to, const Field& field) {
  std::vector<Address> addresses;
  parse_addresses(unfold(field.value, kValueBytesMax), kAddressesMax, addresses);
  for (Address& address : addresses) {
    if (!budget_.take_address()) return;
    for (const auto* text : {&address.name, &address.route, &address.mailbox, &address.host})
      if (*text && !budget_.take_text(**text)) return;
    to.push_back(std::move(address));
  }
}

bool is_multipart(const Part& part) { return equal_fold(part.type, "multipart"); }

bool is_message(const Part& part) {
  return equal_fold(part.type, "message") && equal_fold(part.subtype, "rfc822");
}

std::string boundary_of(const Part& part) {
  if (!is_multipart(part)) return {};
  std::string boundary = ascii_parameter(part.parameters, "boundary").value_or("");
  while (boundary.ends_with(' ')) boundary.pop_back();  // RFC 2046 §5.1.1: it ends with no blank
  return boundary;
}

}  // namespace everpost::node::mime
