// The server's TLS settings and certificate, shared by all listeners; reloaded on SIGHUP.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "base/asio.h"

namespace everpost::node {

class TlsContext {
 public:
  // Errors: kInvalidArgument with the file's name and what is wrong with it.
  static Result<std::unique_ptr<TlsContext>> load(const std::string& certificate_file,
                                                  const std::string& key_file);
  Result<void> reload();
  // The context new handshakes use; a running session keeps its own.
  std::shared_ptr<asio::ssl::context> current() const;

 private:
  TlsContext(std::string certificate_file, std::string key_file);
  std::string certificate_file_, key_file_;
  mutable std::mutex mutex_;
  std::shared_ptr<asio::ssl::context> current_;
};

}  // namespace everpost::node
