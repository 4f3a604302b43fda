// Conversations with the server over loopback sockets. Below it is a real node with its shards, on
// files in memory; the client is a blocking socket that plays scripts:
//
//   client.play(R"(
//     C: a NOOP
//     S: a OK ...
//   )");
//
// A line of the client's gets its CRLF. A line of the server's has to be the next that it sends;
// "..." stands for anything.
#pragma once

#include <boost/asio/ssl.hpp>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cluster/node.h"
#include "node/imap/conversation.h"
#include "storage/env/memory_env.h"
#include "tests/unit/node_directory/memory_directory.h"
#include "tests/unit/node_imap/faulty_store.h"
#include "tests/unit/node_net/certificate.h"

namespace everpost::node::imap {

inline constexpr Timing kQuick{.failed_login = std::chrono::milliseconds{1}};

class Server {
 public:
  explicit Server(bool with_tls = false, Timing quick = kQuick) : timing(quick) {
    config.hostname = "mail.example.test";
    config.message_bytes = 4 << 20;
    config.plaintext_on_loopback = !with_tls;
    directory_store.add_domain("example.test");
    for (const char* name : {"ann@example.test", "bob@example.test"})
      directory_store.add_account(name).credentials = hash_password("secret", kCheap).value();
    if (with_tls) {
      certificate.emplace();
      tls = *TlsContext::load(certificate->certificate, certificate->key);
    }
    EXPECT_TRUE(env.make_folder("data"));
    cluster::NodeOptions options;
    options.env = &env;
    options.data_folder = "data";
    options.mail_shards = 1;
    options.segment_bytes = 32 << 20;
    options.index_cache_bytes = 1 << 20;
    auto opened = cluster::Node::open(std::move(options));
    EXPECT_TRUE(opened);
    node = *std::move(opened);
    store.emplace(node->mail());
    services.emplace(Services{config, system_clock(), *store, directory, authenticator, tls.get(),
                              metrics, *memory});
    thread = std::thread([this] { io.run(); });
  }
  ~Server() {
    work.reset();
    thread.join();  // all conversations have ended: their clients are gone
    EXPECT_TRUE(node->stop());
  }

  void connect(asio::ip::tcp::socket& client) {
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    client.connect(acceptor.local_endpoint());
    client.set_option(asio::ip::tcp::no_delay(true));
    auto made = make_connection(acceptor.accept());
    ASSERT_TRUE(made);
    handles.push_back(made->handle);
    asio::co_spawn(io, converse(std::move(made->connection), *services, stopping, timing),
                   [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
  }
  void stop() {
    stopping = true;
    asio::post(io, [this] {
      for (const ConnectionHandle& handle : handles) handle.stop_reading();
    });
  }

  static constexpr HashCost kCheap{1, 8192, 64};

  const Timing timing;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  Config config;
  storage::MemoryEnv env{1};
  std::unique_ptr<cluster::Node> node;
  std::optional<FaultyStore> store;
  MemoryDirectory directory_store;
  Directory directory{directory_store};
  Authenticator authenticator{directory, 1, kCheap};
  std::optional<TestCertificate> certificate;
  std::unique_ptr<TlsContext> tls;
  Metrics metrics;
  std::optional<MemoryBudget> memory{8 << 20};
  std::optional<Services> services;
  std::atomic<bool> stopping{false};
  std::vector<ConnectionHandle> handles;
  std::thread thread;
};

// Does `text` fit a pattern in which "..." stands for anything?
inline bool fits(std::string_view text, std::string_view pattern) {
  const std::size_t dots = pattern.find("...");
  if (dots == std::string_view::npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, dots))) return false;
  text.remove_prefix(dots);
  pattern.remove_prefix(dots + 3);
  for (std::size_t at = 0; at <= text.size(); ++at)
    if (fits(text.substr(at), pattern)) return true;
  return false;
}

class Client {
 public:
  explicit Client(Server& server) : socket_(io_) {
    server.connect(socket_);
    expect("* OK [CAPABILITY IMAP4rev1 ...] mail.example.test Everpost ready");
  }
  Client(Server& server, const std::string& user) : Client(server) { log_in(user); }

  void log_in(const std::string& user) {
    send("login LOGIN " + user + "@example.test secret\r\n");
    expect("login OK [CAPABILITY IMAP4rev1 ...] Logged in");
  }
  void send(std::string_view bytes) {
    if (tls_)
      asio::write(*tls_, asio::buffer(bytes));
    else
      asio::write(socket_, asio::buffer(bytes));
  }
  // The next line without its ending; "(closed)" if there is none.
  std::string line() {
    std::size_t end = 0;
    while ((end = input_.find("\r\n")) == std::string::npos)
      if (!receive()) return "(closed)";
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 2);
    return line;
  }
  std::string bytes(std::size_t count) {
    while (input_.size() < count && receive()) {
    }
    std::string bytes = input_.substr(0, count);
    input_.erase(0, bytes.size());
    return bytes;
  }
  void expect(std::string_view pattern) {
    const std::string got = line();
    EXPECT_TRUE(fits(got, pattern)) << "got:  " << got << "\nwant: " << pattern;
  }
  void play(std::string_view script) {
    while (!script.empty()) {
      const std::size_t end = std::min(script.find('\n'), script.size());
      std::string_view step = script.substr(0, end);
      script.remove_prefix(std::min(end + 1, script.size()));
      step.remove_prefix(std::min(step.find_first_not_of(' '), step.size()));
      if (step.starts_with("C:"))
        send(std::string(step.substr(std::min<std::size_t>(3, step.size()))) + "\r\n");
      else if (step.starts_with("S:"))
        expect(step.substr(std::min<std::size_t>(3, step.size())));
      if (testing::Test::HasFailure()) return;
    }
  }
  // Appends a message; answers for its UID are not looked at.
  void append(const std::string& mailbox, const std::string& message,
              const std::string& flags = "()") {
    send("append APPEND " + mailbox + " " + flags + " {" + std::to_string(message.size()) +
         "+}\r\n" + message + "\r\n");
    while (true) {
      const std::string answer = line();
      if (answer.starts_with("* ")) continue;
      EXPECT_TRUE(answer.starts_with("append OK [APPENDUID ")) << answer;
      return;
    }
  }
  void start_tls() {
    play("C: tls STARTTLS\nS: tls OK ...");
    EXPECT_EQ(input_, "");
    tls_.emplace(socket_, context_);
    tls_->handshake(asio::ssl::stream_base::client);
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  bool receive() {
    char buffer[65536];
    error_code failure;
    const std::size_t n = tls_ ? tls_->read_some(asio::buffer(buffer), failure)
                               : socket_.read_some(asio::buffer(buffer), failure);
    input_.append(buffer, n);
    return !failure;
  }

  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
  std::string input_;
};

inline constexpr char kMessage[] =
    "From: Ann <ann@example.test>\r\n"
    "To: bob@example.test\r\n"
    "Subject: Hello\r\n"
    "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
    "Message-ID: <1@example.test>\r\n"
    "\r\n"
    "Hi there.\r\n";

}  // namespace everpost::node::imap
