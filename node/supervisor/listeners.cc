#include "node/supervisor/listeners.h"

#include <fcntl.h>
#include <set>

#include "node/runtime/listen_socket.h"

namespace everpost::node {

Listeners::Listeners(const std::map<std::string, int>& inherited) {
  for (const auto& [address, fd] : inherited) sockets_.emplace(address, Descriptor(fd));
}

Result<void> Listeners::follow(const Config& config) {
  std::map<std::string, Descriptor> added;
  std::set<std::string> named;
  for (const Listener& listener : config.listeners)
    for (const ListenAddress& address : listener.addresses) {
      const std::string name = to_string(address);
      if (!named.insert(name).second || sockets_.contains(name)) continue;
      ASSIGN_OR_RETURN(Descriptor socket, listen_on(listener.protocol, address));
      added.emplace(name, std::move(socket));
    }
  std::erase_if(sockets_, [&](const auto& socket) { return !named.contains(socket.first); });
  sockets_.merge(added);
  return {};
}

std::map<std::string, int> Listeners::descriptors() const {
  std::map<std::string, int> all;
  for (const auto& [address, socket] : sockets_) all.emplace(address, socket.get());
  return all;
}

void Listeners::keep_over_exec(bool keep) const {
  for (const auto& [address, socket] : sockets_)
    ::fcntl(socket.get(), F_SETFD, keep ? 0 : FD_CLOEXEC);
}

}  // namespace everpost::node
