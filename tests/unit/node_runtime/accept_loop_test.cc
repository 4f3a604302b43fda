#include "node/runtime/accept_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace everpost::node {
namespace {

using namespace std::chrono_literals;

// Greets, then echoes lines until the client leaves or the server stops.
asio::awaitable<void> echo(std::unique_ptr<Connection> connection,
                           const std::atomic<bool>& stopping) {
  if (!co_await connection->write("220 hello\r\n")) co_return;
  for (;;) {
    const auto line = co_await connection->read_line(100, 10s);
    if (!line) {
      if (stopping) (void)co_await connection->write("421 bye\r\n");
      co_return;
    }
    const std::string reply = std::string(*line) + "\r\n";
    if (!co_await connection->write(reply)) co_return;
  }
}

class Listening : public testing::Test {
 protected:
  Result<std::unique_ptr<AcceptLoop>> bind(std::uint16_t port) {
    return AcceptLoop::bind({Protocol::kSmtp,
                             {"127.0.0.1", port},
                             "421 too many connections\r\n",
                             [this](std::unique_ptr<Connection> connection) {
                               return echo(std::move(connection), sessions.stopping());
                             }},
                            0, threads, sessions, limits);
  }

  struct Client {
    explicit Client(std::uint16_t port) {
      socket.connect({asio::ip::address_v4::loopback(), port});
    }
    std::string line() {
      std::string text;
      error_code failure;
      for (char c = 0; c != '\n' && asio::read(socket, asio::buffer(&c, 1), failure) == 1;)
        text += c;
      return text;
    }
    asio::io_context io;
    asio::ip::tcp::socket socket{io};
  };

  IoThreads threads{2};
  Sessions sessions{threads};
  ConnectionLimits limits{2, 2};
};

TEST_F(Listening, ServesUpToItsLimitAndStops) {
  auto loop = bind(0);
  ASSERT_TRUE(loop) << to_string(loop.error());
  const std::uint16_t port = (*loop)->port();
  threads.start();
  (*loop)->start();
  {
    Client first(port), second(port);
    EXPECT_EQ(first.line(), "220 hello\r\n");
    EXPECT_EQ(second.line(), "220 hello\r\n");
    Client third(port);
    EXPECT_EQ(third.line(), "421 too many connections\r\n");
    EXPECT_EQ(third.line(), "");
    asio::write(first.socket, asio::buffer("NOOP\r\n", 6));
    EXPECT_EQ(first.line(), "NOOP\r\n");
    EXPECT_EQ(sessions.count(), 2u);

    (*loop)->stop();
    sessions.stop();
    EXPECT_EQ(first.line(), "421 bye\r\n");
    EXPECT_EQ(second.line(), "421 bye\r\n");
    EXPECT_TRUE(sessions.wait_until_none(5s));
  }
  EXPECT_EQ(limits.count(), 0u);
  threads.stop();
}

TEST_F(Listening, ClosesSessionsThatDoNotEnd) {
  auto loop = bind(0);
  ASSERT_TRUE(loop);
  threads.start();
  (*loop)->start();
  Client client((*loop)->port());
  EXPECT_EQ(client.line(), "220 hello\r\n");
  EXPECT_FALSE(sessions.wait_until_none(1ms));
  sessions.close();
  EXPECT_TRUE(sessions.wait_until_none(5s));
  EXPECT_EQ(client.line(), "");
  threads.stop();
}

TEST_F(Listening, SaysWhoHasThePort) {
  auto loop = bind(0);
  ASSERT_TRUE(loop);
  const std::uint16_t port = (*loop)->port();
  const auto again = bind(port);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().context,
            "listen.smtp: 127.0.0.1:" + std::to_string(port) +
                ": Address already in use; stop what listens there (ss -ltnp shows it), or choose "
                "another port");
}

}  // namespace
}  // namespace everpost::node
