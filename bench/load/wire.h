// A client's connection for load: TCP or TLS, line by line, whole literals, without a copy of what
// it only counts.
#pragma once

#include <boost/asio/ssl.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/asio.h"
#include "bench/load/options.h"

namespace everpost::load {

class Wire {
 public:
  explicit Wire(asio::any_io_executor executor);

  Task<void> connect(const Options& options);  // with TLS if it is implicit
  Task<void> start_tls();
  Task<void> write(std::string_view bytes);
  Task<void> write(std::string_view first, std::string_view second);
  Task<std::string_view> line();         // without CRLF; valid until the next read
  Task<void> skip(std::uint64_t bytes);  // reads and drops
  void close();

 private:
  Task<void> fill();
  template <class Buffers>
  Task<void> write_all(const Buffers& buffers);

  asio::ssl::context tls_{
      asio::ssl::context::tls_client};  // the server's certificate is not checked
  asio::ip::tcp::socket socket_;
  std::unique_ptr<asio::ssl::stream<asio::ip::tcp::socket&>> stream_;
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace everpost::load
