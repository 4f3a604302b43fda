#include "node/supervisor/handover.h"

#include <cstdlib>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "node/runtime/listen_socket.h"
#include "node/supervisor/listeners.h"

namespace everpost::node {
namespace {

TEST(Handover, IsReadAsItWasWritten) {
  Handover handover;
  handover.supervisor = 812;
  handover.ready = 7;
  handover.restarts = 2;
  handover.worker = 813;
  handover.served = true;
  handover.sockets = {{"127.0.0.1:25", 3}, {"[::1]:25", 4}};
  const auto read = Handover::parse(handover.text());
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->supervisor, 812);
  EXPECT_EQ(read->ready, 7);
  EXPECT_EQ(read->restarts, 2u);
  EXPECT_EQ(read->worker, 813);
  EXPECT_TRUE(read->served);
  EXPECT_EQ(read->sockets, handover.sockets);
}

TEST(Handover, PassesOverWhatANewerVersionSays) {
  const auto read = Handover::parse("supervisor=1 mood=good tail=a=b=c");
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->sockets.empty());
}

TEST(Handover, RefusesNonsense) {
  for (const char* text :
       {"", "ready=7", "supervisor", "supervisor=x", "supervisor=-1", "supervisor=1 socket=3",
        "supervisor=1 socket=127.0.0.1:25=x", "supervisor=1 restarts=99999999999999999999"})
    EXPECT_FALSE(Handover::parse(text)) << text;
}

TEST(Handover, TakesOnlySocketsThatListenWhereTheySay) {
  ::unsetenv(Handover::kVariable);
  EXPECT_EQ(Handover::take().error().code, ErrorCode::kNotFound);

  auto socket = listen_on(Protocol::kSmtp, {"127.0.0.1", 0});
  ASSERT_TRUE(socket) << to_string(socket.error());
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  ASSERT_EQ(::getsockname(socket->get(), reinterpret_cast<sockaddr*>(&bound), &size), 0);
  const std::string port = std::to_string(ntohs(bound.sin_port)),
                    fd = std::to_string(socket->get());
  ::fcntl(socket->get(), F_SETFD, 0);
  for (const std::string& wrong : {"127.0.0.2:" + port + "=" + fd, "127.0.0.1:" + port + "=0",
                                   "127.0.0.1:" + port + "=1000000"}) {
    ::setenv(Handover::kVariable, ("supervisor=1 socket=" + wrong).c_str(), 1);
    EXPECT_FALSE(Handover::take()) << wrong;
    EXPECT_EQ(::getenv(Handover::kVariable), nullptr);
  }
  ::setenv(Handover::kVariable, ("supervisor=1 socket=127.0.0.1:" + port + "=" + fd).c_str(), 1);
  const auto taken = Handover::take();
  ASSERT_TRUE(taken) << to_string(taken.error());
  EXPECT_EQ(taken->sockets.at("127.0.0.1:" + port), socket->get());
  EXPECT_EQ(::fcntl(socket->get(), F_GETFD), FD_CLOEXEC);
}

TEST(Listeners, KeepWhatTheyHaveWhenAPortIsTaken) {
  auto taken = listen_on(Protocol::kImap, {"127.0.0.1", 0});
  ASSERT_TRUE(taken);
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  ASSERT_EQ(::getsockname(taken->get(), reinterpret_cast<sockaddr*>(&bound), &size), 0);

  Config config;
  config.listeners = {{Protocol::kSmtp, {{"127.0.0.1", 0}}}};
  Listeners listeners;
  ASSERT_TRUE(listeners.follow(config));
  const auto before = listeners.descriptors();
  ASSERT_EQ(before.size(), 1u);

  Config other;
  other.listeners = {{Protocol::kLmtp, {{"127.0.0.2", 0}}},
                     {Protocol::kImap, {{"127.0.0.1", ntohs(bound.sin_port)}}}};
  EXPECT_EQ(listeners.follow(other).error().code, ErrorCode::kBusy);
  EXPECT_EQ(listeners.descriptors(), before);

  other.listeners.pop_back();
  ASSERT_TRUE(listeners.follow(other));
  EXPECT_THAT(listeners.descriptors(), testing::ElementsAre(testing::Key("127.0.0.2:0")));
}

}  // namespace
}  // namespace everpost::node
