// serve() on a loopback connection, with a directory and a store in memory; the client's end is a
// blocking socket.
#pragma once

#include <boost/asio/ssl.hpp>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "node/smtp/serve.h"
#include "tests/unit/node_directory/memory_directory.h"
#include "tests/unit/node_net/certificate.h"
#include "tests/unit/node_smtp/memory_mail_store.h"

namespace everpost::node::smtp {

class TestClock : public Clock {
 public:
  WallTime wall() const override { return WallTime{1'795'497'011'123'456}; }
  Micros steady() const override { return system_clock().steady(); }
};

class Server {
 public:
  explicit Server(Flavour flavour, bool with_tls = false) : flavour_(flavour) {
    config.hostname = "mx.example.org";
    config.message_bytes = 4 << 20;
    directory_store.add_domain("example.org");
    for (const char* name : {"a", "b", "c"})
      accounts[name] = directory_store.add_account(std::string(name) + "@example.org").id;
    directory_store.account_records["c@example.org"].shard = ShardId{2};
    directory_store.add_alias("list@example.org", {"a@example.org", "c@example.org"});
    if (with_tls) {
      certificate.emplace();
      tls = *TlsContext::load(certificate->certificate, certificate->key);
    }
  }
  ~Server() { join(); }

  // Accepts one connection; returns the client's end of it.
  asio::ip::tcp::socket connect(asio::io_context& client_io) {
    services.emplace(
        Services{config, clock, mail, directory, authenticator, tls.get(), metrics, *memory});
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    asio::ip::tcp::socket client(client_io);
    client.connect(acceptor.local_endpoint());
    client.set_option(asio::ip::tcp::no_delay(true));
    auto made = make_connection(acceptor.accept());
    EXPECT_TRUE(made);
    handle = made->handle;
    asio::co_spawn(io, serve(std::move(made->connection), flavour_, *services, stopping),
                   [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
    thread = std::thread([this] { io.run(); });
    return client;
  }
  // Waits until the conversation has ended.
  void join() {
    if (thread.joinable()) thread.join();
  }

  Flavour flavour_;
  asio::io_context io{1};
  Config config;
  TestClock clock;
  MemoryMailStore mail;
  MemoryDirectory directory_store;
  std::map<std::string, AccountId> accounts;
  Directory directory{directory_store};
  Authenticator authenticator{directory, 1};
  std::optional<TestCertificate> certificate;
  std::unique_ptr<TlsContext> tls;
  Metrics metrics;
  std::optional<MemoryBudget> memory{64 << 20};
  std::optional<Services> services;
  std::atomic<bool> stopping{false};
  ConnectionHandle handle;
  std::thread thread;
};

class Client {
 public:
  explicit Client(Server& server) : server_(server), socket_(server.connect(io_)) {
    EXPECT_TRUE(reply().starts_with("220 mx.example.org "));
  }
  ~Client() {
    close();
    server_.join();
  }

  void send(std::string_view bytes) {
    if (tls_)
      asio::write(*tls_, asio::buffer(bytes));
    else
      asio::write(socket_, asio::buffer(bytes));
  }
  // The next reply, all of its lines; "" when the server has closed.
  std::string reply() {
    std::string all;
    for (;;) {
      const std::size_t end = input_.find("\r\n");
      if (end == std::string::npos) {
        if (!receive()) return "";
        continue;
      }
      const std::string line = input_.substr(0, end + 2);
      input_.erase(0, end + 2);
      all += line;
      if (line.size() < 4 || line[3] != '-') return all;
    }
  }
  std::string say(std::string_view line) {
    send(std::string(line) + "\r\n");
    return reply();
  }
  void expect(std::string_view line, std::string_view want) {
    const std::string got = say(line);
    EXPECT_EQ(got.substr(0, want.size()), want) << "to " << line;
  }
  // Up to a transaction in which DATA comes next.
  void begin(std::string_view recipient = "a@example.org") {
    expect(server_.flavour_ == Flavour::kLmtp ? "LHLO client.example" : "EHLO client.example",
           "250");
    expect("MAIL FROM:<x@y.example>", "250 2.1.0");
    expect("RCPT TO:<" + std::string(recipient) + ">", "250 2.1.5");
  }
  void start_tls() {
    expect("STARTTLS", "220 2.0.0");
    EXPECT_TRUE(input_.empty());
    tls_.emplace(socket_, context_);
    tls_->handshake(asio::ssl::stream_base::client);
  }
  // What one read brings, with what was read before.
  std::string read_some() {
    if (input_.empty()) receive();
    return std::exchange(input_, {});
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  bool receive() {
    char buffer[16384];
    error_code failure;
    const std::size_t n = tls_ ? tls_->read_some(asio::buffer(buffer), failure)
                               : socket_.read_some(asio::buffer(buffer), failure);
    input_.append(buffer, n);
    return !failure;
  }

  Server& server_;
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
  std::string input_;
};

}  // namespace everpost::node::smtp
