#include "rpc/dialler.h"

#include <cstring>
#include <kj/debug.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <string>

namespace everpost::rpc {
namespace {

const sockaddr_in& v4(const sockaddr_storage& address) {
  return reinterpret_cast<const sockaddr_in&>(address);
}
const sockaddr_in6& v6(const sockaddr_storage& address) {
  return reinterpret_cast<const sockaddr_in6&>(address);
}

socklen_t size_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

bool wildcard(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return v4(address).sin_addr.s_addr == INADDR_ANY;
  return IN6_IS_ADDR_UNSPECIFIED(&v6(address).sin6_addr);
}

bool loopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohl(v4(address).sin_addr.s_addr) >> 24 == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6(address).sin6_addr);
}

// "10.0.0.3:7420", "[fd00::3]:7420", as KJ writes an address; several have commas between them.
std::optional<sockaddr_storage> parse(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || text.contains(',')) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;  // asks nobody
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), text.c_str() + colon + 1, &hints, &found) != 0)
    return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  sockaddr_storage address{};
  std::memcpy(&address, list->ai_addr, list->ai_addrlen);
  return address;
}

}  // namespace

Dialler::Dialler(kj::LowLevelAsyncIoProvider& io, kj::ConnectionReceiver& listener) : io_(io) {
  sockaddr_storage bound{};
  kj::uint size = sizeof bound;
  listener.getsockname(reinterpret_cast<sockaddr*>(&bound), &size);
  if (bound.ss_family != AF_INET && bound.ss_family != AF_INET6) return;
  if (wildcard(bound)) return;
  if (bound.ss_family == AF_INET)
    reinterpret_cast<sockaddr_in&>(bound).sin_port = 0;
  else
    reinterpret_cast<sockaddr_in6&>(bound).sin6_port = 0;
  from_ = bound;
}

kj::Promise<kj::Own<kj::AsyncIoStream>> Dialler::connect(kj::NetworkAddress& to) {
  const auto target = parse(to.toString().cStr());
  if (!from_ || !target || target->ss_family != from_->ss_family ||
      loopback(*target) != loopback(*from_))
    return to.connect();
  int fd = -1;
  KJ_SYSCALL(fd = ::socket(target->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  kj::AutoCloseFd socket(fd);
  // The port is chosen when it connects: any that is not used for this target will do.
  const int late = 1;
  KJ_SYSCALL(::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late));
  KJ_SYSCALL(::bind(fd, reinterpret_cast<const sockaddr*>(&*from_), size_of(*from_)));
  return io_.wrapConnectingSocketFd(
      kj::mv(socket), reinterpret_cast<const sockaddr*>(&*target), size_of(*target),
      kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK | kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC);
}

}  // namespace everpost::rpc
