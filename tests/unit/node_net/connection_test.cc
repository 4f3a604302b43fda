#include "node/net/connection.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

#include "tests/unit/node_net/loopback.h"

namespace everpost::node {
namespace {

using namespace std::chrono_literals;

struct Want {
  std::string line;
  std::optional<ErrorCode> error;
};

TEST(Connection, ReadsLines) {
  struct Case {
    const char* name;
    std::string input;
    std::size_t bytes_max;
    bool strict;
    std::vector<Want> want;
  };
  const Case cases[] = {
      {"that end with CRLF", "NOOP\r\nQUIT\r\n", 100, true, {{"NOOP", {}}, {"QUIT", {}}}},
      {"that are empty", "\r\n\n", 100, false, {{"", {}}, {"", {}}}},
      {"that end with LF, unless strict", "a\nb\r\n", 100, false, {{"a", {}}, {"b", {}}}},
      {"and leaves a bare LF in a strict one", "a\nb\r\n", 100, true, {{"a\nb", {}}}},
      {"and leaves a CR inside", "a\rb\r\n", 100, true, {{"a\rb", {}}}},
      {"up to the limit", "12345\r\n", 5, true, {{"12345", {}}}},
      {"and drops one above it, whole",
       "123456\r\nNOOP\r\n",
       5,
       true,
       {{"", ErrorCode::kTooLarge}, {"NOOP", {}}}},
      {"and drops one far above it",
       std::string(600'000, 'x') + "\r\nNOOP\r\n",
       1000,
       true,
       {{"", ErrorCode::kTooLarge}, {"NOOP", {}}}},
      {"and drops one with bare LFs whole when strict",
       std::string(300'000, 'x') + "\nQUIT\r\nNOOP\r\n",
       1000,
       true,
       {{"", ErrorCode::kTooLarge}, {"NOOP", {}}}},
      {"and not what the peer did not finish",
       "NOOP\r\nQUI",
       100,
       true,
       {{"NOOP", {}}, {"", ErrorCode::kClosed}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Loopback pair;
    std::thread client([&] {
      pair.send(c.input);
      pair.client.shutdown(asio::ip::tcp::socket::shutdown_send);
    });
    for (const Want& want : c.want) {
      const auto line = pair.run(pair.server->read_line(c.bytes_max, 5s, c.strict));
      if (want.error) {
        ASSERT_FALSE(line);
        EXPECT_EQ(line.error().code, *want.error);
      } else {
        ASSERT_TRUE(line) << to_string(line.error());
        EXPECT_EQ(*line, want.line);
      }
    }
    client.join();
  }
}

TEST(Connection, FindsALineEndThatCameInTwoPieces) {
  Loopback pair;
  pair.send("NOOP\r");
  EXPECT_TRUE(pair.run(pair.server->peek(5s)));
  pair.send("\nx");
  const auto line = pair.run(pair.server->read_line(100, 5s, true));
  ASSERT_TRUE(line);
  EXPECT_EQ(*line, "NOOP");
  EXPECT_TRUE(pair.server->has_input());
}

TEST(Connection, ReadsExactlyAcrossBufferAndSocket) {
  Loopback pair;
  const std::string literal(3'000'000, 'l');
  std::thread client([&] { pair.send("A APPEND {3000000+}\r\n" + literal + ")\r\n"); });
  EXPECT_EQ(*pair.run(pair.server->read_line(100, 5s)), "A APPEND {3000000+}");
  std::string to = "before";
  EXPECT_TRUE(pair.run(pair.server->read_exactly(literal.size(), to, 5s)));
  EXPECT_TRUE(to == "before" + literal);
  EXPECT_EQ(*pair.run(pair.server->read_line(100, 5s)), ")");
  client.join();
}

TEST(Connection, KeepsWhatCameWhenALiteralIsCut) {
  Loopback pair;
  pair.send("12345");
  pair.client.close();
  std::string to;
  const auto read = pair.run(pair.server->read_exactly(10, to, 5s));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kClosed);
  EXPECT_EQ(to, "12345");
}

TEST(Connection, PeeksWithoutConsuming) {
  Loopback pair;
  pair.send("abc");
  EXPECT_EQ(*pair.run(pair.server->peek(5s)), "abc");
  pair.send("def");
  EXPECT_EQ(*pair.run(pair.server->peek(5s, 3)), "abcdef");
  pair.server->consume(4);
  EXPECT_EQ(*pair.run(pair.server->peek(5s)), "ef");
  EXPECT_EQ(pair.run(pair.server->peek(5s, 1 << 20)).error().code, ErrorCode::kTooLarge);
}

TEST(Connection, PeeksMoreThanComesAtOnce) {
  Loopback pair;
  std::thread client([&] { pair.send(std::string(300'000, 'x')); });
  std::size_t have = 0;
  while (have <= 200'000) have = pair.run(pair.server->peek(5s, have))->size();
  pair.server->consume(have);
  while (have < 300'000) {
    const std::size_t more = pair.run(pair.server->peek(5s))->size();
    pair.server->consume(more);
    have += more;
  }
  EXPECT_EQ(have, 300'000u);
  client.join();
}

TEST(Connection, EveryWaitHasADeadline) {
  struct Case {
    const char* name;
    std::function<asio::awaitable<ErrorCode>(Connection&, std::string&)> wait;
  };
  const Case cases[] = {
      {"a line",
       [](Connection& c, std::string&) -> asio::awaitable<ErrorCode> {
         co_return (co_await c.read_line(100, 10ms)).error().code;
       }},
      {"a peek",
       [](Connection& c, std::string&) -> asio::awaitable<ErrorCode> {
         co_return (co_await c.peek(10ms, 1)).error().code;
       }},
      {"exact bytes",
       [](Connection& c, std::string& to) -> asio::awaitable<ErrorCode> {
         co_return (co_await c.read_exactly(100, to, 10ms)).error().code;
       }},
      {"a write to a peer that does not read",
       [](Connection& c, std::string& to) -> asio::awaitable<ErrorCode> {
         to.resize(64 << 20);
         co_return (co_await c.write(to, 10ms)).error().code;
       }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Loopback pair;
    pair.send("x");
    std::string scratch;
    EXPECT_EQ(pair.run(c.wait(*pair.server, scratch)), ErrorCode::kTimeout);
  }
}

TEST(Connection, AShorterDeadlineThanTheLastOnesHolds) {
  Loopback pair;
  pair.send("a\r\n");
  EXPECT_TRUE(pair.run(pair.server->peek(5s)));
  EXPECT_TRUE(pair.run(pair.server->read_line(100, 1h)));
  std::thread late([&] { pair.send("b\r\n"); });
  EXPECT_TRUE(pair.run(pair.server->read_line(100, 1h)));  // arms the timer for in an hour
  late.join();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(pair.run(pair.server->read_line(100, 10ms)).error().code, ErrorCode::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
}

TEST(Connection, WritesToASlowReader) {
  Loopback pair;
  const std::string head = "* 1 FETCH (BODY[] {8000000}\r\n", body(8'000'000, 'b'), tail = ")\r\n";
  std::string got;
  std::thread client([&] { got = pair.receive(head.size() + body.size() + tail.size()); });
  const std::string_view parts[] = {head, "", body, tail};
  EXPECT_TRUE(pair.run(pair.server->write(parts)));
  client.join();
  EXPECT_TRUE(got == head + body + tail);
}

TEST(Connection, WritesMorePartsThanOneSystemCallTakes) {
  Loopback pair;
  std::vector<std::string_view> parts(1000, "ab");
  EXPECT_TRUE(pair.run(pair.server->write(parts)));
  std::string want;
  for (int i = 0; i < 1000; ++i) want += "ab";
  EXPECT_EQ(pair.receive(2000), want);
}

TEST(Connection, AnswersAPeerThatHasClosedItsHalf) {
  Loopback pair;
  pair.send("QUIT\r\n");
  pair.client.shutdown(asio::ip::tcp::socket::shutdown_send);
  EXPECT_TRUE(pair.run(pair.server->read_line(100, 5s)));
  EXPECT_TRUE(pair.run(pair.server->write("221 bye\r\n")));
  EXPECT_EQ(pair.run(pair.server->read_line(100, 5s)).error().code, ErrorCode::kClosed);
  EXPECT_TRUE(pair.run(pair.server->shut_down()));
  EXPECT_EQ(pair.receive_all(), "221 bye\r\n");
}

TEST(Connection, WhatWasWrittenLastArrivesThoughInputIsUnread) {
  Loopback pair;
  pair.send("EHLO x\r\nNOOP\r\n");
  EXPECT_TRUE(pair.run(pair.server->read_line(100, 5s)));
  EXPECT_TRUE(pair.run(pair.server->write("421 bye\r\n")));
  std::string got;
  std::thread client([&] {
    pair.send("MORE\r\n");
    got = pair.receive_all();
    pair.client.close();
  });
  EXPECT_TRUE(pair.run(pair.server->shut_down()));
  client.join();
  EXPECT_EQ(got, "421 bye\r\n");
}

TEST(Connection, WaitsForInputOrATimer) {
  Loopback pair;
  asio::steady_timer wake(pair.io, asio::steady_timer::time_point::max());

  // The coroutine comes first, then the cancellation.
  asio::post(pair.io, [&] { asio::post(pair.io, [&] { wake.cancel(); }); });
  EXPECT_EQ(*pair.run(pair.server->wait_input_or(wake, 5s)), false);

  wake.expires_after(1ms);
  EXPECT_EQ(*pair.run(pair.server->wait_input_or(wake, 5s)), false);

  wake.expires_at(asio::steady_timer::time_point::max());
  asio::post(pair.io, [&] { pair.send("DONE\r\n"); });
  EXPECT_EQ(*pair.run(pair.server->wait_input_or(wake, 5s)), true);
  EXPECT_EQ(*pair.run(pair.server->read_line(100, 5s)), "DONE");
  EXPECT_EQ(wake.cancel(), 0u) << "the wait on the timer outlived the call";

  EXPECT_EQ(pair.run(pair.server->wait_input_or(wake, 5ms)).error().code, ErrorCode::kTimeout);
  asio::post(pair.io, [&] { pair.client.close(); });
  EXPECT_EQ(pair.run(pair.server->wait_input_or(wake, 5s)).error().code, ErrorCode::kClosed);
}

TEST(Connection, StopReadingEndsWaitsBetweenCommandsOnly) {
  Loopback pair;
  asio::post(pair.io, [&] { asio::post(pair.io, [&] { pair.handle.stop_reading(); }); });
  EXPECT_EQ(pair.run(pair.server->read_line(100, 5s)).error().code, ErrorCode::kUnavailable);

  asio::steady_timer wake(pair.io, asio::steady_timer::time_point::max());
  EXPECT_EQ(*pair.run(pair.server->wait_input_or(wake, 5s)), false);

  // A message that is under way is taken to its end, and the session can say goodbye.
  asio::post(pair.io, [&] { pair.send("data"); });
  EXPECT_EQ(*pair.run(pair.server->peek(5s)), "data");
  EXPECT_TRUE(pair.run(pair.server->write("421 bye\r\n")));
}

TEST(Connection, CanBeClosedFromOutside) {
  Loopback pair;
  asio::post(pair.io, [&] { asio::post(pair.io, [&] { pair.handle.close(); }); });
  EXPECT_EQ(pair.run(pair.server->read_line(100, 5s)).error().code, ErrorCode::kClosed);
  EXPECT_EQ(pair.run(pair.server->write("x")).error().code, ErrorCode::kClosed);
  pair.server.reset();
  pair.handle.close();
  pair.handle.stop_reading();
}

TEST(Connection, NamesThePeer) {
  Loopback pair;
  EXPECT_EQ(pair.server->peer_address(), "127.0.0.1");
  EXPECT_TRUE(pair.server->peer_is_loopback());
  EXPECT_FALSE(pair.server->tls());
  EXPECT_EQ(pair.server->tls_description(), "");
}

}  // namespace
}  // namespace everpost::node
