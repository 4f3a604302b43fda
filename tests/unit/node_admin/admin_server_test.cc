// The socket: requests however they are cut, and the end of a conversation.
#include "node/admin/admin_server.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <thread>

#include "tests/unit/node_admin/memory_node.h"

namespace everpost::node {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() {
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    auto listening =
        AdminServer::listen(context.get_executor(), folder + "/admin.sock", services, node);
    EXPECT_TRUE(listening);
    server = *std::move(listening);
    server->start();
    thread = std::thread([this] { context.run(); });
  }
  ~AdminServerTest() override {
    asio::co_spawn(context, server->stop(), asio::detached);
    work.reset();
    thread.join();
    std::filesystem::remove_all(folder);
  }
  // All that the server says until it closes the connection.
  std::string exchange(const std::vector<std::string>& pieces) {
    asio::io_context io;
    asio::local::stream_protocol::socket socket(io);
    socket.connect(folder + "/admin.sock");
    error_code failure;
    for (const std::string& piece : pieces) asio::write(socket, asio::buffer(piece), failure);
    std::string all;
    char bytes[4096];
    while (const std::size_t got = socket.read_some(asio::buffer(bytes), failure))
      all.append(bytes, got);
    return all;
  }

  std::string folder = std::filesystem::temp_directory_path() / "everpost-admin-XXXXXX";
  MemoryDirectory store;
  MemoryMail mail;
  admin::MemoryNode node{mail, store};
  Config config;
  Directory directory{store};
  Authenticator authenticator{directory, 1, HashCost{1, 8192, 1}};
  Metrics metrics;
  MemoryBudget budget{1 << 20};
  Services services{config,        system_clock(), mail,    directory,
                    authenticator, nullptr,        metrics, budget};
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::unique_ptr<AdminServer> server;
  std::thread thread;
};

const std::string kClose = "Host: x\r\nConnection: close\r\n";

TEST_F(AdminServerTest, AnswersARequestThatComesByteByByte) {
  std::vector<std::string> pieces;
  for (const char c : "POST /v1/domains HTTP/1.1\r\n" + kClose +
                          "Content-Length: 23\r\n\r\n{\"name\":\"example.test\"}")
    pieces.emplace_back(1, c);
  const std::string reply = exchange(pieces);
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(reply, HasSubstr("example.test"));
}

TEST_F(AdminServerTest, AnswersRequestsThatComeTogetherInTheirOrder) {
  const std::string reply =
      exchange({"GET /v1/domains HTTP/1.1\r\nHost: x\r\n\r\n"
                "GET /v1/nothing HTTP/1.1\r\n" +
                kClose + "\r\n"});
  const std::size_t first = reply.find("HTTP/1.1 200 "), second = reply.find("HTTP/1.1 404 ");
  EXPECT_EQ(first, 0u);
  EXPECT_NE(second, reply.npos) << reply;
}

TEST_F(AdminServerTest, RefusesWhatIsTooLargeAndHangsUp) {
  const std::string reply =
      exchange({"POST /v1/domains HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"});
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 413 "));
}

TEST_F(AdminServerTest, HangsUpOnWhatIsNoHttp) { EXPECT_EQ(exchange({"EHLO x\r\n\r\n"}), ""); }

}  // namespace
}  // namespace everpost::node
