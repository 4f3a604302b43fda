// The stored form of a Summary, read back: docs/formats/mime_summary.md.

#include "base/capnp.h"
#include "node/mime/summary.capnp.h"
#include "node/mime/summary.h"
#include "node/mime/summary_format.h"

namespace everpost::node::mime {
namespace {

// What a summary of kSummaryBytesMax could unpack to, many times over; more is not one of ours.
constexpr std::uint64_t kWordsMax = 1 << 20;

struct Malformed {
  const char* what;
};

std::string string(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

std::vector<Address> decode(capnp::List<schema::Address>::Reader from) {
  if (from.size() > kAddressesMax + 1) throw Malformed{"too many addresses"};
  std::vector<Address> addresses;
  addresses.reserve(from.size());
  for (const schema::Address::Reader address : from) {
    Address& to = addresses.emplace_back();
    if (address.hasMailbox()) to.mailbox = string(address.getMailbox());
    if (address.hasHost()) to.host = string(address.getHost());
    if (address.hasName()) to.name = string(address.getName());
    if (address.hasRoute()) to.route = string(address.getRoute());
  }
  return addresses;
}

Envelope decode(schema::Envelope::Reader from) {
  Envelope to;
  if (from.hasDate()) to.date = string(from.getDate());
  if (from.hasSubject()) to.subject = string(from.getSubject());
  if (from.hasMessageId()) to.message_id = string(from.getMessageId());
  if (from.hasInReplyTo()) to.in_reply_to = string(from.getInReplyTo());
  to.from = decode(from.getFrom());
  to.to = decode(from.getTo());
  to.cc = decode(from.getCc());
  to.bcc = decode(from.getBcc());
  to.sender = from.hasSender() ? decode(from.getSender()) : to.from;
  to.reply_to = from.hasReplyTo() ? decode(from.getReplyTo()) : to.from;
  return to;
}

Parameters decode(capnp::List<capnp::Text>::Reader from) {
  if (from.size() % 2 != 0) throw Malformed{"a parameter without a value"};
  Parameters parameters;
  parameters.reserve(from.size() / 2);
  for (unsigned i = 0; i < from.size(); i += 2)
    parameters.emplace_back(string(from[i]), string(from[i + 1]));
  return parameters;
}

void decode_fields(schema::Part::Reader from, Part& to) {
  if (const unsigned known = from.getKnownType(); known < kTypes.size()) {
    to.type = kTypes[known].type;
    to.subtype = kTypes[known].subtype;
  } else if (known == kSpeltOut) {
    to.type = string(from.getType());
    to.subtype = string(from.getSubtype());
  } else {
    throw Malformed{"an unknown type"};
  }
  if (const unsigned known = from.getKnownEncoding(); known < kEncodings.size()) {
    to.encoding = kEncodings[known];
  } else if (known == kSpeltOut) {
    to.encoding = string(from.getEncoding());
  } else {
    throw Malformed{"an unknown encoding"};
  }
  to.parameters = decode(from.getParameters());
  if (from.hasDisposition()) to.disposition = string(from.getDisposition());
  to.disposition_parameters = decode(from.getDispositionParameters());
  if (from.hasId()) to.id = string(from.getId());
  if (from.hasDescription()) to.description = string(from.getDescription());
  if (from.hasMd5()) to.md5 = string(from.getMd5());
  if (from.hasLanguage()) to.language = string(from.getLanguage());
  if (from.hasLocation()) to.location = string(from.getLocation());
  if (from.hasEnvelope()) to.envelope = decode(from.getEnvelope());
}

class PartsDecoder {
 public:
  explicit PartsDecoder(capnp::List<schema::Part>::Reader parts) : parts_(parts) {
    if (parts.size() > kPartsMax) throw Malformed{"too many parts"};
  }

  void decode_all(Part& root) {
    decode(root, UINT64_MAX, 1);
    if (next_ != parts_.size()) throw Malformed{"a part without a parent"};
  }

 private:
  // `limit`: the end of the body around it.
  void decode(Part& to, std::uint64_t limit, std::size_t level) {
    if (next_ == parts_.size()) throw Malformed{"a part is missing"};
    if (level > kLevelsMax) throw Malformed{"too many levels"};
    const schema::Part::Reader from = parts_[next_++];
    to.header_at = advance(from.getGapBytes(), limit);
    to.header_bytes = from.getHeaderBytes();
    to.body_at = advance(to.header_bytes, limit);
    to.body_bytes = from.getBodyBytes();
    to.body_lines = from.getBodyLines();
    if (to.body_bytes > limit - to.body_at) throw Malformed{"a body leaves its parent"};
    decode_fields(from, to);
    const std::uint64_t end = to.body_at + to.body_bytes;
    const unsigned children = from.getChildren();
    if (children > parts_.size() - next_) throw Malformed{"a part is missing"};
    to.children.resize(children);
    for (Part& child : to.children) decode(child, end, level + 1);
    end_ = end;
  }

  std::uint64_t advance(std::uint64_t bytes, std::uint64_t limit) {
    if (bytes > limit - end_) throw Malformed{"a part leaves its parent"};
    return end_ += bytes;
  }

  const capnp::List<schema::Part>::Reader parts_;
  unsigned next_ = 0;
  std::uint64_t end_ = 0;  // of what was decoded last
};

}  // namespace

Result<Summary> decode(Bytes stored) {
  try {
    kj::ArrayInputStream packed(
        kj::ArrayPtr(reinterpret_cast<const kj::byte*>(stored.data()), stored.size()));
    capnp::PackedMessageReader message(packed, {.traversalLimitInWords = kWordsMax});
    const auto root = message.getRoot<schema::Summary>();
    if (root.getFormat() != kSummaryFormat)
      return Error{
          root.getFormat() > kSummaryFormat ? ErrorCode::kUnsupported : ErrorCode::kCorrupt,
          "message summary: format " + std::to_string(root.getFormat())};
    Summary summary;
    summary.envelope = decode(root.getEnvelope());
    PartsDecoder(root.getParts()).decode_all(summary.root);
    return summary;
  } catch (const Malformed& malformed) {
    return Error{ErrorCode::kCorrupt, std::string("message summary: ") + malformed.what};
  } catch (const kj::Exception& exception) {
    return Error{ErrorCode::kCorrupt,
                 "message summary: " + std::string(exception.getDescription().cStr())};
  }
}

}  // namespace everpost::node::mime
