// For tests of what talks over a Connection: the server's end of a TCP connection on 127.0.0.1, and
// the client's as a plain blocking socket.
#pragma once

#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/asio.h"
#include "node/net/connection.h"

namespace everpost::node {

class Loopback {
 public:
  Loopback() : client(client_io_) {
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    client.connect(acceptor.local_endpoint());
    auto made = make_connection(acceptor.accept());
    EXPECT_TRUE(made) << to_string(made.error());
    server = std::move(made->connection);
    handle = made->handle;
  }

  // Runs a coroutine, and whatever else is waiting on `io`, until it has ended.
  template <class T>
  T run(asio::awaitable<T> task) {
    std::optional<T> value;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr failure, T result) {
      EXPECT_FALSE(failure);
      value.emplace(std::move(result));
    });
    io.restart();
    while (!value && io.run_one() > 0) {
    }
    return *std::move(value);
  }

  // The client's blocking calls.
  void send(std::string_view bytes) { asio::write(client, asio::buffer(bytes)); }
  std::string receive(std::size_t bytes) {
    std::string received(bytes, '\0');
    error_code failure;
    received.resize(asio::read(client, asio::buffer(received), failure));
    return received;
  }
  std::string receive_all() {  // until the server closes
    std::string all;
    for (;;) {
      char part[4096];
      error_code failure;
      const std::size_t n = client.read_some(asio::buffer(part), failure);
      if (failure) return all;
      all.append(part, n);
    }
  }

  asio::io_context io{1};  // the server's
  std::unique_ptr<Connection> server;
  ConnectionHandle handle;

 private:
  asio::io_context client_io_;

 public:
  asio::ip::tcp::socket client;
};

}  // namespace everpost::node
