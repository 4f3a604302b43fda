// A TCP proxy on the loopback, for tests: passes bytes on to a server, or loses the answers, or
// cuts the connections.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace everpost::test {

class Proxy {
 public:
  explicit Proxy(std::string server);  // "127.0.0.1:port"
  ~Proxy();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // While set, what the server says is thrown away.
  void lose_answers(bool lose) { losing_ = lose; }
  // Closes the connections that there are.
  void cut() { cutting_ = true; }

 private:
  void run();

  const std::string server_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> losing_{false}, cutting_{false}, stopping_{false};
  std::thread thread_;
};

}  // namespace everpost::test
