// The stored form of a Summary: docs/formats/mime_summary.md.

#include <algorithm>

#include "base/capnp.h"
#include "node/mime/summary.capnp.h"
#include "node/mime/summary.h"
#include "node/mime/summary_format.h"

namespace everpost::node::mime {
namespace {

capnp::Text::Reader text(const std::string& value) { return {value.data(), value.size()}; }

void encode(const std::vector<Address>& addresses, capnp::List<schema::Address>::Builder to) {
  for (unsigned i = 0; i < addresses.size(); ++i) {
    const Address& from = addresses[i];
    schema::Address::Builder address = to[i];
    if (from.mailbox) address.setMailbox(text(*from.mailbox));
    if (from.host) address.setHost(text(*from.host));
    if (from.name) address.setName(text(*from.name));
    if (from.route) address.setRoute(text(*from.route));
  }
}

void encode(const Envelope& from, schema::Envelope::Builder to) {
  if (from.date) to.setDate(text(*from.date));
  if (from.subject) to.setSubject(text(*from.subject));
  if (from.message_id) to.setMessageId(text(*from.message_id));
  if (from.in_reply_to) to.setInReplyTo(text(*from.in_reply_to));
  const auto size = [](const auto& list) { return static_cast<unsigned>(list.size()); };
  if (!from.from.empty()) encode(from.from, to.initFrom(size(from.from)));
  if (!from.to.empty()) encode(from.to, to.initTo(size(from.to)));
  if (!from.cc.empty()) encode(from.cc, to.initCc(size(from.cc)));
  if (!from.bcc.empty()) encode(from.bcc, to.initBcc(size(from.bcc)));
  if (from.sender != from.from) encode(from.sender, to.initSender(size(from.sender)));
  if (from.reply_to != from.from) encode(from.reply_to, to.initReplyTo(size(from.reply_to)));
}

void encode(const Parameters& parameters, capnp::List<capnp::Text>::Builder to) {
  unsigned i = 0;
  for (const auto& [name, value] : parameters) {
    to.set(i++, text(name));
    to.set(i++, text(value));
  }
}

void encode_fields(const Part& from, schema::Part::Builder to) {
  const auto type = std::ranges::find_if(kTypes, [&](const KnownType& known) {
    return known.type == from.type && known.subtype == from.subtype;
  });
  if (type != kTypes.end()) {
    to.setKnownType(static_cast<std::uint8_t>(type - kTypes.begin()));
  } else {
    to.setKnownType(kSpeltOut);
    to.setType(text(from.type));
    to.setSubtype(text(from.subtype));
  }
  const auto encoding = std::ranges::find(kEncodings, from.encoding);
  if (encoding != kEncodings.end()) {
    to.setKnownEncoding(static_cast<std::uint8_t>(encoding - kEncodings.begin()));
  } else {
    to.setKnownEncoding(kSpeltOut);
    to.setEncoding(text(from.encoding));
  }
  const auto pairs = [](const Parameters& p) { return static_cast<unsigned>(2 * p.size()); };
  if (!from.parameters.empty()) encode(from.parameters, to.initParameters(pairs(from.parameters)));
  if (from.disposition) to.setDisposition(text(*from.disposition));
  if (!from.disposition_parameters.empty())
    encode(from.disposition_parameters,
           to.initDispositionParameters(pairs(from.disposition_parameters)));
  if (from.id) to.setId(text(*from.id));
  if (from.description) to.setDescription(text(*from.description));
  if (from.md5) to.setMd5(text(*from.md5));
  if (from.language) to.setLanguage(text(*from.language));
  if (from.location) to.setLocation(text(*from.location));
  if (from.envelope) encode(*from.envelope, to.initEnvelope());
}

unsigned count(const Part& part) {
  unsigned parts = 1;
  for (const Part& child : part.children) parts += count(child);
  return parts;
}

class PartsEncoder {
 public:
  explicit PartsEncoder(capnp::List<schema::Part>::Builder parts) : parts_(parts) {}

  void encode(const Part& from) {
    schema::Part::Builder to = parts_[next_++];
    to.setGapBytes(from.header_at - end_);
    to.setHeaderBytes(from.header_bytes);
    to.setBodyBytes(from.body_bytes);
    to.setBodyLines(from.body_lines);
    to.setChildren(static_cast<std::uint16_t>(from.children.size()));
    encode_fields(from, to);
    end_ = from.body_at;
    for (const Part& child : from.children) encode(child);
    end_ = from.body_at + from.body_bytes;
  }

 private:
  capnp::List<schema::Part>::Builder parts_;
  unsigned next_ = 0;
  std::uint64_t end_ = 0;  // of what was encoded last: where gapBytes counts from
};

}  // namespace

std::string encode(const Summary& summary) {
  capnp::MallocMessageBuilder message(256);
  auto root = message.initRoot<schema::Summary>();
  root.setFormat(kSummaryFormat);
  encode(summary.envelope, root.initEnvelope());
  PartsEncoder(root.initParts(count(summary.root))).encode(summary.root);

  kj::VectorOutputStream packed(1024);
  capnp::writePackedMessage(packed, message);
  return std::string(as_text(Bytes(reinterpret_cast<const std::byte*>(packed.getArray().begin()),
                                   packed.getArray().size())));
}

}  // namespace everpost::node::mime
