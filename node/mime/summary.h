// A message's structure, parsed once when the message is accepted and stored beside it: the
// envelope and the tree of MIME parts with their positions. IMAP's ENVELOPE and BODYSTRUCTURE are
// rendered from it, and BODY[...] sections are cut out of the message by it, so it keeps what is
// written as it is written. What it means (charsets, encodings) is text.h's business, and GMime's.
// The stored form is a Cap'n Proto message (summary.capnp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace everpost::node::mime {

// What a summary is bounded by, whatever the message. Parts beyond these are not listed: they
// belong to the body of the part around them. Values beyond them are cut or left out.
inline constexpr std::size_t kLevelsMax = 100;
inline constexpr std::size_t kPartsMax = 10'000;
inline constexpr std::size_t kAddressesMax = 2'000;           // of one message
inline constexpr std::size_t kHeaderFieldBytesMax = 1 << 20;  // looked at in one part's header
inline constexpr std::size_t kValueBytesMax = 64 << 10;       // kept of one field's value
inline constexpr std::size_t kSummaryBytesMax = 240 << 10;    // encoded

struct Address {  // RFC 3501 §7.4.2; a group start has only `mailbox`, a group end has nothing
  std::optional<std::string> name;  // raw, as in the header (RFC 2047 encoded)
  std::optional<std::string> route;
  std::optional<std::string> mailbox;
  std::optional<std::string> host;
  friend bool operator==(const Address&, const Address&) = default;
};

struct Envelope {  // header values unfolded, otherwise raw
  std::optional<std::string> date, subject, in_reply_to, message_id;
  std::vector<Address> from, sender, reply_to, to, cc, bcc;  // sender, reply_to default to from
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Part {
  std::string type = "TEXT", subtype = "PLAIN";  // as written, for IMAP compared without case
  Parameters parameters;
  std::optional<std::string> id, description, md5, language, location;  // unfolded
  std::string encoding = "7BIT";
  std::optional<std::string> disposition;
  Parameters disposition_parameters;
  // Positions in the message's bytes. The body follows the header; a part lies within the body of
  // the part around it. The line ending before a boundary belongs to the boundary (RFC 2046
  // §5.1.1).
  std::uint64_t header_at = 0, header_bytes = 0;  // with the empty line, if there is one
  std::uint64_t body_at = 0, body_bytes = 0;
  std::uint64_t body_lines = 0;      // line endings in it
  std::vector<Part> children;        // of a multipart; of a message/rfc822: its one body
  std::optional<Envelope> envelope;  // of a message/rfc822: the inner message's
  friend bool operator==(const Part&, const Part&) = default;
};

struct Summary {
  Envelope envelope;
  Part root;  // root.header_* is the message's header
  friend bool operator==(const Summary&, const Summary&) = default;
};

// Reads a message of `size` bytes piece by piece (from memory, or from the log), once, from front
// to back. Never fails on what a message contains: broken mail gets the best structure that can be
// made of it (node/mime/README.md tells which). Errors: those of `read`.
using ReadAt = std::function<Result<void>(std::uint64_t offset, std::span<std::byte> to)>;
Result<Summary> summarize(std::uint64_t size, const ReadAt& read);
Summary summarize(std::string_view message);

std::string encode(const Summary& summary);
Result<Summary> decode(Bytes stored);  // errors: kCorrupt, kUnsupported

// RFC 3501 §7.4.2, as in a FETCH response, parentheses included. Strings that are not quotable
// become literals.
std::string imap_envelope(const Envelope& envelope);
std::string imap_body(const Part& root);            // BODY: without extension data
std::string imap_body_structure(const Part& root);  // BODYSTRUCTURE

// The part that a section's numbers name ("2.1": RFC 3501 §6.4.5), or nullptr.
const Part* find_part(const Summary& summary, std::span<const std::uint32_t> numbers);

}  // namespace everpost::node::mime
