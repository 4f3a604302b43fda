// The texts that BODY and TEXT keys ask for, looked for in one message part by part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "node/imap/search/needles.h"
#include "node/mime/summary.h"

namespace everpost::node::imap {

class ContentSearch {
 public:
  // All arguments outlive this. `needles` are folded and not empty.
  ContentSearch(const std::vector<std::string>& needles, const mime::Summary& summary,
                std::uint64_t message_bytes, const mime::ReadAt& read);

  // The message's header, at most mime::kHeaderFieldBytesMax of it. Errors, here and below: those
  // of `read`; kCorrupt, the summary does not fit the message.
  Result<std::string> header();

  // Looks through the next part. done() afterwards, if there was none.
  Result<void> advance();
  bool done() const { return next_ == parts_.size(); }

  // Was it found so far: in the body, or `anywhere`, the message's own header included?
  bool found(std::size_t needle, bool anywhere) const {
    return in_body_.found(needle) || (anywhere && in_header_.found(needle));
  }

 private:
  Result<std::string_view> window(std::uint64_t at);
  Result<std::string> read_header(const mime::Part& part);
  Result<void> search_header(const mime::Part& part, Needles& needles);
  Result<void> search_text(const mime::Part& part);

  const std::uint64_t message_bytes_;
  const mime::ReadAt& read_;
  std::vector<const mime::Part*> parts_;  // in the order they are in; the message itself first
  std::size_t next_ = 0;
  Needles in_header_, in_body_;
  std::string window_;
  std::uint64_t window_at_ = 0;
};

}  // namespace everpost::node::imap
