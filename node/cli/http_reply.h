// An HTTP/1.1 response as it comes in (RFC 9112): what the daemon and its monitoring port send,
// which is a status, fields and a body of a length that is told or that ends with the connection.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace everpost::cli {

struct HttpReply {
  unsigned status = 0;
  std::string body;
};

class HttpReplyReader {
 public:
  static constexpr std::size_t kHeaderBytesMax = 64 << 10, kBodyBytesMax = 64 << 20;

  // Takes bytes as they come; true: the reply is whole. Errors: kInvalidArgument (this is no HTTP,
  // or of a kind that the daemon does not send), kTooLarge.
  Result<bool> add(std::string_view bytes);
  // The connection has ended; the same, but what is not whole is kClosed.
  Result<void> end();
  // Once it is whole.
  HttpReply take();

 private:
  Result<void> read_header(std::string_view header);

  std::string bytes_;
  std::size_t body_at_ = 0;  // 0: the header is not complete
  unsigned status_ = 0;
  std::optional<std::size_t> body_bytes_;
};

}  // namespace everpost::cli
