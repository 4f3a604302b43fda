#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace everpost::test {
namespace {

constexpr int kLookEveryMs = 5;

struct Connection {
  int client = -1, server = -1;
  void close() const {
    ::close(client);
    ::close(server);
  }
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// False: the connection has ended.
bool pass_on(int from, int to, bool lose) {
  char buffer[4096];
  const ssize_t got = ::recv(from, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  return lose || ::send(to, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
}

}  // namespace

Proxy::Proxy(std::string server) : server_(std::move(server)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
      ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error("proxy: no port");
  port_ = ntohs(at.sin_port);
  thread_ = std::thread([this] { run(); });
}

Proxy::~Proxy() {
  stopping_ = true;
  thread_.join();
  ::close(listener_);
}

void Proxy::run() {
  const auto to =
      loopback(static_cast<std::uint16_t>(std::stoi(server_.substr(server_.find(':') + 1))));
  std::vector<Connection> all;
  while (!stopping_) {
    if (cutting_.exchange(false)) {
      for (const Connection& one : all) one.close();
      all.clear();
    }
    std::vector<pollfd> wait = {{listener_, POLLIN, 0}};
    for (const Connection& one : all) {
      wait.push_back({one.client, POLLIN, 0});
      wait.push_back({one.server, POLLIN, 0});
    }
    if (::poll(wait.data(), wait.size(), kLookEveryMs) <= 0) continue;
    std::vector<Connection> left;
    for (std::size_t i = 0; i < all.size(); ++i) {
      bool open = true;
      if (wait[1 + 2 * i].revents != 0) open = pass_on(all[i].client, all[i].server, false);
      if (open && wait[2 + 2 * i].revents != 0)
        open = pass_on(all[i].server, all[i].client, losing_);
      if (open)
        left.push_back(all[i]);
      else
        all[i].close();
    }
    all = std::move(left);
    if (wait[0].revents == 0) continue;
    Connection made{::accept(listener_, nullptr, nullptr),
                    ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(made.server, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
      all.push_back(made);
    else
      made.close();
  }
  for (const Connection& one : all) one.close();
}

}  // namespace everpost::test
