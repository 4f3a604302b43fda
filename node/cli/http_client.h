// One HTTP request and its response, over a local socket or to a port of this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/asio.h"
#include "node/cli/http_reply.h"

namespace everpost::cli {

struct HttpRequest {
  std::string method = "GET";  // GET, POST, PUT, PATCH, DELETE
  std::string target;          // "/v1/domains", percent-encoded
  std::string body;            // JSON, or empty
};

// Errors: kUnavailable (nobody listens, or the connection broke), kPermissionDenied (may not open
// the socket), kTimeout, kInvalidArgument or kTooLarge (what answers is not everpostd).
asio::awaitable<Result<HttpReply>> http_over_socket(std::string path, HttpRequest request,
                                                    std::chrono::seconds deadline);
asio::awaitable<Result<HttpReply>> http_over_loopback(std::uint16_t port, HttpRequest request,
                                                      std::chrono::milliseconds deadline);

// RFC 3986 §2.1: a name as one segment of a path.
std::string percent_encode(std::string_view name);

}  // namespace everpost::cli
