#include "node/smtp/incoming_message.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/invariant.h"
#include "node/smtp/limits.h"

namespace everpost::node::smtp {
namespace {

// Room behind what is reserved for the fields that a submission may lack.
constexpr std::size_t kSlack = 1024;

const EVP_MD* sha256() {
  // Fetched once: OpenSSL 3 otherwise looks the algorithm up at each use.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  INVARIANT(algorithm != nullptr, "OpenSSL has no SHA-256");
  return algorithm;
}

Refusal because(int code, std::string_view enhanced, std::string text, std::string_view reason) {
  return {{code, std::string(enhanced), std::move(text)}, reason};
}

}  // namespace

IncomingMessage::IncomingMessage(Options options)
    : options_(std::move(options)),
      decoder_(options_.framing),
      digest_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  INVARIANT(digest_ && EVP_DigestInit_ex2(digest_.get(), sha256(), nullptr) == 1,
            "OpenSSL cannot compute SHA-256");
  INVARIANT(options_.trace.size() + kHeaderBytes + kSlack < kChunkBytes,
            "a header ends before the first chunk does");
  buffer_ = options_.trace;
}

// --- receiving

void IncomingMessage::reserve(std::size_t bytes) {
  bytes = std::min(bytes, kChunkBytes);
  if (bytes <= reserved_) return;
  // reserve() of a string that has something may round up to twice its old capacity.
  std::string larger;
  larger.reserve(bytes + kSlack);
  larger += buffer_;
  buffer_ = std::move(larger);
  reserved_ = bytes;
}

std::size_t IncomingMessage::room() const {
  if (refusal_) return SIZE_MAX;
  return reserved_ > buffer_.size() ? reserved_ - buffer_.size() : 0;
}

std::size_t IncomingMessage::take(std::string_view input) {
  input = input.substr(0, room());
  DataDecoder::Piece piece;
  if (refusal_) {
    piece = decoder_.decode(input, nullptr);
  } else {
    const std::size_t before = buffer_.size();
    buffer_.resize_and_overwrite(before + input.size() + 1, [&](char* data, std::size_t) {
      piece = decoder_.decode(input, data + before);
      return before + piece.produced;
    });
  }
  received_ += piece.produced;
  ended_ = piece.ended;
  if (!refusal_) check(decoder_.fault());
  if (!refusal_) scan_header();
  return piece.consumed;
}

void IncomingMessage::refuse(Refusal refusal) {
  if (refusal_) return;
  refusal_ = std::move(refusal);
  buffer_ = {};
  reserved_ = 0;
}

void IncomingMessage::check(DataFault fault) {
  switch (fault) {
    case DataFault::kBareCr:
    case DataFault::kBareLf:
      return refuse(because(554, "5.6.0",
                            fault == DataFault::kBareCr
                                ? "Message refused: bare CR; lines end with CR LF"
                                : "Message refused: bare LF; lines end with CR LF",
                            "bare_newline"));
    case DataFault::kLongLine:
      return refuse(because(
          554, "5.6.0",
          "Message refused: a line has more than " + std::to_string(kTextLineBytes) + " bytes",
          "long_line"));
    case DataFault::kNone:
      break;
  }
  if (received_ > options_.bytes_max)
    refuse(because(552, "5.3.4",
                   "Message too large: this server takes up to " +
                       std::to_string(options_.bytes_max) + " bytes",
                   "size"));
}

void IncomingMessage::scan_header() {
  if (header_.complete()) return;
  header_.scan(std::string_view(buffer_).substr(options_.trace.size()));
  if (header_.hops() > kHopsMax)  // RFC 5321 §6.3; RFC 3463 §3.5: routing loop detected
    return refuse(because(554, "5.4.6",
                          "Message refused: more than " + std::to_string(kHopsMax) +
                              " Received fields, it goes round in a loop",
                          "loop"));
  const std::size_t header_bytes =
      header_.complete() ? header_.scanned() : buffer_.size() - options_.trace.size();
  if (header_bytes > kHeaderBytes)
    return refuse(because(
        552, "5.3.4",
        "Message refused: its header has more than " + std::to_string(kHeaderBytes) + " bytes",
        "header_size"));
  if (header_.complete()) complete_header();
}

void IncomingMessage::complete_header() {
  std::string fields;
  if (!header_.has_date()) fields += options_.date;
  if (!header_.has_message_id()) fields += options_.message_id;
  buffer_.insert(options_.trace.size(), fields);
}

SharedBytes IncomingMessage::chunk() {
  INVARIANT(chunk_ready(), "there is a whole chunk");
  std::string rest = buffer_.substr(kChunkBytes);
  buffer_.resize(kChunkBytes);
  SharedBytes chunk = share(std::exchange(buffer_, std::move(rest)));
  reserved_ = 0;
  size_ += chunk->size();
  hash(*chunk);
  return chunk;
}

// --- when all is there

void IncomingMessage::finish() {
  decoder_.finish();
  if (!refusal_) check(decoder_.fault());
  if (refusal_ || header_.complete()) return;
  header_.finish();
  complete_header();
}

SharedBytes IncomingMessage::take_tail() {
  SharedBytes tail = share(std::exchange(buffer_, {}));
  reserved_ = 0;
  size_ += tail->size();
  hash(*tail);
  return tail;
}

Guid IncomingMessage::guid() {
  unsigned char hash[EVP_MAX_MD_SIZE];
  INVARIANT(EVP_DigestFinal_ex(digest_.get(), hash, nullptr) == 1, "OpenSSL computes SHA-256");
  Guid guid;
  std::memcpy(guid.data(), hash, guid.size());
  return guid;
}

void IncomingMessage::hash(std::string_view bytes) {
  INVARIANT(EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size()) == 1,
            "OpenSSL computes SHA-256");
}

}  // namespace everpost::node::smtp
