#include "node/runtime/connection_limits.h"

#include <gtest/gtest.h>
#include <vector>

namespace everpost::node {
namespace {

using Refusal = ConnectionLimits::Refusal;

TEST(ConnectionLimits, CountsByAddress) {
  struct Case {
    const char* name;
    const char* first;
    const char* second;
    Refusal want;
  };
  const Case cases[] = {
      {"the same address", "192.0.2.1", "192.0.2.1", Refusal::kAddress},
      {"another address", "192.0.2.1", "192.0.2.2", Refusal::kNone},
      {"the same /64", "2001:db8::1", "2001:db8::2", Refusal::kAddress},
      {"another /64", "2001:db8::1", "2001:db8:0:1::1", Refusal::kNone},
      {"IPv4 within IPv6", "192.0.2.1", "::ffff:192.0.2.1", Refusal::kAddress},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ConnectionLimits limits(10, 1);
    const auto first = limits.enter(asio::ip::make_address(c.first));
    EXPECT_EQ(first.second, Refusal::kNone);
    const auto second = limits.enter(asio::ip::make_address(c.second));
    EXPECT_EQ(second.second, c.want);
    EXPECT_EQ(static_cast<bool>(second.first), c.want == Refusal::kNone);
  }
}

TEST(ConnectionLimits, GivesPlacesBack) {
  ConnectionLimits limits(2, 2);
  const auto peer = asio::ip::make_address("192.0.2.1");
  for (int i = 0; i < 3; ++i) {
    std::vector<ConnectionLimits::Place> places;
    places.push_back(limits.enter(peer).first);
    places.push_back(limits.enter(peer).first);
    EXPECT_EQ(limits.count(), 2u);
    EXPECT_EQ(limits.enter(peer).second, Refusal::kTotal);
    EXPECT_EQ(limits.enter(asio::ip::make_address("192.0.2.9")).second, Refusal::kTotal);
  }
  EXPECT_EQ(limits.count(), 0u);
}

TEST(ConnectionLimits, APlaceThatIsMovedIsGivenBackOnce) {
  ConnectionLimits limits(2, 2);
  {
    ConnectionLimits::Place place = limits.enter(asio::ip::make_address("192.0.2.1")).first;
    ConnectionLimits::Place moved = std::move(place);
    ConnectionLimits::Place assigned;
    assigned = std::move(moved);
    EXPECT_EQ(limits.count(), 1u);
  }
  EXPECT_EQ(limits.count(), 0u);
}

}  // namespace
}  // namespace everpost::node
