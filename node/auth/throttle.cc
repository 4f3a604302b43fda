#include "node/auth/throttle.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cmath>
#include <cstring>

namespace everpost::node {

double Throttle::level(const Record& record, Time now) {
  const std::chrono::duration<double> passed = now - record.last;
  const double forgotten = passed / std::chrono::duration<double>(kForgetOne);
  return std::max(0.0, record.failures - std::max(0.0, forgotten));
}

Throttle::Wait Throttle::wait(Table& table, const std::string& key, Wait max, Time now) {
  if (key.empty()) return Wait{0};
  const Record* record = table.find(key);
  if (!record) return Wait{0};
  const double failures = level(*record, now);
  if (failures < kFreeFailures) return Wait{0};
  const double doublings = std::min(failures - kFreeFailures, 20.0);
  const auto growing = static_cast<Wait::rep>(static_cast<double>(kFirstWait.count()) *
                                              std::exp2(std::floor(doublings)));
  return std::min(Wait{growing}, max);
}

void Throttle::count(Table& table, const std::string& key,
                     const std::optional<Fingerprint>& attempt, Time now) {
  if (key.empty()) return;
  Record& record = table.at(key);
  if (attempt && record.last_attempt == attempt) return;
  record.failures = level(record, now) + 1;
  record.last = now;
  record.last_attempt = attempt;
}

std::optional<Throttle::Wait> Throttle::enter(const std::string& source, const std::string& login,
                                              Time now) {
  const std::lock_guard lock(mutex_);
  const Wait longest = std::max(wait(sources_, source, kSourceWaitMax, now),
                                wait(logins_, login, kLoginWaitMax, now));
  if (longest == Wait{0}) return longest;
  unsigned& from_here = waiting_by_source_[source];
  if (waiting_ >= kWaitingMax || (!source.empty() && from_here >= kWaitingPerSourceMax)) {
    if (from_here == 0) waiting_by_source_.erase(source);
    return std::nullopt;
  }
  ++waiting_;
  ++from_here;
  return longest;
}

void Throttle::leave(const std::string& source) {
  const std::lock_guard lock(mutex_);
  --waiting_;
  const auto found = waiting_by_source_.find(source);
  if (found != waiting_by_source_.end() && --found->second == 0) waiting_by_source_.erase(found);
}

void Throttle::failed(const std::string& source, const std::string& login,
                      const std::optional<Fingerprint>& attempt, Time now) {
  const std::lock_guard lock(mutex_);
  count(sources_, source, attempt, now);
  count(logins_, login, attempt, now);
}

std::string throttle_source(const std::string& address) {
  in6_addr ipv6{};
  if (address.starts_with("127.")) return "";
  if (inet_pton(AF_INET6, address.c_str(), &ipv6) != 1) return address;
  if (IN6_IS_ADDR_LOOPBACK(&ipv6)) return "";
  if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
    char text[INET_ADDRSTRLEN];
    if (!inet_ntop(AF_INET, ipv6.s6_addr + 12, text, sizeof text)) return address;
    return throttle_source(text);
  }
  std::memset(ipv6.s6_addr + 8, 0, 8);
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, &ipv6, text, sizeof text) ? std::string(text) + "/64" : address;
}

}  // namespace everpost::node
