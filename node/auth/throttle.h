// Slows down guessing: who failed a few times waits before the next attempt is looked at, longer
// with each failure, less again as time passes. Counted for the source (an IPv4 address, an IPv6
// /64) and for the login, since guesses at one account may come from many places; for the login the
// wait is short, or a stranger could keep its owner out.
//
// A client that repeats one wrong password (a telephone that was not told the new one) is counted
// once, so that it does not slow down everybody behind the same address. Thread-safe; times are the
// caller's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "node/auth/lru_map.h"

namespace everpost::node {

using Fingerprint = std::array<unsigned char, 32>;  // of an attempt: login and password, keyed

class Throttle {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Wait = std::chrono::milliseconds;

  static constexpr double kFreeFailures = 3;
  static constexpr std::chrono::seconds kForgetOne{20};  // a failure less for each
  static constexpr Wait kFirstWait{500};                 // doubles with each failure
  static constexpr Wait kSourceWaitMax{10'000};
  static constexpr Wait kLoginWaitMax{2'000};
  static constexpr std::size_t kEntriesMax = 20'000;
  static constexpr unsigned kWaitingMax = 2'000;  // attempts that wait at the same time
  static constexpr unsigned kWaitingPerSourceMax = 20;

  // How long this attempt has to wait. Not zero: leave() must follow when the wait is over.
  // Nothing: too many are waiting already, refuse it. An empty source or login does not count.
  std::optional<Wait> enter(const std::string& source, const std::string& login, Time now);
  void leave(const std::string& source);

  // Without a fingerprint (SCRAM shows no password) each failure counts.
  void failed(const std::string& source, const std::string& login,
              const std::optional<Fingerprint>& attempt, Time now);

 private:
  struct Record {
    double failures = 0;
    Time last{};
    std::optional<Fingerprint> last_attempt;
  };
  using Table = LruMap<std::string, Record>;

  static double level(const Record& record, Time now);
  static Wait wait(Table& table, const std::string& key, Wait max, Time now);
  static void count(Table& table, const std::string& key, const std::optional<Fingerprint>& attempt,
                    Time now);

  std::mutex mutex_;
  Table sources_{kEntriesMax}, logins_{kEntriesMax};
  unsigned waiting_ = 0;
  std::unordered_map<std::string, unsigned> waiting_by_source_;
};

// What `address` ("192.0.2.1", "2001:db8::1") is counted as: a customer's IPv6 network is a /64, of
// which one attacker has all addresses. Empty, not counted, for loopback: a webmail server there
// brings everybody's logins.
std::string throttle_source(const std::string& address);

}  // namespace everpost::node
