#include "rpc/transport.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/unit/rpc/nodes.h"

namespace everpost::rpc {
namespace {

constexpr NodeId kOne{1}, kTwo{2};
constexpr ShardId kShard{7};
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

class TransportTest : public testing::Test {
 protected:
  void meet() {
    introduce({&*one_, &*two_});
    ASSERT_TRUE(one_->wait_connected(kTwo));
    ASSERT_TRUE(two_->wait_connected(kOne));
  }
  bool send(Channel channel, std::string bytes) {
    return one_->transport->send(kTwo, channel, kShard, std::move(bytes));
  }

  Authority authority_;
  std::optional<TestNode> one_{authority_.options(kOne)};
  std::optional<TestNode> two_{authority_.options(kTwo)};
};

TEST_F(TransportTest, MessagesGoBothWays) {
  meet();
  ASSERT_TRUE(send(Channel::kControl, "ping"));
  const Received ping = two_->next();
  EXPECT_EQ(ping.bytes, "ping");
  EXPECT_EQ(ping.from, kOne);
  EXPECT_EQ(ping.channel, Channel::kControl);
  EXPECT_EQ(ping.shard, kShard);
  ASSERT_TRUE(two_->transport->send(kOne, Channel::kAppend, ShardId{9}, "pong"));
  const Received pong = one_->next();
  EXPECT_EQ(pong.bytes, "pong");
  EXPECT_EQ(pong.channel, Channel::kAppend);
  EXPECT_EQ(pong.shard, ShardId{9});
}

TEST_F(TransportTest, EveryChannelCarriesMessages) {
  meet();
  for (std::size_t i = 0; i < kChannels; ++i) {
    ASSERT_TRUE(send(static_cast<Channel>(i), ""));
    const Received got = two_->next();
    EXPECT_EQ(got.from, kOne);
    EXPECT_EQ(got.channel, static_cast<Channel>(i));
    EXPECT_EQ(got.bytes, "");
  }
}

TEST_F(TransportTest, LargeMessagesArriveWhole) {
  meet();
  std::vector<std::string> sent;
  for (const std::size_t bytes : {256u << 10, (256u << 10) + 1, 1000u, 3u << 20, 8u << 20, 1u}) {
    std::string message(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) message[i] = static_cast<char>(i * 7 + bytes);
    sent.push_back(std::move(message));
  }
  for (const std::string& message : sent) {
    ASSERT_TRUE(send(Channel::kBulk, message));
    EXPECT_TRUE(two_->next().bytes == message) << message.size();
  }
  EXPECT_FALSE(send(Channel::kBulk, std::string((8u << 20) + 1, 'x')));
}

TEST_F(TransportTest, TenThousandSmallMessagesArriveInOrder) {
  meet();
  constexpr int kMessages = 10'000;
  for (int i = 0; i < kMessages; ++i)
    ASSERT_TRUE(send(Channel::kAppend, std::to_string(i) + std::string(i % 300, '.')));
  for (int i = 0; i < kMessages; ++i)
    ASSERT_EQ(two_->next().bytes, std::to_string(i) + std::string(i % 300, '.'));
}

TEST_F(TransportTest, AReceiverThatKeepsItsMessagesStopsTheSender) {
  Options small = authority_.options(kOne);
  small.limits.send_bytes_max = 1 << 20;
  small.limits.window_bytes = 512 << 10;
  one_.reset();
  one_.emplace(small);
  small = authority_.options(kTwo);
  small.limits.receive_bytes_max = 1 << 20;
  two_.reset();
  two_.emplace(small);
  meet();
  std::size_t sent = 0;
  const auto fill = [&] {
    for (int refused = 0; refused < 50;) {
      if (send(Channel::kAppend, std::string(10'000, 'a'))) {
        ++sent;
        refused = 0;
      } else {
        ++refused;
        std::this_thread::sleep_for(milliseconds{10});
      }
    }
  };
  fill();
  // One queue, one window, what the receiver holds, and a frame at each place.
  EXPECT_LT(sent * 10'000, (1u << 20) + (512u << 10) + (1u << 20) + (1u << 20));
  EXPECT_LT(two_->waiting() * 10'000, (1u << 20) + (512u << 10));
  // Others are not held up.
  ASSERT_TRUE(send(Channel::kControl, "urgent"));
  ASSERT_TRUE(two_->wait([&] { return true; }));
  std::size_t got = 0;
  bool urgent = false;
  while (got < sent || !urgent) {
    const Received message = two_->next();
    ASSERT_EQ(message.from, kOne) << got << " of " << sent;
    if (message.channel == Channel::kControl)
      urgent = true;
    else
      ++got;
  }
  ASSERT_TRUE(send(Channel::kAppend, "again"));
  EXPECT_EQ(two_->next().bytes, "again");
}

TEST_F(TransportTest, APeerThatDiesIsLostWithinMilliseconds) {
  meet();
  const auto start = Clock::now();
  two_.reset();
  ASSERT_TRUE(one_->wait_unlinked(kTwo));
  EXPECT_LT(Clock::now() - start, milliseconds{500});
  EXPECT_FALSE(send(Channel::kControl, "anybody?"));
}

TEST_F(TransportTest, ARestartedPeerIsFoundAgain) {
  meet();
  const std::string address = two_->address();
  Options again = authority_.options(kTwo);
  again.listen = address;
  two_.reset();
  ASSERT_TRUE(one_->wait_lost(kTwo));
  two_.emplace(again);
  two_->transport->set_peers({{kOne, one_->address()}});
  ASSERT_TRUE(one_->wait_connected(kTwo));
  ASSERT_TRUE(two_->wait_connected(kOne));
  EXPECT_EQ(one_->connects(), 2u);
  ASSERT_TRUE(send(Channel::kControl, "welcome back"));
  EXPECT_EQ(two_->next().bytes, "welcome back");
}

TEST_F(TransportTest, APeerThatIsNoLongerOneIsLostAndRefused) {
  meet();
  one_->transport->set_peers({});
  ASSERT_TRUE(one_->wait_lost(kTwo));
  ASSERT_TRUE(two_->wait_lost(kOne));
  EXPECT_FALSE(send(Channel::kControl, "still there?"));
  EXPECT_TRUE(two_->refused(kOne, ErrorCode::kUnavailable, "not known"));
  one_->transport->set_peers({{kTwo, two_->address()}});
  EXPECT_TRUE(two_->wait_connected(kOne));
}

// ---- who is refused

TEST_F(TransportTest, ANodeWithACertificateOfAnotherCaIsRefused) {
  const Authority other(authority_.cluster);
  one_.reset();
  one_.emplace(other.options(kOne));
  introduce({&*one_, &*two_});
  EXPECT_TRUE(one_->refused(kTwo, ErrorCode::kPermissionDenied, "certificate"));
  EXPECT_TRUE(two_->refused(kOne, ErrorCode::kPermissionDenied, "certificate"));
}

TEST_F(TransportTest, ANodeThatHoldsTheRightCaButACertificateOfAnotherIsRefused) {
  // It trusts us, we do not trust it.
  const Authority other;
  Options options = other.options(kOne);
  options.cluster = authority_.cluster;
  options.ca = authority_.options(kOne).ca;
  one_.reset();
  one_.emplace(options);
  introduce({&*one_, &*two_});
  EXPECT_TRUE(one_->refused(kTwo, ErrorCode::kPermissionDenied, "alert"));
}

TEST_F(TransportTest, ANodeThatClaimsToBeAnotherIsRefused) {
  // It has a certificate of the cluster, but for node 3.
  Options options = authority_.options(NodeId{3});
  options.node = kOne;
  one_.reset();
  one_.emplace(options);
  introduce({&*one_, &*two_});
  EXPECT_TRUE(one_->refused(kTwo, ErrorCode::kPermissionDenied, "not that of the node claimed"));
  EXPECT_TRUE(two_->refused(kOne, ErrorCode::kPermissionDenied, "certificate"));
}

TEST_F(TransportTest, ANodeOfAnotherClusterIsRefused) {
  Options options = authority_.options(kOne);
  options.cluster = random_uuid();
  one_.reset();
  one_.emplace(options);
  introduce({&*one_, &*two_});
  EXPECT_TRUE(one_->refused(kTwo, ErrorCode::kPermissionDenied, "another cluster"));
  EXPECT_TRUE(two_->refused(kOne, ErrorCode::kPermissionDenied, "another cluster"));
}

TEST_F(TransportTest, ANodeWithoutACommonProtocolIsRefused) {
  Options options = authority_.options(kOne);
  options.protocol = {2, 3};
  one_.reset();
  one_.emplace(options);
  introduce({&*one_, &*two_});
  EXPECT_TRUE(one_->refused(kTwo, ErrorCode::kUnsupported, "no version"));
  EXPECT_TRUE(two_->refused(kOne, ErrorCode::kUnsupported, "no version"));
}

TEST_F(TransportTest, NodesOfTwoVersionsUseTheNewestThatBothSpeak) {
  Options options = authority_.options(kOne);
  options.protocol = {1, 5};
  options.features = {2, 4};
  one_.reset();
  one_.emplace(options);
  meet();
}

TEST(Start, FailsWithoutFilesOrAddress) {
  const Authority authority;
  TestNode receiver(authority.options(kOne));
  Options options = authority.options(kTwo);
  options.ca = "/nowhere/ca.pem";
  EXPECT_EQ(Transport::start(options, receiver).error().code, ErrorCode::kInvalidArgument);
  options = authority.options(kTwo);
  options.listen = receiver.address();
  EXPECT_EQ(Transport::start(options, receiver).error().code, ErrorCode::kUnavailable);
}

// The address that a connection of `dialler` comes from.
std::string source_of(const std::string& listen) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  (void)::setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EXPECT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&at), size), 0);
  EXPECT_EQ(::listen(listener, 8), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);

  const Authority authority;
  Options options = authority.options(kOne);
  options.listen = listen;
  TestNode dialler(std::move(options));
  dialler.transport->set_peers({{kTwo, "127.0.0.1:" + std::to_string(ntohs(at.sin_port))}});
  sockaddr_in from{};
  const int accepted = ::accept(listener, reinterpret_cast<sockaddr*>(&from), &size);
  EXPECT_GE(accepted, 0);
  ::close(accepted);
  ::close(listener);
  char text[INET_ADDRSTRLEN] = {};
  return ::inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
}

TEST(Transport, ConnectionsComeFromTheAddressThatItListensAt) {
  EXPECT_EQ(source_of("127.0.1.5:0"), "127.0.1.5");
  EXPECT_EQ(source_of("0.0.0.0:0"), "127.0.0.1");
}

}  // namespace
}  // namespace everpost::rpc
