// What goes to the client: gathered into pieces that are worth a system call, written with
// back-pressure. A long answer calls flush_if_large() between its parts, so that it takes the
// memory of one part however long it is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/asio.h"
#include "node/net/connection.h"

namespace everpost::node::imap {

class Output {
 public:
  explicit Output(Connection& connection) : connection_(connection) {}

  Output& operator<<(std::string_view text) {
    pending_ += text;
    return *this;
  }
  Output& operator<<(std::uint64_t number) { return *this << std::to_string(number); }
  std::string& buffer() { return pending_; }  // to append to

  // Sends these after what is pending, without copying them if they are large. They have to stay
  // until it returns.
  Task<void> send(std::span<const std::string_view> parts);
  Task<void> flush();
  Task<void> flush_if_large();
  std::uint64_t bytes() const { return bytes_; }  // written so far

 private:
  Connection& connection_;
  std::string pending_;
  std::uint64_t bytes_ = 0;
};

}  // namespace everpost::node::imap
