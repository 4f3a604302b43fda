// Calling the kernel: an errno as an Error, a call again after a signal, a descriptor that closes.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <unistd.h>

#include "base/result.h"

namespace everpost::storage::posix {

// "<call> <path>: <what `error`, an errno, means>", with the code a caller branches on.
Error failed(std::string_view call, const std::string& path, int error);
// The same for a part of a file.
Error failed(std::string_view call, const std::string& path, std::uint64_t offset,
             std::uint64_t bytes, int error);

// Calls until it is not interrupted by a signal.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace everpost::storage::posix
