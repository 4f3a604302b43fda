#include "node/net/tls.h"

#include <boost/asio/ssl/stream.hpp>
#include <chrono>
#include <gtest/gtest.h>
#include <thread>

#include "node/net/connection.h"
#include "tests/unit/node_net/certificate.h"
#include "tests/unit/node_net/loopback.h"

namespace everpost::node {
namespace {

using namespace std::chrono_literals;
using ClientStream = asio::ssl::stream<asio::ip::tcp::socket&>;

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    auto loaded = TlsContext::load(files.certificate, files.key);
    ASSERT_TRUE(loaded) << to_string(loaded.error());
    tls = *std::move(loaded);
  }

  TestCertificate files;
  std::unique_ptr<TlsContext> tls;
  asio::ssl::context client_context{asio::ssl::context::tls_client};
  Loopback pair;
};

TEST_F(Tls, CarriesLinesAndLargeMessagesBothWays) {
  const std::string literal(2'000'000, 'x');
  std::string echoed;
  std::thread client([&] {
    ClientStream stream(pair.client, client_context);
    stream.handshake(ClientStream::client);
    asio::write(stream, asio::buffer("HELLO\r\n" + literal));
    echoed.resize(literal.size() + 4);
    asio::read(stream, asio::buffer(echoed));
    error_code ignored;
    stream.shutdown(ignored);
    pair.client.close();
  });
  ASSERT_TRUE(pair.run(pair.server->start_tls(*tls, 5s)));
  EXPECT_TRUE(pair.server->tls());
  EXPECT_TRUE(pair.server->tls_description().starts_with("TLSv1.3 TLS_AES_"))
      << pair.server->tls_description();
  EXPECT_EQ(*pair.run(pair.server->read_line(100, 5s)), "HELLO");
  std::string received;
  ASSERT_TRUE(pair.run(pair.server->read_exactly(literal.size(), received, 5s)));
  EXPECT_TRUE(received == literal);
  const std::string_view parts[] = {"a", received, "bc", "d"};
  ASSERT_TRUE(pair.run(pair.server->write(parts)));
  EXPECT_EQ(pair.run(pair.server->read_line(100, 5s)).error().code, ErrorCode::kClosed);
  EXPECT_TRUE(pair.run(pair.server->shut_down()));
  client.join();
  EXPECT_TRUE(echoed == "a" + literal + "bcd");
}

TEST_F(Tls, DropsWhatWasInjectedBeforeTheHandshake) {  // CVE-2011-0411
  pair.send("STARTTLS\r\nMAIL FROM:<attacker@example.org>\r\n");
  ASSERT_TRUE(pair.run(pair.server->peek(5s, 20)));
  EXPECT_EQ(*pair.run(pair.server->read_line(100, 5s, true)), "STARTTLS");
  EXPECT_TRUE(pair.server->has_input());
  std::thread client([&] {
    ClientStream stream(pair.client, client_context);
    stream.handshake(ClientStream::client);
    asio::write(stream, asio::buffer("EHLO client\r\n", 13));
  });
  ASSERT_TRUE(pair.run(pair.server->start_tls(*tls, 5s)));
  EXPECT_EQ(*pair.run(pair.server->read_line(100, 5s, true)), "EHLO client");
  client.join();
}

TEST_F(Tls, RefusesAHandshakeThatIsNone) {
  struct Case {
    const char* name;
    std::string bytes;
    bool close;
    ErrorCode want;
  };
  const Case cases[] = {
      {"plain text", "EHLO client\r\n", false, ErrorCode::kClosed},
      {"the beginning of a ClientHello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7), true,
       ErrorCode::kClosed},
      {"nothing", "", false, ErrorCode::kTimeout},
      {"an absurd record length", std::string("\x16\x03\x01\xff\xff", 5) + std::string(1000, 'a'),
       false, ErrorCode::kClosed},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Loopback one;
    one.send(c.bytes);
    if (c.close) one.client.shutdown(asio::ip::tcp::socket::shutdown_send);
    const auto result = one.run(one.server->start_tls(*tls, 20ms));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, c.want) << result.error().context;
  }
}

TEST_F(Tls, SessionThatIsCutIsClosedAndItsLastLineNotTaken) {
  std::thread client([&] {
    ClientStream stream(pair.client, client_context);
    stream.handshake(ClientStream::client);
    asio::write(stream, asio::buffer("DATA\r\nhalf a li", 15));
    pair.client.shutdown(asio::ip::tcp::socket::shutdown_both);  // without close_notify
  });
  ASSERT_TRUE(pair.run(pair.server->start_tls(*tls, 5s)));
  client.join();
  EXPECT_EQ(*pair.run(pair.server->read_line(100, 5s)), "DATA");
  const auto rest = pair.run(pair.server->read_line(100, 5s));
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().code, ErrorCode::kClosed);
}

TEST_F(Tls, HasDeadlinesAndCanBeWokenToo) {
  std::thread client([&] {
    ClientStream stream(pair.client, client_context);
    stream.handshake(ClientStream::client);
    char tickets[1];
    error_code failure;
    stream.read_some(asio::buffer(tickets), failure);  // until the server leaves
    pair.client.close();
  });
  ASSERT_TRUE(pair.run(pair.server->start_tls(*tls, 5s)));
  EXPECT_EQ(pair.run(pair.server->read_line(100, 5ms)).error().code, ErrorCode::kTimeout);
  asio::steady_timer wake(pair.io, asio::steady_timer::time_point::max());
  asio::post(pair.io, [&] { asio::post(pair.io, [&] { wake.cancel(); }); });
  EXPECT_EQ(*pair.run(pair.server->wait_input_or(wake, 5s)), false);
  EXPECT_TRUE(pair.run(pair.server->shut_down()));
  client.join();
}

TEST_F(Tls, SpeaksNothingOlderThanTls12) {
  struct Case {
    int version;
    bool want;
  };
  for (const Case& c :
       {Case{TLS1_1_VERSION, false}, Case{TLS1_2_VERSION, true}, Case{TLS1_3_VERSION, true}}) {
    SCOPED_TRACE(c.version);
    Loopback one;
    asio::ssl::context old(asio::ssl::context::tls_client);
    SSL_CTX_set_security_level(old.native_handle(), 0);
    SSL_CTX_set_min_proto_version(old.native_handle(), c.version);
    SSL_CTX_set_max_proto_version(old.native_handle(), c.version);
    bool connected = false;
    std::thread client([&] {
      ClientStream stream(one.client, old);
      error_code failure;
      stream.handshake(ClientStream::client, failure);
      connected = !failure;
      one.client.close();
    });
    const auto result = one.run(one.server->start_tls(*tls, 5s));
    EXPECT_EQ(result.has_value(), c.want);
    client.join();
    EXPECT_EQ(connected, c.want);
  }
}

TEST(TlsContext, SaysWhatIsWrongWithItsFiles) {
  const TestCertificate good, other;
  const std::string garbage = good.folder.write("garbage.pem", "not PEM");
  struct Case {
    const char* name;
    std::string certificate, key, want;
  };
  const Case cases[] = {
      {"no such certificate", "/nowhere/cert.pem", good.key,
       "tls.certificate /nowhere/cert.pem: No such file or directory"},
      {"no such key", good.certificate, "/nowhere/key.pem",
       "tls.key /nowhere/key.pem: No such file or directory"},
      {"not a certificate", garbage, good.key, "not a certificate chain in PEM"},
      {"not a key", good.certificate, garbage, "not an unencrypted private key in PEM"},
      {"another certificate's key", good.certificate, other.key, "tls.key " + other.key},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto loaded = TlsContext::load(c.certificate, c.key);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(loaded.error().context.find(c.want), std::string::npos) << loaded.error().context;
  }
}

TEST(TlsContext, KeepsTheOldCertificateWhenTheNewOneIsBad) {
  TestCertificate files;
  auto loaded = TlsContext::load(files.certificate, files.key);
  ASSERT_TRUE(loaded);
  const auto before = (*loaded)->current();
  files.folder.write("cert.pem", "garbage");
  EXPECT_FALSE((*loaded)->reload());
  EXPECT_EQ((*loaded)->current(), before);
}

}  // namespace
}  // namespace everpost::node
