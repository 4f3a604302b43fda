// A message while it arrives: decoded, checked against every limit, with our own fields in front,
// cut into chunks that can be stored before the rest is there. Pure: bytes in, bytes out.
//
// Memory is the caller's business: nothing is buffered beyond what reserve() allowed.
#pragma once

#include <cstdint>
#include <memory>
#include <openssl/evp.h>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "cluster/mail_store.h"
#include "node/smtp/data_decoder.h"
#include "node/smtp/header_scan.h"
#include "node/smtp/message_result.h"

namespace everpost::node::smtp {

class IncomingMessage {
 public:
  static constexpr std::size_t kChunkBytes = cluster::MailStore::kChunkBytes;

  struct Options {
    DataDecoder::Framing framing = DataDecoder::Framing::kDots;
    std::string trace;             // fields that go in front
    std::string date, message_id;  // whole fields, for a message that lacks them; or empty
    std::uint64_t bytes_max = 0;   // of what the client sends
  };
  explicit IncomingMessage(Options options);

  // --- receiving

  // Lets the buffer hold `bytes` (up to kChunkBytes; it never shrinks).
  void reserve(std::size_t bytes);
  std::size_t reserved() const { return reserved_; }
  // How many bytes of input fit. When it is 0, reserve() more, or take a chunk() out.
  std::size_t room() const;
  // Takes input, as much as fits; returns how much. What follows the message's end stays.
  std::size_t take(std::string_view input);
  // The message has ended (framing kDots).
  bool ended() const { return ended_; }
  // What is wrong with it, if anything. From then on input is decoded and dropped: room() is
  // unlimited, and there are no chunks.
  const std::optional<Refusal>& refusal() const { return refusal_; }
  // The caller's own reason to refuse it.
  void refuse(Refusal refusal);
  // Bytes received, those that were dropped included: a bound for the caller.
  std::uint64_t received() const { return received_; }

  // The first kChunkBytes that are buffered, and no longer will be. Only when chunk_ready().
  bool chunk_ready() const { return !refusal_ && buffer_.size() >= kChunkBytes; }
  SharedBytes chunk();

  // --- when all is there

  // Ends the header if nothing else did, checks what has to be checked at the end.
  void finish();
  // What is buffered still: the message but for the chunks that were taken out.
  std::string_view tail() const { return buffer_; }
  SharedBytes take_tail();
  std::uint64_t size() const { return size_ + buffer_.size(); }  // of what is stored
  // Content identity: of all that chunk() and take_tail() handed out.
  Guid guid();

 private:
  void scan_header();
  void complete_header();
  void check(DataFault fault);
  void hash(std::string_view bytes);

  Options options_;
  DataDecoder decoder_;
  HeaderScan header_;
  std::string buffer_;
  std::size_t reserved_ = 0;
  std::uint64_t size_ = 0;      // of the chunks that were taken out
  std::uint64_t received_ = 0;  // decoded bytes of the client's
  bool ended_ = false;
  std::optional<Refusal> refusal_;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest_;
};

}  // namespace everpost::node::smtp
