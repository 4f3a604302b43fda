// The daemon's administration (node/admin/README.md), as the commands see it.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <string>

#include "base/asio.h"

namespace everpost::cli {

namespace json = boost::json;

// Why a request brought nothing, as the user is told.
struct Failure {
  int exit_code = 1;
  std::string code;  // "not-found", … (base/result.h)
  std::string message;
  std::string remedy;
};

template <class T>
class [[nodiscard]] Outcome : public std::expected<T, Failure> {
 public:
  using std::expected<T, Failure>::expected;
  Outcome(Failure failure)
      : std::expected<T, Failure>(std::unexpect, std::move(failure)) {}  // NOLINT
};

class AdminClient {
 public:
  explicit AdminClient(std::string socket) : socket_(std::move(socket)) {}
  const std::string& socket() const { return socket_; }

  // For many requests at the same time.
  asio::awaitable<Outcome<json::object>> call(std::string method, std::string target,
                                              json::object body = {},
                                              std::chrono::seconds deadline = kDeadline) const;
  // Waits on this thread.
  Outcome<json::object> call_now(std::string method, std::string target, json::object body = {},
                                 std::chrono::seconds deadline = kDeadline) const;

  // Longer than the daemon takes to give up by itself.
  static constexpr std::chrono::seconds kDeadline{90};

 private:
  const std::string socket_;
};

}  // namespace everpost::cli
